//! The raw limit: batches of mints that alloy sends to the same gate on the same chain, signed beforehand, with nothing else to
//! do. What the bridge reaches is held against it.

use std::io::Write;
use std::time::{Duration, Instant};

use alloy::consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::network::TxSignerSync as _;
use alloy::primitives::{Bytes, TxHash, TxKind, U256};
use alloy::providers::{Provider as _, ProviderBuilder, RootProvider};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::sol_types::SolCall;
use anyhow::{Context as _, bail, ensure};
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{Address, BatchId, Hash32, TransferId};
use isthmus_core::operation::{LogHead, MintItem, SignedBatch};
use isthmus_core::quantity::Quantity;
use isthmus_core::time::Timestamp;
use isthmus_e2e::devnet::{CHAIN_ID, Devnet, FINALITY_DEPTH};
use isthmus_evm::contract::{Gate, evm_address};
use isthmus_evm::{MAX_BATCH, eip712, sent::mint_batch_call};

use crate::figures::Figures;
use crate::load::Load;
use crate::now_ms;
use crate::usage::to_f64;

/// Batches sent at a time.
const AT_ONCE: usize = 8;
/// How long everything may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often it is looked whether the last one is final.
const POLL: Duration = Duration::from_millis(20);
/// Gas of a single transaction at most, by EIP-7825.
const MOST_GAS: u64 = 16_000_000;

/// Sends raw transactions of one wallet.
struct Sender<'a> {
    devnet: &'a Devnet,
    rpc: RootProvider,
    nonce: u64,
}

/// Mints `count` tonnes to as many new holders, and measures the gas of one mint.
pub(crate) async fn measure(
    out: &mut impl Write,
    figures: &mut Figures,
    load: &Load,
    count: u64,
) -> anyhow::Result<()> {
    let devnet = &load.devnet;
    let rpc: RootProvider = ProviderBuilder::default().connect_http(devnet.chain.url.parse()?);
    let mut sender = Sender {
        devnet,
        rpc,
        nonce: 0,
    };
    sender.register(&load.class).await?;
    for size in [1, 10, 100] {
        let call = sender.batch(&load.class, size)?;
        let hash = sender.send(&sender.signed(&call, MOST_GAS)?).await?;
        sender.nonce += 1;
        let used = sender.included(hash).await?.gas_used;
        figures.set(
            &format!("gas_per_mint_batch_{size}"),
            to_f64(used)? / to_f64(u64::try_from(size)?)?,
        );
    }
    let gas = sender.estimate(&load.class).await?;
    let mut signed = Vec::new();
    for _ in 0..count.div_ceil(u64::try_from(MAX_BATCH)?) {
        signed.push(sender.signed(&sender.batch(&load.class, MAX_BATCH)?, gas)?);
        sender.nonce += 1;
    }
    let mints = u64::try_from(signed.len() * MAX_BATCH)?;
    let begun_ms = now_ms();
    let mut last = None;
    for part in signed.chunks(AT_ONCE) {
        let sent = part.iter().map(|bytes| sender.send(bytes));
        last = futures::future::try_join_all(sent).await?.last().copied();
    }
    sender.is_final(last.context("nothing was sent")?).await?;
    let per_s = to_f64(mints)? / (to_f64(now_ms().saturating_sub(begun_ms))? / 1000.0);
    writeln!(
        out,
        "raw: {mints} mints in batches of {MAX_BATCH}, {per_s:.1} /s"
    )?;
    figures.set("raw_batched_mints_per_s", per_s);
    Ok(())
}

impl Sender<'_> {
    async fn register(&mut self, class: &AssetClass) -> anyhow::Result<()> {
        let call = Gate::registerClassCall {
            profile: class.profile().into(),
        };
        let hash = self.send(&self.signed(&call, 1_000_000)?).await?;
        self.nonce += 1;
        ensure!(
            self.included(hash).await?.status(),
            "no class was registered"
        );
        Ok(())
    }

    /// Mints of one tonne each, signed by two attesters.
    fn batch(&self, class: &AssetClass, size: usize) -> anyhow::Result<Gate::mintBatchCall> {
        let tonne = Quantity::from_tonnes(1)?;
        let item = |_| MintItem {
            transfer: TransferId::new(rand::random()),
            asset_class: class.id(),
            recipient: Address::new(rand::random()),
            quantity: tonne,
        };
        let items: Vec<_> = (0..size).map(item).collect();
        let log = LogHead {
            size: 1,
            root: Hash32::new([1; 32]),
        };
        let deadline = Timestamp::from_s(now_ms() / 1000 + 3600);
        let digest =
            eip712::mint_batch_digest(CHAIN_ID, self.devnet.gate, &items, log, 1, deadline);
        let attesters = &self.devnet.parties.attesters;
        let mut keys: Vec<_> = attesters.iter().take(2).map(|a| &a.key).collect();
        keys.sort_by_key(|key| key.address());
        let sign = |key: &&isthmus_e2e::devnet::keys::EvmKey| -> anyhow::Result<Vec<u8>> {
            Ok(eip712::sign(digest, &key.signing_key()?).to_vec())
        };
        Ok(mint_batch_call(&SignedBatch {
            id: BatchId::new(*digest.as_bytes()),
            items,
            log,
            epoch: 1,
            deadline,
            signatures: keys.iter().map(sign).collect::<Result<_, _>>()?,
        }))
    }

    /// What a batch needs, and a little.
    async fn estimate(&self, class: &AssetClass) -> anyhow::Result<u64> {
        let request = TransactionRequest::default()
            .to(evm_address(self.devnet.gate))
            .input(Bytes::from(self.batch(class, MAX_BATCH)?.abi_encode()).into());
        let gas = self.rpc.estimate_gas(request).await?;
        Ok(gas + gas / 20)
    }

    fn signed<C: SolCall>(&self, call: &C, gas_limit: u64) -> anyhow::Result<Vec<u8>> {
        let mut transaction = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_limit,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(evm_address(self.devnet.gate)),
            value: U256::ZERO,
            access_list: alloy::eips::eip2930::AccessList::default(),
            input: call.abi_encode().into(),
        };
        let wallet = self.devnet.parties.wallets.first().context("no wallet")?;
        let signature = wallet.signer().sign_transaction_sync(&mut transaction)?;
        Ok(TxEnvelope::Eip1559(transaction.into_signed(signature)).encoded_2718())
    }

    async fn send(&self, bytes: &[u8]) -> anyhow::Result<TxHash> {
        Ok(*self.rpc.send_raw_transaction(bytes).await?.tx_hash())
    }

    async fn included(&self, hash: TxHash) -> anyhow::Result<TransactionReceipt> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(receipt) = self.rpc.get_transaction_receipt(hash).await? {
                ensure!(receipt.status(), "transaction {hash} was reverted");
                return Ok(receipt);
            }
            tokio::time::sleep(POLL).await;
        }
        bail!("transaction {hash} is in no block after {PATIENCE:?}")
    }

    async fn is_final(&self, hash: TxHash) -> anyhow::Result<()> {
        let height = self.included(hash).await?.block_number.unwrap_or_default();
        while self.rpc.get_block_number().await? < height + FINALITY_DEPTH {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }
}
