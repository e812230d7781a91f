//! `EvmEvidence` (`docs/protocol.md` §10): a block header, a receipt in it and the place of an event, checkable by anyone.

use alloy::consensus::{Header, ReceiptEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, B256, Bytes, Log, keccak256};
use alloy::rlp::Decodable;
use alloy::trie::Nibbles;
use alloy::trie::proof::verify_proof;
use isthmus_core::jcs;
use serde::{Deserialize, Serialize};

/// A destination's proof of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvmEvidence {
    /// keccak-256 of the header.
    pub block_hash: B256,
    /// Its height.
    pub block_number: u64,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Position of the event among the receipt's logs.
    pub event_index: u64,
    /// The contract that emitted it.
    pub gate: Address,
    /// RLP of the header.
    pub header_rlp: Bytes,
    /// Nodes of the receipts trie, root first.
    pub proof: Vec<Bytes>,
    /// EIP-2718 bytes of the receipt.
    pub receipt: Bytes,
    /// The transaction; informative, the receipt does not name it.
    pub tx_hash: B256,
    /// Its position in the block.
    pub tx_index: u64,
    /// Version of this form: 1.
    pub v: u8,
}

/// Evidence that proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Not this format.
    #[error("the evidence is not canonical JSON of version 1")]
    Malformed,
    /// Another header.
    #[error("header_rlp is not the header of block_hash and block_number")]
    WrongHeader,
    /// Another receipt, or another place.
    #[error("the receipt is not at tx_index under the header's receipts root")]
    NotIncluded,
    /// It was rolled back.
    #[error("the transaction failed, so its events count for nothing")]
    TransactionFailed,
    /// Another event.
    #[error("the receipt has no event of the gate at event_index")]
    NoSuchEvent,
}

impl EvmEvidence {
    /// The file as it goes into a proof bundle.
    pub fn to_bytes(&self) -> Vec<u8> {
        jcs::bytes(self)
    }

    /// Parses the file; refuses any other spelling of the same JSON, since leaves commit to its bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let evidence: Self = serde_json::from_slice(bytes).map_err(|_| EvidenceError::Malformed)?;
        if evidence.v == 1 && evidence.to_bytes() == bytes {
            Ok(evidence)
        } else {
            Err(EvidenceError::Malformed)
        }
    }

    /// The event, if the receipt is in the block. Whether that block is the chain's is not in the evidence.
    pub fn verify(&self) -> Result<Log, EvidenceError> {
        if keccak256(&self.header_rlp) != self.block_hash {
            return Err(EvidenceError::WrongHeader);
        }
        let header = Header::decode(&mut self.header_rlp.as_ref())
            .map_err(|_| EvidenceError::WrongHeader)?;
        if header.number != self.block_number {
            return Err(EvidenceError::WrongHeader);
        }
        verify_proof(
            header.receipts_root,
            receipt_key(self.tx_index),
            Some(self.receipt.to_vec()),
            &self.proof,
        )
        .map_err(|_| EvidenceError::NotIncluded)?;
        let receipt = ReceiptEnvelope::<Log>::decode_2718(&mut self.receipt.as_ref())
            .map_err(|_| EvidenceError::NotIncluded)?;
        if !receipt.status() {
            return Err(EvidenceError::TransactionFailed);
        }
        usize::try_from(self.event_index)
            .ok()
            .and_then(|index| receipt.logs().get(index))
            .filter(|log| log.address == self.gate)
            .cloned()
            .ok_or(EvidenceError::NoSuchEvent)
    }
}

/// Key of a receipt in its trie: the RLP of its position.
pub(crate) fn receipt_key(position: u64) -> Nibbles {
    Nibbles::unpack(alloy::rlp::encode(position))
}
