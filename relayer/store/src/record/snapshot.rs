//! Records of transfers as they are now.

use isthmus_core::id::TransferId;
use isthmus_core::mandate::Mandate;
use isthmus_core::operation::Authorisation;
use isthmus_core::ports::StoreError;
use isthmus_core::receipt::{Receipt, Refusal};
use isthmus_core::terms::Terms;
use isthmus_core::transfer::{Parts, State, Transfer, Withdrawal};
use isthmus_proto::store::v1 as pb;
use pb::event::Kind;

use crate::disk::Disk;
use crate::journal;
use crate::overlay::corrupt;
use crate::places::Places;
use crate::record::pending::{pending, pending_back};
use crate::record::{parts, terms};

/// Version of the record.
const VERSION: u32 = 1;

/// The record of a transfer; `None` if it has ended, or cannot be told by one.
pub(crate) fn snapshot(transfer: &Transfer, places: &Places) -> Option<pb::Snapshot> {
    let (state, quarantined) = if let State::Quarantined { at, finding } = transfer.state() {
        (at.as_ref(), Some(parts::finding(finding)))
    } else {
        (transfer.state(), None)
    };
    let mut record = pb::Snapshot {
        version: VERSION,
        length: transfer.length(),
        state: state.name().into(),
        quarantined,
        withdrawal_wanted: transfer.withdrawal() == Withdrawal::Wanted,
        take: places.take,
        instruction: transfer.instruction().map(parts::instruction),
        redirections: transfer.redirections(),
        drafts: places.drafts.iter().map(|id| id.to_vec()).collect(),
        ..pb::Snapshot::default()
    };
    match state {
        State::Requested | State::Taken { .. } => {}
        State::Authorised { authorisation, .. } => {
            record.authorisation = Some(parts::authorisation(authorisation));
        }
        State::Withdrawing { void, .. } => {
            let void = void.clone().map(Authorisation::Void);
            record.authorisation = void.as_ref().map(parts::authorisation);
        }
        State::Voided { .. } => record.voided = Some(places.voided?),
        State::Owed { refusal, .. } => record.owed = Some(parts::refusal(refusal)),
        State::Completed { .. }
        | State::Returned { .. }
        | State::Rejected { .. }
        | State::Quarantined { .. } => return None,
    }
    if let Terms::Return(back) = transfer.terms() {
        record.allocation = parts::blocks(&back.allocation);
    }
    record.pending = match transfer.pending() {
        Some(work) => Some(pending(work)?),
        None => None,
    };
    Some(record)
}

/// The transfer of a record, with what the events hold that the record names; `None` if the record is of a version that we do not know.
pub(crate) fn snapshot_back(
    disk: &Disk,
    id: TransferId,
    record: pb::Snapshot,
) -> Result<Option<Transfer>, StoreError> {
    if record.version != VERSION {
        return Ok(None);
    }
    let (terms, mandate) = agreed(disk, id, record.allocation)?;
    let take = match record.take {
        Some(index) => Some(receipt_of(journal::event(disk, id, index)?)?),
        None => None,
    };
    let voided = match record.voided {
        Some(index) => Some(receipt_of(journal::event(disk, id, index)?)?),
        None => None,
    };
    let authorisation = match record.authorisation.and_then(|a| a.kind) {
        Some(kind) => Some(parts::authorisation_back(disk, kind)?),
        None => None,
    };
    let owed = record.owed.map(parts::refusal_back);
    let state = standing(&record.state, take, voided, authorisation, owed)
        .ok_or_else(|| corrupt("a snapshot's state"))?;
    let state = match record.quarantined {
        None => state,
        Some(finding) => State::Quarantined {
            at: Box::new(state),
            finding: parts::finding_back(finding),
        },
    };
    let instruction = record
        .instruction
        .map(parts::instruction_back)
        .transpose()?;
    let pending = record
        .pending
        .map(|p| pending_back(disk, id, p, &terms, mandate.as_ref(), instruction.as_ref()))
        .transpose()?;
    Ok(Some(Transfer::from_parts(Parts {
        id,
        terms,
        mandate,
        instruction,
        redirections: record.redirections,
        withdrawal: if record.withdrawal_wanted {
            Withdrawal::Wanted
        } else {
            Withdrawal::NotWanted
        },
        state,
        pending,
        length: record.length,
    })))
}

/// What the first event says; the allocation of a return may have changed since.
fn agreed(
    disk: &Disk,
    id: TransferId,
    allocation: Vec<pb::Block>,
) -> Result<(Terms, Option<Mandate>), StoreError> {
    let missing = || corrupt("a first event");
    match journal::event(disk, id, 0)?.kind {
        Some(Kind::Requested(requested)) => {
            let outbound = terms::outbound_back(requested.outbound.ok_or_else(missing)?)?;
            let mandate =
                Mandate::from_bytes(&requested.mandate).map_err(|_| corrupt("a mandate"))?;
            Ok((Terms::Outbound(outbound), Some(mandate)))
        }
        Some(Kind::Burned(burned)) => {
            let mut back = terms::back_back(burned.back.ok_or_else(missing)?)?;
            back.allocation = parts::blocks_back(allocation)?;
            Ok((Terms::Return(back), None))
        }
        _ => Err(missing()),
    }
}

/// The state of a name, if everything is there that belongs to it.
fn standing(
    name: &str,
    take: Option<Receipt>,
    voided: Option<Receipt>,
    authorisation: Option<Authorisation>,
    owed: Option<Refusal>,
) -> Option<State> {
    Some(match name {
        "requested" => State::Requested,
        "taken" => State::Taken { take: take? },
        "authorised" => State::Authorised {
            take: take?,
            authorisation: authorisation?,
        },
        "withdrawing" => State::Withdrawing {
            take: take?,
            void: match authorisation {
                None => None,
                Some(Authorisation::Void(void)) => Some(void),
                Some(Authorisation::Mint(_)) => return None,
            },
        },
        "voided" => State::Voided {
            take: take?,
            void: voided?,
        },
        "owed" => State::Owed {
            take: take?,
            refusal: owed?,
        },
        _ => return None,
    })
}

fn receipt_of(event: pb::Event) -> Result<Receipt, StoreError> {
    match event.kind {
        Some(
            Kind::Locked(receipt)
            | Kind::Voided(receipt)
            | Kind::Burned(pb::Burned {
                receipt: Some(receipt),
                ..
            }),
        ) => parts::receipt_back(receipt),
        _ => Err(corrupt(
            "an event without the receipt that a snapshot names",
        )),
    }
}
