//! What callers ask for, as they write it. Unknown fields are refused: a misspelt option must not be ignored.

use isthmus_core::id::{AccountId, AssetClassId, Hash32};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sandbox::account::Status;
use crate::sandbox::units::UnitState;

/// One lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockRequest {
    pub(crate) reference: String,
    pub(crate) account: AccountId,
    pub(crate) custody_account: AccountId,
    pub(crate) units: Vec<String>,
    pub(crate) mandate: String,
}

/// One movement out of custody.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProposalRequest {
    pub(crate) reference: String,
    pub(crate) movement: ProposedMovement,
    pub(crate) custody_account: AccountId,
    pub(crate) units: Vec<String>,
    #[serde(default)]
    pub(crate) to_account: Option<AccountId>,
    #[serde(default)]
    pub(crate) beneficiary: Option<String>,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// Movements that need approvals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProposedMovement {
    Release,
    Retire,
    Unlock,
    Return,
}

/// A proposal, and exactly what was sent: its digest is over the latter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentProposal {
    pub(crate) request: ProposalRequest,
    pub(crate) sent: Value,
}

impl SentProposal {
    pub(crate) fn read(sent: Value) -> Result<Self, serde_json::Error> {
        let request = serde_json::from_value(sent.clone())?;
        Ok(Self { request, sent })
    }

    /// SHA-256 of JCS of the proposal as sent.
    pub(crate) fn digest(&self) -> Hash32 {
        Hash32::new(isthmus_core::jcs::digest(&self.sent))
    }
}

/// One approval, or one rejection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalRequest {
    pub(crate) reference: String,
    pub(crate) digest: Hash32,
}

/// Body of `POST /v1/locks`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Locks {
    pub(crate) locks: Vec<LockRequest>,
}

/// Body of `POST /v1/proposals`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proposals {
    pub(crate) proposals: Vec<Value>,
}

/// Body of `POST /v1/approvals`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approvals {
    pub(crate) approvals: Vec<ApprovalRequest>,
}

/// Body of `POST /v1/rejections`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rejections {
    pub(crate) rejections: Vec<ApprovalRequest>,
}

/// Body of `POST /v1/operations/query`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    pub(crate) references: Vec<String>,
}

/// Body of `POST /v1/blocks/search`. `asset_class` is this sandbox's own addition, so that the reserves of one pool need not
/// be picked out of everything in custody.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    #[serde(default)]
    pub(crate) account: Option<AccountId>,
    #[serde(default)]
    pub(crate) state: Option<UnitState>,
    #[serde(default)]
    pub(crate) asset_class: Option<AssetClassId>,
    #[serde(default)]
    pub(crate) serials: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) offset: usize,
    #[serde(default = "search_limit")]
    pub(crate) limit: usize,
}

fn search_limit() -> usize {
    crate::sandbox::http::MAX_LIST
}

/// Query of `GET /v1/movements`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MovementsQuery {
    #[serde(default)]
    pub(crate) after: u64,
    #[serde(default = "search_limit")]
    pub(crate) limit: usize,
}

/// Body of `POST /v1/admin/accounts`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetStatus {
    pub(crate) account: AccountId,
    pub(crate) status: Status,
}

/// Body of `POST /v1/admin/units`: the registry moves or cancels units by itself, without anyone's approval.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correction {
    pub(crate) units: Vec<String>,
    pub(crate) account: AccountId,
    pub(crate) state: UnitState,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// Body of `POST /v1/admin/deposits`: a holder moves units into custody by itself, without a lock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DepositRequest {
    pub(crate) account: AccountId,
    pub(crate) custody_account: AccountId,
    pub(crate) units: Vec<String>,
    #[serde(default)]
    pub(crate) note: Option<String>,
}
