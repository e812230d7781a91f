//! Facts that change a transfer; what the journal holds.

use crate::instruction::Instruction;
use crate::mandate::Mandate;
use crate::operation::{Authorisation, Work};
use crate::receipt::{Finding, Receipt, Refusal};
use crate::redirection::Redirection;
use crate::serial_block::SerialBlock;
use crate::terms::Terms;
use crate::transfer::state::Resolution;

/// One fact about one transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Admitted: always the first event.
    Requested {
        /// What was agreed.
        terms: Terms,
        /// The holder's signature; `None` exactly for returns.
        mandate: Option<Mandate>,
    },
    /// A burn was seen final: always the first event of a return.
    Burned {
        /// What the burn says.
        terms: Terms,
        /// The burn.
        receipt: Receipt,
    },
    /// Work is about to be done; from here until its outcome is known it may have happened (R5).
    Intended(Work),
    /// The lock is final.
    Locked(Receipt),
    /// A quorum said yes.
    Authorised(Authorisation),
    /// The signed batch can no longer land: its deadline passed at a final block, its epoch died, or the gate skipped the
    /// item for now. The same item is to be signed again.
    Lapsed(Refusal),
    /// The ledger definitely refused the pending operation.
    Refused(Refusal),
    /// Mint, release or retirement is final.
    Given(Receipt),
    /// The gate's `Voided` is final.
    Voided(Receipt),
    /// The unlock is final.
    Unlocked(Receipt),
    /// The holder wants it undone.
    WithdrawalRequested,
    /// The holder disclosed what the burn committed to.
    Instructed(Instruction),
    /// The holder redirected what is owed, signed with the burning key.
    Redirected(Redirection),
    /// The registry took units of the allocation away and the pool gives others: the whole new allocation.
    Reallocated(Vec<SerialBlock>),
    /// A person must look.
    Quarantined(Finding),
    /// Two people looked.
    Resolved {
        /// What they decided.
        resolution: Resolution,
        /// Who they were.
        by: [String; 2],
    },
}

impl Event {
    /// The name used in `docs/state-machine.md`, logs and the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Requested { .. } => "requested",
            Self::Burned { .. } => "burned",
            Self::Intended(_) => "intended",
            Self::Locked(_) => "locked",
            Self::Authorised(_) => "authorised",
            Self::Lapsed(_) => "lapsed",
            Self::Refused(_) => "refused",
            Self::Given(_) => "given",
            Self::Voided(_) => "voided",
            Self::Unlocked(_) => "unlocked",
            Self::WithdrawalRequested => "withdrawal_requested",
            Self::Instructed(_) => "instructed",
            Self::Redirected(_) => "redirected",
            Self::Reallocated(_) => "reallocated",
            Self::Quarantined(_) => "quarantined",
            Self::Resolved { .. } => "resolved",
        }
    }
}

/// An event that cannot be a fact about this transfer: a bug or a contradiction, never normal operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event} is not possible in state {state} with {pending} pending: {reason}")]
pub struct IllegalEvent {
    /// State's name.
    pub state: &'static str,
    /// Name of the pending work, or `nothing`.
    pub pending: &'static str,
    /// Event's name.
    pub event: &'static str,
    /// What rule it breaks.
    pub reason: String,
}
