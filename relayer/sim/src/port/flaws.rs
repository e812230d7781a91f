//! What the planted bugs make of answers: each function is the identity without its bug.

use isthmus_core::id::DraftId;
use isthmus_core::jcs;
use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::ports::{Attempt, Draft, FindError, Found, SendError};
use isthmus_core::receipt::{Evidence, EvidenceKind, Lasting, Position, Receipt};
use isthmus_core::serial_block;
use isthmus_core::time::Timestamp;

use super::chain::Heads;
use crate::bug::Bug;
use crate::ledger::books::no;
use crate::ledger::entries::Entry;

/// Answers to a question that was never asked.
pub(super) fn unasked(
    bug: Option<Bug>,
    attempts: &[Attempt],
) -> Option<Vec<Result<Found, FindError>>> {
    (bug == Some(Bug::SkippedFind)).then(|| attempts.iter().map(|_| Ok(Found::Absent)).collect())
}

/// What is concluded from a send.
pub(super) fn sent(bug: Option<Bug>, answer: Result<(), SendError>) -> Result<(), SendError> {
    match (bug, answer) {
        (Some(Bug::UnknownIsFailure), Err(SendError::Unknown(error))) => Err(SendError::Refused(
            no("failed", &error.to_string(), Lasting::Never),
        )),
        (_, answer) => answer,
    }
}

/// The same release under another reference.
pub(super) fn again(bug: Option<Bug>, draft: &Draft) -> Option<Draft> {
    let Ok(Entry::Propose { mut proposal }) = serde_json::from_slice(&draft.bytes) else {
        return None;
    };
    if bug != Some(Bug::ReleasedTwice) || proposal["movement"] == "unlock" {
        return None;
    }
    proposal["reference"] = format!("again:{}", proposal["reference"]).into();
    let entry = Entry::Propose { proposal };
    Some(Draft {
        id: DraftId::new(jcs::digest(&entry)),
        bytes: jcs::bytes(&entry),
        ..draft.clone()
    })
}

/// A lock that is taken for done.
pub(super) fn lock_found(
    bug: Option<Bug>,
    attempt: &Attempt,
    found: Result<Found, FindError>,
) -> Result<Found, FindError> {
    let Operation::Lock { units, .. } = &attempt.operation else {
        return found;
    };
    match (bug, found) {
        (Some(Bug::LockNotFinal), Ok(Found::Absent | Found::Unsettled { .. })) => {
            Ok(Found::Final(Receipt {
                operation: OperationKind::Lock,
                quantity: serial_block::total(units),
                units: units.clone(),
                at: Timestamp::from_ms(0),
                position: Position::Registry { sequence: 0 },
                certificate: None,
                evidence: Evidence::new(
                    EvidenceKind::RegistryReceipt,
                    b"it will be all right".to_vec(),
                ),
            }))
        }
        (_, found) => found,
    }
}

/// Which block is taken for final.
pub(super) fn heads(bug: Option<Bug>, heads: Heads) -> Heads {
    match bug {
        Some(Bug::MintNotFinal) => Heads {
            last_final: heads.latest,
            ..heads
        },
        _ => heads,
    }
}

/// A void that is taken for done, or one that is not seen.
pub(super) fn void_found(
    bug: Option<Bug>,
    attempt: &Attempt,
    found: Found,
    voided: impl Fn() -> Receipt,
) -> Found {
    let void = matches!(attempt.operation, Operation::Void { .. }) && !attempt.drafts.is_empty();
    match (bug, &found) {
        (Some(Bug::UnlockOnTimeout), Found::Unsettled { .. }) if void => Found::Final(voided()),
        (Some(Bug::VoidIgnored), Found::Final(receipt))
            if receipt.operation == OperationKind::Void =>
        {
            Found::Absent
        }
        _ => found,
    }
}
