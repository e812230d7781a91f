//! The nodes of one chain and what they agree is final. All questions go through here: what decides anything is asked of all
//! of them (`agree`), and a failed one makes us check again that we still talk to the right chain.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Address, B256};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::ClientBuilder;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use alloy::transports::{RpcError, TransportError, TransportErrorKind};
use futures::future::join_all;
use isthmus_core::id::LedgerId;
use isthmus_core::ports::{Contradiction, FindError};
use isthmus_core::time::Timestamp;
use tokio::sync::watch;

use crate::agree::{Agreement, Disagreement};
use crate::config::ChainFinality;
use crate::connect::{self, ConnectError, Identity};
use crate::node::{self, BlockRef, Node};
use crate::paid::Paid;

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
    genesis: B256,
    stall_ms: u64,
    nodes: Arc<[Node]>,
    /// How many nodes must say the same.
    quorum: usize,
    /// All nodes as one.
    rpc: RootProvider,
    /// The newest block that was ever final, to notice when it changes.
    anchor: Mutex<Option<BlockRef>>,
    final_height: watch::Sender<u64>,
    /// Transactions by which somebody else used a nonce of ours, and whether people have accepted that.
    strangers: Mutex<HashMap<B256, bool>>,
    /// The newest height seen, and since when.
    pace: Mutex<Option<(u64, Timestamp)>>,
    /// What our transactions cost.
    pub(crate) paid: Paid,
}

/// The two blocks that questions are asked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    /// As far as the nodes agree; may be dropped again.
    pub(crate) latest: BlockRef,
    /// Agreed by all nodes; cannot change.
    pub(crate) last_final: BlockRef,
}

/// What a chain needs besides its nodes.
pub(crate) struct ChainSettings {
    pub(crate) identity: Identity,
    pub(crate) gate_height: u64,
    pub(crate) log_range_limit: u64,
    pub(crate) block_time_ms: u64,
    pub(crate) finality: ChainFinality,
    pub(crate) stall_ms: u64,
    pub(crate) quorum: usize,
    /// Hash of block 0.
    pub(crate) genesis: B256,
}

/// How far one node is.
struct Position<'a> {
    node: &'a Node,
    latest: BlockRef,
    final_height: u64,
}

impl Chain {
    pub(crate) fn new(settings: ChainSettings, nodes: Vec<Node>) -> Self {
        let nodes: Arc<[Node]> = nodes.into();
        let agreement = Agreement::new(Arc::clone(&nodes), settings.quorum);
        Self {
            ledger: settings.identity.ledger,
            id: settings.identity.chain_id,
            gate: settings.identity.gate,
            gate_height: settings.gate_height,
            log_range_limit: settings.log_range_limit,
            block_time_ms: settings.block_time_ms,
            finality: settings.finality,
            genesis: settings.genesis,
            stall_ms: settings.stall_ms,
            quorum: settings.quorum,
            rpc: RootProvider::new(ClientBuilder::default().transport(agreement, true)),
            nodes,
            anchor: Mutex::new(None),
            final_height: watch::Sender::new(0),
            strangers: Mutex::default(),
            pace: Mutex::new(None),
            paid: Paid::default(),
        }
    }

    /// All nodes as one: what names its blocks is agreed.
    pub(crate) fn node(&self) -> &RootProvider {
        &self.rpc
    }

    /// Each node by itself: transactions are sent to every one.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// The newest final height, as it grows.
    pub(crate) fn final_height(&self) -> watch::Receiver<u64> {
        self.final_height.subscribe()
    }

    /// The agreed answer. Endpoints that disagree about what cannot change are a contradiction; a failed question has the
    /// chain's identity checked again.
    pub(crate) fn answered<T>(
        &self,
        question: &'static str,
        answer: Result<T, TransportError>,
    ) -> Result<T, FindError> {
        answer.map_err(|source| {
            if let RpcError::Transport(TransportErrorKind::Custom(cause)) = &source
                && let Some(disagreement) = cause.downcast_ref::<Disagreement>()
            {
                return self.contradiction(disagreement.to_string());
            }
            self.doubt();
            node::unanswered(&self.names(), question, source)
        })
    }

    /// Has the chain's identity checked again before the next conclusion. With several nodes each is doubted by itself.
    pub(crate) fn doubt(&self) {
        if let [only] = self.nodes.as_ref() {
            only.doubt();
        }
    }

