//! Signed notes (C2SP signed-note) and checkpoints (tlog-checkpoint): what the log operator and witnesses sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use signed_note::{Note, Verifier, VerifierList};

use crate::tree::{self, Hash, StoredHashes, TreeError};

/// C2SP signature type of a log's Ed25519 key.
const ED25519: u8 = 0x01;
/// C2SP signature type of a witness's timestamped cosignature.
const COSIGNATURE_V1: u8 = 0x04;

/// The size and root of a log, as signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash,
}

/// A note or key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The text is not a signed checkpoint.
    #[error("the checkpoint is malformed: {0}")]
    Malformed(&'static str),
    /// No signature of the expected key, or a wrong one.
    #[error("the checkpoint is not signed by {key}")]
    NotSigned {
        /// Name of the key that should have signed.
        key: String,
    },
    /// Not a verifier key of a type that is understood.
    #[error(
        "verifier key {vkey:?} is malformed: expected name+hex key id+base64 key, the name without spaces and pluses"
    )]
    BadKey {
        /// The text given.
        vkey: String,
    },
    /// Signing would fork the log.
    #[error("a checkpoint of size {size} does not extend the last signed one of size {signed}")]
    DoesNotExtend {
        /// What was to be signed.
        size: u64,
        /// What was signed before.
        signed: u64,
    },
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl Checkpoint {
    /// The note's text: origin, size, root.
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root)
        )
    }

    fn parse(text: &[u8]) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed;
        let text = std::str::from_utf8(text).map_err(|_| malformed("not UTF-8"))?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(malformed("fewer than three lines"));
        };
        let canonical = size == "0" || !size.starts_with('0');
        let size = size
            .parse()
            .ok()
            .filter(|_| canonical && size.bytes().all(|b| b.is_ascii_digit()));
        let root = STANDARD
            .decode(root)
            .ok()
            .and_then(|bytes| Hash::try_from(bytes).ok());
        Ok(Self {
            origin: origin.to_owned(),
            size: size.ok_or(malformed("the size is not a decimal number"))?,
            root: root.ok_or(malformed("the root is not base64 of 32 bytes"))?,
        })
    }
}

/// Who may sign for a log: a parsed verifier key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: u8,
    key: VerifyingKey,
}

impl VerifierKey {
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

/// Reads a checkpoint that the log with this key must have signed; signatures of other keys are ignored. A witness's key is
/// refused: a cosignature says that a tree was seen, not whose it is.
pub fn open(note: &[u8], log: &VerifierKey) -> Result<Checkpoint, NoteError> {
    let checkpoint = verified(note, log)?;
    if log.is_log() && checkpoint.origin == log.name {
        Ok(checkpoint)
    } else {
        Err(NoteError::NotSigned {
            key: log.name.clone(),
        })
    }
}

/// Reads a checkpoint of `log` that the witness must have cosigned as well.
pub fn open_cosigned(
    note: &[u8],
    log: &VerifierKey,
    witness: &VerifierKey,
) -> Result<Checkpoint, NoteError> {
    if witness.is_log() {
        return Err(NoteError::NotSigned {
            key: witness.name.clone(),
        });
    }
    verified(note, witness)?;
    open(note, log)
}

fn verified(note: &[u8], key: &VerifierKey) -> Result<Checkpoint, NoteError> {
    let parsed = Note::from_bytes(note).map_err(|_| NoteError::Malformed("not a signed note"))?;
    let verifiers = VerifierList::new(vec![Box::new(key.clone())]);
    parsed
        .verify(&verifiers)
        .map_err(|_| NoteError::NotSigned {
            key: key.name.clone(),
        })?;
    Checkpoint::parse(parsed.text())
}

/// Reads a checkpoint without believing it: the caller compares its root with one of his own.
pub fn peek(note: &[u8]) -> Result<Checkpoint, NoteError> {
    let parsed = Note::from_bytes(note).map_err(|_| NoteError::Malformed("not a signed note"))?;
    Checkpoint::parse(parsed.text())
}

/// Signs checkpoints of one log that only ever extend.
#[derive(Debug)]
pub struct LogSigner {
    origin: String,
    key: SigningKey,
    signed: Option<(u64, Hash)>,
}

impl LogSigner {
    /// A signer that signed `last` before, as remembered durably by the caller before it was signed.
    pub fn new(origin: String, seed: [u8; 32], last: Option<(u64, Hash)>) -> Self {
        Self {
            origin,
            key: SigningKey::from_bytes(&seed),
            signed: last,
        }
    }

    /// The key to verify with.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey {
            name: self.origin.clone(),
            kind: ED25519,
            key: self.key.verifying_key(),
        }
    }

    /// Signs the first `size` leaves of `hashes`. Refuses a tree that does not extend what was signed last. The caller must
    /// have remembered `(size, root)` durably before: if we crash after signing, nothing smaller or different is signed again.
    pub fn sign<S: StoredHashes>(&mut self, hashes: &S, size: u64) -> Result<String, NoteError> {
        if !signed_note::is_key_name_valid(&self.origin) {
            let vkey = self.verifier().to_string();
            return Err(NoteError::BadKey { vkey });
        }
        let root = tree::root(hashes, size)?;
        if let Some((signed, signed_root)) = self.signed {
            // The proof, not only the two roots: a store that lost or changed a hash must not make us fork the log.
            let extends = size >= signed
                && tree::check_consistency(
                    &tree::consistency(hashes, signed, size)?,
                    (signed, signed_root),
                    (size, root),
                )
                .is_ok();
            if !extends {
                return Err(NoteError::DoesNotExtend { size, signed });
            }
        }
        self.signed = Some((size, root));
        let text = Checkpoint {
            origin: self.origin.clone(),
            size,
            root,
        }
        .text();
        let id = self.verifier().key_id();
        let blob = [
            id.to_be_bytes().as_slice(),
            &self.key.sign(text.as_bytes()).to_bytes(),
        ]
        .concat();
        Ok(format!(
            "{text}\n— {} {}\n",
            self.origin,
            STANDARD.encode(blob)
        ))
    }
}
