//! Transfers from the registry to the chain: how many a second, and what each costs.

use std::io::Write;
use std::time::Duration;

use crate::figures::{Figures, percentile};
use crate::load::Load;
use crate::now_ms;
use crate::usage::{Usage, said, to_f64};

/// How long a run may take for each 1000 transfers.
const PATIENCE_S: u64 = 20;
/// Transfers in the runs that show how cost grows.
const GROWTH: [u64; 5] = [100, 300, 1000, 3000, 10_000];

/// Submits `count` orders at once and waits until all are minted, finally.
pub(crate) async fn measure(
    out: &mut impl Write,
    figures: &mut Figures,
    load: &mut Load,
    count: u64,
) -> anyhow::Result<()> {
    let orders = load.orders(count)?;
    let before = load.count("completed").await?;
    let used = Usage::of(load).await?;
    let begun_ms = now_ms();
    load.submit(orders).await?;
    let submitted_ms = now_ms();
    let patience = Duration::from_secs(PATIENCE_S * count.div_ceil(1000));
    load.completed(before + count, patience).await?;
    let used = Usage::of(load).await?.since(&used);
    let spans = load.spans(count).await?;
    let ended_ms = spans.iter().map(|span| span.updated_ms).max();
    let took_ms = ended_ms.unwrap_or_default().saturating_sub(begun_ms);
    let per_s = to_f64(count)? / (to_f64(took_ms)? / 1000.0);
    writeln!(
        out,
        "outbound: {count} transfers in {took_ms} ms, {per_s:.1} /s; all admitted after {} ms",
        submitted_ms - begun_ms
    )?;
    report(out, &used, to_f64(count)?)?;
    figures.set("lock_to_mint_per_s", per_s);
    figures.set("http_calls_per_transfer", used.all_calls() / to_f64(count)?);
    let mut took: Vec<u64> = spans
        .iter()
        .map(|span| span.updated_ms.saturating_sub(begun_ms))
        .collect();
    writeln!(
        out,
        "  from submission to the final mint: p50 {} ms, p99 {} ms",
        percentile(&mut took, 0.5)?,
        percentile(&mut took, 0.99)?
    )?;
    Ok(())
}

/// What a number of transfers took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) transfers: f64,
    pub(crate) seconds: f64,
    pub(crate) cpu_ms_each: f64,
}

/// The same work again and again, each time more of it, one after the other on one devnet.
pub(crate) async fn growth(
    out: &mut impl Write,
    load: &mut Load,
    most: u64,
) -> anyhow::Result<Vec<Point>> {
    let mut points = Vec::new();
    for count in GROWTH.into_iter().filter(|count| *count <= most) {
        let orders = load.orders(count)?;
        let before = load.count("completed").await?;
        let used = Usage::of(load).await?;
        let begun_ms = now_ms();
        load.submit(orders).await?;
        let patience = Duration::from_secs(PATIENCE_S * count.div_ceil(1000));
        load.completed(before + count, patience).await?;
        let used = Usage::of(load).await?.since(&used);
        let spans = load.spans(count).await?;
        let ended_ms = spans.iter().map(|span| span.updated_ms).max();
        let took_ms = ended_ms.unwrap_or_default().saturating_sub(begun_ms);
        let point = Point {
            transfers: to_f64(count)?,
            seconds: to_f64(took_ms)? / 1000.0,
            cpu_ms_each: used.cpu_s.values().sum::<f64>() * 1e3 / to_f64(count)?,
        };
        writeln!(
            out,
            "growth: {count} transfers in {:.1} s, {:.2} ms of processor time each",
            point.seconds, point.cpu_ms_each
        )?;
        points.push(point);
    }
    Ok(points)
}

/// Where the time went.
pub(crate) fn report(out: &mut impl Write, used: &Usage, count: f64) -> anyhow::Result<()> {
    let total: f64 = used.cpu_s.values().sum();
    writeln!(
        out,
        "  processor time {total:.2} s, {:.3} ms a transfer:",
        total * 1e3 / count
    )?;
    for (name, cpu_s) in &used.cpu_s {
        writeln!(out, "    {name:<12} {cpu_s:>8.2} s")?;
    }
    writeln!(out, "  calls {:.3} a transfer:", used.all_calls() / count)?;
    for (name, calls) in &used.calls {
        if *calls > 0.0 {
            writeln!(out, "    {name:<44} {calls:>8}")?;
        }
    }
    for (name, syncs) in &used.syncs {
        writeln!(out, "  syncs {name:<12} {syncs:>8}")?;
    }
    Ok(())
}

/// Synced writes of all processes since their start, for each of `count` transfers. Ends the attesters, which say theirs then.
pub(crate) async fn syncs(
    out: &mut impl Write,
    figures: &mut Figures,
    load: &Load,
    count: u64,
) -> anyhow::Result<()> {
    let used = Usage::of(load).await?;
    let mut total: f64 = used.syncs.values().sum();
    for attester in &load.devnet.attesters {
        attester.terminate()?;
        attester.ended(Duration::from_secs(30)).await?;
        let own = said(attester, "synced_writes").unwrap_or_default();
        writeln!(out, "  syncs {:<12} {own:>8}", attester.name())?;
        total += own;
    }
    figures.set("syncs_per_transfer", total / to_f64(count)?);
    Ok(())
}
