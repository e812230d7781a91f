//! What asks for the same kind of signature together.

use isthmus_core::id::TransferId;
use isthmus_core::operation::{Item, MintItem, Work};
use isthmus_core::receipt::Lasting;
use isthmus_core::transfer::Transfer;

use crate::engine::attest::collect::Refused;

/// Transfers with what is to be minted for each.
pub(super) type Mints = Vec<(Transfer, MintItem)>;

/// Transfers that ask for the same kind of signature together; their intents are durable.
pub(super) enum Flight {
    Mints(Mints),
    Void(Box<Transfer>),
}

impl Flight {
    pub(super) fn ids(&self) -> Vec<TransferId> {
        match self {
            Self::Mints(items) => items.iter().map(|(transfer, _)| transfer.id()).collect(),
            Self::Void(transfer) => vec![transfer.id()],
        }
    }
}

/// Those without which the others may have a quorum, and the others. Who declines everything, alone or for now, does not make
/// everybody's items go one by one.
pub(super) fn apart(items: Mints, refused: &Refused) -> (Mints, Mints) {
    let count = items.len();
    if count > 1 && refused.is_whole(count) && refused.lasting() == Lasting::Later {
        return (Vec::new(), items);
    }
    let blocked = items.iter().any(|(t, _)| refused.blocks(t.id()));
    items.into_iter().partition(|(transfer, _)| {
        if blocked {
            refused.blocks(transfer.id())
        } else {
            refused.spoils(transfer.id(), count)
        }
    })
}

/// At most `most` flights; voids first, they bring units back.
pub(super) fn flights(ready: Vec<Transfer>, most: usize, most_items: usize) -> Vec<Flight> {
    let (mut voids, mut mints) = (Vec::new(), Vec::new());
    for transfer in ready {
        match transfer.pending() {
            Some(Work::Attest {
                item: Item::Mint(item),
                ..
            }) => {
                let item = item.clone();
                mints.push((transfer, item));
            }
            Some(Work::Attest {
                item: Item::Void { .. },
                ..
            }) => voids.push(Flight::Void(Box::new(transfer))),
            Some(Work::Ledger(_)) | None => {}
        }
    }
    let mut flights = voids;
    while !mints.is_empty() && flights.len() < most {
        let rest = mints.split_off(mints.len().min(most_items));
        flights.push(Flight::Mints(std::mem::replace(&mut mints, rest)));
    }
    flights.truncate(most.max(1));
    flights
}
