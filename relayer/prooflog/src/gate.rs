//! What attesters sign for the gate, EIP-712 (`docs/protocol.md` §7), and who signed it.

use alloy_primitives::{Address, B256, Signature, U256};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain, sol};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::leaf::Grams;

sol! {
    /// One mint.
    #[derive(Debug)]
    struct MintItem {
        bytes32 transferId;
        uint256 assetClass;
        address recipient;
        uint256 quantity;
    }

    /// Mints signed together.
    #[derive(Debug)]
    struct MintBatch {
        MintItem[] items;
        uint64 logSize;
        bytes32 logRoot;
        uint32 epoch;
        uint64 deadline;
    }

    /// Never to be minted.
    #[derive(Debug)]
    struct Void {
        bytes32 transferId;
        uint32 epoch;
    }
}

/// `auth/mint.json` of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MintAuthorisation {
    /// Log, epoch and deadline.
    pub batch: BatchHead,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The gate.
    pub gate: Address,
    /// Every item of the batch, in signed order.
    pub items: Vec<Item>,
    /// 65 bytes each, ascending by signer.
    pub signatures: Vec<alloy_primitives::Bytes>,
    /// Version of this form: 1.
    pub v: u8,
}

/// What a batch says besides its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchHead {
    /// Seconds since the Unix epoch.
    pub deadline: u64,
    /// Signer set.
    pub epoch: u32,
    /// Root of the log.
    pub log_root: B256,
    /// Its size.
    pub log_size: u64,
}

/// One mint as written in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The class.
    pub asset_class: B256,
    /// Grams.
    pub quantity_g: Grams,
    /// Who gets it.
    pub recipient: Address,
    /// The transfer.
    pub transfer: B256,
}

/// `auth/void.json` of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoidAuthorisation {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Signer set.
    pub epoch: u32,
    /// The gate.
    pub gate: Address,
    /// 65 bytes each, ascending by signer.
    pub signatures: Vec<alloy_primitives::Bytes>,
    /// The transfer.
    pub transfer: B256,
    /// Version of this form: 1.
    pub v: u8,
}

pub(crate) fn domain(chain_id: u64, gate: Address) -> Eip712Domain {
    eip712_domain! { name: "Isthmus Gate", version: "1", chain_id: chain_id, verifying_contract: gate, }
}

impl MintAuthorisation {
    /// The digest that was signed.
    pub fn digest(&self) -> B256 {
        let items = self
            .items
            .iter()
            .map(|item| MintItem {
                transferId: item.transfer,
                assetClass: U256::from_be_bytes(item.asset_class.0),
                recipient: item.recipient,
                quantity: U256::from(item.quantity_g.0),
            })
            .collect();
        let batch = MintBatch {
            items,
            logSize: self.batch.log_size,
            logRoot: self.batch.log_root,
            epoch: self.batch.epoch,
            deadline: self.batch.deadline,
        };
        batch.eip712_signing_hash(&domain(self.chain_id, self.gate))
    }
}

impl VoidAuthorisation {
    /// The digest that was signed.
    pub fn digest(&self) -> B256 {
        Void {
            transferId: self.transfer,
            epoch: self.epoch,
        }
        .eip712_signing_hash(&domain(self.chain_id, self.gate))
    }
}

/// Signatures that are no quorum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// Not 65 bytes, high s, v not 27 or 28, or no key recovers.
    #[error("signature {0} is malformed")]
    Malformed(usize),
    /// Out of order, which also means twice.
    #[error("signature {0} is not by a higher address than the one before")]
    NotAscending(usize),
    /// Not a member of the set.
    #[error("{0:#x} is not in the signer set")]
    Stranger(Address),
    /// Fewer than the threshold.
    #[error("{found} signatures, needs {threshold}")]
    TooFew {
        /// Valid ones.
        found: usize,
        /// Needed ones.
        threshold: usize,
    },
}

/// `SHA-256(abi.encode(uint256 chainId, address gate, uint256 number))` (`docs/protocol.md` §4).
pub fn burn_id(chain_id: u64, gate: Address, number: u64) -> B256 {
    let mut words = [0u8; 96];
    words[24..32].copy_from_slice(&chain_id.to_be_bytes());
    words[44..64].copy_from_slice(gate.as_slice());
    words[88..96].copy_from_slice(&number.to_be_bytes());
    B256::from(<[u8; 32]>::from(Sha256::digest(words)))
}

/// Who signed `digest`: 65 bytes r ‖ s ‖ v with low s and v 27 or 28. The gate accepts no other spelling, so neither do we.
pub fn signer_of(digest: B256, signature: &[u8]) -> Option<Address> {
    if !matches!(signature.last(), Some(27 | 28)) {
        return None;
    }
    let signature = Signature::from_raw(signature).ok()?;
    if signature.normalize_s().is_some() {
        return None;
    }
    signature.recover_address_from_prehash(&digest).ok()
}

/// Whether `signatures` over `digest` are a quorum of `signers`, by the gate's own rules.
pub fn check_quorum(
    digest: B256,
    signatures: &[alloy_primitives::Bytes],
    signers: &[Address],
    threshold: usize,
) -> Result<(), QuorumError> {
    let mut last = Address::ZERO;
    for (i, signature) in signatures.iter().enumerate() {
        let signer = signer_of(digest, signature).ok_or(QuorumError::Malformed(i))?;
        if signer <= last {
            return Err(QuorumError::NotAscending(i));
        }
        if !signers.contains(&signer) {
            return Err(QuorumError::Stranger(signer));
        }
        last = signer;
    }
    if signatures.len() < threshold || threshold == 0 {
        return Err(QuorumError::TooFew {
            found: signatures.len(),
            threshold,
        });
    }
    Ok(())
}
