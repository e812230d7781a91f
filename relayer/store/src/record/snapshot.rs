//! Records of transfers as they are now.

use isthmus_core::id::TransferId;
use isthmus_core::instruction::Instruction;
use isthmus_core::mandate::Mandate;
use isthmus_core::operation::{
    Authorisation, Item, MintItem, Operation, OperationKind, SignedVoid, Step, Work,
};
use isthmus_core::ports::StoreError;
use isthmus_core::receipt::Receipt;
use isthmus_core::terms::{Outbound, Return, Terms};
use isthmus_core::transfer::{Parts, State, Transfer, Withdrawal};
use isthmus_proto::store::v1 as pb;
use pb::event::Kind;

use crate::disk::Disk;
use crate::journal;
use crate::overlay::corrupt;
use crate::places::Places;
use crate::record::{parts, terms};

/// Version of the record.
const VERSION: u32 = 1;

/// The record of a transfer; `None` if it has ended, or cannot be told by one.
pub(crate) fn snapshot(transfer: &Transfer, places: &Places) -> Option<pb::Snapshot> {
    let (state, quarantined) = match transfer.state() {
        State::Quarantined { at, finding } => (at.as_ref(), Some(parts::finding(finding))),
        state => (state, None),
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

fn pending(work: &Work) -> Option<pb::Pending> {
    let mut record = pb::Pending {
        step: work.lane().step.as_str().into(),
        ..pb::Pending::default()
    };
    match work {
        Work::Attest {
            item: Item::Void { .. },
            ..
        } => record.about_void = true,
        Work::Ledger(Operation::Mint { batch, .. }) => {
            record.batch = batch.id.as_bytes().to_vec();
        }
        Work::Ledger(Operation::Void { authorisation, .. }) => {
            record.void = Some(parts::void(authorisation));
        }
        Work::Attest {
            item: Item::Mint(_),
            ..
        }
        | Work::Ledger(
            Operation::Lock { .. }
            | Operation::Unlock { .. }
            | Operation::Release { .. }
            | Operation::Retire { .. },
        ) => {}
        Work::Ledger(Operation::Approve { .. } | Operation::ReturnDeposit { .. }) => return None,
    }
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
    let missing = || corrupt("a snapshot lacks a part");
    let (terms, mandate, burn) = match journal::event(disk, id, 0)?.kind {
        Some(Kind::Requested(r)) => {
            let outbound = terms::outbound_back(r.outbound.ok_or_else(missing)?)?;
            let mandate = Mandate::from_bytes(&r.mandate).map_err(|_| corrupt("a mandate"))?;
            (Terms::Outbound(outbound), Some(mandate), None)
        }
        Some(Kind::Burned(b)) => {
            let mut back = terms::back_back(b.back.ok_or_else(missing)?)?;
            back.allocation = parts::blocks_back(record.allocation)?;
            (Terms::Return(back), None, b.receipt)
        }
        _ => return Err(corrupt("a first event")),
    };
    let instruction = record
        .instruction
        .map(parts::instruction_back)
        .transpose()?;
    let receipt = |index: Option<u64>| match (index, &burn) {
        (Some(0), Some(burn)) => parts::receipt_back(burn.clone()),
        (Some(index), _) => receipt_of(journal::event(disk, id, index)?),
        (None, _) => Err(missing()),
    };
    let authorisation = record.authorisation.and_then(|a| a.kind);
    let authorisation = authorisation
        .map(|kind| parts::authorisation_back(disk, kind))
        .transpose()?;
    let state = match record.state.as_str() {
        "requested" => State::Requested,
        "taken" => State::Taken {
            take: receipt(record.take)?,
        },
        "authorised" => State::Authorised {
            take: receipt(record.take)?,
            authorisation: authorisation.ok_or_else(missing)?,
        },
        "withdrawing" => State::Withdrawing {
            take: receipt(record.take)?,
            void: match authorisation {
                None => None,
                Some(Authorisation::Void(void)) => Some(void),
                Some(Authorisation::Mint(_)) => return Err(missing()),
            },
        },
        "voided" => State::Voided {
            take: receipt(record.take)?,
            void: receipt(record.voided)?,
        },
        "owed" => State::Owed {
            take: receipt(record.take)?,
            refusal: parts::refusal_back(record.owed.ok_or_else(missing)?),
        },
        _ => return Err(corrupt("a snapshot's state")),
    };
    let state = match record.quarantined {
        None => state,
        Some(finding) => State::Quarantined {
            at: Box::new(state),
            finding: parts::finding_back(finding),
        },
    };
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

/// What was intended says what the terms say, and what the record pins.
fn pending_back(
    disk: &Disk,
    id: TransferId,
    record: pb::Pending,
    terms: &Terms,
    mandate: Option<&Mandate>,
    instruction: Option<&Instruction>,
) -> Result<Work, StoreError> {
    let missing = || corrupt("a snapshot's pending work");
    let step = if record.step == Step::Attest.as_str() {
        Step::Attest
    } else {
        Step::Operation(parts::operation_kind(&record.step)?)
    };
    match (terms, step) {
        (Terms::Outbound(outbound), Step::Attest) => Ok(Work::Attest {
            ledger: outbound.terms.destination.clone(),
            item: if record.about_void {
                Item::Void { transfer: id }
            } else {
                Item::Mint(item(id, outbound))
            },
        }),
        (Terms::Outbound(outbound), Step::Operation(OperationKind::Mint)) => {
            Ok(Work::Ledger(Operation::Mint {
                item: item(id, outbound),
                ledger: outbound.terms.destination.clone(),
                batch: disk.batch(&record.batch)?,
            }))
        }
        (Terms::Outbound(outbound), Step::Operation(OperationKind::Void)) => {
            let void: Option<SignedVoid> = record.void.map(parts::void_back);
            Ok(Work::Ledger(Operation::Void {
                transfer: id,
                ledger: outbound.terms.destination.clone(),
                authorisation: void.ok_or_else(missing)?,
            }))
        }
        (Terms::Outbound(outbound), Step::Operation(OperationKind::Lock)) => {
            Ok(Work::Ledger(Operation::Lock {
                transfer: id,
                ledger: outbound.terms.origin.clone(),
                account: outbound.terms.account.clone(),
                custody_account: outbound.custody_account.clone(),
                units: outbound.units.clone(),
                mandate: mandate.cloned().ok_or_else(missing)?,
            }))
        }
        (Terms::Outbound(outbound), Step::Operation(OperationKind::Unlock)) => {
            Ok(Work::Ledger(Operation::Unlock {
                transfer: id,
                ledger: outbound.terms.origin.clone(),
                account: outbound.terms.account.clone(),
                custody_account: outbound.custody_account.clone(),
                units: outbound.units.clone(),
            }))
        }
        (Terms::Return(back), Step::Operation(_)) => {
            let instruction = instruction.ok_or_else(missing)?;
            Ok(Work::Ledger(redemption(id, back, instruction)))
        }
        (Terms::Outbound(_), Step::Operation(_)) | (Terms::Return(_), Step::Attest) => {
            Err(missing())
        }
    }
}

fn item(transfer: TransferId, outbound: &Outbound) -> MintItem {
    MintItem {
        transfer,
        asset_class: outbound.terms.asset_class,
        recipient: outbound.terms.recipient,
        quantity: outbound.terms.quantity_g,
    }
}

fn redemption(transfer: TransferId, back: &Return, instruction: &Instruction) -> Operation {
    let (ledger, custody_account) = (back.origin.clone(), back.custody_account.clone());
    let units = back.allocation.clone();
    match instruction {
        Instruction::Release { account, .. } => Operation::Release {
            transfer,
            ledger,
            account: account.clone(),
            custody_account,
            units,
        },
        Instruction::Retire {
            beneficiary,
            reason,
            ..
        } => Operation::Retire {
            transfer,
            ledger,
            custody_account,
            units,
            beneficiary: beneficiary.clone(),
            reason: reason.clone(),
        },
    }
}
