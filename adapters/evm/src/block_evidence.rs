//! Proves events: reads a whole block once, rebuilds its receipts trie and cuts one proof per event out of it.

use std::collections::HashMap;
use std::sync::Arc;

use alloy::consensus::ReceiptEnvelope;
use alloy::eips::BlockId;
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, B256, Bytes, Log};
use alloy::providers::Provider;
use alloy::trie::HashBuilder;
use alloy::trie::proof::{ProofNodes, ProofRetainer};
use alloy::trie::root::adjust_index_for_rlp;
use isthmus_core::ports::FindError;
use isthmus_core::receipt::{Evidence, EvidenceKind};

use crate::chain::Chain;
use crate::evidence::{EvmEvidence, receipt_key};
use crate::node::BlockRef;
use crate::settlements::{Settled, What, settlements};

/// A block with everything that proofs of its events need.
#[derive(Debug)]
struct ProvenBlock {
    block: BlockRef,
    header_rlp: Bytes,
    transactions: Vec<B256>,
    /// EIP-2718 bytes.
    receipts: Vec<Vec<u8>>,
    /// Every node of the trie over the receipts: each event's proof is some of them.
    nodes: ProofNodes,
    events: Vec<Vec<Log>>,
    settlements: HashMap<B256, Settled>,
}

/// What identifies an event of the gate inside a transaction: its signature and its first indexed field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventKey {
    pub(crate) signature: B256,
    pub(crate) subject: B256,
}

impl EventKey {
    /// Whether the contract emitted this event about this subject.
    pub(crate) fn matches(&self, contract: Address, event: &Log) -> bool {
        event.address == contract
            && event.topics().first() == Some(&self.signature)
            && event.topics().get(1) == Some(&self.subject)
    }
}

/// Blocks read during one call; many operations usually share a block.
#[derive(Debug)]
pub(crate) struct Prover<'a> {
    chain: &'a Chain,
    hashes: HashMap<u64, B256>,
    blocks: HashMap<B256, Arc<ProvenBlock>>,
    /// By block, transaction and event.
    proofs: HashMap<(B256, usize, usize), Arc<Proven>>,
}

/// An event with its proof.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) event: Log,
    pub(crate) block: BlockRef,
    pub(crate) evidence: EvmEvidence,
    /// The evidence as a file, shared by all that it proves.
    pub(crate) file: Evidence,
}

impl<'a> Prover<'a> {
    pub(crate) fn new(chain: &'a Chain) -> Self {
        Self {
            chain,
            hashes: HashMap::new(),
            blocks: HashMap::new(),
            proofs: HashMap::new(),
        }
    }

    /// Proves the gate's event `key` of a transaction in a block. The proof is verified before it is returned.
    pub(crate) async fn prove(
        &mut self,
        block: B256,
        transaction: B256,
        key: EventKey,
    ) -> Result<Arc<Proven>, FindError> {
        let proven = self.block(block).await?;
        let (index, event) = self.place(&proven, transaction, key)?;
        self.proof(&proven, index, event)
    }

    /// The gate's event `key` of a transaction in a block, and the block's height. The block's hash commits to it, which is all
    /// that somebody needs who shows it to nobody else.
    pub(crate) async fn event(
        &mut self,
        block: B256,
        transaction: B256,
        key: EventKey,
    ) -> Result<(Log, u64), FindError> {
        let proven = self.block(block).await?;
        let (index, event) = self.place(&proven, transaction, key)?;
        let found = proven.events.get(index).and_then(|e| e.get(event));
        let found = found.ok_or_else(|| self.chain.incomplete(format!("no event {event}")))?;
        Ok((found.clone(), proven.block.number))
    }

    /// All of the gate's events of one kind in a block that was read before.
    pub(crate) fn events_in(&self, block: B256, signature: B256) -> Vec<Log> {
        let block = self.blocks.get(&block);
        let events = block.map(|block| block.events.as_slice());
        let is_wanted = |event: &&Log| {
            event.address == self.chain.gate && event.topics().first() == Some(&signature)
        };
        let events = events.unwrap_or_default().iter().flatten();
        events.filter(is_wanted).cloned().collect()
    }

    /// Positions of a transaction in a block and of the gate's event `key` in its receipt.
    fn place(
        &self,
        block: &ProvenBlock,
        transaction: B256,
        key: EventKey,
    ) -> Result<(usize, usize), FindError> {
        let lacks = |what: &str| {
            self.chain.incomplete(format!(
                "block {} has no {what} of transaction {transaction}",
                block.block.hash
            ))
        };
        let mut hashes = block.transactions.iter();
        let index = hashes
            .position(|hash| *hash == transaction)
            .ok_or_else(|| lacks("receipt"))?;
        let event = block
            .events
            .get(index)
            .and_then(|events| events.iter().position(|e| key.matches(self.chain.gate, e)))
            .ok_or_else(|| lacks("event of the gate in the receipt"))?;
        Ok((index, event))
    }

