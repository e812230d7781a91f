//! Evidence from an EVM chain: a block header, a receipt and its inclusion under the header's receipts root
//! (`docs/protocol.md` §10).

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::{Decodable, Header};
use alloy_sol_types::{SolEvent, sol};
use alloy_trie::Nibbles;
use alloy_trie::proof::verify_proof;
use serde::{Deserialize, Serialize};

sol! {
    /// One item of a batch: recipient << 96 | place of its class << 88 | quantity.
    #[derive(Debug)]
    struct SentItem {
        bytes32 transferId;
        uint256 content;
    }
    /// Equivalents were issued: by those items whose bit is set.
    #[derive(Debug)]
    event BatchMinted(uint256 minted, uint256[] classes, SentItem[] items);
    /// It can never be minted.
    #[derive(Debug)]
    event Voided(bytes32 indexed transferId);
    /// Equivalents were destroyed.
    #[derive(Debug)]
    event Burned(uint256 indexed number, bytes32 indexed burnId, uint256 indexed assetClass, address holder, uint256 quantity, uint8 purpose, bytes32 commitment);
}

/// `destination/*.json` of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvmEvidence {
    /// keccak of the header.
    pub block_hash: B256,
    /// Its number.
    pub block_number: u64,
    /// EIP-155 chain id; says nothing by itself, the quorum's signature and the BurnId bind it.
    pub chain_id: u64,
    /// Position of the event among the receipt's logs.
    pub event_index: u64,
    /// The gate.
    pub gate: Address,
    /// RLP of the header.
    pub header_rlp: Bytes,
    /// Nodes of the receipts trie, root first.
    pub proof: Vec<Bytes>,
    /// EIP-2718 bytes of the receipt.
    pub receipt: Bytes,
    /// The transaction; informative, nothing here proves it.
    pub tx_hash: B256,
    /// Its position in the block.
    pub tx_index: u64,
    /// Version of this form: 1.
    pub v: u8,
}

/// Something that an event of the gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateEvent {
    /// An item of `BatchMinted` whose bit is set.
    Minted {
        /// The transfer.
        transfer: B256,
        /// The class.
        asset_class: B256,
        /// Who got it.
        recipient: Address,
        /// Grams.
        quantity_g: u64,
    },
    /// `Voided`.
    Voided {
        /// The transfer.
        transfer: B256,
    },
    /// `Burned`.
    Burned {
        /// The gate's number.
        number: u64,
        /// The BurnId as the gate computed it.
        burn_id: B256,
        /// The class.
        asset_class: B256,
        /// Who burned.
        holder: Address,
        /// Grams.
        quantity_g: u64,
        /// 1 release, 2 retire.
        purpose: u8,
        /// Commitment to the instruction.
        commitment: B256,
    },
}

/// Evidence that does not prove its event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain evidence does not hold: {0}")]
pub struct EvidenceError(pub &'static str);

impl EvmEvidence {
    /// Parses canonical JSON of version 1.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let evidence: Self =
            serde_json::from_slice(bytes).map_err(|_| EvidenceError("the file is malformed"))?;
        let canonical = serde_json_canonicalizer::to_vec(&evidence)
            .map_err(|_| EvidenceError("the file is malformed"))?;
        if evidence.v == 1 && canonical == bytes {
            Ok(evidence)
        } else {
            Err(EvidenceError(
                "the file is not canonical JSON (RFC 8785) of version 1",
            ))
        }
    }

    /// What the event says that it proves, if the receipt is in the block with this hash: of a batch, every mint. Whether that
    /// block is the chain's is for the caller's own node or policy to say.
    pub fn events(&self) -> Result<Vec<GateEvent>, EvidenceError> {
        if keccak256(&self.header_rlp) != self.block_hash {
            return Err(EvidenceError("the header does not hash to the block hash"));
        }
        let (receipts_root, number) = header_fields(&self.header_rlp)?;
        if number != self.block_number {
            return Err(EvidenceError("the header has another block number"));
        }
        let key = Nibbles::unpack(alloy_rlp::encode(self.tx_index));
        verify_proof(receipts_root, key, Some(self.receipt.to_vec()), &self.proof)
            .map_err(|_| EvidenceError("the receipt is not under the header's receipts root"))?;
        let log = nth_log(&self.receipt, self.event_index)?;
        if log.address != self.gate {
            return Err(EvidenceError("the event is not the gate's"));
        }
        decode(&log)
    }
}

