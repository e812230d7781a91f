//! What stops while a pool has less in custody than it should: locks, mints and redemptions of its class. Voids and unlocks go
//! on: they only give back what was locked, but for a lock that lost units: the registry cannot unlock what is gone. A burn that lost units waits until it has others, also when its pool is whole again:
//! what it has names units that are gone.

use isthmus_core::operation::{OperationKind, Work};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Next, Transfer};
use isthmus_store::Store;

use crate::engine::pause::is_advance;

/// Whether a transfer's next step waits until what its pool misses is made good, or for a redemption, decided about.
pub fn holds(store: &Store, transfer: &Transfer) -> bool {
    let advance = is_advance(transfer);
    let redemption = next_is(transfer, &[OperationKind::Release, OperationKind::Retire]);
    let unlock = next_is(transfer, &[OperationKind::Unlock]);
    // Without knowing what is missing nothing new begins.
    if (redemption || unlock) && store.has_lost(transfer.id()).unwrap_or(true) {
        return true;
    }
    if !advance && !redemption {
        return false;
    }
    match store.impairment(transfer.terms().pool()) {
        Ok(None) => false,
        Ok(Some(known)) => advance || known.decided.is_none(),
        Err(_) => true,
    }
}

fn next_is(transfer: &Transfer, kinds: &[OperationKind]) -> bool {
    match transfer.next(Timestamp::from_ms(0)) {
        Next::Do(Work::Ledger(operation)) => kinds.contains(&operation.kind()),
        Next::Do(Work::Attest { .. }) | Next::Wait(_) | Next::Done => false,
    }
}

#[cfg(test)]
mod tests;
