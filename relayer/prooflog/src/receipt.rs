//! Registry receipts: JWS in compact serialisation, Ed25519 (`docs/protocol.md` §6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

/// Largest receipt, in bytes.
pub const MAX_RECEIPT: usize = 256 * 1024;

/// What a registry signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryReceipt {
    /// The other side: holder for a lock, receiver for release and unlock, none for a retirement.
    pub account: Option<String>,
    /// Registry's clock.
    pub at_ms: u64,
    /// For a retirement.
    pub beneficiary: Option<String>,
    /// Retirement certificate's number.
    pub certificate: Option<String>,
    /// The bridge's side.
    pub custody_account: String,
    /// The holder's signature that came with a lock, base64.
    pub mandate: Option<String>,
    /// `lock`, `unlock`, `release` or `retire`.
    pub movement: String,
    /// Tonnes.
    pub quantity_t: u64,
    /// For a retirement.
    pub reason: Option<String>,
    /// Unique for ever.
    pub reference: String,
    /// Who signs.
    pub registry: String,
    /// Running number of changes.
    pub sequence: u64,
    /// Serials that really moved.
    pub units: Vec<String>,
    /// Version of this form: 1.
    pub v: u8,
}

/// A receipt that proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a compact JWS of the right form.
    #[error("the receipt is malformed: {0}")]
    Malformed(&'static str),
    /// Not signed by the expected key.
    #[error("the receipt is not signed by the registry's key")]
    NotSigned,
}

/// Strict: a header with anything else, such as `crit` or a key of its own, is not the registry's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
}

/// The receipt in `jws`, if `key` signed it.
pub fn open(jws: &str, key: &[u8; 32]) -> Result<RegistryReceipt, ReceiptError> {
    if jws.len() > MAX_RECEIPT {
        return Err(ReceiptError::Malformed("it is too large"));
    }
    let mut parts = jws.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ReceiptError::Malformed("not three parts"));
    };
    let decode = |part: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| ReceiptError::Malformed("a part is not base64url"))
    };
    let head: Header = serde_json::from_slice(&decode(header)?)
        .map_err(|_| ReceiptError::Malformed("the header"))?;
    if head.alg != "EdDSA" {
        return Err(ReceiptError::Malformed("the algorithm is not EdDSA"));
    }
    let key = VerifyingKey::from_bytes(key).map_err(|_| ReceiptError::NotSigned)?;
    let signature =
        Signature::from_slice(&decode(signature)?).map_err(|_| ReceiptError::NotSigned)?;
    key.verify_strict(format!("{header}.{payload}").as_bytes(), &signature)
        .map_err(|_| ReceiptError::NotSigned)?;
    let payload = decode(payload)?;
    let receipt: RegistryReceipt =
        serde_json::from_slice(&payload).map_err(|_| ReceiptError::Malformed("the payload"))?;
    if receipt.v != 1 {
        return Err(ReceiptError::Malformed("its version is not 1"));
    }
    if receipt.registry != head.kid {
        return Err(ReceiptError::Malformed("kid is not the registry"));
    }
    if !serde_json_canonicalizer::to_vec(&receipt).is_ok_and(|canonical| canonical == payload) {
        return Err(ReceiptError::Malformed(
            "the payload is not canonical JSON (RFC 8785)",
        ));
    }
    Ok(receipt)
}
