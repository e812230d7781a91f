//! One JSON-RPC endpoint and its answers.

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::B256;
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::types::Block;
use alloy::transports::TransportError;
use isthmus_core::ports::FindError;

/// One JSON-RPC endpoint.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) url: String,
    pub(crate) rpc: RootProvider,
}

/// A block, named so that it cannot be confused with another of its height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRef {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    /// Seconds since the Unix epoch.
    pub(crate) timestamp: u64,
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
    pub(crate) async fn block(&self, number: BlockNumberOrTag) -> Result<BlockRef, FindError> {
        let answer = self.rpc.get_block_by_number(number).await;
        let block = self.answered("eth_getBlockByNumber", answer)?;
        let block = block.ok_or_else(|| self.incomplete(format!("it has no block {number}")))?;
        Ok(BlockRef::from(&block))
    }

    pub(crate) fn answered<T>(
        &self,
        question: &'static str,
        answer: Result<T, TransportError>,
    ) -> Result<T, FindError> {
        answer.map_err(|source| {
            FindError::Unavailable(Box::new(NodeError {
                url: self.url.clone(),
                question,
                source,
            }))
        })
    }

    pub(crate) fn incomplete(&self, problem: String) -> FindError {
        FindError::Unavailable(Box::new(IncompleteAnswer {
            url: self.url.clone(),
            problem,
        }))
    }
}

impl From<&Block> for BlockRef {
    fn from(block: &Block) -> Self {
        Self {
            number: block.header.number,
            hash: block.header.hash,
            timestamp: block.header.timestamp,
        }
    }
}
