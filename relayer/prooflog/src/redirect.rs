//! What a burner signs to redirect what is owed, EIP-712 under the gate's domain (`docs/protocol.md` §4).

use alloy_primitives::{Address, B256, Bytes};
use alloy_sol_types::{SolStruct, sol};

use crate::gate::{self, signer_of};
use crate::leaf::{Leaf, Purpose};
use crate::route::RouteView;

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
    /// What a `REDIRECTED` leaf says, with its signature, if who burned at the route's gate signed it and its counter is above the
    /// `last` one.
    pub(crate) fn of<'l>(
        leaf: &'l Leaf,
        route: &RouteView<'_>,
        holder: Address,
        last: u64,
    ) -> Result<(Self, &'l Bytes), String> {
        let Leaf::Redirected {
            transfer,
            counter,
            purpose,
            commitment,
            signature,
            ..
        } = leaf
        else {
            return Err("it redirects nothing".into());
        };
        if *counter <= last {
            return Err(format!("its counter is not above {last}"));
        }
        let (chain_id, gate) = route.evm_gate().ok_or("its gate is on no EVM chain")?;
        let redirection = Self {
            burn: *transfer,
            counter: *counter,
            purpose: *purpose,
            commitment: *commitment,
        };
        if redirection.is_signed(chain_id, gate, holder, signature) {
            Ok((redirection, signature))
        } else {
            Err("it is not signed by who burned".into())
        }
    }

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