    fn names(&self) -> String {
        let urls: Vec<_> = self.nodes.iter().map(|node| node.url.as_str()).collect();
        urls.join(" and ")
    }

    pub(crate) fn incomplete(&self, problem: String) -> FindError {
        node::incomplete(&self.names(), problem)
    }

    pub(crate) fn contradiction(&self, detail: String) -> FindError {
        FindError::Contradiction(Contradiction {
            ledger: self.ledger.clone(),
            detail,
        })
    }

    /// The newest block and the newest final one. A final block that changed is a contradiction.
    pub(crate) async fn heads(&self) -> Result<Heads, FindError> {
        self.check_identity().await?;
        let mut positions = self.positions().await?;
        positions.sort_by_key(|position| std::cmp::Reverse(position.final_height));
        // As many are at least as far as must agree.
        let height = positions.get(self.quorum - 1).map_or(0, |p| p.final_height);
        let anchor = self.anchor();
        let height = anchor.map_or(height, |anchor| anchor.number.max(height));
        if let Some(anchor) = anchor {
            self.check_block(anchor.number, anchor.hash).await?;
        }
        let last_final = match anchor {
            // A slower call, or a node that is behind: what was final stays so.
            Some(anchor) if anchor.number == height => anchor,
            Some(_) | None => self.block_at(height).await?,
        };
        self.keep_anchor(last_final);
        let latest = self.latest(&positions).await;
        let latest = latest.filter(|latest| latest.number > last_final.number);
        Ok(Heads {
            latest: latest.unwrap_or(last_final),
            last_final,
        })
    }

