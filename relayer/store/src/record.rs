//! Between the core's types and the records on disk. Every conversion is exhaustive: a new variant does not compile until it
//! has a record.

mod event;
mod parts;
mod pending;
mod snapshot;
mod terms;

pub(crate) use event::{event, event_back};
pub(crate) use parts::{
    batch, batch_back, blocks, blocks_back, draft, draft_back, fixed, parsed, quantity, receipt,
    receipt_back, without_evidence,
};
pub(crate) use snapshot::{snapshot, snapshot_back};
