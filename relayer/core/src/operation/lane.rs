//! Where work queues.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::LedgerId;
use crate::operation::{Item, Operation, OperationKind};

/// Work that is intended or in flight. An attest request is pending work too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Ask the attesters of this chain's gate.
    Attest {
        /// The chain whose gate will check the signatures.
        ledger: LedgerId,
        /// What they are asked.
        item: Item,
    },
    /// Do this at a ledger.
    Ledger(Operation),
}

impl Work {
    /// Where it queues.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Attest { ledger, .. } => Lane {
                ledger: ledger.clone(),
                step: Step::Attest,
            },
            Self::Ledger(operation) => Lane {
                ledger: operation.ledger().clone(),
                step: Step::Operation(operation.kind()),
            },
        }
    }
}

/// Ledger × kind of work: what one loop of the engine serves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane {
    /// The ledger.
    pub ledger: LedgerId,
    /// The kind of work.
    pub step: Step,
}

/// Kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Step {
    /// Collecting a quorum's signatures.
    Attest,
    /// An operation at the ledger.
    Operation(OperationKind),
}

impl Step {
    /// The name used in keys, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attest => "attest",
            Self::Operation(kind) => kind.as_str(),
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ledger, self.step.as_str())
    }
}
