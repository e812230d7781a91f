//! `audit`: checks proofs offline, with the keys of the auditor's policy only. Needs no relayer.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use isthmus_prooflog::note::{self, Checkpoint};
use isthmus_prooflog::policy::Policy;
use isthmus_prooflog::reserves::{self, Row};
use isthmus_prooflog::verify::{self, Outcome, Report};
use serde_json::{Value, json};

use super::failure::Failure;
use super::output::{Column, Output, Table, clean, tonnes};
use crate::error_chain::chain;

/// Checks proofs offline.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Checks the proof bundle of one transfer, step by step.
    Verify {
        /// The bundle, as `proof bundle` saved it.
        bundle: PathBuf,
        /// The auditor's policy: the only source of keys (docs/audit.md).
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// Checkpoint that was kept from an earlier audit: the log must have grown from it.
        #[arg(long, value_name = "FILE")]
        previous: Option<PathBuf>,
    },
    /// Recomputes the reserves of every pool from the log's leaves.
    Reserves {
        /// All leaves, as `proof leaves` saved them.
        #[arg(long, value_name = "FILE")]
        leaves: PathBuf,
        /// The signed checkpoint over them.
        #[arg(long, value_name = "FILE")]
        checkpoint: PathBuf,
        /// The auditor's policy: the only source of keys (docs/audit.md).
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
    },
}

impl Audit {
    pub(crate) fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::Verify {
                bundle,
                policy,
                previous,
            } => {
                let folder = policy.parent().unwrap_or(Path::new(""));
                let policy = read_policy(policy)?;
                // The policy's path is relative to the policy, the option's to where the command runs.
                let kept = policy.previous_checkpoint.as_ref();
                let previous = previous
                    .clone()
                    .or_else(|| kept.map(|path| folder.join(path)))
                    .map(|path| read_previous(&path, &policy))
                    .transpose()?;
                let archive = read(bundle)?;
                let report = verify::verify(&archive, &policy, previous.as_ref());
                verdict(&report, out)
            }
            Self::Reserves {
                leaves,
                checkpoint,
                policy,
            } => {
                let policy = read_policy(policy)?;
                let (leaves, checkpoint) = (read_leaves(leaves)?, read(checkpoint)?);
                match reserves::recompute(&leaves, &checkpoint, &policy) {
                    Ok((checkpoint, rows)) => recomputed(&checkpoint, &rows, out),
                    Err(error) => {
                        let reason = chain(&error);
                        out.show(
                            || json!({ "verdict": "FAIL", "reason": reason }),
                            |w| writeln!(w, "FAIL: {}", clean(&reason)),
                        )?;
                        Err(Failure::Check(format!(
                            "the reserves could not be recomputed: {reason}"
                        )))
                    }
                }
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::file(path, &error))
}

fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    Policy::parse(&text).map_err(|error| Failure::Config(format!("{}: {error}", path.display())))
}

fn read_previous(path: &Path, policy: &Policy) -> Result<Checkpoint, Failure> {
    note::open(&read(path)?, &policy.log).map_err(|error| {
        Failure::Usage(format!(
            "previous checkpoint {}: {error}: give a checkpoint of the policy's log",
            path.display()
        ))
    })
}

fn read_leaves(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    let leaf = |(i, line): (usize, &str)| {
        STANDARD.decode(line).map_err(|_| {
            Failure::Usage(format!(
                "--leaves {}: line {} is not base64: save them with `isthmus proof leaves`",
                path.display(),
                i + 1
            ))
        })
    };
    text.lines().enumerate().map(leaf).collect()
}

fn verdict(report: &Report, out: &mut Output<'_>) -> Result<(), Failure> {
    let verdict = report.verdict();
    out.show(
        || {
            json!({ "verdict": verdict, "grade": report.grade, "transfer": report.transfer,
                    "steps": report.steps, "unproven": report.unproven })
        },
        |w| {
            if let Some(transfer) = report.transfer {
                writeln!(w, "transfer {transfer}\n")?;
            }
            for (number, step) in (1..).zip(&report.steps) {
                let (outcome, detail) = match &step.outcome {
                    Outcome::Passed(detail) => ("pass", detail.as_str()),
                    Outcome::Failed(reason) => ("FAIL", reason.as_str()),
                    Outcome::NotApplicable => ("none", "nothing to check for this transfer"),
                };
                writeln!(
                    w,
                    "{number}. {:<12} {outcome}  {}",
                    step.name,
                    clean(detail)
                )?;
                writeln!(w, "   proves       {}", step.proves)?;
                writeln!(w, "   anchor       {}", step.anchor)?;
                writeln!(w, "   repeat with  {}", step.tool)?;
            }
            writeln!(w, "\n{verdict}")?;
            if !report.unproven.is_empty() {
                writeln!(w, "not proved by this bundle:")?;
            }
            for open in &report.unproven {
                writeln!(w, "  {}", clean(open))?;
            }
            Ok(())
        },
    )?;
    let reason = match report.failed().map(|step| &step.outcome) {
        Some(Outcome::Failed(reason)) => reason.as_str(),
        Some(Outcome::Passed(_) | Outcome::NotApplicable) | None => "",
    };
    if report.passed() {
        return Ok(());
    }
    Err(Failure::Check(clean(&format!("{verdict}: {reason}"))))
}

fn recomputed(checkpoint: &Checkpoint, rows: &[Row], out: &mut Output<'_>) -> Result<(), Failure> {
    let broken = rows.iter().filter(|row| !row.totals.holds()).count();
    let verdict = if broken == 0 { "PASS" } else { "FAIL" };
    out.show(
        || {
            let pools: Vec<Value> = rows.iter().map(row_json).collect();
            json!({ "verdict": verdict, "origin": checkpoint.origin, "log_size": checkpoint.size, "pools": pools })
        },
        |w| {
            let mut table = Table::new(&[
                Column::Left("POOL"),
                Column::Right("LOCKED"),
                Column::Right("CIRCULATING"),
                Column::Right("PENDING"),
                Column::Right("OWED"),
                Column::Right("UNATTRIBUTED"),
                Column::Right("SHORTFALL"),
                Column::Left("HOLDS"),
            ]);
            for Row { pool, totals, .. } in rows {
                table.row([
                    pool.to_string(),
                    tonnes(totals.locked_g),
                    tonnes(totals.circulating_g),
                    tonnes(totals.pending_g),
                    tonnes(totals.owed_g),
                    tonnes(totals.unattributed_g),
                    tonnes(totals.shortfall_g),
                    if totals.holds() { "yes" } else { "NO" }.to_owned(),
                ]);
            }
            table.write(w, "no pools")?;
            writeln!(
                w,
                "{verdict}: locked = circulating + pending + owed + unattributed − shortfall, recomputed from {} leaves of {}",
                checkpoint.size,
                clean(&checkpoint.origin)
            )
        },
    )?;
    if broken == 0 {
        return Ok(());
    }
    Err(Failure::Check(format!(
        "{broken} pool(s) do not add up: ask the operator for the impaired pools"
    )))
}

fn row_json(row: &Row) -> Value {
    let totals = &row.totals;
    json!({
        "pool": row.pool,
        "asset_class": row.asset_class,
        "locked_g": totals.locked_g.to_string(),
        "circulating_g": totals.circulating_g.to_string(),
        "pending_g": totals.pending_g.to_string(),
        "owed_g": totals.owed_g.to_string(),
        "unattributed_g": totals.unattributed_g.to_string(),
        "shortfall_g": totals.shortfall_g.to_string(),
        "holds": totals.holds(),
    })
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
