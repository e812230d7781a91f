//! What Isthmus costs and how fast it is, against the raw limit of the same ledgers and the same disk, in the same run: numbers
//! from two machines, or from two days, do not compare; the ratios do.

mod burns;
mod custody;
mod figures;
mod latency;
mod load;
mod log;
mod outbound;
mod plot;
mod proofs;
mod raw;
mod restart;
mod usage;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use isthmus_core::time::{Clock, Timestamp};

use crate::figures::Figures;
use crate::load::Load;

#[derive(Debug, Parser)]
#[command(about = "Measures speed and cost of the whole bridge, with its real processes")]
struct Arguments {
    /// Where the figures go, as JSON.
    #[arg(long, default_value = "bench-results/latest.json")]
    out: PathBuf,
    /// Only these parts; without it all.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Transfers in the throughput run.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=500_000))]
    transfers: u64,
    /// Folder on the disk that the store is measured on; a temporary folder in it is made and removed.
    #[arg(long, default_value = "bench-results")]
    disk: PathBuf,
    /// Where the figure of how cost grows with work goes, as SVG.
    #[arg(long)]
    figure: Option<PathBuf>,
}

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Custody book, log and proofs, without processes.
    Store,
    /// The chain alone, and gas.
    Raw,
    /// Transfers from registry to chain, all at once.
    Throughput,
    /// How cost and time grow with work; draws the figure.
    Growth,
    /// One transfer alone and under load.
    Latency,
    /// The way back.
    Burns,
    /// A backlog, and live work meanwhile.
    CatchUp,
    /// A relayer with a past of a million transfers.
    Restart,
    /// Memory with 100 000 pending.
    Memory,
}

impl Arguments {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// Time stands still: nothing measured of the store depends on the hour.
#[derive(Debug)]
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(0)
    }
}

/// The machine's time, as the relayer stamps its events.
#[allow(
    clippy::disallowed_methods,
    reason = "the bench compares with the relayer's stamps"
)]
pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ms = since.map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    ms.unwrap_or(0)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(io::stderr)
        .init();
    let mut out = io::stdout();
    let mut figures = Figures::default();
    bridge(&mut out, &mut figures, &arguments).await?;
    if arguments.wants(Part::Store) {
        fs::create_dir_all(&arguments.disk)?;
        let folder = tempfile::tempdir_in(&arguments.disk)?;
        custody::measure(&mut out, &mut figures, folder.path())?;
        log::measure(&mut out, &mut figures, folder.path())?;
        proofs::measure(&mut out, &mut figures)?;
    }
    if arguments.wants(Part::Restart) {
        restart::first_operation(&mut out, &mut figures, 1_000_000, 10_000).await?;
    }
    if arguments.wants(Part::Memory) {
        restart::memory(&mut out, &mut figures, 100_000).await?;
    }
    let rates = (
        figures.get("lock_to_mint_per_s"),
        figures.get("raw_batched_mints_per_s"),
    );
    if let (Some(ours), Some(raw)) = rates {
        figures.set("ratio", ours / raw);
    }
    writeln!(out, "\n{}", figures.table())?;
    if let Some(parent) = arguments.out.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&arguments.out, figures.json()?)?;
    writeln!(out, "written to {}", arguments.out.display())?;
    Ok(())
}

/// What needs the real processes, all on one devnet; the chain alone goes first, while nothing else runs.
async fn bridge(
    out: &mut impl Write,
    figures: &mut Figures,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    if arguments.wants(Part::Raw) {
        let load = Load::idle().await?;
        raw::measure(out, figures, &load, arguments.transfers).await?;
    }
    if arguments.wants(Part::Growth) {
        let mut load = Load::start().await?;
        let points = outbound::growth(out, &mut load, arguments.transfers).await?;
        if let Some(figure) = &arguments.figure {
            fs::write(figure, plot::svg(&points))?;
        }
    }
    if arguments.wants(Part::Throughput) {
        let mut load = Load::start().await?;
        outbound::measure(out, figures, &mut load, arguments.transfers).await?;
        outbound::syncs(out, figures, &load, arguments.transfers).await?;
    }
    let parts = [Part::Latency, Part::Burns, Part::CatchUp];
    if parts.into_iter().any(|part| arguments.wants(part)) {
        let mut load = Load::start().await?;
        if arguments.wants(Part::Latency) || arguments.wants(Part::CatchUp) {
            latency::measure(out, figures, &mut load).await?;
        }
        if arguments.wants(Part::Burns) {
            burns::measure(out, figures, &mut load, arguments.transfers).await?;
        }
        if arguments.wants(Part::CatchUp) {
            latency::catch_up(out, figures, &mut load).await?;
        }
    }
    Ok(())
}
