//! The bodies of the registry's API (`docs/protocol.md` §6), as we write and read them.

use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AccountId, AssetClassId, Hash32};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One entry of a mutating call: the content of a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "call",
    content = "entry",
    rename_all = "lowercase",
    deny_unknown_fields
)]
pub(crate) enum Entry {
    Lock(LockEntry),
    Propose(ProposalEntry),
    Approve(ApprovalEntry),
}

impl Entry {
    pub(crate) fn reference(&self) -> &str {
        match self {
            Self::Lock(entry) => &entry.reference,
            Self::Propose(entry) => &entry.reference,
            Self::Approve(entry) => &entry.reference,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockEntry {
    pub(crate) reference: String,
    pub(crate) account: AccountId,
    pub(crate) custody_account: AccountId,
    pub(crate) units: Vec<String>,
    pub(crate) mandate: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProposalEntry {
    pub(crate) reference: String,
    pub(crate) movement: Movement,
    pub(crate) custody_account: AccountId,
    pub(crate) units: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to_account: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) beneficiary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalEntry {
    pub(crate) reference: String,
    pub(crate) digest: Hash32,
}

/// Movements that are proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Movement {
    Release,
    Retire,
    Unlock,
    /// A deposit goes back to its sender.
    Return,
}

#[derive(Debug, Serialize)]
pub(crate) struct Query<'a> {
    pub(crate) references: &'a [String],
}

#[derive(Debug, Deserialize)]
pub(crate) struct Results {
    pub(crate) results: Vec<Answered>,
}

/// What the registry says about one reference.
#[derive(Debug, Deserialize)]
pub(crate) struct Answered {
    pub(crate) reference: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(crate) enum Outcome {
    Absent,
    Proposed {
        digest: Hash32,
        proposer: String,
        approvals: Vec<String>,
        proposal: Value,
    },
    Executed {
        receipt: String,
    },
    Refused {
        refusal: RefusalBody,
        /// Of the proposal that lapsed, if one did; this sandbox says so.
        #[serde(default)]
        digest: Option<Hash32>,
    },
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RefusalBody {
    pub(crate) code: String,
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Info {
    pub(crate) registry: String,
    pub(crate) receipt_key: String,
    pub(crate) max_list: usize,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Movements {
    pub(crate) movements: Vec<MovementBody>,
    pub(crate) sequence: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MovementBody {
    pub(crate) sequence: u64,
    pub(crate) receipt: String,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Search<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<&'a AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asset_class: Option<AssetClassId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) serials: Option<&'a [String]>,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SearchResult {
    pub(crate) total: usize,
    pub(crate) sequence: u64,
    pub(crate) quantity_t: u64,
    pub(crate) blocks: Vec<BlockBody>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BlockBody {
    pub(crate) serial: String,
    pub(crate) account: AccountId,
    pub(crate) state: String,
    pub(crate) class: AssetClass,
    /// Of the movement that locked it, while it is locked.
    #[serde(default)]
    pub(crate) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AccountBody {
    pub(crate) status: String,
    pub(crate) kind: String,
    pub(crate) holder_key: Option<String>,
}

/// A call that the registry turned down as a whole.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the registry rejected the call ({status} {code}): {message} ({field} = {value:?})")]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) message: String,
}

impl Rejection {
    /// From the body of a 4xx answer; a body that is not the registry's is shown.
    pub(crate) fn read(status: u16, bytes: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Body {
            error: RefusalBody,
        }
        match serde_json::from_slice::<Body>(bytes) {
            Ok(Body { error }) => Self {
                status,
                code: error.code,
                field: error.field,
                value: error.value,
                message: error.message,
            },
            Err(_) => Self {
                status,
                code: "unreadable".to_owned(),
                field: String::new(),
                value: String::from_utf8_lossy(bytes).chars().take(200).collect(),
                message: "the answer is not this registry's: check the configured url".to_owned(),
            },
        }
    }
}
