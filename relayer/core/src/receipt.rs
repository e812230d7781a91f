//! What ledgers answer: receipts (final, with evidence), refusals (a definite no) and findings (a person must look).

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::Hash32;
use crate::operation::OperationKind;
use crate::quantity::Quantity;
use crate::serial_block::SerialBlock;
use crate::time::Timestamp;

/// A ledger's final word, with evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What was done. It may differ from what was asked: a void may find that the mint landed first.
    pub operation: OperationKind,
    /// How much really moved.
    pub quantity: Quantity,
    /// The numbered units that really moved; empty on a chain.
    pub units: Vec<SerialBlock>,
    /// The ledger's own time of it.
    pub at: Timestamp,
    /// Where it stands on the ledger.
    pub position: Position,
    /// The retirement certificate's number, if it was a retirement.
    pub certificate: Option<String>,
    /// What proves it.
    pub evidence: Evidence,
}

/// Where a fact stands on its ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// A registry's running number of changes.
    Registry {
        /// The number.
        sequence: u64,
    },
    /// A place on a chain.
    Chain {
        /// Block number.
        height: u64,
        /// Block hash.
        block: Hash32,
        /// Transaction hash.
        transaction: Hash32,
    },
}

/// A file that proves a receipt, in its native format, as it goes into a proof bundle. One file often proves many receipts, as that
/// of a batch of mints does: whoever clones it shares it.
#[derive(Clone)]
pub struct Evidence {
    kind: EvidenceKind,
    file: Arc<File>,
}

struct File {
    bytes: Vec<u8>,
    /// Computed when it is asked for first, once for all who share the file.
    sha256: OnceLock<Hash32>,
}

/// Evidence formats (`docs/protocol.md` §8, §10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EvidenceKind {
    /// A registry's JWS receipt.
    RegistryReceipt,
    /// Block header, receipt and inclusion proof.
    EvmReceipt,
}

impl EvidenceKind {
    /// The name in leaves and manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RegistryReceipt => "registry-receipt",
            Self::EvmReceipt => "evm-receipt",
        }
    }
}

impl Evidence {
    /// A file of this format.
    pub fn new(kind: EvidenceKind, bytes: Vec<u8>) -> Self {
        let sha256 = OnceLock::new();
        Self {
            kind,
            file: Arc::new(File { bytes, sha256 }),
        }
    }

    /// The format.
    pub fn kind(&self) -> EvidenceKind {
        self.kind
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.file.bytes
    }

    /// What leaves commit to.
    pub fn sha256(&self) -> Hash32 {
        let digest = || Hash32::new(Sha256::digest(&self.file.bytes).into());
        *self.file.sha256.get_or_init(digest)
    }
}

impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        let same = || Arc::ptr_eq(&self.file, &other.file) || self.bytes() == other.bytes();
        self.kind == other.kind && same()
    }
}

impl Eq for Evidence {}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, length) = (self.kind.as_str(), self.bytes().len());
        write!(f, "Evidence({kind}, {length} bytes)")
    }
}

/// A definite no: nothing happened and, asked the same again, nothing would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable code in the ledger's own vocabulary.
    pub code: String,
    /// Which field was wrong, empty if none.
    pub field: String,
    /// Its value, shortened.
    pub value: String,
    /// What was wrong and how to mend it.
    pub message: String,
    /// Whether it may pass later.
    pub lasting: Lasting,
}

impl Refusal {
    /// The holder's own: the transfer ends before anything was locked.
    pub fn withdrawn() -> Self {
        Self {
            code: "withdrawn".into(),
            field: String::new(),
            value: String::new(),
            message: "withdrawn by the holder before anything was locked".into(),
            lasting: Lasting::Never,
        }
    }
}

/// For how long a refusal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lasting {
    /// A pause, a cap, a limit: the same operation may pass later.
    Later,
    /// The same operation will never pass.
    Never,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if !self.field.is_empty() {
            write!(f, " ({} = {:?})", self.field, self.value)?;
        }
        Ok(())
    }
}

/// Why a transfer needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable code, `ISTHMUS-nnnn` (`docs/errors.md`).
    pub code: String,
    /// What was found, with the ids needed to look further.
    pub detail: String,
}
