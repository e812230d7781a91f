//! Drafts: the exact entry that will be in a list call. One per operation, so that each is refused, lost or repeated alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_core::id::{AccountId, DraftId, LedgerId};
use isthmus_core::jcs;
use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::ports::{Draft, PrepareError};
use isthmus_core::serial_block::SerialBlock;

use crate::bodies::{ApprovalEntry, Entry, LockEntry, Movement, ProposalEntry};
use crate::serial::Serial;

/// The draft of an operation that this credential may send.
pub(crate) fn prepare(
    ledger: &LedgerId,
    offered: &[OperationKind],
    operation: &Operation,
) -> Result<Draft, PrepareError> {
    let kind = operation.kind();
    if operation.ledger() != ledger {
        let found = operation.ledger();
        return unsupported(format!(
            "operation.ledger is {found}, this is {ledger}: send it to its own ledger"
        ));
    }
    if !offered.contains(&kind) {
        return unsupported(format!(
            "operation {kind} is not offered to this credential at {ledger}: use one with the role for it"
        ));
    }
    let entry = entry(operation)?;
    let bytes = jcs::bytes(&entry);
    Ok(Draft {
        id: DraftId::new(jcs::digest(&entry)),
        bytes,
        nonce: None,
        expires: None,
    })
}

/// The entry that asks the registry for an operation.
#[allow(clippy::too_many_lines, reason = "a list")]
pub(crate) fn entry(operation: &Operation) -> Result<Entry, PrepareError> {
    let reference = operation.reference();
    Ok(match operation {
        Operation::Lock {
            account,
            custody_account,
            units,
            mandate,
            ..
        } => Entry::Lock(LockEntry {
            account: account.clone(),
            custody_account: custody_account.clone(),
            units: serials(units)?,
            mandate: STANDARD.encode(mandate.as_bytes()),
            reference,
        }),
        Operation::Unlock {
            account,
            custody_account,
            units,
            ..
        } => Entry::Propose(proposal(
            &reference,
            Movement::Unlock,
            custody_account,
            units,
            Some(account),
        )?),
        Operation::Release {
            account,
            custody_account,
            units,
            ..
        } => Entry::Propose(proposal(
            &reference,
            Movement::Release,
            custody_account,
            units,
            Some(account),
        )?),
        Operation::Retire {
            custody_account,
            units,
            beneficiary,
            reason,
            ..
        } => Entry::Propose(ProposalEntry {
            beneficiary: Some(beneficiary.clone()),
            reason: Some(reason.clone()),
            ..proposal(&reference, Movement::Retire, custody_account, units, None)?
        }),
        Operation::ReturnDeposit {
            account,
            custody_account,
            units,
            ..
        } => Entry::Propose(proposal(
            &reference,
            Movement::Return,
            custody_account,
            units,
            Some(account),
        )?),
        Operation::Approve { digest, .. } => Entry::Approve(ApprovalEntry {
            digest: *digest,
            reference,
        }),
        Operation::Mint { .. } | Operation::Void { .. } => {
            return unsupported(format!(
                "operation {} belongs to a chain, this is a registry",
                operation.kind()
            ));
        }
    })
}

/// What all proposals have in common.
fn proposal(
    reference: &str,
    movement: Movement,
    custody_account: &AccountId,
    units: &[SerialBlock],
    to_account: Option<&AccountId>,
) -> Result<ProposalEntry, PrepareError> {
    Ok(ProposalEntry {
        reference: reference.to_owned(),
        movement,
        custody_account: custody_account.clone(),
        units: serials(units)?,
        to_account: to_account.cloned(),
        beneficiary: None,
        reason: None,
    })
}

fn serials(units: &[SerialBlock]) -> Result<Vec<String>, PrepareError> {
    if units.is_empty() {
        return unsupported("operation.units is empty: name at least one block".to_owned());
    }
    let serial = |block| match Serial::try_from(block) {
        Ok(serial) => Ok(serial.to_string()),
        Err(error) => unsupported(format!("operation.units: {error}")),
    };
    units.iter().map(serial).collect()
}

fn unsupported<T>(why: String) -> Result<T, PrepareError> {
    Err(PrepareError::Unsupported(why))
}
