//! Blocks of units as the registry stores them.

use std::fmt;
use std::sync::Arc;

use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AccountId, AssetClassId};
use isthmus_core::serial_block::SerialBlock;
use serde::{Deserialize, Serialize};

/// What may be done with units. `Retired` and `Cancelled` are for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitState {
    /// The account's own, free to move.
    Held,
    /// Issued, not yet available.
    Pending,
    /// Immobilised in a custody account.
    Locked,
    /// Used up for a claim.
    Retired,
    /// Taken out of the books.
    Cancelled,
    /// In the pooled buffer, never in circulation.
    Buffer,
}

impl fmt::Display for UnitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Held => "held",
            Self::Pending => "pending",
            Self::Locked => "locked",
            Self::Retired => "retired",
            Self::Cancelled => "cancelled",
            Self::Buffer => "buffer",
        })
    }
}

/// An asset class with its id, computed once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// SHA-256 of the profile.
    pub(crate) id: AssetClassId,
    /// The profile.
    pub(crate) profile: AssetClass,
}

impl Class {
    pub(crate) fn new(profile: AssetClass) -> Arc<Self> {
        Arc::new(Self {
            id: profile.id(),
            profile,
        })
    }
}

/// A block where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredBlock {
    pub(crate) block: SerialBlock,
    pub(crate) account: AccountId,
    pub(crate) state: UnitState,
    pub(crate) class: Arc<Class>,
    /// The movement that locked it, while it is locked.
    pub(crate) reference: Option<Arc<str>>,
}

impl StoredBlock {
    /// The same units and class elsewhere, after the movement of this reference.
    pub(crate) fn moved(
        &self,
        account: &AccountId,
        state: UnitState,
        reference: &Arc<str>,
    ) -> Self {
        Self {
            account: account.clone(),
            state,
            reference: (state == UnitState::Locked).then(|| Arc::clone(reference)),
            ..self.clone()
        }
    }

    /// A part of it, in the same place.
    pub(crate) fn part(&self, block: SerialBlock) -> Self {
        Self {
            block,
            ..self.clone()
        }
    }

    /// This and its upper neighbour as one, if nothing tells them apart.
    pub(crate) fn merge(&self, upper: &Self) -> Option<Self> {
        let alike = self.account == upper.account
            && self.state == upper.state
            && self.class.id == upper.class.id
            && self.reference == upper.reference;
        let block = self.block.merge(&upper.block).filter(|_| alike)?;
        Some(self.part(block))
    }
}
