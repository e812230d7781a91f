//! What the log says about one lock, burn or route.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes};
use serde_json::Value;

use super::outstanding::ByRoute;
use super::pool::Totals;
use crate::leaf::{AdminSignature, Leaf};
use crate::pro_rata::Decision;
use crate::redirect::Redirection;
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
    /// What of them the registry took away while the lock was open.
    pub lost: Vec<Block>,
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
    /// What of them the registry took away.
    pub lost: Vec<Block>,
    /// Which routes brought them into custody.
    pub routes: ByRoute,
    /// Grams burned.
    pub quantity_g: u64,
    /// Grams that are to be given: what was burned less what was written off.
    pub given_g: u64,
    /// The decision by which something of it was written off.
    pub decided: Option<Box<DecidedStory>>,
    /// The burner's last redirection.
    pub redirected: Option<RedirectStory>,
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
    /// All of it was written off.
    WrittenOff,
}

/// The last redirection of a burn. The book has verified the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectStory {
    /// What the burner wants.
    pub redirection: Redirection,
    /// The burner's signature.
    pub signature: Bytes,
}

/// What one `IMPAIRED` leaf says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImpairedStory {
    /// The registry's reference.
    pub reference: String,
    /// What was taken away.
    pub units: Vec<Block>,
    /// Stands for this leaf at its place in the log, and for all before it of the same impairment.
    pub hash: B256,
}

/// What route admins decided about an impaired pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedStory {
    /// What.
    pub decision: Decision,
    /// As signed.
    pub document: Value,
    /// Who signed it. Checked by whoever trusts certain admins.
    pub signatures: Vec<AdminSignature>,
    /// The pool's sums when it was logged.
    pub totals: Totals,
    /// What it is about. Whether the registry really did that is checked by whoever can ask it.
    pub impaired: Vec<Arc<ImpairedStory>>,
}

/// A deposit as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepositStory {
    /// The pool of its class in its custody account.
    pub pool: B256,
    /// The registry.
    pub ledger: String,
    /// The registry's reference.
    pub reference: String,
    /// Its sender.
    pub account: String,
    /// What it brought.
    pub brought: Vec<Block>,
    /// What is left of it: the registry may have taken a part away.
    pub units: Vec<Block>,
    /// What became of it.
    pub end: DepositEnd,
}

/// What became of a deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositEnd {
    /// It lies in custody.
    Open,
    /// It made its pool good.
    Cured,
    /// It left custody.
    Returned,
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
