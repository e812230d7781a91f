//! What is true of a transfer. Each state owns the evidence for itself.

use serde::{Deserialize, Serialize};

use crate::operation::{Authorisation, SignedVoid};
use crate::receipt::{Finding, Receipt, Refusal};

/// The states of `docs/state-machine.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Admitted; nothing is taken yet.
    Requested,
    /// Lock or burn is final and logged.
    Taken {
        /// The lock or burn.
        take: Receipt,
    },
    /// A quorum signed the mint. May be authorised again in a new batch or epoch, for the same item.
    Authorised {
        /// The lock.
        take: Receipt,
        /// The quorum's yes.
        authorisation: Authorisation,
    },
    /// Outbound only: the wish to undo is durable; the gate's `Voided` comes next.
    Withdrawing {
        /// The lock.
        take: Receipt,
        /// The quorum's yes to the void, once there is one.
        void: Option<SignedVoid>,
    },
    /// Outbound only: can never be minted; the unlock comes next.
    Voided {
        /// The lock.
        take: Receipt,
        /// The gate's final word.
        void: Receipt,
    },
    /// Return only: the registry refused to give; the holder must redirect it.
    Owed {
        /// The burn.
        take: Receipt,
        /// Why.
        refusal: Refusal,
    },
    /// Given on the other side.
    Completed {
        /// The lock or burn.
        take: Receipt,
        /// The mint, release or retirement.
        give: Receipt,
    },
    /// Undone.
    Returned {
        /// The lock.
        take: Receipt,
        /// The unlock.
        undo: Receipt,
    },
    /// Nothing ever happened.
    Rejected {
        /// Why.
        reason: Refusal,
    },
    /// A person must look. Stops intents, never facts: a late receipt still counts.
    Quarantined {
        /// What is true meanwhile.
        at: Box<State>,
        /// Why.
        finding: Finding,
    },
}

impl State {
    /// The name used in the journal's reports, metrics and the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Taken { .. } => "taken",
            Self::Authorised { .. } => "authorised",
            Self::Withdrawing { .. } => "withdrawing",
            Self::Voided { .. } => "voided",
            Self::Owed { .. } => "owed",
            Self::Completed { .. } => "completed",
            Self::Returned { .. } => "returned",
            Self::Rejected { .. } => "rejected",
            Self::Quarantined { .. } => "quarantined",
        }
    }

    /// Whether nothing can follow.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Completed { .. } | Self::Returned { .. } | Self::Rejected { .. } => true,
            Self::Requested
            | Self::Taken { .. }
            | Self::Authorised { .. }
            | Self::Withdrawing { .. }
            | Self::Voided { .. }
            | Self::Owed { .. }
            | Self::Quarantined { .. } => false,
        }
    }

    /// The lock or burn, if there was one.
    pub fn take(&self) -> Option<&Receipt> {
        match self {
            Self::Requested | Self::Rejected { .. } => None,
            Self::Taken { take }
            | Self::Authorised { take, .. }
            | Self::Withdrawing { take, .. }
            | Self::Voided { take, .. }
            | Self::Owed { take, .. }
            | Self::Completed { take, .. }
            | Self::Returned { take, .. } => Some(take),
            Self::Quarantined { at, .. } => at.take(),
        }
    }
}

/// How two people resolved a quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// The finding is explained: go on from where it stood, asking the ledgers first.
    Resume,
    /// Undo it: outbound only, through `Void` and `Unlock`.
    Withdraw,
}
