//! Blocks with one event of the gate, built by hand: RLP, trie, header.

use alloy::primitives::{Address, B256, Bytes, Log, LogData, keccak256};
use alloy::rlp::{Header, encode};
use alloy::trie::proof::ProofRetainer;
use alloy::trie::{HashBuilder, Nibbles};
use isthmus_core::jcs;
use isthmus_core::operation::OperationKind;
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::{Evidence, EvidenceKind, Receipt};
use isthmus_core::testing::sample;
use isthmus_prooflog::evm_evidence::EvmEvidence;

/// EIP-155 id of the sample chain.
pub(super) const CHAIN: u64 = 31337;

pub(super) fn chain_receipt(
    operation: OperationKind,
    quantity: Quantity,
    event: LogData,
) -> Receipt {
    Receipt {
        evidence: Evidence::new(EvidenceKind::EvmReceipt, jcs::bytes(&evidence(event))),
        ..sample::receipt(operation, quantity, &[])
    }
}

pub(super) fn word(bytes: &[u8; 32]) -> B256 {
    B256::from(*bytes)
}

pub(super) fn number_word(value: u64) -> B256 {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    B256::from(word)
}

pub(super) fn log_data(signature: &str, topics: &[B256], words: &[B256]) -> LogData {
    let topics = [&[keccak256(signature)], topics].concat();
    let data: Vec<u8> = words.iter().flat_map(|word| word.0).collect();
    LogData::new(topics, data.into()).unwrap()
}

/// The only event of the only transaction of a block.
fn evidence(event: LogData) -> EvmEvidence {
    let gate = Address::from(*sample::gate().as_bytes());
    let log = Log {
        address: gate,
        data: event,
    };
    let fields = [
        encode(true),
        encode(21_000_u64),
        encode(&[0_u8; 256][..]),
        list(&[encode(&log)]),
    ];
    let receipt = [vec![2], list(&fields)].concat();
    let key = Nibbles::unpack(encode(0_u64));
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![key]));
    builder.add_leaf(key, &receipt);
    let header_rlp = header(builder.root(), 77);
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    EvmEvidence {
        block_hash: keccak256(&header_rlp),
        block_number: 77,
        chain_id: CHAIN,
        event_index: 0,
        gate,
        header_rlp: header_rlp.into(),
        proof: nodes.into_iter().map(|(_, node)| node).collect(),
        receipt: Bytes::from(receipt),
        tx_hash: B256::repeat_byte(9),
        tx_index: 0,
        v: 1,
    }
}

fn header(receipts_root: B256, height: u64) -> Vec<u8> {
    let zero = B256::ZERO;
    list(&[
        encode(zero),
        encode(zero),
        encode(Address::ZERO),
        encode(zero),
        encode(zero),
        encode(receipts_root),
        encode(&[0_u8; 256][..]),
        encode(0_u64),
        encode(height),
        encode(30_000_000_u64),
    ])
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    let header = Header {
        list: true,
        payload_length: payload.len(),
    };
    let mut out = Vec::with_capacity(header.length() + payload.len());
    header.encode(&mut out);
    out.extend(payload);
    out
}
