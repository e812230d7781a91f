//! From a ledger's answer to the facts that it makes true: the event, its leaf and the change to the custody book, all in one
//! write.

use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::ports::{Append, BookChange};
use isthmus_core::receipt::{Lasting, Receipt, Refusal};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, State, Transfer};

use crate::engine::leaves;

/// What a final receipt means. It names what was really done, which may be another operation than the one asked about.
pub fn fact(receipt: Receipt) -> Option<Event> {
    match receipt.operation {
        OperationKind::Lock => Some(Event::Locked(receipt)),
        OperationKind::Mint | OperationKind::Release | OperationKind::Retire => {
            Some(Event::Given(receipt))
        }
        OperationKind::Void => Some(Event::Voided(receipt)),
        OperationKind::Unlock => Some(Event::Unlocked(receipt)),
        // A burn opens a transfer of its own, a deposit is none; an approval is the attester's.
        OperationKind::Burn | OperationKind::ReturnDeposit | OperationKind::Approve => None,
    }
}

/// What it means that an attempt can never land: an authorisation is to be signed again, anything else decided anew.
pub fn dead(operation: &Operation, refusal: Refusal) -> Event {
    match operation {
        Operation::Mint { .. } | Operation::Void { .. } => Event::Lapsed(refusal),
        Operation::Lock { .. }
        | Operation::Unlock { .. }
        | Operation::Release { .. }
        | Operation::Retire { .. }
        | Operation::ReturnDeposit { .. }
        | Operation::Approve { .. } => Event::Refused(Refusal {
            lasting: Lasting::Later,
            ..refusal
        }),
    }
}

/// Everything that becomes durable with one event.
pub fn append(transfer: &Transfer, event: Event, now: Timestamp) -> Append {
    Append {
        transfer: Some((transfer.id(), transfer.length())),
        leaves: leaves::of(transfer, &event, now),
        book: book(transfer, &event),
        events: vec![event],
        ..Append::default()
    }
}

/// How an event changes who holds which units.
fn book(transfer: &Transfer, event: &Event) -> Vec<BookChange> {
    let id = transfer.id();
    match event {
        Event::Given(receipt) => match receipt.operation {
            OperationKind::Mint => vec![BookChange::Offer { transfer: id }],
            OperationKind::Release => vec![BookChange::Free { transfer: id }],
            OperationKind::Retire => vec![BookChange::Spend { transfer: id }],
            OperationKind::Lock
            | OperationKind::Unlock
            | OperationKind::Void
            | OperationKind::Burn
            | OperationKind::ReturnDeposit
            | OperationKind::Approve => vec![],
        },
        Event::Unlocked(_) => vec![BookChange::Free { transfer: id }],
        // Whether this ends the transfer is the state machine's decision: ask it.
        Event::Refused(_) | Event::WithdrawalRequested => match transfer.apply(event) {
            Ok(after) if matches!(after.state(), State::Rejected { .. }) => {
                vec![BookChange::Free { transfer: id }]
            }
            Ok(_) | Err(_) => vec![],
        },
        Event::Requested { .. }
        | Event::Burned { .. }
        | Event::Intended(_)
        | Event::Locked(_)
        | Event::Authorised(_)
        | Event::Lapsed(_)
        | Event::Voided(_)
        | Event::Instructed(_)
        | Event::Redirected(_)
        | Event::Reallocated(_)
        | Event::Quarantined(_)
        | Event::Resolved { .. } => vec![],
    }
}
