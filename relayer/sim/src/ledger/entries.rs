//! What clients send to the registry, and how an operation becomes it.

use isthmus_core::id::{AccountId, Hash32};
use isthmus_core::jcs;
use isthmus_core::mandate::Mandate;
use isthmus_core::operation::Operation;
use isthmus_core::serial_block::SerialBlock;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::names;

/// What is sent to the registry: one entry of a list call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "lowercase")]
pub enum Entry {
    /// Lock units of a holder.
    Lock {
        /// The TransferId.
        reference: String,
        /// Whose.
        account: AccountId,
        /// Which.
        units: Vec<String>,
        /// The holder's signature.
        mandate: Mandate,
    },
    /// Move units out of custody, once enough have approved.
    Propose {
        /// What exactly.
        proposal: Value,
    },
    /// One approver's yes.
    Approve {
        /// To what.
        reference: String,
        /// As the approver read it.
        digest: Hash32,
    },
    /// One approver's no.
    Reject {
        /// To what.
        reference: String,
        /// As the approver read it.
        digest: Hash32,
    },
}

/// The entry that asks for an operation.
pub fn entry(operation: &Operation) -> Option<Entry> {
    let reference = operation.reference();
    let serials = |units: &[SerialBlock]| units.iter().map(ToString::to_string).collect::<Vec<_>>();
    let proposal = |movement: &str, units: &[SerialBlock], rest: Value| {
        let mut proposal = json!({
            "custody_account": names::custody(),
            "movement": movement,
            "reference": reference,
            "units": serials(units),
        });
        for (field, value) in rest.as_object().into_iter().flatten() {
            proposal[field] = value.clone();
        }
        Some(Entry::Propose { proposal })
    };
    match operation {
        Operation::Lock {
            account,
            units,
            mandate,
            ..
        } => Some(Entry::Lock {
            reference: reference.clone(),
            account: account.clone(),
            units: serials(units),
            mandate: mandate.clone(),
        }),
        Operation::Unlock { account, units, .. } => {
            proposal("unlock", units, json!({ "to_account": account }))
        }
        Operation::Release { account, units, .. } => {
            proposal("release", units, json!({ "to_account": account }))
        }
        Operation::Retire {
            units,
            beneficiary,
            reason,
            ..
        } => {
            let rest = json!({ "beneficiary": beneficiary, "reason": reason });
            proposal("retire", units, rest)
        }
        Operation::Approve { digest, .. } => Some(Entry::Approve {
            reference: reference.clone(),
            digest: *digest,
        }),
        _ => None,
    }
}

/// SHA-256 of JCS of what is proposed.
pub fn digest(proposal: &Value) -> Hash32 {
    Hash32::new(jcs::digest(proposal))
}

pub(super) fn parsed(serials: &[String]) -> Option<Vec<SerialBlock>> {
    serials
        .iter()
        .map(|serial| names::numbers(serial).map(|(first, last)| names::block(first, last)))
        .collect()
}

/// The serials and blocks of a proposal.
pub(super) fn units_of(proposal: &Value) -> Option<(Vec<String>, Vec<SerialBlock>)> {
    let serials: Vec<String> = serde_json::from_value(proposal["units"].clone()).ok()?;
    let blocks = parsed(&serials)?;
    Some((serials, blocks))
}
