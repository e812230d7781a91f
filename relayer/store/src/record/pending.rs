//! Records of pending work in snapshots: what was intended says what the terms say, and what the record pins.

use isthmus_core::id::TransferId;
use isthmus_core::instruction::Instruction;
use isthmus_core::mandate::Mandate;
use isthmus_core::operation::{
    self, Item, MintItem, Operation, OperationKind, SignedVoid, Step, Work,
};
use isthmus_core::ports::StoreError;
use isthmus_core::terms::{Outbound, Terms};
use isthmus_proto::store::v1 as pb;

use crate::disk::Disk;
use crate::overlay::corrupt;
use crate::record::parts;

/// The record of pending work; `None` for work that no transfer has.
pub(super) fn pending(work: &Work) -> Option<pb::Pending> {
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

/// The work of a record.
pub(super) fn pending_back(
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
            Ok(Work::Ledger(operation::redeem(back, instruction)))
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
