//! What the log says about one lock, burn or route.

use std::sync::Arc;

use alloy_primitives::B256;
use serde_json::Value;

use super::outstanding::ByRoute;
use crate::leaf::{AdminSignature, Leaf};
use crate::serial::Block;

/// What the log says about an outbound transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockStory {
    /// Index of `LOCKED`.
    pub index: u64,
    /// Its pool.
    pub pool: B256,
    /// Its terms.
    pub terms: Value,
    /// The route that they name.
    pub route: Arc<str>,
    /// Units locked.
    pub units: Vec<Block>,
    /// Grams.
    pub quantity_g: u64,
    /// What became of it.
    pub end: LockEnd,
}

/// What became of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockEnd {
    /// Nothing yet: it is pending.
    Open,
    /// Minted.
    Minted,
    /// It can never be minted; still locked.
    Voided,
    /// Undone.
    Unlocked,
}

/// What the log says about a return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnStory {
    /// Index of `BURNED`.
    pub index: u64,
    /// Its pool.
    pub pool: B256,
    /// The leaf.
    pub leaf: Leaf,
    /// Its originals.
    pub allocation: Vec<Block>,
    /// Which routes brought them into custody.
    pub routes: ByRoute,
    /// Grams.
    pub quantity_g: u64,
    /// Whether they were given.
    pub end: BurnEnd,
}

/// What became of a burn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BurnEnd {
    /// Owed.
    Open,
    /// Given back.
    Released,
    /// Used up.
    Retired,
}

/// A route version as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteStory {
    /// The document.
    pub document: Value,
    /// Who signed it. Checked by whoever trusts certain admins.
    pub signatures: Vec<AdminSignature>,
    /// Index of the leaf.
    pub index: u64,
}
