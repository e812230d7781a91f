//! Changes: everything that ever alters the registry, exactly as it is kept on disk.

use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AccountId, LedgerId};
use isthmus_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sandbox::account::{Account, Status};
use crate::sandbox::idempotency::Remembered;
use crate::sandbox::outcome::Refusal;
use crate::sandbox::receipt::Receipt;
use crate::sandbox::request::LockRequest;
use crate::sandbox::units::UnitState;

/// One durable change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Change {
    /// The first change of all: whose books these are.
    Founded {
        registry: LedgerId,
        receipt_key: String,
    },
    /// A new account.
    AccountOpened { account: Account },
    /// An account was closed or opened again.
    AccountStatus { account: AccountId, status: Status },
    /// Units came into being, read from a registry's export.
    Issued {
        serial: String,
        account: AccountId,
        state: UnitState,
        class: AssetClass,
    },
    /// A holder's units were locked.
    Locked {
        request: LockRequest,
        receipt: Receipt,
    },
    /// A movement out of custody was proposed.
    Proposed {
        proposal: Value,
        proposer: String,
        at: Timestamp,
    },
    /// Somebody approved the open proposal under a reference.
    Approved { reference: String, approver: String },
    /// Somebody rejected the open proposal under a reference.
    Rejected { reference: String, approver: String },
    /// The open proposal had its approvals and was carried out.
    Executed { reference: String, receipt: Receipt },
    /// The open proposal was rejected, or had its approvals and could not be carried out any more. It is closed for good.
    Lapsed {
        reference: String,
        refusal: Refusal,
        at: Timestamp,
    },
    /// The registry moved or cancelled units by itself.
    Corrected {
        units: Vec<String>,
        account: AccountId,
        state: UnitState,
        receipt: Receipt,
    },
    /// A holder moved units into custody by itself.
    Deposited {
        units: Vec<String>,
        custody_account: AccountId,
        receipt: Receipt,
    },
    /// An answer that is given again for the same idempotency key.
    Answered { answer: Remembered },
}
