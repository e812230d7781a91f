//! The way back: burns at the gate, disclosed instructions, releases at the registry.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Bytes, TxKind, U256};
use alloy::providers::{Provider as _, ProviderBuilder, RootProvider};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol_types::{SolCall as _, SolEvent as _};
use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use isthmus_core::id::TransferId;
use isthmus_core::instruction::Instruction;
use isthmus_e2e::devnet::Redemption;
use isthmus_e2e::devnet::{CHAIN_ID, parties};
use isthmus_evm::contract::{Gate, class_word, evm_address};

use crate::figures::Figures;
use crate::load::Load;
use crate::now_ms;
use crate::outbound::report;
use crate::usage::{Usage, to_f64};

/// Most burns, of one tonne each.
const MOST: u64 = 3_000;
/// Which wallet burns.
const WALLET: usize = 1;
/// Calls at a time.
const CALLS: usize = 32;
/// How long each stage may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// Between two looks.
const POLL: Duration = Duration::from_millis(100);

/// Mints to one wallet, burns everything again and has it released.
pub(crate) async fn measure(
    out: &mut impl Write,
    figures: &mut Figures,
    load: &mut Load,
    most: u64,
) -> anyhow::Result<()> {
    let burns = most.min(MOST);
    let before = load.count("completed").await?;
    let wallet = load.devnet.parties.wallets.get(WALLET);
    let recipient = wallet.context("no wallet")?.address();
    let orders = load.orders_to(burns, || recipient)?;
    load.submit(orders).await?;
    load.completed(before + burns, PATIENCE).await?;
    let (instructions, signed) = sign(load, burns).await?;
    let used = Usage::of(load).await?;
    let begun_ms = now_ms();
    let since = || now_ms().saturating_sub(begun_ms);
    send(load, signed).await?;
    let open = burned(load, instructions).await?;
    let in_blocks_ms = since();
    seen(load, burns).await?;
    let seen_ms = since();
    instruct(load, open).await?;
    let instructed_ms = since();
    load.completed(before + 2 * burns, PATIENCE).await?;
    let used = Usage::of(load).await?.since(&used);
    let spans = load.spans(burns).await?;
    let ended_ms = spans.iter().map(|span| span.updated_ms).max();
    let took_ms = ended_ms.unwrap_or_default().saturating_sub(begun_ms);
    let per_s = to_f64(burns)? / (to_f64(took_ms)? / 1000.0);
    writeln!(
        out,
        "burns: {burns} released in {took_ms} ms, {per_s:.1} /s; in blocks after {in_blocks_ms} ms, all seen final after {seen_ms} ms, instructions disclosed after {instructed_ms} ms"
    )?;
    report(out, &used, to_f64(burns)?)?;
    figures.set("burn_to_release_per_s", per_s);
    let given_ms = took_ms.saturating_sub(seen_ms).max(1);
    figures.set(
        "disclosed_to_release_per_s",
        to_f64(burns)? / (to_f64(given_ms)? / 1000.0),
    );
    Ok(())
}

/// Burns, signed, with the instructions that they commit to.
async fn sign(load: &Load, burns: u64) -> anyhow::Result<(Vec<Instruction>, Vec<Vec<u8>>)> {
    let wallet = load.devnet.parties.wallets.get(WALLET);
    let wallet = wallet.context("no wallet")?;
    let rpc: RootProvider = ProviderBuilder::default().connect_http(load.devnet.chain.url.parse()?);
    let account = evm_address(wallet.address());
    let first = rpc.get_transaction_count(account).await?;
    let (mut instructions, mut signed) = (Vec::new(), Vec::new());
    let gate = evm_address(load.devnet.gate);
    let request = |input: Vec<u8>| {
        let request = TransactionRequest::default().from(account).to(gate);
        request.input(Bytes::from(input).into())
    };
    let probe = call(load, &Redemption::release_to(parties::BETA)?);
    let gas = rpc.estimate_gas(request(probe)).await?;
    for nonce in first..first + burns {
        let instruction = Redemption::release_to(parties::BETA)?;
        let mut transaction = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce,
            // What a burn needs, and a little.
            gas_limit: gas + gas / 10,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(gate),
            input: call(load, &instruction).into(),
            ..TxEip1559::default()
        };
        let signature = wallet.signer().sign_transaction_sync(&mut transaction)?;
        signed.push(TxEnvelope::Eip1559(transaction.into_signed(signature)).encoded_2718());
        instructions.push(instruction);
    }
    Ok((instructions, signed))
}

