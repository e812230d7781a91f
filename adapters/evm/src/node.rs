//! One JSON-RPC endpoint, its answers, and what is known about it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use alloy::consensus::proofs::calculate_transaction_root;
use alloy::eips::BlockNumberOrTag;
use alloy::primitives::B256;
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::ClientBuilder;
use alloy::rpc::types::Block;
use alloy::transports::TransportError;
use alloy::transports::http::Http;
use isthmus_core::ports::FindError;
use tokio::time::Instant;

use crate::counted::Counted;

/// How often an endpoint that failed is looked at again.
const RECHECK: Duration = Duration::from_secs(5);

/// One JSON-RPC endpoint.
#[derive(Debug)]
pub(crate) struct Node {
    /// Without what may be a credential.
    pub(crate) url: String,
    pub(crate) rpc: RootProvider,
    pub(crate) http: Counted,
    /// A request failed since its identity was last checked: behind the address may be another machine now.
    suspect: AtomicBool,
    /// When a suspect one is looked at again.
    recheck: Mutex<Option<Instant>>,
    /// Highest final block that it has shown.
    final_height: AtomicU64,
    /// Its newest block.
    newest: AtomicU64,
}

/// A block, named so that it cannot be confused with another of its height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRef {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    /// Seconds since the Unix epoch.
    pub(crate) timestamp: u64,
    /// What it took for a unit of gas at least, in wei; the hash commits to it.
    pub(crate) base_fee_wei: u128,
}

/// A question that a node did not answer.
#[derive(Debug, thiserror::Error)]
#[error("node {url} did not answer {question}")]
struct NodeError {
    url: String,
    question: &'static str,
    #[source]
    source: TransportError,
}

/// A node's answer that lacks what it must contain.
#[derive(Debug, thiserror::Error)]
#[error("node {url}: {problem}")]
struct IncompleteAnswer {
    url: String,
    problem: String,
}

impl Node {
    pub(crate) fn new(url: String, http: Http<reqwest::Client>) -> Self {
        let http = Counted::new(http);
        let client = ClientBuilder::default().transport(http.clone(), true);
        Self {
            url,
            rpc: RootProvider::new(client),
            http,
            suspect: AtomicBool::new(false),
            recheck: Mutex::new(None),
            final_height: AtomicU64::new(0),
            newest: AtomicU64::new(0),
        }
    }

    pub(crate) async fn block(&self, number: BlockNumberOrTag) -> Result<BlockRef, FindError> {
        let answer = self.rpc.get_block_by_number(number).await;
        let block = self.answered("eth_getBlockByNumber", answer)?;
        let block = block.ok_or_else(|| self.incomplete(format!("it has no block {number}")))?;
        if let Some(problem) = flaw(&block, number.as_number()) {
            self.doubt();
            return Err(self.incomplete(problem));
        }
        Ok(BlockRef::from(&block))
    }

    pub(crate) fn answered<T>(
        &self,
        question: &'static str,
        answer: Result<T, TransportError>,
    ) -> Result<T, FindError> {
        answer.map_err(|source| {
            self.doubt();
            unanswered(&self.url, question, source)
        })
    }

    pub(crate) fn incomplete(&self, problem: String) -> FindError {
        incomplete(&self.url, problem)
    }

    /// Has its identity checked before it counts again.
    pub(crate) fn doubt(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    /// Its identity was checked.
    pub(crate) fn trust(&self) {
        self.suspect.store(false, Ordering::Relaxed);
        *self.recheck.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether a suspect endpoint may be tried again; not at every question, since one that is away may take its time.
    pub(crate) fn may_be_tried(&self) -> bool {
        let now = Instant::now();
        let mut recheck = self.recheck.lock().unwrap_or_else(PoisonError::into_inner);
        if recheck.is_some_and(|at| now < at) {
            return false;
        }
        *recheck = now.checked_add(RECHECK);
        true
    }

    /// Notes how far it is.
    pub(crate) fn is_at(&self, newest: u64, final_height: u64) {
        self.newest.store(newest, Ordering::Relaxed);
        self.final_height.fetch_max(final_height, Ordering::Relaxed);
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }

    /// Whether it has shown that it has a final height.
    pub(crate) fn has(&self, height: u64) -> bool {
        height <= self.final_height.load(Ordering::Relaxed)
    }
}

pub(crate) fn unanswered(url: &str, question: &'static str, source: TransportError) -> FindError {
    FindError::Unavailable(Box::new(NodeError {
        url: url.to_owned(),
        question,
        source,
    }))
}

pub(crate) fn incomplete(url: &str, problem: String) -> FindError {
    FindError::Unavailable(Box::new(IncompleteAnswer {
        url: url.to_owned(),
        problem,
    }))
}

/// What is wrong with a block as it was sent: a hash says nothing about contents that nobody hashed.
pub(crate) fn flaw(block: &Block, asked: Option<u64>) -> Option<String> {
    let header = &block.header;
    let (named, hash) = (header.hash, header.inner.hash_slow());
    if hash != named {
        return Some(format!(
            "the header it sent as block {named} hashes to {hash}"
        ));
    }
    if let Some(asked) = asked.filter(|asked| *asked != header.number) {
        return Some(format!(
            "it sent block {} when asked for block {asked}",
            header.number
        ));
    }
    let full = block.transactions.as_transactions()?;
    let envelopes: Vec<_> = full.iter().map(|tx| tx.inner.inner()).collect();
    (calculate_transaction_root(&envelopes) != header.transactions_root).then(|| {
        format!("the transactions it sent do not hash to the transactions root of block {named}")
    })
}

impl From<&Block> for BlockRef {
    fn from(block: &Block) -> Self {
        Self {
            number: block.header.number,
            hash: block.header.hash,
            timestamp: block.header.timestamp,
            base_fee_wei: block.header.base_fee_per_gas.unwrap_or_default().into(),
        }
    }
}
