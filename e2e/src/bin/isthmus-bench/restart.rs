//! A relayer with a long past: how soon it works again, and how much memory a backlog takes. Its store is filled beforehand
//! through the store's own interface.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use isthmus_core::ports::{Append, Journal as _};
use isthmus_core::testing::sample;
use isthmus_core::transfer::Event;
use isthmus_e2e::devnet::{Devnet, Options};
use isthmus_store::Store;

use crate::Still;
use crate::figures::Figures;
use crate::usage::rss_mb;

/// Transfers written at a time.
const FILL: u64 = 2000;
/// How long the relayer may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long its memory is watched.
const WATCHED: Duration = Duration::from_secs(15);

/// From the start of the process to the first call by which it does something at the registry.
pub(crate) async fn first_operation(
    out: &mut impl Write,
    figures: &mut Figures,
    finished: u64,
    pending: u64,
) -> anyhow::Result<()> {
    let devnet = filled(finished, pending).await?;
    let calls = async || -> anyhow::Result<u64> {
        let stats = devnet.registry.stats().await?;
        Ok(stats["requests"]["lock"].as_u64().unwrap_or(0))
    };
    let before = calls().await?;
    let begun = Instant::now();
    devnet.relayer.start()?;
    while calls().await? == before {
        devnet.relayer.check()?;
        ensure!(
            begun.elapsed() < PATIENCE,
            "nothing was sent to the registry"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    writeln!(
        out,
        "restart: {finished} finished, {pending} pending: first operation after {ms:.0} ms"
    )?;
    figures.set("restart_to_first_operation_ms", ms);
    Ok(())
}

/// Most memory that the relayer takes while it works at a backlog at a registry that does not answer.
pub(crate) async fn memory(
    out: &mut impl Write,
    figures: &mut Figures,
    pending: u64,
) -> anyhow::Result<()> {
    let devnet = filled(0, pending).await?;
    devnet.start_relayer().await?;
    devnet.sandbox.kill9()?;
    let pid = devnet.relayer.pid().context("the relayer does not run")?;
    let (begun, mut most) = (Instant::now(), 0f64);
    while begun.elapsed() < WATCHED {
        devnet.relayer.check()?;
        most = most.max(rss_mb(pid)?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    writeln!(out, "memory: {pending} pending: {most:.0} MB")?;
    figures.set("rss_mb_100k_pending", most);
    Ok(())
}

/// A devnet whose relayer is not started and has a past.
async fn filled(finished: u64, pending: u64) -> anyhow::Result<Devnet> {
    let devnet = Devnet::prepare(Options {
        quiet: true,
        ..Options::default()
    })
    .await?;
    let data = devnet.relayer_data();
    tokio::task::spawn_blocking(move || fill(&data, finished, pending)).await??;
    Ok(devnet)
}

fn fill(data: &Path, finished: u64, pending: u64) -> anyhow::Result<()> {
    std::fs::create_dir_all(data)?;
    let store = Store::open(data, "devnet", Arc::new(Still))?;
    for start in (0..finished + pending).step_by(usize::try_from(FILL)?) {
        let numbers = start..(start + FILL).min(finished + pending);
        let batch = numbers
            .map(|number| past(number, number < finished))
            .collect();
        for answer in store.append(batch) {
            answer?;
        }
    }
    Ok(())
}

/// A transfer that ended before anything was locked, or one that waits for its lock.
fn past(number: u64, ended: bool) -> Append {
    let first = number * 2 + 1;
    let outbound = sample::outbound(number, &[sample::block(first, first)]);
    let mut events = vec![sample::requested(&outbound)];
    if ended {
        events.push(Event::WithdrawalRequested);
    }
    Append {
        transfer: Some((outbound.terms.id(), 0)),
        events,
        ..Append::default()
    }
}
