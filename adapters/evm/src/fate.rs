//! What became of a draft: whether its transaction is final, under way, unknown, or can never land.

use std::collections::HashMap;
use std::sync::Arc;

use alloy::consensus::Transaction as _;
use alloy::consensus::transaction::SignerRecoverable as _;
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::TransactionResponse;
use alloy::primitives::{Address, B256, TxKind, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::{Transaction as RpcTransaction, TransactionReceipt};
use alloy::sol_types::SolCall;
use isthmus_core::id::DraftId;
use isthmus_core::ports::{Draft, FindError};

use crate::chain::{Chain, Heads};
use crate::contract::Gate;
use crate::lane::sender_and_nonce;
use crate::node::flaw;

/// What became of a draft.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// In a final block, successful or not.
    Final(Arc<TransactionReceipt>),
    /// In a block that is not final, or about to be known.
    UnderWay,
    /// In the mempool, where the next block may take it.
    Waiting,
    /// Its nonce is free, and the node does not know it or keeps it behind a gap in the nonces: sent again, it lands.
    Unsent,
    /// Another transaction of ours has its nonce, finally.
    Superseded,
}

/// Fates learned during one call; operations of a batch share their drafts.
#[derive(Debug)]
pub(crate) struct Fates<'a> {
    chain: &'a Chain,
    heads: Heads,
    known: HashMap<DraftId, Fate>,
}

impl<'a> Fates<'a> {
    pub(crate) fn new(chain: &'a Chain, heads: Heads) -> Self {
        Self {
            chain,
            heads,
            known: HashMap::new(),
        }
    }

    /// What became of a draft; a nonce used by a stranger is a contradiction.
    pub(crate) async fn of(&mut self, draft: &Draft) -> Result<Fate, FindError> {
        if let Some(fate) = self.known.get(&draft.id) {
            return Ok(fate.clone());
        }
        let fate = self.ask(draft).await?;
        self.known.insert(draft.id, fate.clone());
        Ok(fate)
    }

    async fn ask(&self, draft: &Draft) -> Result<Fate, FindError> {
        let (chain, hash) = (self.chain, B256::from(*draft.id.as_bytes()));
        let answer = chain.node().get_transaction_receipt(hash).await;
        if let Some(receipt) = chain.answered("eth_getTransactionReceipt", answer)? {
            let is_final = receipt
                .block_number
                .is_some_and(|number| number <= self.heads.last_final.number);
            return Ok(if is_final {
                chain.paid.note(&receipt);
                Fate::Final(Arc::new(receipt))
            } else {
                Fate::UnderWay
            });
        }
        let (sender, nonce) = sender_and_nonce(draft).ok_or_else(|| {
            chain.incomplete(format!("draft {} is no signed transaction", draft.id))
        })?;
        let answer = chain.node().get_transaction_by_hash(hash).await;
        if let Some(known) = chain.answered("eth_getTransactionByHash", answer)? {
            if known.block_number().is_some() {
                return Ok(Fate::UnderWay);
            }
            let pending = chain.pending_nonce(sender).await?;
            // Some nodes do not count what no block takes at its price.
            let is_next = self.nonces_used(sender, self.heads.latest.hash).await? == nonce;
            let waits = is_next || pending > nonce;
            return Ok(if waits { Fate::Waiting } else { Fate::Unsent });
        }
        if self.nonces_used(sender, self.heads.last_final.hash).await? > nonce {
            return self.superseded(sender, nonce).await;
        }
        if self.nonces_used(sender, self.heads.latest.hash).await? > nonce {
            return Ok(Fate::UnderWay);
        }
        Ok(Fate::Unsent)
    }

    async fn nonces_used(&self, sender: Address, at: B256) -> Result<u64, FindError> {
        let at = BlockId::hash_canonical(at);
        let answer = self.chain.node().get_transaction_count(sender);
        self.chain
            .answered("eth_getTransactionCount", answer.block_id(at).await)
    }

    /// Who has the nonce: another transaction of ours, or a stranger with our key.
    async fn superseded(&self, sender: Address, nonce: u64) -> Result<Fate, FindError> {
        let number = self.block_of_nonce(sender, nonce).await?;
        let answer = self
            .chain
            .node()
            .get_block_by_number(BlockNumberOrTag::Number(number))
            .full()
            .await;
        let block = self
            .chain
            .answered("eth_getBlockByNumber", answer)?
            .ok_or_else(|| self.chain.incomplete(format!("it has no block {number}")))?;
        if let Some(problem) = flaw(&block, Some(number)) {
            return Err(self.chain.incomplete(problem));
        }
        // Sender and hash follow from the signed bytes, which the block commits to; what the node adds to them does not count.
        let user = block
            .transactions
            .into_transactions()
            .map(RpcTransaction::into_inner)
            .find(|tx| tx.nonce() == nonce && tx.recover_signer().is_ok_and(|by| by == sender))
            .ok_or_else(|| {
                self.chain.incomplete(format!(
                    "block {number} lacks nonce {nonce} of {sender}, which its state has used"
                ))
            })?;
        let hash = keccak256(user.encoded_2718());
        if is_ours(self.chain.gate, sender, user.kind(), user.input())
            || self.chain.is_accepted(hash)
        {
            return Ok(Fate::Superseded);
        }
        Err(self.chain.contradiction(format!(
            "nonce {nonce} of {sender} was used by transaction {hash} in block {number}, which this relayer never makes: somebody else has the key"
        )))
    }

    /// The block whose state first has the nonce used. No index by nonce exists, but the count never falls.
    /// Steps back from the head first, ever wider, since most nodes have the state of the newest blocks only.
    async fn block_of_nonce(&self, sender: Address, nonce: u64) -> Result<u64, FindError> {
        let head = self.heads.last_final.number;
        let (mut high, mut width) = (head, 1);
        let mut low = loop {
            let low = head.saturating_sub(width);
            if low == 0 || !self.used_by(sender, nonce, low).await? {
                break low;
            }
            high = low;
            width = width.saturating_mul(2);
        };
        while low < high {
            let middle = low.midpoint(high);
            if self.used_by(sender, nonce, middle).await? {
                high = middle;
            } else {
                low = middle.saturating_add(1);
            }
        }
        Ok(high)
    }

    async fn used_by(&self, sender: Address, nonce: u64, block: u64) -> Result<bool, FindError> {
        let answer = self.chain.node().get_transaction_count(sender);
        let used = self
            .chain
            .answered("eth_getTransactionCount", answer.number(block).await)?;
        Ok(used > nonce)
    }
}

/// Whether a transaction is of a kind that this adapter makes: a call of the gate, or nothing at all to itself. Told by its
/// content, because drafts of other operations are not at hand here.
fn is_ours(gate: Address, sender: Address, to: TxKind, input: &[u8]) -> bool {
    let selectors = [
        Gate::mintBatchCall::SELECTOR,
        Gate::voidTransferCall::SELECTOR,
        Gate::registerClassCall::SELECTOR,
    ];
    match to {
        TxKind::Call(to) if to == gate => {
            selectors.iter().any(|selector| input.starts_with(selector))
        }
        TxKind::Call(to) => to == sender && input.is_empty(),
        TxKind::Create => false,
    }
}