/// The burn of one tonne that commits to an instruction.
fn call(load: &Load, instruction: &Instruction) -> Vec<u8> {
    let call = Gate::burnCall {
        assetClass: class_word(load.class.id()),
        quantity: U256::from(1_000_000),
        purpose: 1,
        commitment: (*instruction.commitment().as_bytes()).into(),
    };
    call.abi_encode()
}

/// Sends them all; their inclusion is seen in the logs.
async fn send(load: &Load, signed: Vec<Vec<u8>>) -> anyhow::Result<()> {
    let rpc: RootProvider = ProviderBuilder::default().connect_http(load.devnet.chain.url.parse()?);
    let sent = stream::iter(signed).map(|bytes| {
        let rpc = rpc.clone();
        async move { rpc.send_raw_transaction(&bytes).await.map(drop) }
    });
    Ok(sent.buffered(CALLS).try_collect::<()>().await?)
}

type Open = Vec<(TransferId, Instruction)>;

/// The ids that the gate gave them.
async fn burned(load: &Load, instructions: Vec<Instruction>) -> anyhow::Result<Open> {
    let rpc: RootProvider = ProviderBuilder::default().connect_http(load.devnet.chain.url.parse()?);
    let filter = Filter::new()
        .address(evm_address(load.devnet.gate))
        .event_signature(Gate::Burned::SIGNATURE_HASH);
    let deadline = now_ms() + u64::try_from(PATIENCE.as_millis())?;
    let mut wanted: HashMap<[u8; 32], Instruction> = instructions
        .into_iter()
        .map(|instruction| (*instruction.commitment().as_bytes(), instruction))
        .collect();
    let mut found = Vec::new();
    let mut from = 0;
    while !wanted.is_empty() {
        ensure!(
            now_ms() < deadline,
            "{} burns are in no block",
            wanted.len()
        );
        let until = rpc.get_block_number().await?;
        if until < from {
            tokio::time::sleep(POLL).await;
            continue;
        }
        let filter = filter.clone().from_block(from).to_block(until);
        for log in rpc.get_logs(&filter).await? {
            let event = Gate::Burned::decode_log(&log.inner)?;
            if let Some(instruction) = wanted.remove(&event.commitment.0) {
                found.push((TransferId::new(event.burnId.0), instruction));
            }
        }
        from = until + 1;
        tokio::time::sleep(POLL).await;
    }
    Ok(found)
}

/// Waits until the relayer has opened so many returns: nobody has disclosed anything yet.
async fn seen(load: &Load, burns: u64) -> anyhow::Result<()> {
    let deadline = now_ms() + u64::try_from(PATIENCE.as_millis())?;
    loop {
        let seen = load.count("taken").await?;
        if seen >= burns {
            return Ok(());
        }
        ensure!(now_ms() < deadline, "{seen} of {burns} burns were seen");
        tokio::time::sleep(POLL).await;
    }
}

/// Discloses all instructions.
async fn instruct(load: &Load, open: Open) -> anyhow::Result<()> {
    let exchange = load.devnet.control("exchange-a")?;
    let calls = stream::iter(open).map(|(id, instruction)| {
        let exchange = exchange.clone();
        async move { exchange.instruct(id, &instruction).await.map(drop) }
    });
    calls.buffer_unordered(CALLS).try_collect().await
}
