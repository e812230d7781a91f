//! Reserves: custody must cover what circulates and everything logged that may still be minted (`design.md` §8, R1), and the log
//! must account for what circulates. The gate is what all attesters see alike: who is shown a fork, or an old log, misses what
//! was minted under the other (ADR 17).

use isthmus_core::quantity::Quantity;

use crate::attester::decline::{Decline, Ground, require};

/// What must be covered and what covers it, for one class at one gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// What the registry counts in the custody accounts of the class. Read after everything else, so that a movement in
    /// between can only make the attester wait, never sign.
    pub custody: Quantity,
    /// What circulates at a final block.
    pub supply: Quantity,
    /// What circulates by the log: minted and not burned, and what it does not call minted yet but the gate does at the same block.
    /// Burns that are not logged yet make it more than the supply.
    pub accounted: Quantity,
    /// Logged locks whose outcome is `None` at the same block.
    pub pending: Quantity,
    /// What the log has in the same custody accounts for other gates.
    pub other_gates: Quantity,
    /// What the log has in the same custody accounts without a lock: it belongs to whoever sent it, and covers nothing.
    pub deposits: Quantity,
}

impl Cover {
    /// Whether the log accounts for what circulates, and custody suffices.
    pub fn check(&self) -> Result<(), Decline> {
        require(self.is_accounted(), Ground::UnloggedSupply, || {
            format!(
                "{} circulates, the log followed here accounts for {}: others may be shown another log",
                self.supply, self.accounted
            )
        })?;
        let parts = [self.supply, self.pending, self.other_gates, self.deposits];
        let needed: Quantity = parts.into_iter().sum();
        require(self.custody >= needed, Ground::ReservesShort, || {
            let [supply, pending, other_gates, deposits] = parts;
            format!(
                "{} in custody, {needed} needed: {supply} circulating, {pending} pending, {other_gates} for other gates, {deposits} without a lock",
                self.custody
            )
        })
    }

    /// Whether the log knows of everything that circulates.
    pub fn is_accounted(&self) -> bool {
        self.supply <= self.accounted
    }
}
