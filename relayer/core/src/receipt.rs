//! What ledgers answer: receipts (final, with evidence), refusals (a definite no) and findings (a person must look).

use serde::{Deserialize, Serialize};

use crate::id::Hash32;
use crate::operation::OperationKind;
use crate::quantity::Quantity;
use crate::serial_block::SerialBlock;
use crate::time::Timestamp;

/// A ledger's final word, with evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Bytes that prove a receipt, in their native format.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The format.
    pub kind: EvidenceKind,
    /// The file as it goes into a proof bundle.
    pub bytes: Vec<u8>,
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

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Evidence({}, {} bytes)",
            self.kind.as_str(),
            self.bytes.len()
        )
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
