//! Receipts: JWS in compact serialisation, Ed25519, payload in JCS (`docs/protocol.md` §6).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use isthmus_core::id::{AccountId, LedgerId};
use isthmus_core::jcs;
use isthmus_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sandbox::outcome::Movement;

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payload {
    pub(crate) account: Option<AccountId>,
    pub(crate) at_ms: Timestamp,
    pub(crate) beneficiary: Option<String>,
    pub(crate) certificate: Option<String>,
    pub(crate) custody_account: AccountId,
    pub(crate) mandate: Option<String>,
    pub(crate) movement: Movement,
    pub(crate) quantity_t: u64,
    pub(crate) reason: Option<String>,
    pub(crate) reference: String,
    pub(crate) registry: LedgerId,
    pub(crate) sequence: u64,
    pub(crate) units: Vec<String>,
    pub(crate) v: u8,
}

/// A receipt with its payload at hand. On disk it is the JWS only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Receipt {
    pub(crate) jws: String,
    pub(crate) payload: Payload,
}

/// A stored receipt that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("receipt {0:?} is not a JWS of this registry")]
pub(crate) struct UnreadableReceipt(String);

impl TryFrom<String> for Receipt {
    type Error = UnreadableReceipt;
    fn try_from(jws: String) -> Result<Self, UnreadableReceipt> {
        let payload = jws
            .split('.')
            .nth(1)
            .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match payload {
            Some(payload) => Ok(Self { jws, payload }),
            None => Err(UnreadableReceipt(jws)),
        }
    }
}

impl From<Receipt> for String {
    fn from(receipt: Receipt) -> Self {
        receipt.jws
    }
}

/// The registry's receipt key.
#[derive(Clone)]
pub(crate) struct ReceiptSigner {
    key: SigningKey,
    header: String,
}

impl std::fmt::Debug for ReceiptSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReceiptSigner({})", self.public_key())
    }
}

impl ReceiptSigner {
    pub(crate) fn new(seed: &[u8; 32], registry: &LedgerId) -> Self {
        #[derive(Serialize)]
        struct Header<'a> {
            alg: &'a str,
            kid: &'a str,
        }
        let header = Header {
            alg: "EdDSA",
            kid: registry.as_str(),
        };
        Self {
            key: SigningKey::from_bytes(seed),
            header: URL_SAFE_NO_PAD.encode(jcs::bytes(&header)),
        }
    }

    /// The public key in base64.
    pub(crate) fn public_key(&self) -> String {
        STANDARD.encode(self.key.verifying_key().as_bytes())
    }

    pub(crate) fn sign(&self, payload: Payload) -> Receipt {
        let body = URL_SAFE_NO_PAD.encode(jcs::bytes(&payload));
        let signed = format!("{}.{body}", self.header);
        let signature = self.key.sign(signed.as_bytes());
        let jws = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        Receipt { jws, payload }
    }
}