    /// What the gate recorded about a transfer in the block of this height, with its proof; `None` if it recorded nothing there.
    /// Transfers of one batch share the proof.
    pub(crate) async fn settled(
        &mut self,
        height: u64,
        transfer: B256,
    ) -> Result<Option<(What, Arc<Proven>)>, FindError> {
        let hash = match self.hashes.get(&height) {
            Some(hash) => *hash,
            None => self.chain.block_at(height).await?.hash,
        };
        self.hashes.insert(height, hash);
        let block = self.block(hash).await?;
        let Some(settled) = block.settlements.get(&transfer) else {
            return Ok(None);
        };
        let proven = self.proof(&block, settled.transaction, settled.event)?;
        Ok(Some((settled.what, proven)))
    }

    /// Cuts a proof out of a block and verifies it.
    fn proof(
        &mut self,
        from: &ProvenBlock,
        transaction: usize,
        event: usize,
    ) -> Result<Arc<Proven>, FindError> {
        let place = (from.block.hash, transaction, event);
        if let Some(proven) = self.proofs.get(&place) {
            return Ok(Arc::clone(proven));
        }
        let lacks = || {
            self.chain.incomplete(format!(
                "block {} has no event {event} of transaction {transaction}",
                from.block.hash
            ))
        };
        let tx_index = u64::try_from(transaction).map_err(|_| lacks())?;
        let nodes = from.nodes.matching_nodes_sorted(&receipt_key(tx_index));
        let proof = nodes.into_iter().map(|(_, node)| node).collect();
        let evidence = EvmEvidence {
            block_hash: from.block.hash,
            block_number: from.block.number,
            chain_id: self.chain.id,
            event_index: u64::try_from(event).map_err(|_| lacks())?,
            gate: self.chain.gate,
            header_rlp: from.header_rlp.clone(),
            proof,
            receipt: from
                .receipts
                .get(transaction)
                .ok_or_else(lacks)?
                .clone()
                .into(),
            tx_hash: *from.transactions.get(transaction).ok_or_else(lacks)?,
            tx_index,
            v: 1,
        };
        let event = evidence.verify().map_err(|error| {
            self.chain.incomplete(format!(
                "transaction {} in block {}: {error}",
                evidence.tx_hash, evidence.block_hash
            ))
        })?;
        let proven = Arc::new(Proven {
            event,
            block: from.block,
            file: Evidence::new(EvidenceKind::EvmReceipt, evidence.to_bytes()),
            evidence,
        });
        self.proofs.insert(place, Arc::clone(&proven));
        Ok(proven)
    }

    async fn block(&mut self, hash: B256) -> Result<Arc<ProvenBlock>, FindError> {
        if let Some(block) = self.blocks.get(&hash) {
            return Ok(Arc::clone(block));
        }
        let block = Arc::new(read(self.chain, hash).await?);
        self.blocks.insert(hash, Arc::clone(&block));
        Ok(block)
    }
}

/// Reads a block, checks that what was read is what its hash commits to and that the block is part of the chain.
async fn read(chain: &Chain, hash: B256) -> Result<ProvenBlock, FindError> {
    let answer = chain.node().get_block_by_hash(hash).await;
    let block = chain
        .answered("eth_getBlockByHash", answer)?
        .ok_or_else(|| chain.incomplete(format!("it has no block {hash}")))?;
    chain.check_block(block.header.number, hash).await?;
    let answer = chain.node().get_block_receipts(BlockId::hash(hash)).await;
    let receipts = chain
        .answered("eth_getBlockReceipts", answer)?
        .ok_or_else(|| chain.incomplete(format!("it has no receipts of block {hash}")))?;
    let header = &block.header.inner;
    if header.hash_slow() != hash {
        return Err(chain.incomplete(format!(
            "the header it sent does not hash to block {hash}: its header format is not known here"
        )));
    }
    for receipt in &receipts {
        chain.paid.note(receipt);
    }
    let transactions = receipts.iter().map(|r| r.transaction_hash).collect();
    let (receipts, events): (Vec<_>, Vec<_>) = receipts
        .into_iter()
        .map(|receipt| {
            let envelope: ReceiptEnvelope<Log> = receipt.into_primitives_receipt().inner;
            (envelope.encoded_2718(), envelope.logs().to_vec())
        })
        .unzip();
    let (root, nodes) = receipts_trie(&receipts);
    if root != header.receipts_root {
        return Err(chain.incomplete(format!(
            "the receipts it sent do not hash to the receipts root of block {hash}"
        )));
    }
    Ok(ProvenBlock {
        block: BlockRef::from(&block),
        header_rlp: alloy::rlp::encode(header).into(),
        transactions,
        receipts,
        nodes,
        settlements: settlements(chain.gate, &events),
        events,
    })
}

/// Root of the trie over a block's receipts, and all its nodes.
fn receipts_trie(receipts: &[Vec<u8>]) -> (B256, ProofNodes) {
    let positions = (0..receipts.len()).filter_map(|index| u64::try_from(index).ok());
    let keys: Vec<_> = positions.map(receipt_key).collect();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(keys.clone()));
    for index in 0..receipts.len() {
        // The builder wants its keys ascending, and RLP sorts 0x80 (zero) behind 0x7f.
        let index = adjust_index_for_rlp(index, receipts.len());
        if let (Some(receipt), Some(key)) = (receipts.get(index), keys.get(index)) {
            builder.add_leaf(*key, receipt);
        }
    }
    let root = builder.root();
    (root, builder.take_proof_nodes())
}
