//! The durable store of Isthmus on RocksDB: the only place that knows keys and record formats.
//!
//! One writer thread coalesces all appends that wait into one synced write; readers read the database directly.

mod again;
mod attester;
mod backup;
mod columns;
mod commit;
mod cost;
mod custody;
mod decisions;
mod deposits;
mod disk;
mod due;
mod evidence;
mod fronts;
mod head;
mod journal;
mod log;
mod open;
mod overlay;
mod places;
mod promises;
mod record;
mod routes;
mod standing;
mod tail;
mod tally;
mod tuning;
mod upgrade;
mod views;
mod waiting;
mod writer;

pub use again::SentAgain;
pub use attester::{AttesterStore, Remembered};
pub use backup::Restored;
pub use cost::Cost;
pub use custody::{HeldAs, Holding, Impairment};
pub use decisions::FirstDecision;
pub use deposits::{DepositRecord, DepositStanding};
pub use log::StoredLog;
pub use open::{FORMAT, OpenError, Store};
pub use promises::Promises;
pub use routes::{RouteRecord, StoredRouteStatus};
pub use views::{Filter, LaneBacklog, Listed};
pub use waiting::Waiting;
