//! Accounts at the registry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_core::id::AccountId;
use isthmus_core::mandate::HolderKey;
use serde::{Deserialize, Serialize};

/// An account and who speaks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Whose it is.
    pub name: String,
    /// Whether it takes and gives units.
    #[serde(default = "open")]
    pub status: Status,
    /// What it is for.
    pub kind: Kind,
    /// The account it is a sub-account of.
    #[serde(default)]
    pub parent: Option<AccountId>,
    /// The Ed25519 key that signs mandates, in base64.
    #[serde(default)]
    pub holder_key: Option<RegisteredKey>,
}

/// The default in configuration files.
fn open() -> Status {
    Status::Open
}

/// Whether an account takes and gives units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It does.
    Open,
    /// It does not.
    Closed,
}

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An owner of units.
    Holder,
    /// Where a bridge's units are locked.
    Custody,
}

/// An account's key as it is written: standard base64 of 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegisteredKey(pub [u8; 32]);

/// Text that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "holder_key {0:?} is not valid: write the 32 bytes of the Ed25519 public key in padded base64"
)]
pub struct InvalidKey(String);

impl RegisteredKey {
    /// For verification.
    pub fn holder_key(self) -> HolderKey {
        HolderKey(self.0)
    }
}

impl TryFrom<String> for RegisteredKey {
    type Error = InvalidKey;
    fn try_from(text: String) -> Result<Self, InvalidKey> {
        let bytes = STANDARD.decode(&text).ok();
        let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        key.map(Self).ok_or(InvalidKey(text))
    }
}

impl From<RegisteredKey> for String {
    fn from(key: RegisteredKey) -> Self {
        STANDARD.encode(key.0)
    }
}
