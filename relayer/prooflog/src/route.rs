//! What the verifier reads of a route document, and who signed it (`docs/protocol.md` §9).

use alloy_primitives::{Address, B256};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;

use crate::gate;
use crate::leaf::{AdminSignature, jcs_digest};

/// How many different admins must sign a route.
pub const ADMINS_NEEDED: usize = 2;

/// The parts of a route document that decide what backs what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteView<'a> {
    /// Its name.
    pub id: &'a str,
    /// Its version.
    pub version: u64,
    /// The registry.
    pub origin: &'a str,
    /// The chain.
    pub destination: &'a str,
    /// The gate, as written.
    pub gate: &'a str,
    /// The bridge's account at the registry.
    pub custody_account: &'a str,
}

impl<'a> RouteView<'a> {
    /// Reads the document; the error names the missing field.
    pub fn of(document: &'a Value) -> Result<Self, String> {
        let text = |field: &str| {
            document
                .get(field)
                .and_then(Value::as_str)
                .ok_or(format!("the route has no {field}"))
        };
        Ok(Self {
            id: text("id")?,
            version: document
                .get("version")
                .and_then(Value::as_u64)
                .ok_or("the route has no version")?,
            origin: text("origin")?,
            destination: text("destination")?,
            gate: text("gate")?,
            custody_account: text("custody_account")?,
        })
    }

    /// Id of the pool of a class on this route (`docs/protocol.md` §2).
    pub fn pool(&self, class: B256) -> B256 {
        jcs_digest(&serde_json::json!({
            "asset_class": class.to_string(),
            "custody_account": self.custody_account,
            "destination": self.destination,
            "gate": self.gate,
            "origin": self.origin,
            "v": 1,
        }))
    }

    /// Whether the route's gate is this one.
    pub fn is_gate(&self, chain_id: u64, gate: Address) -> bool {
        self.destination == format!("eip155:{chain_id}") && self.gate == format!("{gate:#x}")
    }

    /// The route's chain and gate, if its destination is an EVM chain.
    pub fn evm_gate(&self) -> Option<(u64, Address)> {
        let chain_id: u64 = self.destination.strip_prefix("eip155:")?.parse().ok()?;
        let gate: Address = self.gate.parse().ok()?;
        self.is_gate(chain_id, gate).then_some((chain_id, gate))
    }

    /// The BurnId of a burn at the route's gate; `None` if the destination is not an EVM chain.
    pub fn burn_id(&self, number: u64) -> Option<B256> {
        let (chain_id, gate) = self.evm_gate()?;
        Some(gate::burn_id(chain_id, gate, number))
    }
}

/// Names of the different admins, out of those trusted, that signed the document.
pub fn signed_by<'p>(
    document: &Value,
    signatures: &[AdminSignature],
    admins: &'p [(String, [u8; 32])],
) -> Vec<&'p str> {
    let message = format!("isthmus/route/v1\n{}\n", jcs_digest(document));
    signers(&message, signatures, admins)
}

/// Names of the different admins, out of those trusted, that signed `message`.
pub(crate) fn signers<'p>(
    message: &str,
    signatures: &[AdminSignature],
    admins: &'p [(String, [u8; 32])],
) -> Vec<&'p str> {
    let mut signers: Vec<&str> = Vec::new();
    for signature in signatures {
        let Some((name, key)) = admins
            .iter()
            .find(|(_, key)| B256::from(*key) == signature.key)
        else {
            continue;
        };
        let valid = hex::decode(&signature.signature)
            .ok()
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .zip(VerifyingKey::from_bytes(key).ok())
            .is_some_and(|(signature, key)| {
                key.verify_strict(message.as_bytes(), &signature).is_ok()
            });
        if valid && !signers.contains(&name.as_str()) {
            signers.push(name);
        }
    }
    signers
}
