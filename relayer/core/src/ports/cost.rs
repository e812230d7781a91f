//! What using a ledger costs: kept for those who pay. Nothing that decides anything reads it back.

use crate::id::{Hash32, LedgerId};
use crate::operation::OperationKind;

/// What a transaction took from the account that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fee {
    /// Gas that it used.
    pub gas: u64,
    /// What was paid for it, in the smallest unit of the chain's own coin.
    pub wei: u128,
}

/// A final transaction of ours with what it cost; several transfers may be served by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Where.
    pub ledger: LedgerId,
    /// What it was sent for.
    pub operation: OperationKind,
    /// Which: it is counted once, however many transfers come with it.
    pub transaction: Hash32,
    /// What it cost.
    pub fee: Fee,
    /// Whether the transfer that it is written with has its outcome from it.
    pub settled: bool,
}

/// What a ledger's connection knows of its cost.
pub trait Costs: Send + Sync {
    /// What a final transaction cost that an account of ours has sent, if `find` has just seen it; it is not remembered for long.
    fn fee(&self, _transaction: Hash32) -> Option<Fee> {
        None
    }

    /// HTTP calls made since it was connected.
    fn calls(&self) -> u64 {
        0
    }
}
