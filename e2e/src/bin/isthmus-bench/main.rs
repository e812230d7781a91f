//! What Isthmus costs and how fast it is, against the raw limit of the same ledgers and the same disk, in the same run: numbers
//! from two machines, or from two days, do not compare; the ratios do.

mod custody;
mod figures;
mod load;
mod log;
mod outbound;
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
}

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Transfers from registry to chain, all at once.
    Throughput,
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
    if arguments.wants(Part::Throughput) {
        let mut load = Load::start().await?;
        outbound::measure(&mut out, &mut figures, &mut load, arguments.transfers).await?;
        outbound::syncs(&mut out, &mut figures, &load, arguments.transfers).await?;
    }
    writeln!(out, "\n{}", figures.table())?;
    if let Some(parent) = arguments.out.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&arguments.out, figures.json()?)?;
    writeln!(out, "written to {}", arguments.out.display())?;
    Ok(())
}
