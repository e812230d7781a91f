//! Receipts of the registry: JWS under its key, and what they mean to the core.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use isthmus_core::id::LedgerId;
use isthmus_core::jcs;
use isthmus_core::operation::OperationKind;
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::{Evidence, EvidenceKind, Position, Receipt};
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::serial::Serial;
use crate::serial_error::SerialError;

/// Largest receipt, in bytes.
const MAX_RECEIPT: usize = 256 << 10;

/// What a receipt says (`docs/protocol.md` §6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// The other side: the holder for a lock, the receiver for release and unlock, none for a retirement.
    pub account: Option<String>,
    /// The registry's time.
    pub at_ms: Timestamp,
    /// On whose behalf, for a retirement.
    pub beneficiary: Option<String>,
    /// The retirement certificate's number.
    pub certificate: Option<String>,
    /// The bridge's side.
    pub custody_account: String,
    /// The holder's signature that came with a lock, base64.
    pub mandate: Option<String>,
    /// `lock`, `unlock`, `release`, `retire`, `return`, `deposit`, or a word of the registry's own.
    pub movement: String,
    /// Tonnes.
    pub quantity_t: u64,
    /// Why, for a retirement.
    pub reason: Option<String>,
    /// Unique for ever.
    pub reference: String,
    /// Who signs.
    pub registry: LedgerId,
    /// Running number of movements.
    pub sequence: u64,
    /// Serials that really moved.
    pub units: Vec<String>,
    /// Version of this form: 1.
    pub v: u8,
}

/// A receipt that proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Not a compact JWS of the registry's form.
    #[error("the receipt is malformed: {0}")]
    Malformed(&'static str),
    /// Not signed by the configured key.
    #[error("the receipt is not signed by the configured receipt key")]
    NotSigned,
    /// Signed by the right key, about another registry.
    #[error("the receipt is of registry {0}")]
    OtherRegistry(LedgerId),
    /// Its units cannot be read.
    #[error("the receipt's units cannot be read")]
    Units(#[from] SerialError),
    /// Its units overlap, or are not as many as it says.
    #[error("the receipt says {stated_t} t, its units do not make that up")]
    Quantity {
        /// Tonnes that it says.
        stated_t: u64,
    },
}

/// Whose receipts are believed.
#[derive(Clone, Debug)]
pub struct ReceiptVerifier {
    registry: LedgerId,
    key: VerifyingKey,
    header: String,
}

/// A verified receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub payload: Payload,
    /// Its units, normalised; their sum is the stated quantity.
    pub units: Vec<SerialBlock>,
    /// The exact JWS.
    pub jws: String,
}

impl ReceiptVerifier {
    /// For the receipts of `registry` under `key`; `None` if the bytes are no public key.
    pub fn new(registry: &LedgerId, key: &[u8; 32]) -> Option<Self> {
        #[derive(Serialize)]
        struct Header<'a> {
            alg: &'a str,
            kid: &'a str,
        }
        let header = Header {
            alg: "EdDSA",
            kid: registry.as_str(),
        };
        Some(Self {
            registry: registry.clone(),
            key: VerifyingKey::from_bytes(key).ok()?,
            header: URL_SAFE_NO_PAD.encode(jcs::bytes(&header)),
        })
    }

    /// The receipt in `jws`, if the registry signed it. Only the one header that the protocol has is accepted, so no
    /// algorithm is ever chosen by the sender.
    pub fn open(&self, jws: &str) -> Result<Verified, ReceiptError> {
        if jws.len() > MAX_RECEIPT {
            return Err(ReceiptError::Malformed("it is too large"));
        }
        let (signed, signature) = jws
            .rsplit_once('.')
            .ok_or(ReceiptError::Malformed("not three parts"))?;
        let (header, body) = signed
            .split_once('.')
            .ok_or(ReceiptError::Malformed("not three parts"))?;
        if header != self.header {
            return Err(ReceiptError::Malformed("the header is not the registry's"));
        }
        let decode = |part: &str, what| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|_| ReceiptError::Malformed(what))
        };
        let signature = decode(signature, "the signature is not base64url")?;
        let signature = Signature::from_slice(&signature).map_err(|_| ReceiptError::NotSigned)?;
        self.key
            .verify_strict(signed.as_bytes(), &signature)
            .map_err(|_| ReceiptError::NotSigned)?;
        let body = decode(body, "the payload is not base64url")?;
        let payload: Payload = serde_json::from_slice(&body)
            .map_err(|_| ReceiptError::Malformed("the payload has other fields"))?;
        if jcs::bytes(&payload) != body || payload.v != 1 {
            return Err(ReceiptError::Malformed(
                "the payload is not JCS of version 1",
            ));
        }
        if payload.registry != self.registry {
            return Err(ReceiptError::OtherRegistry(payload.registry));
        }
        let units = read_units(&payload)?;
        let jws = jws.to_owned();
        Ok(Verified {
            payload,
            units,
            jws,
        })
    }
}

/// The quantity is the blocks', never what is stated (R6).
fn read_units(payload: &Payload) -> Result<Vec<SerialBlock>, ReceiptError> {
    let stated_t = payload.quantity_t;
    let mut blocks = Vec::with_capacity(payload.units.len());
    for text in &payload.units {
        blocks.push(SerialBlock::from(&text.parse::<Serial>()?));
    }
    let units =
        serial_block::normalise(&blocks).map_err(|_| ReceiptError::Quantity { stated_t })?;
    let counted = units
        .iter()
        .try_fold(0u64, |sum, block| sum.checked_add(block.quantity_t()));
    if counted == Some(stated_t) && stated_t > 0 && Quantity::from_tonnes(stated_t).is_ok() {
        Ok(units)
    } else {
        Err(ReceiptError::Quantity { stated_t })
    }
}

impl Verified {
    /// The operation that was carried out, if it is one of ours.
    pub fn operation(&self) -> Option<OperationKind> {
        match self.payload.movement.as_str() {
            "lock" => Some(OperationKind::Lock),
            "unlock" => Some(OperationKind::Unlock),
            "release" => Some(OperationKind::Release),
            "retire" => Some(OperationKind::Retire),
            "return" => Some(OperationKind::ReturnDeposit),
            _ => None,
        }
    }

    /// The receipt as the core keeps it, for what it proves was done.
    pub fn into_receipt(self, operation: OperationKind) -> Receipt {
        Receipt {
            operation,
            quantity: serial_block::total(&self.units),
            units: self.units,
            at: self.payload.at_ms,
            position: Position::Registry {
                sequence: self.payload.sequence,
            },
            certificate: self.payload.certificate,
            evidence: Evidence::new(EvidenceKind::RegistryReceipt, self.jws.into_bytes()),
        }
    }
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