    /// How far the nodes are that answer, if those are enough.
    async fn positions(&self) -> Result<Vec<Position<'_>>, FindError> {
        let trusted = self.nodes.iter().filter(|node| !node.is_suspect());
        let asked = join_all(trusted.map(|node| self.position(node))).await;
        let (mut positions, mut failures) = (Vec::new(), Vec::new());
        for answer in asked {
            match answer {
                Ok(position) => positions.push(position),
                Err(failure) => failures.push(failure),
            }
        }
        if positions.len() >= self.quorum {
            return Ok(positions);
        }
        match failures.pop() {
            Some(failure) => Err(failure),
            None => Err(self.incomplete(format!(
                "{} of {} endpoints answer, {} are needed: the others failed before",
                positions.len(),
                self.nodes.len(),
                self.quorum
            ))),
        }
    }

    async fn position<'a>(&self, node: &'a Node) -> Result<Position<'a>, FindError> {
        let latest = node.block(BlockNumberOrTag::Latest).await?;
        let final_height = match self.finality {
            ChainFinality::Depth(depth) => latest.number.saturating_sub(depth.get()),
            ChainFinality::FinalizedTag => node.block(BlockNumberOrTag::Finalized).await?.number,
        };
        node.is_at(latest.number, final_height);
        Ok(Position {
            node,
            latest,
            final_height,
        })
    }

    /// The newest block on which enough nodes agree; `None` while their newest blocks differ, which is no contradiction.
    async fn latest(&self, positions: &[Position<'_>]) -> Option<BlockRef> {
        let mut heights: Vec<_> = positions.iter().map(|p| p.latest.number).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        let height = *heights.get(self.quorum - 1)?;
        let able = positions.iter().filter(|p| p.latest.number >= height);
        let blocks = able.map(async |position| {
            if position.latest.number == height {
                Ok(position.latest)
            } else {
                position.node.block(height.into()).await
            }
        });
        let blocks = join_all(blocks).await;
        let first = *blocks.first()?.as_ref().ok()?;
        let same = |block: &Result<BlockRef, FindError>| block.as_ref().is_ok_and(|b| *b == first);
        blocks.iter().all(same).then_some(first)
    }

    fn anchor(&self) -> Option<BlockRef> {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_anchor(&self, last_final: BlockRef) {
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        if anchor.is_none_or(|anchor| anchor.number < last_final.number) {
            *anchor = Some(last_final);
        }
        drop(anchor);
        let height = last_final.number;
        self.final_height.send_if_modified(|known| {
            let grown = height > *known;
            *known = height.max(*known);
            grown
        });
    }

    /// What was final before does not count any more: the chain is what it is now.
    pub(crate) fn forget_anchor(&self) {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// People know of the strangers' transactions that were seen so far.
    pub(crate) fn accept_strangers(&self) {
        for accepted in self.strangers().values_mut() {
            *accepted = true;
        }
    }

    /// Whether people know of a transaction that somebody else sent with our key.
    pub(crate) fn is_accepted(&self, stranger: B256) -> bool {
        *self.strangers().entry(stranger).or_insert(false)
    }

    fn strangers(&self) -> MutexGuard<'_, HashMap<B256, bool>> {
        self.strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing new may be expected, if what enough nodes have has not grown for long.
    pub(crate) fn stalled(&self, now: Timestamp) -> Option<FindError> {
        let mut heights: Vec<_> = self.nodes.iter().map(Node::newest).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        let height = *heights.get(self.quorum - 1)?;
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.is_none_or(|(known, _)| known < height) {
            *pace = Some((height, now));
        }
        let (height, since) = (*pace)?;
        drop(pace);
        let stood_ms = now.ms().saturating_sub(since.ms());
        (stood_ms > self.stall_ms).then(|| {
            let at = self
                .nodes
                .iter()
                .map(|node| format!("{} is at {}", node.url, node.newest()));
            let at: Vec<_> = at.collect();
            self.incomplete(format!(
                "no block above {height} for {} s ({}): does the chain, or a node, stand still?",
                stood_ms / 1000,
                at.join(", ")
            ))
        })
    }

    /// How many nonces of an account as many nodes as must agree count as used at least, those in their mempools included. Each
    /// mempool is its node's own. One node that names too high a nonce would have it given out, and nothing below it mined again.
    pub(crate) async fn pending_nonce(&self, account: Address) -> Result<u64, FindError> {
        let trusted = self.nodes.iter().filter(|node| !node.is_suspect());
        let asked = trusted.map(async |node| {
            let answer = node.rpc.get_transaction_count(account).pending().await;
            node.answered("eth_getTransactionCount", answer)
        });
        let (mut counts, mut failed) = (Vec::new(), None);
        for count in join_all(asked).await {
            match count {
                Ok(count) => counts.push(count),
                Err(error) => failed = Some(error),
            }
        }
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts.get(self.quorum - 1).copied().ok_or_else(|| {
            failed.unwrap_or_else(|| {
                self.incomplete(format!(
                    "{} endpoints say which nonce is next, {} are needed",
                    counts.len(),
                    self.quorum
                ))
            })
        })
    }

    /// Contradiction unless the chain's block of this final height has this hash.
    pub(crate) async fn check_block(&self, number: u64, hash: B256) -> Result<(), FindError> {
        let found = self.block_at(number).await?.hash;
        if found == hash {
            Ok(())
        } else {
            Err(self.contradiction(format!(
                "final block {number} was {hash} and is now {found} at {}",
                self.names()
            )))
        }
    }

    /// The canonical block of a final height, as agreed.
    pub(crate) async fn block_at(&self, number: u64) -> Result<BlockRef, FindError> {
        let answer = self.rpc.get_block_by_number(number.into()).await;
        let block = self.answered("eth_getBlockByNumber", answer)?;
        let block = block.ok_or_else(|| self.incomplete(format!("it has no block {number}")))?;
        match node::flaw(&block, Some(number)) {
            Some(problem) => Err(self.incomplete(problem)),
            None => Ok(BlockRef::from(&block)),
        }
    }

    /// Cheap unless a request failed since the last time. A node that stays away does not count; one that is of another
    /// chain now is a contradiction.
    async fn check_identity(&self) -> Result<(), FindError> {
        let mut away = None;
        for node in self.nodes.iter().filter(|node| node.is_suspect()) {
            if self.nodes.len() > 1 && !node.may_be_tried() {
                continue;
            }
            match connect::check_node(node, &self.identity(), Some(self.genesis)).await {
                Ok(_) => node.trust(),
                Err(error @ ConnectError::Unreachable { .. }) => away = Some(error),
                Err(error) => return Err(self.contradiction(error.to_string())),
            }
        }
        let trusted = self.nodes.iter().filter(|node| !node.is_suspect()).count();
        match away {
            Some(error) if trusted < self.quorum => Err(FindError::Unavailable(Box::new(error))),
            Some(_) | None => Ok(()),
        }
    }

    fn identity(&self) -> Identity {
        Identity {
            ledger: self.ledger.clone(),
            chain_id: self.id,
            gate: self.gate,
        }
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
