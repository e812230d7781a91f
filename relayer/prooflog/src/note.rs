//! Signed notes (C2SP signed-note) and checkpoints (tlog-checkpoint): what the log operator and witnesses sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use signed_note::{Note, Verifier as _, VerifierList};

mod key;

pub use key::VerifierKey;

use crate::tree::{self, Hash, StoredHashes, TreeError};

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

/// Reads a checkpoint that the log with this key must have signed; signatures of other keys are ignored. A witness's key is
/// refused: a cosignature says that a tree was seen, not whose it is.
pub fn open(note: &[u8], log: &VerifierKey) -> Result<Checkpoint, NoteError> {
    let checkpoint = verified(note, log)?;
    if log.is_log() && checkpoint.origin == log.name() {
        Ok(checkpoint)
    } else {
        Err(NoteError::NotSigned {
            key: log.name().to_owned(),
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
            key: witness.name().to_owned(),
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
            key: key.name().to_owned(),
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
        VerifierKey::of_log(self.origin.clone(), self.key.verifying_key())
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
