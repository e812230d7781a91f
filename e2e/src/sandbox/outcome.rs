//! What callers are told: the outcome under each reference, refusals and their codes.

use isthmus_core::id::Hash32;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A definite no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) code: RefusalCode,
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(
        code: RefusalCode,
        field: &str,
        value: impl std::fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            field: field.to_owned(),
            value: value.to_string().chars().take(160).collect(),
            message: message.into(),
        }
    }
}

/// Why. `Malformed` is this sandbox's addition to the codes of the protocol, for a reference or a proposal of the wrong shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefusalCode {
    UnknownAccount,
    AccountClosed,
    NotOwner,
    UnknownBlock,
    NotHeld,
    Overlaps,
    MalformedSerial,
    MandateInvalid,
    ReferenceUsed,
    NotInCustody,
    NotAuthorised,
    DigestMismatch,
    ProposerCannotApprove,
    OverLimit,
    Rejected,
    Malformed,
}

/// What is recorded under a reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(crate) enum Outcome {
    Absent,
    Proposed {
        digest: Hash32,
        proposer: String,
        approvals: Vec<String>,
        rejections: Vec<String>,
        proposal: Value,
    },
    Executed {
        movement: Movement,
        receipt: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        mandate: Option<String>,
    },
    Refused {
        refusal: Refusal,
        /// Of the proposal that lapsed; this sandbox's addition, to tell it from a later one under the same reference.
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<Hash32>,
    },
}

/// One entry of a list answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Answered {
    pub(crate) reference: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// Kinds of movements in receipts. `Cancel` and `Correction` are the registry's own acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Movement {
    Lock,
    Unlock,
    Release,
    Retire,
    Cancel,
    Correction,
    /// A holder moved units into custody by itself.
    Deposit,
    /// A deposit went back to its sender.
    Return,
}
