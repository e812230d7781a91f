//! A registry's block as the relayer reads it at admission and an attester before it signs: each with its own credentials.

use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::AccountId;

/// A block as a registry stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// Its serial.
    pub serial: String,
    /// Where it lies.
    pub account: AccountId,
    /// Whether it is locked there.
    pub standing: Standing,
    /// Its class.
    pub class: AssetClass,
    /// Reference of the movement that locked it, while it is locked: why it lies where it does.
    pub reference: Option<String>,
}

/// What a registry says may be done with a block, as far as a lock cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Locked in custody.
    Locked,
    /// Anything else: held, pending, retired, cancelled, in a buffer.
    Elsewhere,
}
