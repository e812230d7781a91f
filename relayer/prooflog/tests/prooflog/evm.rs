//! A block with receipts, built by hand: RLP, trie, header. Nothing here uses the crate's own decoding.

use alloy_primitives::{Address, B256, Bytes, Log, LogData, keccak256};
use alloy_rlp::{Header, encode};
use alloy_trie::proof::ProofRetainer;
use alloy_trie::{HashBuilder, Nibbles};
use isthmus_prooflog::evm_evidence::EvmEvidence;

use crate::world::{CHAIN_ID, COMMITMENT, GATE, HOLDER, RECIPIENT};

/// An event in a transaction.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) emitter: Address,
    pub(crate) data: LogData,
    pub(crate) succeeded: bool,
    pub(crate) tx_index: u64,
}

/// Where in the data of `minted` the item's class is listed, and where the second word of the item is.
pub(crate) const ITEM_CLASS: usize = 5 * 32;
pub(crate) const ITEM_CONTENT: usize = 10 * 32;

impl Event {
    /// Writes over the event's data.
    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        let mut data = self.data.data.to_vec();
        data[at..at + bytes.len()].copy_from_slice(bytes);
        self.data.data = data.into();
    }
}

fn event(topics: Vec<B256>, words: &[B256]) -> Event {
    let data: Vec<u8> = words.iter().flat_map(|word| word.0).collect();
    Event {
        emitter: GATE,
        data: LogData::new(topics, data.into()).unwrap(),
        succeeded: true,
        tx_index: 3,
    }
}

pub(crate) fn number(value: u64) -> B256 {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    B256::from(word)
}

pub(crate) fn minted(transfer: B256, class: B256, grams: u64) -> Event {
    let other = B256::repeat_byte(0xcd);
    batch(0b10, &[other, class], &[skipped(), (transfer, 1, grams)])
}

/// An item of a batch that was skipped: for the same transfer the gate would emit no second mint.
pub(crate) fn skipped() -> (B256, u8, u64) {
    (B256::repeat_byte(0x5e), 0, 1)
}

/// `BatchMinted`; items are transfer, place of the class, grams; all for the same recipient.
pub(crate) fn batch(minted: u64, classes: &[B256], items: &[(B256, u8, u64)]) -> Event {
    let topic = keccak256("BatchMinted(uint256,uint256[],(bytes32,uint256)[])");
    let count = |length: usize| number(length.try_into().unwrap());
    let mut words = vec![number(minted), number(96), count(128 + 32 * classes.len())];
    words.push(count(classes.len()));
    words.extend(classes);
    words.push(count(items.len()));
    for (transfer, place, grams) in items {
        let mut content = [0; 32];
        content[..20].copy_from_slice(RECIPIENT.as_slice());
        content[20] = *place;
        content[24..].copy_from_slice(&grams.to_be_bytes());
        words.extend([*transfer, B256::from(content)]);
    }
    event(vec![topic], &words)
}

pub(crate) fn voided(transfer: B256) -> Event {
    event(vec![keccak256("Voided(bytes32)"), transfer], &[])
}

pub(crate) fn burned(burn: u64, id: B256, class: B256, grams: u64, purpose: u8) -> Event {
    let topic = keccak256("Burned(uint256,bytes32,uint256,address,uint256,uint8,bytes32)");
    event(
        vec![topic, number(burn), id, class],
        &[
            HOLDER.into_word(),
            number(grams),
            number(purpose.into()),
            COMMITMENT,
        ],
    )
}

pub(crate) fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    let mut out = Vec::new();
    let header = Header {
        list: true,
        payload_length: payload.len(),
    };
    header.encode(&mut out);
    out.extend(payload);
    out
}

fn receipt(succeeded: bool, logs: &[Log]) -> Vec<u8> {
    let logs: Vec<_> = logs.iter().map(encode).collect();
    let fields = [
        encode(succeeded),
        encode(21_000_u64),
        encode(&[0_u8; 256][..]),
        list(&logs),
    ];
    [vec![2], list(&fields)].concat()
}

/// Evidence of the event: the second log of its transaction, in a block of 200 transactions.
pub(crate) fn evidence(event: &Event) -> EvmEvidence {
    let foreign = Log {
        address: Address::repeat_byte(0x77),
        data: LogData::new(vec![B256::repeat_byte(1)], Bytes::new()).unwrap(),
    };
    let own = Log {
        address: event.emitter,
        data: event.data.clone(),
    };
    let ours = receipt(event.succeeded, &[foreign.clone(), own]);
    let other = receipt(true, &[foreign]);
    let mut entries: Vec<(Nibbles, &[u8])> = (0..200_u64)
        .map(|i| {
            let value = if i == event.tx_index { &ours } else { &other };
            (Nibbles::unpack(encode(i)), value.as_slice())
        })
        .collect();
    entries.sort();
    let target = Nibbles::unpack(encode(event.tx_index));
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![target]));
    for (key, value) in entries {
        builder.add_leaf(key, value);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    let header_rlp = header(root, 77);
    EvmEvidence {
        block_hash: keccak256(&header_rlp),
        block_number: 77,
        chain_id: CHAIN_ID,
        event_index: 1,
        gate: event.emitter,
        header_rlp: header_rlp.into(),
        proof: nodes.into_iter().map(|(_, node)| node).collect(),
        receipt: ours.into(),
        tx_hash: B256::repeat_byte(9),
        tx_index: event.tx_index,
        v: 1,
    }
}

pub(crate) fn header(receipts_root: B256, height: u64) -> Vec<u8> {
    list(&[
        encode(B256::ZERO),
        encode(B256::ZERO),
        encode(Address::ZERO),
        encode(B256::ZERO),
        encode(B256::ZERO),
        encode(receipts_root),
        encode(&[0_u8; 256][..]),
        encode(0_u64),
        encode(height),
        encode(30_000_000_u64),
    ])
}

pub(crate) fn bytes(evidence: &EvmEvidence) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(evidence).unwrap()
}
