//! Reserves: custody must cover what circulates and everything logged that may still be minted (`design.md` §8, R1).

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
    /// Logged locks whose outcome is `None` at the same block.
    pub pending: Quantity,
    /// What the log has in the same custody accounts for other gates.
    pub other_gates: Quantity,
}

impl Cover {
    /// Whether custody suffices.
    pub fn check(&self) -> Result<(), Decline> {
        let needed: Quantity = [self.supply, self.pending, self.other_gates]
            .into_iter()
            .sum();
        require(self.custody >= needed, Ground::ReservesShort, || {
            format!(
                "{} in custody, {} needed: {} circulating, {} pending, {} for other gates",
                self.custody, needed, self.supply, self.pending, self.other_gates
            )
        })
    }
}
