//! Whether a void may be signed. A void only prevents a mint, and the gate decides which of the two came first, so it needs
//! little: the transfer is logged as locked for this gate and has no outcome yet.

use alloy::primitives::{Address as EvmAddress, B256};
use isthmus_core::id::{Address, LedgerId, TransferId};
use isthmus_prooflog::gate::VoidAuthorisation;

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::lock::LoggedLock;
use crate::attester::ports::Outcome;

/// A void that the relayer asks to have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Void {
    /// The chain.
    pub ledger: LedgerId,
    /// The gate.
    pub gate: Address,
    /// The transfer that shall never be minted.
    pub transfer: TransferId,
    /// The signer set.
    pub epoch: u32,
}

impl Void {
    /// The EIP-712 digest that is signed.
    pub fn digest(&self, chain_id: u64) -> B256 {
        VoidAuthorisation {
            chain_id,
            epoch: self.epoch,
            gate: EvmAddress::from(*self.gate.as_bytes()),
            signatures: Vec::new(),
            transfer: B256::from(*self.transfer.as_bytes()),
            v: 1,
        }
        .digest()
    }
}

/// Whether it may be signed, by the lock in the log and the gate's outcome at a final block.
pub fn check(void: &Void, lock: &LoggedLock, outcome: Outcome) -> Result<(), Decline> {
    let terms = &lock.terms;
    require(
        void.ledger == terms.destination && void.gate == terms.gate,
        Ground::NotTheTerms,
        || {
            format!(
                "{} is for gate {} on {}",
                void.transfer, terms.gate, terms.destination
            )
        },
    )?;
    match outcome {
        Outcome::None => Ok(()),
        Outcome::Minted => {
            let reason = format!("the gate has minted {}", void.transfer);
            Err(Decline::new(Ground::Minted, reason))
        }
        Outcome::Voided => {
            let reason = format!("the gate has voided {}", void.transfer);
            Err(Decline::new(Ground::Voided, reason))
        }
    }
}
