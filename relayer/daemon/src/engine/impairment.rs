//! What stops while a pool has less in custody than it should: locks, mints and redemptions of its class. Voids and unlocks go
//! on: they only give back what was locked. A burn that lost units waits until it has others, also when its pool is whole again:
//! what it has names units that are gone.

use isthmus_core::operation::{Operation, Work};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Next, Transfer};
use isthmus_store::Store;

use crate::engine::pause::is_advance;

/// Whether a transfer's next step waits until what its pool misses is made good, or for a redemption, decided about.
pub fn holds(store: &Store, transfer: &Transfer) -> bool {
    let (advance, redemption) = (is_advance(transfer), is_redemption(transfer));
    if !advance && !redemption {
        return false;
    }
    // Without knowing what is missing nothing new begins.
    if redemption && store.has_lost(transfer.id()).unwrap_or(true) {
        return true;
    }
    match store.impairment(transfer.terms().pool()) {
        Ok(None) => false,
        Ok(Some(known)) => advance || known.decided.is_none(),
        Err(_) => true,
    }
}

fn is_redemption(transfer: &Transfer) -> bool {
    match transfer.next(Timestamp::from_ms(0)) {
        Next::Do(Work::Ledger(operation)) => match operation {
            Operation::Release { .. } | Operation::Retire { .. } => true,
            Operation::Lock { .. }
            | Operation::Unlock { .. }
            | Operation::Mint { .. }
            | Operation::Void { .. }
            | Operation::ReturnDeposit { .. }
            | Operation::Approve { .. } => false,
        },
        Next::Do(Work::Attest { .. }) | Next::Wait(_) | Next::Done => false,
    }
}
