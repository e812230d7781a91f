//! The simulation's command line: one seed event by event, or random ones until stopped.
#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use isthmus_sim::trace::Listener;
use isthmus_sim::{Report, Scenario, run};

/// How often a soak says that it is alive.
const SAY: Duration = Duration::from_secs(5);

/// Simulates the relayer.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One run, every event on a line.
    Run {
        /// Decides everything: the kind of run and all that is left to chance in it.
        #[arg(long)]
        seed: u64,
        /// Say only how it ended.
        #[arg(long)]
        quiet: bool,
        /// The relayer dies at this call of a port, counted from 1, and never otherwise.
        #[arg(long)]
        crash_at: Option<u64>,
    },
    /// The relayer dies at every call of a port in turn.
    Crashes {
        /// Which small run.
        #[arg(long, default_value_t = 5)]
        seed: u64,
    },
    /// Runs of random seeds until one has a finding.
    Soak {
        /// Stop after so many seconds; 0 never stops.
        #[arg(long, default_value_t = 0)]
        seconds: u64,
        /// The first seed, otherwise random; the next ones follow it.
        #[arg(long)]
        from: Option<u64>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run {
            seed,
            quiet,
            crash_at,
        } => one(seed, quiet, crash_at),
        Command::Crashes { seed } => crashes(seed),
        Command::Soak { seconds, from } => soak(seconds, from.unwrap_or_else(random)),
    }
}

fn one(seed: u64, quiet: bool, crash_at: Option<u64>) -> ExitCode {
    let listener: Option<Listener> = if quiet {
        None
    } else {
        Some(Box::new(|line| println!("{line}")))
    };
    let scenario = match crash_at {
        Some(call) => Scenario::dies_at(seed, call),
        None => Scenario::of(seed),
    };
    told(&run(&scenario, None, listener))
}

fn crashes(seed: u64) -> ExitCode {
    let calls = run(&Scenario::dies_at(seed, u64::MAX), None, None).calls;
    for call in 1..=calls {
        let report = run(&Scenario::dies_at(seed, call), None, None);
        if !report.findings.is_empty() {
            println!("Replay it with: make sim SEED={seed} ARGS='--crash-at {call}'");
            return told(&report);
        }
    }
    println!("It died at each of {calls} calls, no finding.");
    ExitCode::SUCCESS
}

fn told(report: &Report) -> ExitCode {
    println!(
        "{} events, {} calls of ports, {} crashes, {:?}, digest {}",
        report.events, report.calls, report.crashes, report.ended, report.digest
    );
    for finding in &report.findings {
        println!("FINDING {finding}");
    }
    if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Seeds are short, so that people can type them.
fn random() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000_000
}

fn soak(seconds: u64, first: u64) -> ExitCode {
    let began = Instant::now();
    let (mut said, mut runs, mut transfers, mut crashes) = (began, 0_u64, 0_u64, 0_u64);
    println!("Soak: runs from seed {first} on; a finding ends it.");
    for seed in first.. {
        let report = run(&Scenario::of(seed), None, None);
        runs += 1;
        crashes += report.crashes;
        transfers += report.ended.values().sum::<u64>();
        if !report.findings.is_empty() {
            println!("Seed {seed} has a finding. Replay it with: make sim SEED={seed}");
            return told(&report);
        }
        let over = seconds > 0 && began.elapsed().as_secs() >= seconds;
        if over || said.elapsed() >= SAY {
            said = Instant::now();
            let spent = began.elapsed().as_secs();
            println!(
                "{spent} s: {runs} runs, {transfers} transfers, {crashes} crashes, no finding (seed {seed})"
            );
        }
        if over {
            break;
        }
    }
    ExitCode::SUCCESS
}
