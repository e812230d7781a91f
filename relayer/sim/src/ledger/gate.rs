//! What the gate makes of a transaction: who signed, which items count.

use alloy::primitives::{B256, Signature};
use isthmus::attester::verify_mint::MintBatch;
use isthmus::attester::verify_void::Void;
use isthmus_core::id::{Address, Hash32, TransferId};
use isthmus_core::instruction::Purpose;
use isthmus_core::operation::{LogHead, MintItem, SignedBatch};
use isthmus_core::quantity::Quantity;
use isthmus_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names;

/// A transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "lowercase")]
pub enum Call {
    /// A batch of mints.
    Mint {
        /// As signed.
        batch: SignedBatch,
    },
    /// A void.
    Void {
        /// Of which transfer.
        transfer: TransferId,
        /// The signer set.
        epoch: u32,
        /// Of a quorum.
        signatures: Vec<Vec<u8>>,
    },
    /// A holder's burn.
    Burn {
        /// Who burns.
        holder: u64,
        /// How much.
        quantity: Quantity,
        /// For what.
        purpose: Purpose,
        /// Commitment to the instruction.
        commitment: Hash32,
    },
}

/// The digest of a mint batch.
pub fn mint_digest(items: &[MintItem], log: LogHead, epoch: u32, deadline: Timestamp) -> Hash32 {
    let batch = MintBatch {
        ledger: names::chain(),
        gate: names::GATE,
        items: items.to_vec(),
        log,
        epoch,
        deadline_s: deadline.s(),
    };
    Hash32::new(batch.digest(names::CHAIN_ID).0)
}

/// The digest of a void.
pub fn void_digest(transfer: TransferId, epoch: u32) -> Hash32 {
    let void = Void {
        ledger: names::chain(),
        gate: names::GATE,
        transfer,
        epoch,
    };
    Hash32::new(void.digest(names::CHAIN_ID).0)
}

/// Who signed a digest.
pub fn signer_of(digest: Hash32, signature: &[u8]) -> Option<Address> {
    let signature = Signature::from_raw(signature).ok()?;
    let digest = B256::from(*digest.as_bytes());
    let address = signature.recover_address_from_prehash(&digest).ok()?;
    Some(Address::new(address.0.0))
}

/// Whether a quorum of the set signed, ascending, each once.
pub fn signed_by_quorum(digest: Hash32, signatures: &[Vec<u8>], signers: &[Address]) -> bool {
    let found: Vec<_> = signatures
        .iter()
        .filter_map(|signature| signer_of(digest, signature))
        .collect();
    found.len() == signatures.len()
        && found.len() >= names::QUORUM
        && found.windows(2).all(|pair| pair[0] < pair[1])
        && found.iter().all(|signer| signers.contains(signer))
}
