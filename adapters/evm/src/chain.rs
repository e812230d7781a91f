//! The nodes of one chain and what they agree is final. All questions go through here, so that a failed one makes us check
//! again that we still talk to the right chain.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Address, B256};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use alloy::transports::TransportError;
use isthmus_core::id::LedgerId;
use isthmus_core::ports::{Contradiction, FindError};

use crate::config::ChainFinality;
use crate::connect::{self, ConnectError};
use crate::node::{BlockRef, Node};

/// The gate's chain, through one or more nodes.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) ledger: LedgerId,
    pub(crate) id: u64,
    pub(crate) gate: Address,
    /// No log of the gate is older.
    pub(crate) gate_height: u64,
    pub(crate) log_range_limit: u64,
    pub(crate) block_time_ms: u64,
    finality: ChainFinality,
    first: Node,
    others: Vec<Node>,
    /// A request failed since identity was last checked: the endpoint may be another machine now.
    suspect: AtomicBool,
    /// The newest block that was ever final, to notice when it changes.
    anchor: Mutex<Option<BlockRef>>,
}

/// The two blocks that questions are asked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    /// Of the first node.
    pub(crate) latest: BlockRef,
    /// Agreed by all nodes; cannot change.
    pub(crate) last_final: BlockRef,
}

/// What a chain needs besides its nodes.
pub(crate) struct ChainSettings {
    pub(crate) ledger: LedgerId,
    pub(crate) id: u64,
    pub(crate) gate: Address,
    pub(crate) gate_height: u64,
    pub(crate) log_range_limit: u64,
    pub(crate) block_time_ms: u64,
    pub(crate) finality: ChainFinality,
}

impl Chain {
    pub(crate) fn new(settings: ChainSettings, first: Node, others: Vec<Node>) -> Self {
        Self {
            ledger: settings.ledger,
            id: settings.id,
            gate: settings.gate,
            gate_height: settings.gate_height,
            log_range_limit: settings.log_range_limit,
            block_time_ms: settings.block_time_ms,
            finality: settings.finality,
            first,
            others,
            suspect: AtomicBool::new(false),
            anchor: Mutex::new(None),
        }
    }

    /// The node that is asked for everything but agreement.
    pub(crate) fn node(&self) -> &RootProvider {
        &self.first.rpc
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The first node's answer; a failure is remembered until the chain's identity was checked again.
    pub(crate) fn answered<T>(
        &self,
        question: &'static str,
        answer: Result<T, TransportError>,
    ) -> Result<T, FindError> {
        if answer.is_err() {
            self.doubt();
        }
        self.first.answered(question, answer)
    }

    /// Has the chain's identity checked again before the next conclusion.
    pub(crate) fn doubt(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    pub(crate) fn incomplete(&self, problem: String) -> FindError {
        self.first.incomplete(problem)
    }

    pub(crate) fn contradiction(&self, detail: String) -> FindError {
        FindError::Contradiction(Contradiction {
            ledger: self.ledger.clone(),
            detail,
        })
    }

    /// The newest block and the newest final one. A final block that changed is a contradiction.
    pub(crate) async fn heads(&self) -> Result<Heads, FindError> {
        let heads = self.read_heads().await;
        if heads.is_err() {
            self.doubt();
        }
        heads
    }

    async fn read_heads(&self) -> Result<Heads, FindError> {
        self.check_identity().await?;
        let latest = self.first.block(BlockNumberOrTag::Latest).await?;
        let mut height = self.final_height(&self.first, latest.number).await?;
        for node in &self.others {
            let newest = node.block(BlockNumberOrTag::Latest).await?.number;
            height = height.min(self.final_height(node, newest).await?);
        }
        let last_final = self.first.block(height.into()).await?;
        for node in &self.others {
            let other = node.block(height.into()).await?;
            if other.hash != last_final.hash {
                return Err(self.contradiction(format!(
                    "final block {height} is {} at {} but {} at {}",
                    last_final.hash, self.first.url, other.hash, node.url
                )));
            }
        }
        self.keep_anchor(last_final).await?;
        Ok(Heads { latest, last_final })
    }

    async fn final_height(&self, node: &Node, newest: u64) -> Result<u64, FindError> {
        match self.finality {
            ChainFinality::Depth(depth) => Ok(newest.saturating_sub(depth.get())),
            ChainFinality::FinalizedTag => {
                Ok(node.block(BlockNumberOrTag::Finalized).await?.number)
            }
        }
    }

    /// What was final once must still be there, also when this answer is older than the last one: another call may have been
    /// faster, or another node behind the same address.
    async fn keep_anchor(&self, last_final: BlockRef) -> Result<(), FindError> {
        let anchor = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(anchor) = anchor
            && anchor != last_final
        {
            self.check_block(anchor.number, anchor.hash).await?;
        }
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        if anchor.is_none_or(|anchor| anchor.number < last_final.number) {
            *anchor = Some(last_final);
        }
        Ok(())
    }

    /// Contradiction unless the chain's block of this final height has this hash.
    pub(crate) async fn check_block(&self, number: u64, hash: B256) -> Result<(), FindError> {
        let found = self.first.block(number.into()).await?.hash;
        if found == hash {
            Ok(())
        } else {
            Err(self.contradiction(format!(
                "final block {number} was {hash} and is now {found}"
            )))
        }
    }

    /// The canonical block of a height.
    pub(crate) async fn block_at(&self, number: u64) -> Result<BlockRef, FindError> {
        self.first.block(number.into()).await
    }

    /// Cheap unless a request failed since the last time.
    async fn check_identity(&self) -> Result<(), FindError> {
        if !self.suspect.load(Ordering::Relaxed) {
            return Ok(());
        }
        for node in self.nodes() {
            connect::check_node(node, &self.ledger, self.id, self.gate)
                .await
                .map_err(|error| match error {
                    ConnectError::WrongChain { .. } | ConnectError::NoGate { .. } => {
                        self.contradiction(error.to_string())
                    }
                    ConnectError::Config(_)
                    | ConnectError::Unreachable { .. }
                    | ConnectError::NotAGate { .. }
                    | ConnectError::Client { .. } => FindError::Unavailable(Box::new(error)),
                })?;
        }
        self.suspect.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Asks a contract at one block, which must still be part of the chain.
    pub(crate) async fn view<C: SolCall>(
        &self,
        contract: Address,
        call: &C,
        at: B256,
    ) -> Result<C::Return, FindError> {
        let request = TransactionRequest::default()
            .to(contract)
            .input(call.abi_encode().into());
        let answer = self
            .node()
            .call(request)
            .block(BlockId::hash_canonical(at))
            .await;
        let bytes = self.answered(C::SIGNATURE, answer)?;
        C::abi_decode_returns(&bytes).map_err(|error| {
            self.incomplete(format!(
                "{} of {contract} at block {at}: {error}",
                C::SIGNATURE
            ))
        })
    }
}
