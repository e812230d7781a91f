//! What one attester has of its own: key, route admins, gates, registries. Nothing here comes from the relayer.

use std::sync::Arc;

use alloy::primitives::B256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use isthmus_core::id::{Address, Hash32, LedgerId};
use isthmus_core::ports::Ledger;

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::ports::{GateView, RegistryView, SignerSet};

/// A gate that this attester signs for.
#[derive(Clone, Debug)]
pub struct OwnGate {
    /// The chain, CAIP-2.
    pub ledger: LedgerId,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The contract.
    pub address: Address,
    /// The attester's own node.
    pub view: Arc<dyn GateView>,
}

/// A registry that this attester reads and approves at.
#[derive(Clone, Debug)]
pub struct OwnRegistry {
    /// The registry.
    pub id: LedgerId,
    /// The key of its receipts, Ed25519.
    pub receipt_key: [u8; 32],
    /// Reading with the attester's own credentials.
    pub view: Arc<dyn RegistryView>,
    /// Approving and counting custody, with the same credentials.
    pub ledger: Arc<dyn Ledger>,
}

/// Everything of an attester's own.
#[derive(Debug)]
pub struct Own {
    /// Signs for gates. Never printed by its own `Debug`.
    pub key: PrivateKeySigner,
    /// Ed25519 keys of which two must have signed a route.
    pub route_admins: Vec<Hash32>,
    /// Gates.
    pub gates: Vec<OwnGate>,
    /// Registries.
    pub registries: Vec<OwnRegistry>,
}

impl Own {
    /// A gate by chain and address.
    pub fn gate(&self, ledger: &LedgerId, address: Address) -> Result<&OwnGate, Decline> {
        self.gates
            .iter()
            .find(|gate| gate.ledger == *ledger && gate.address == address)
            .ok_or_else(|| {
                let reason = format!("gate {address} on {ledger} is not configured here");
                Decline::new(Ground::ForeignLedger, reason)
            })
    }

    /// A registry by id.
    pub fn registry(&self, id: &LedgerId) -> Result<&OwnRegistry, Decline> {
        self.registries
            .iter()
            .find(|registry| registry.id == *id)
            .ok_or_else(|| {
                let reason = format!("registry {id} is not configured here");
                Decline::new(Ground::ForeignLedger, reason)
            })
    }

    /// That `epoch` is the one in force and this attester one of its members.
    pub fn is_signer(&self, epoch: u32, set: &SignerSet) -> Result<(), Decline> {
        require(set.epoch == epoch, Ground::OtherEpoch, || {
            format!("epoch {epoch} was asked for, {} is in force", set.epoch)
        })?;
        let me = Address::new(self.key.address().0.0);
        require(set.members.contains(&me), Ground::NotMember, || {
            format!("{me} is not in epoch {epoch}")
        })
    }

    /// Signs an EIP-712 digest: 65 bytes r ‖ s ‖ v, low s.
    ///
    /// # Panics
    /// Never: a local key signs any 32 bytes.
    pub fn sign(&self, digest: B256) -> Vec<u8> {
        self.key
            .sign_hash_sync(&digest)
            .expect("a local key signs any 32 bytes")
            .as_bytes()
            .to_vec()
    }
}
