//! The durable store of Isthmus on RocksDB: the only place that knows keys and record formats.
//!
//! One writer thread coalesces all appends that wait into one synced write; readers read the database directly.

mod attester;
mod columns;
mod commit;
mod custody;
mod head;
mod journal;
mod log;
mod open;
mod overlay;
mod record;
mod routes;
mod views;
mod writer;

pub use attester::{AttesterStore, Remembered};
pub use log::StoredLog;
pub use open::{FORMAT, OpenError, Store};
pub use routes::{RouteRecord, StoredRouteStatus};
pub use views::{Filter, LaneBacklog, Listed};
