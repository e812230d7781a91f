//! Blocks made to order, and what a chain does on a bad day: no blocks, and others than there were.

use alloy::eips::BlockId;
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::ReorgOptions;
use anyhow::Context as _;

use crate::devnet::chain::Chain;

impl Chain {
    /// The newest block's number.
    pub async fn height(&self) -> anyhow::Result<u64> {
        Ok(self.rpc.get_block_number().await?)
    }

    /// The newest block's time in seconds.
    pub async fn time_s(&self) -> anyhow::Result<u64> {
        let block = self.rpc.get_block(BlockId::latest()).await?;
        Ok(block.context("there is a newest block")?.header.timestamp)
    }

    /// Makes blocks at once.
    pub async fn mine(&self, blocks: u64) -> anyhow::Result<()> {
        Ok(self.rpc.anvil_mine(Some(blocks), None).await?)
    }

    /// Replaces the newest `depth` blocks by empty ones: what was in them never happened.
    pub async fn reorg(&self, depth: u64) -> anyhow::Result<()> {
        let options = ReorgOptions {
            depth,
            tx_block_pairs: vec![],
        };
        Ok(self.rpc.anvil_reorg(options).await?)
    }

    /// No blocks any more, until [`Self::resume_blocks`].
    pub async fn stop_blocks(&self) -> anyhow::Result<()> {
        Ok(self.rpc.anvil_set_interval_mining(0).await?)
    }

    /// A block a second again.
    pub async fn resume_blocks(&self) -> anyhow::Result<()> {
        Ok(self.rpc.anvil_set_interval_mining(1).await?)
    }
}
