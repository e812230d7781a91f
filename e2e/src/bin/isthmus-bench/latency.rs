//! How long one transfer takes: alone, under load, and while a backlog is caught up.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use crate::figures::{Figures, percentile};
use crate::load::Load;
use crate::now_ms;
use crate::outbound::report;
use crate::usage::{Usage, to_f64};

/// Transfers whose time is taken.
const PROBES: u64 = 40;
/// Between two of them; no divisor of the block time, so that they fall on every part of it.
const BETWEEN: Duration = Duration::from_millis(370);
/// Transfers submitted with each probe under load.
const LOADED: u64 = 60;
/// Transfers of the backlog.
const BACKLOG: u64 = 10_000;
/// How long a part may take.
const PATIENCE: Duration = Duration::from_mins(4);

/// Submits probes, each with `beside` others, until `done` says so or all are out; milliseconds that each took.
async fn probe(load: &mut Load, beside: u64, probes: u64) -> anyhow::Result<Vec<u64>> {
    let before = load.count("completed").await?;
    let mut begun: HashMap<String, u64> = HashMap::new();
    for _ in 0..probes {
        let mut others = load.orders(beside + 1)?;
        let one = others.pop().into_iter().collect();
        let at = now_ms();
        if !others.is_empty() {
            load.submit(others).await?;
        }
        let ids = load.submit(one).await?;
        begun.extend(ids.into_iter().map(|id| (id, at)));
        tokio::time::sleep(BETWEEN).await;
    }
    load.completed(before + probes * (beside + 1), PATIENCE)
        .await?;
    let newest = usize::try_from(probes * (beside + 1))?;
    let took = load
        .newest(newest)
        .await?
        .into_iter()
        .filter_map(|transfer| {
            let at = begun.get(&transfer.id)?;
            Some(transfer.updated_at_ms.saturating_sub(*at))
        });
    Ok(took.collect())
}

/// Alone and under load.
pub(crate) async fn measure(
    out: &mut impl Write,
    figures: &mut Figures,
    load: &mut Load,
) -> anyhow::Result<()> {
    for (name, beside) in [("", 0), ("_loaded", LOADED)] {
        let mut took = probe(load, beside, PROBES).await?;
        let (p50, p99) = (percentile(&mut took, 0.5)?, percentile(&mut took, 0.99)?);
        writeln!(out, "latency{name}: p50 {p50} ms, p99 {p99} ms")?;
        figures.set(&format!("latency_p50_ms{name}"), p50);
        figures.set(&format!("latency_p99_ms{name}"), p99);
    }
    Ok(())
}

/// A backlog builds up while no attester runs; then they start, and live transfers come in while it is worked off.
pub(crate) async fn catch_up(
    out: &mut impl Write,
    figures: &mut Figures,
    load: &mut Load,
) -> anyhow::Result<()> {
    for attester in &load.devnet.attesters {
        attester.kill9()?;
    }
    let before = load.count("completed").await?;
    let orders = load.orders(BACKLOG)?;
    load.submit(orders).await?;
    while load.count("requested").await? > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for attester in &load.devnet.attesters {
        attester.start()?;
    }
    let begun_ms = now_ms();
    let used = Usage::of(load).await?;
    let mut live: Vec<(String, u64)> = Vec::new();
    while load.count("completed").await? < before + BACKLOG {
        let at = now_ms();
        anyhow::ensure!(
            u128::from(at - begun_ms) < PATIENCE.as_millis(),
            "the backlog is not caught up within {PATIENCE:?}: {:#?}",
            load.status().await?
        );
        let one = load.orders(1)?;
        let ids = load.submit(one).await?;
        live.extend(ids.into_iter().map(|id| (id, at)));
        tokio::time::sleep(BETWEEN).await;
    }
    let used = Usage::of(load).await?.since(&used);
    let lives = u64::try_from(live.len())?;
    load.completed(before + BACKLOG + lives, PATIENCE).await?;
    let ends: HashMap<String, u64> = load
        .newest(usize::try_from(BACKLOG + lives)?)
        .await?
        .into_iter()
        .map(|transfer| (transfer.id, transfer.updated_at_ms))
        .collect();
    let mut took: Vec<u64> = live
        .iter()
        .filter_map(|(id, at)| Some(ends.get(id)?.saturating_sub(*at)))
        .collect();
    let backlog = ends
        .iter()
        .filter(|(id, _)| !live.iter().any(|(l, _)| l == *id));
    let ended_ms = backlog.map(|(_, at)| *at).max().unwrap_or_default();
    let seconds = to_f64(ended_ms.saturating_sub(begun_ms))? / 1000.0;
    let p99 = percentile(&mut took, 0.99)?;
    writeln!(
        out,
        "catch-up: {BACKLOG} in {seconds:.1} s; {lives} live ones meanwhile: p50 {} ms, p99 {p99} ms",
        percentile(&mut took, 0.5)?
    )?;
    report(out, &used, to_f64(BACKLOG + lives)?)?;
    figures.set("catch_up_10k_s", seconds);
    if let Some(idle) = figures.get("latency_p99_ms") {
        figures.set("live_p99_ratio_during_catch_up", p99 / idle);
    }
    Ok(())
}
