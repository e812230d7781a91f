//! The way back: burns at the gate, disclosed instructions, releases at the registry.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::primitives::{Bytes, U256};
use alloy::providers::{Provider as _, ProviderBuilder, RootProvider};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol_types::{SolCall as _, SolEvent as _};
use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, stream};
use isthmus_core::id::TransferId;
use isthmus_core::instruction::Instruction;
use isthmus_e2e::devnet::{Devnet, Redemption, parties};
use isthmus_evm::contract::{Gate, class_word, evm_address};

use crate::figures::Figures;
use crate::load::Load;
use crate::now_ms;
use crate::usage::to_f64;

/// Burns of one tonne each.
const BURNS: u64 = 200;
/// Which wallet burns.
const WALLET: usize = 1;
/// Calls at a time.
const CALLS: usize = 32;
/// How long each stage may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// Mints to one wallet, burns everything again and has it released.
pub(crate) async fn measure(
    out: &mut impl Write,
    figures: &mut Figures,
    load: &mut Load,
) -> anyhow::Result<()> {
    let before = load.count("completed").await?;
    let wallet = load
        .devnet
        .parties
        .wallets
        .get(WALLET)
        .context("no wallet")?;
    let recipient = wallet.address();
    let orders = load.orders_to(BURNS, || recipient)?;
    load.submit(orders).await?;
    load.completed(before + BURNS, PATIENCE).await?;
    let begun_ms = now_ms();
    let instructions = burn(load).await?;
    let mut open = burned(load, instructions).await?;
    let deadline = now_ms() + u64::try_from(PATIENCE.as_millis())?;
    while !open.is_empty() {
        ensure!(now_ms() < deadline, "{} burns were never seen", open.len());
        open = instruct(&load.devnet, open).await;
    }
    load.completed(before + 2 * BURNS, PATIENCE).await?;
    let spans = load.spans(BURNS).await?;
    let ended_ms = spans.iter().map(|span| span.updated_ms).max();
    let took_ms = ended_ms.unwrap_or_default().saturating_sub(begun_ms);
    let per_s = to_f64(BURNS)? / (to_f64(took_ms)? / 1000.0);
    writeln!(
        out,
        "burns: {BURNS} released in {took_ms} ms, {per_s:.1} /s"
    )?;
    figures.set("burn_to_release_per_s", per_s);
    Ok(())
}

/// Sends all burns; the instructions that they commit to.
async fn burn(load: &Load) -> anyhow::Result<Vec<Instruction>> {
    let wallet = load
        .devnet
        .parties
        .wallets
        .get(WALLET)
        .context("no wallet")?;
    let provider = ProviderBuilder::new()
        .wallet(EthereumWallet::from(wallet.signer().clone()))
        .connect_http(load.devnet.chain.url.parse()?);
    let first = provider
        .get_transaction_count(evm_address(wallet.address()))
        .await?;
    let mut instructions = Vec::new();
    for nonce in first..first + BURNS {
        let instruction = Redemption::release_to(parties::BETA)?;
        let call = Gate::burnCall {
            assetClass: class_word(load.class.id()),
            quantity: U256::from(1_000_000),
            purpose: 1,
            commitment: (*instruction.commitment().as_bytes()).into(),
        };
        let request = TransactionRequest::default()
            .to(evm_address(load.devnet.gate))
            .input(Bytes::from(call.abi_encode()).into())
            .gas_limit(250_000)
            .nonce(nonce)
            .max_fee_per_gas(100_000_000_000)
            .max_priority_fee_per_gas(1_000_000_000);
        // Its inclusion is seen in the logs.
        let _pending = provider.send_transaction(request).await?;
        instructions.push(instruction);
    }
    Ok(instructions)
}

type Open = Vec<(TransferId, Instruction)>;

/// The ids that the gate gave them.
async fn burned(load: &Load, instructions: Vec<Instruction>) -> anyhow::Result<Open> {
    let rpc: RootProvider = ProviderBuilder::default().connect_http(load.devnet.chain.url.parse()?);
    let filter = Filter::new()
        .address(evm_address(load.devnet.gate))
        .event_signature(Gate::Burned::SIGNATURE_HASH)
        .from_block(0);
    let deadline = now_ms() + u64::try_from(PATIENCE.as_millis())?;
    let mut wanted: HashMap<[u8; 32], Instruction> = instructions
        .into_iter()
        .map(|instruction| (*instruction.commitment().as_bytes(), instruction))
        .collect();
    let mut found = Vec::new();
    while !wanted.is_empty() {
        ensure!(
            now_ms() < deadline,
            "{} burns are in no block",
            wanted.len()
        );
        for log in rpc.get_logs(&filter).await? {
            let event = Gate::Burned::decode_log(&log.inner)?;
            if let Some(instruction) = wanted.remove(&event.commitment.0) {
                found.push((TransferId::new(event.burnId.0), instruction));
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(found)
}

/// Discloses instructions; returns those whose burns the relayer has not seen yet.
async fn instruct(devnet: &Devnet, open: Open) -> Open {
    let rest = stream::iter(open)
        .map(async |(id, instruction)| {
            let done = devnet.instruct(id, &instruction).await.is_ok();
            (!done).then_some((id, instruction))
        })
        .buffer_unordered(CALLS)
        .collect::<Vec<_>>()
        .await;
    let rest: Open = rest.into_iter().flatten().collect();
    if !rest.is_empty() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    rest
}