/// Receipts root (field 5) and number (field 8) of an RLP header.
fn header_fields(rlp: &[u8]) -> Result<(B256, u64), EvidenceError> {
    let bad = |_| EvidenceError("the header is not RLP");
    let mut rest = rlp;
    let mut fields = Header::decode_bytes(&mut rest, true).map_err(bad)?;
    if !rest.is_empty() {
        return Err(EvidenceError("bytes follow the header"));
    }
    for _ in 0..5 {
        skip(&mut fields)?;
    }
    let receipts_root = B256::decode(&mut fields).map_err(bad)?;
    for _ in 0..2 {
        skip(&mut fields)?;
    }
    Ok((receipts_root, u64::decode(&mut fields).map_err(bad)?))
}

fn skip(fields: &mut &[u8]) -> Result<(), EvidenceError> {
    let header = Header::decode(fields).map_err(|_| EvidenceError("malformed RLP"))?;
    *fields = fields
        .get(header.payload_length..)
        .ok_or(EvidenceError("RLP ends early"))?;
    Ok(())
}

/// The `n`th log of an EIP-2718 receipt of any type: status, gas, bloom, logs.
fn nth_log(receipt: &[u8], n: u64) -> Result<alloy_primitives::Log, EvidenceError> {
    let body = match receipt.first() {
        Some(kind) if *kind < 0x80 => receipt.get(1..).unwrap_or_default(),
        _ => receipt,
    };
    let bad = |_| EvidenceError("the receipt is not RLP");
    let mut rest = body;
    let mut fields = Header::decode_bytes(&mut rest, true).map_err(bad)?;
    if !rest.is_empty() {
        return Err(EvidenceError("bytes follow the receipt"));
    }
    let succeeded = bool::decode(&mut fields).map_err(bad)?;
    if !succeeded {
        return Err(EvidenceError("the transaction failed"));
    }
    skip(&mut fields)?;
    skip(&mut fields)?;
    let mut logs = Header::decode_bytes(&mut fields, true).map_err(bad)?;
    for _ in 0..n {
        skip(&mut logs)?;
    }
    alloy_primitives::Log::decode(&mut logs)
        .map_err(|_| EvidenceError("the receipt has no such log"))
}

fn decode(log: &alloy_primitives::Log) -> Result<Vec<GateEvent>, EvidenceError> {
    if let Ok(batch) = BatchMinted::decode_log_validate(log) {
        let items = batch.items.iter().enumerate();
        let done = items.filter(|(index, _)| batch.minted.bit(*index));
        return done.map(|(_, item)| minted(&batch.classes, item)).collect();
    }
    if let Ok(event) = Voided::decode_log_validate(log) {
        return Ok(vec![GateEvent::Voided {
            transfer: event.transferId,
        }]);
    }
    let event = Burned::decode_log_validate(log)
        .map_err(|_| EvidenceError("the event is none of the gate's"))?;
    let burned = GateEvent::Burned {
        number: u64::try_from(event.number)
            .map_err(|_| EvidenceError("the burn number is out of range"))?,
        burn_id: event.burnId,
        asset_class: class(event.assetClass),
        holder: event.holder,
        quantity_g: grams(event.quantity)?,
        purpose: event.purpose,
        commitment: event.commitment,
    };
    Ok(vec![burned])
}

/// An item as it was signed.
fn minted(classes: &[U256], item: &SentItem) -> Result<GateEvent, EvidenceError> {
    let content: [u8; 32] = item.content.to_be_bytes();
    let (recipient, rest) = content.split_at(20);
    let (place, quantity) = rest.split_at(1);
    let place = place.first().map_or(0, |place| usize::from(*place));
    let listed = classes.get(place);
    let listed = listed.ok_or(EvidenceError("the batch does not list an item's class"))?;
    Ok(GateEvent::Minted {
        transfer: item.transferId,
        asset_class: class(*listed),
        recipient: Address::from_slice(recipient),
        quantity_g: grams(U256::from_be_slice(quantity))?,
    })
}

fn grams(quantity: U256) -> Result<u64, EvidenceError> {
    u64::try_from(quantity).map_err(|_| EvidenceError("the quantity is out of range"))
}

fn class(class: U256) -> B256 {
    B256::from(class.to_be_bytes::<32>())
}
