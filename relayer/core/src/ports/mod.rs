//! The ports: what the engine needs from a ledger and from the durable store. Six methods each at most.

mod cost;
mod journal;
mod ledger;

pub use cost::{Costs, Fee, Spent};
pub use journal::{
    Append, AppendError, Appended, Backlog, BookChange, DueOrder, Journal, Recorded, StoreError,
};
pub use ledger::{
    Attempt, Authority, Blocks, BoxError, Contradiction, Cursor, Custody, Draft, Fact, Finality,
    FindError, Found, Ledger, LedgerKind, LedgerProfile, Moved, Observations, Observed, Page,
    PrepareError, Reserves, SendError, Taking,
};
