//! Verifier keys (C2SP signed-note): of logs, which sign, and of witnesses, which cosign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use signed_note::Verifier;

use super::NoteError;

/// C2SP signature type of a log's Ed25519 key.
const ED25519: u8 = 0x01;
/// C2SP signature type of a witness's timestamped cosignature.
const COSIGNATURE_V1: u8 = 0x04;

/// Who may sign for a log: a parsed verifier key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: u8,
    key: VerifyingKey,
}

impl VerifierKey {
    /// The key of a log of this name.
    pub(super) fn of_log(name: String, key: VerifyingKey) -> Self {
        Self {
            name,
            kind: ED25519,
            key,
        }
    }

    /// Parses `name+hex key id+base64(type ‖ key)`; the key id must be the key's.
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        let bad = || NoteError::BadKey {
            vkey: vkey.chars().take(120).collect(),
        };
        let mut parts = vkey.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad());
        };
        if !signed_note::is_key_name_valid(name) {
            return Err(bad());
        }
        let bytes = STANDARD.decode(key).map_err(|_| bad())?;
        let (kind, key) = bytes.split_first().ok_or_else(bad)?;
        let key = <[u8; 32]>::try_from(key)
            .ok()
            .and_then(|k| VerifyingKey::from_bytes(&k).ok())
            .ok_or_else(bad)?;
        let parsed = Self {
            name: name.to_owned(),
            kind: *kind,
            key,
        };
        let known = [ED25519, COSIGNATURE_V1].contains(kind);
        if known && format!("{:08x}", parsed.key_id()) == id {
            Ok(parsed)
        } else {
            Err(bad())
        }
    }

    /// The name, which for a log is its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a log's key, not a witness's.
    pub fn is_log(&self) -> bool {
        self.kind == ED25519
    }

    fn bytes(&self) -> Vec<u8> {
        [&[self.kind], self.key.as_bytes().as_slice()].concat()
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}+{:08x}+{}",
            self.name,
            self.key_id(),
            STANDARD.encode(self.bytes())
        )
    }
}

impl Verifier for VerifierKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        let digest = Sha256::digest([self.name.as_bytes(), b"\n", &self.bytes()].concat());
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }

    /// Type 0x04 signs `cosignature/v1`, a time and the note (C2SP tlog-cosignature).
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let verify = |message: &[u8], signature: &[u8]| {
            Signature::from_slice(signature)
                .is_ok_and(|s| self.key.verify_strict(message, &s).is_ok())
        };
        if self.kind == ED25519 {
            return verify(message, signature);
        }
        let Some((time, signature)) = signature.split_first_chunk::<8>() else {
            return false;
        };
        let header = format!("cosignature/v1\ntime {}\n", u64::from_be_bytes(*time));
        verify(&[header.as_bytes(), message].concat(), signature)
    }
}
