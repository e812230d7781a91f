//! What the store costs, against the raw limit of the same disk and memory in the same run: numbers from two machines, or
//! from two days, do not compare; the ratios do.
//!
//! - **log**: appends a second, each a leaf of the proof log, durable when answered, by 1, 16 and 128 callers at once.
//!   Baseline: writes of the same bytes to a plain file, each followed by a sync; once alone, and once with a core kept awake,
//!   because a sleeping core may take longer to wake up than the disk takes to sync. Ratios are to the better of the two.
//! - **custody**: nanoseconds to find out whether units are held, in a book of many blocks. Baseline: the same question to a
//!   `BTreeMap` in memory.

mod custody;
mod log;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use isthmus_core::time::{Clock, Timestamp};
use serde::Serialize;

#[derive(Debug, Parser)]
#[command(about = "Measures the store against the raw limit of the same disk, in the same run")]
struct Arguments {
    /// Where the figures go, as JSON.
    #[arg(long, default_value = "bench-results/latest.json")]
    out: PathBuf,
    /// Folder on the disk to measure; a temporary folder in it is made and removed.
    #[arg(long, default_value = "bench-results")]
    disk: PathBuf,
    /// Seconds for each figure about the disk.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Blocks in the custody book.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    blocks: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    log: log::LogReport,
    custody: custody::CustodyReport,
}

/// Time stands still: nothing measured here depends on the hour.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(0)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut out = io::stdout().lock();
    fs::create_dir_all(&arguments.disk)?;
    let folder = tempfile::tempdir_in(&arguments.disk)?;
    let span = Duration::from_secs(arguments.seconds);
    writeln!(
        out,
        "log: 5 measurements of {} s on {}",
        arguments.seconds,
        arguments.disk.display()
    )?;
    let log = log::measure(folder.path(), span)?;
    writeln!(
        out,
        "  raw synced writes     {:>10.0} /s   with a core kept awake {:.0} /s",
        log.raw_synced_writes_per_s, log.raw_synced_writes_core_awake_per_s
    )?;
    for run in &log.appends {
        writeln!(
            out,
            "  {:>3} callers: appends  {:>10.0} /s   {:>6.0} syncs/s   {:.2} appends per raw sync",
            run.callers, run.appends_per_s, run.syncs_per_s, run.appends_per_raw_sync
        )?;
    }
    writeln!(out, "custody: a book of {} blocks", arguments.blocks)?;
    let custody = custody::measure(folder.path(), arguments.blocks)?;
    writeln!(
        out,
        "  BTreeMap in memory    {:>10.0} ns",
        custody.btreemap_ns
    )?;
    writeln!(
        out,
        "  units held            {:>10.0} ns   {:.1} of the BTreeMap",
        custody.held_ns, custody.held_per_btreemap
    )?;
    writeln!(out, "  units free            {:>10.0} ns", custody.free_ns)?;
    let report = serde_json::to_string_pretty(&Report { log, custody })?;
    if let Some(parent) = arguments.out.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&arguments.out, report + "\n")?;
    writeln!(out, "written to {}", arguments.out.display())?;
    Ok(())
}
