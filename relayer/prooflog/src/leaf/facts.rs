//! What can be asked of a leaf of any kind.

use alloy_primitives::B256;

use super::{EvidenceRef, Leaf, Movement};

impl Leaf {
    /// The kind's name, as in the JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Route { .. } => "ROUTE",
            Self::Locked { .. } => "LOCKED",
            Self::Minted { .. } => "MINTED",
            Self::Voided { .. } => "VOIDED",
            Self::Unlocked { .. } => "UNLOCKED",
            Self::Burned { .. } => "BURNED",
            Self::Released { .. } => "RELEASED",
            Self::Retired { .. } => "RETIRED",
            Self::Owed { .. } => "OWED",
            Self::Redirected { .. } => "REDIRECTED",
            Self::Reallocated { .. } => "REALLOCATED",
            Self::Impaired { .. } => "IMPAIRED",
            Self::Cured { .. } => "CURED",
            Self::ProRata { .. } => "PRO_RATA",
            Self::Deposited { .. } => "DEPOSITED",
            Self::DepositReturned { .. } => "DEPOSIT_RETURNED",
            Self::Quarantined { .. } => "QUARANTINED",
            Self::Resolved { .. } => "RESOLVED",
            Self::Paused { .. } => "PAUSED",
            Self::Resumed { .. } => "RESUMED",
        }
    }

    /// The transfer it is about, if it is about one.
    pub fn transfer(&self) -> Option<B256> {
        match self {
            Self::Route { .. }
            | Self::Impaired { .. }
            | Self::Cured { .. }
            | Self::ProRata { .. }
            | Self::Deposited { .. }
            | Self::DepositReturned { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. } => None,
            Self::Locked { transfer, .. }
            | Self::Minted { transfer, .. }
            | Self::Voided { transfer, .. }
            | Self::Unlocked { transfer, .. }
            | Self::Burned { transfer, .. }
            | Self::Released { transfer, .. }
            | Self::Retired { transfer, .. }
            | Self::Owed { transfer, .. }
            | Self::Redirected { transfer, .. }
            | Self::Reallocated { transfer, .. }
            | Self::Quarantined { transfer, .. }
            | Self::Resolved { transfer, .. } => Some(*transfer),
        }
    }

    /// What it says of units, if it is about units.
    #[allow(clippy::too_many_lines, reason = "a list")]
    pub fn movement(&self) -> Option<Movement> {
        match self {
            Self::Locked {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Minted {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Voided {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Unlocked {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Burned {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Released {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Retired {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Owed {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Reallocated {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            } => Some(Movement {
                transfer: *transfer,
                pool: *pool,
                asset_class: *asset_class,
                quantity_g: *quantity_g,
            }),
            Self::Route { .. }
            | Self::Redirected { .. }
            | Self::Impaired { .. }
            | Self::Cured { .. }
            | Self::ProRata { .. }
            | Self::Deposited { .. }
            | Self::DepositReturned { .. }
            | Self::Quarantined { .. }
            | Self::Resolved { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. } => None,
        }
    }

    /// Its evidence, if it has any.
    pub fn evidence(&self) -> Option<&EvidenceRef> {
        match self {
            Self::Locked { evidence, .. }
            | Self::Minted { evidence, .. }
            | Self::Voided { evidence, .. }
            | Self::Unlocked { evidence, .. }
            | Self::Burned { evidence, .. }
            | Self::Released { evidence, .. }
            | Self::Retired { evidence, .. }
            | Self::Impaired { evidence, .. }
            | Self::Deposited { evidence, .. }
            | Self::DepositReturned { evidence, .. } => Some(evidence),
            Self::Route { .. }
            | Self::Owed { .. }
            | Self::Redirected { .. }
            | Self::Reallocated { .. }
            | Self::Cured { .. }
            | Self::ProRata { .. }
            | Self::Quarantined { .. }
            | Self::Resolved { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. } => None,
        }
    }
}
