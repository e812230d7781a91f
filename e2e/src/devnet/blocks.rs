//! Blocks made to order, and what a chain does on a bad day: no blocks, and others than there were.

use std::collections::BTreeMap;

use alloy::eips::BlockId;
use alloy::network::EthereumWallet;
use alloy::primitives::{U64, U256};
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::rpc::types::anvil::ReorgOptions;
use anyhow::Context as _;
use isthmus_core::id::Address;
use isthmus_evm::contract::evm_address;

use crate::devnet::chain::Chain;
use crate::devnet::keys::EvmKey;

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

    /// A block as the node sends it.
    pub async fn block_json(&self, number: u64) -> anyhow::Result<serde_json::Value> {
        let params = (format!("{number:#x}"), false);
        let block = self.rpc.raw_request("eth_getBlockByNumber".into(), params);
        Ok(block.await?)
    }

    /// How many transactions wait for a block.
    pub async fn waiting(&self) -> anyhow::Result<u64> {
        let status = self.rpc.raw_request("txpool_status".into(), ());
        let status: BTreeMap<String, U64> = status.await?;
        Ok(status.values().map(|count| count.to::<u64>()).sum())
    }

    /// Forgets every transaction that waits for a block.
    pub async fn empty_mempool(&self) -> anyhow::Result<()> {
        Ok(self.rpc.anvil_drop_all_transactions().await?)
    }

    /// Somebody sends a little ether, which has nothing to do with the bridge.
    pub async fn pay_ether(&self, from: &EvmKey, to: Address) -> anyhow::Result<()> {
        let provider = ProviderBuilder::new()
            .with_simple_nonce_management()
            .wallet(EthereumWallet::from(from.signer().clone()))
            .connect_http(self.url.parse()?);
        let request = TransactionRequest::default()
            .to(evm_address(to))
            .value(U256::from(1));
        provider.send_transaction(request).await.map(drop)?;
        Ok(())
    }
}
