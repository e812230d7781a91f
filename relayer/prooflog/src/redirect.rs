//! What a burner signs to redirect what is owed, EIP-712 under the gate's domain (`docs/protocol.md` §4).

use alloy_primitives::{Address, B256};
use alloy_sol_types::{SolStruct, sol};

use crate::gate::{self, signer_of};
use crate::leaf::Purpose;

sol! {
    /// A new instruction for a burn.
    #[derive(Debug)]
    struct Redirect {
        bytes32 burnId;
        uint64 counter;
        uint8 purpose;
        bytes32 commitment;
    }
}

/// A burner's new instruction, by its commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// The burn.
    pub burn: B256,
    /// Above that of every earlier one.
    pub counter: u64,
    /// What for now.
    pub purpose: Purpose,
    /// Commitment to the instruction.
    pub commitment: B256,
}

impl Redirection {
    /// The digest that the burner signs.
    pub fn digest(&self, chain_id: u64, gate: Address) -> B256 {
        Redirect {
            burnId: self.burn,
            counter: self.counter,
            purpose: match self.purpose {
                Purpose::Release => 1,
                Purpose::Retire => 2,
            },
            commitment: self.commitment,
        }
        .eip712_signing_hash(&gate::domain(chain_id, gate))
    }

    /// Whether `holder`, who burned at this gate, signed it.
    pub fn is_signed(
        &self,
        chain_id: u64,
        gate: Address,
        holder: Address,
        signature: &[u8],
    ) -> bool {
        signer_of(self.digest(chain_id, gate), signature) == Some(holder)
    }
}
