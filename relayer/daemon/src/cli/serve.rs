//! `run`, `attester` and `config check`: the processes themselves, and their configuration.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::failure::Failure;
use super::output::{Output, clean};
use crate::config::{self, AnyConfig, ConfigError};
use crate::wire;

/// Configuration files.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Reads configuration files and everything they name, without starting anything.
    Check {
        /// Of relayers or attesters.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// Runs a relayer until it is asked to stop.
pub(crate) async fn run(file: &Path) -> Result<(), Failure> {
    let config = config::load_relayer(file).map_err(|error| invalid(&error))?;
    stopped(wire::run_relayer(file, config).await)
}

/// Runs an attester until it is asked to stop.
pub(crate) async fn attester(file: &Path) -> Result<(), Failure> {
    let config = config::load_attester(file).map_err(|error| invalid(&error))?;
    stopped(wire::run_attester(config).await)
}

fn invalid(error: &ConfigError) -> Failure {
    Failure::Config(error.to_string())
}

fn stopped(outcome: Result<(), wire::Ended>) -> Result<(), Failure> {
    outcome.map_err(|ended| match ended {
        wire::Ended::Misconfigured(_) => Failure::Config(ended.to_string()),
        wire::Ended::Stopped(_) => Failure::Unavailable(ended.to_string()),
    })
}

impl Config {
    pub(crate) fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let Self::Check { files } = self;
        let mut invalid = 0_usize;
        for file in files {
            match config::load_any(file) {
                Ok(config) => valid(file, &config, out)?,
                Err(error) => {
                    invalid += 1;
                    problems(&error, out)?;
                }
            }
        }
        if invalid == 0 {
            return Ok(());
        }
        Err(Failure::Config(format!(
            "{invalid} of {} file(s) not valid: correct them as the output says",
            files.len()
        )))
    }
}

fn valid(file: &Path, config: &AnyConfig, out: &mut Output<'_>) -> Result<(), Failure> {
    let (kind, network, ledgers) = match config {
        AnyConfig::Relayer(relayer) => ("relayer", &relayer.network, relayer.ledgers.len()),
        AnyConfig::Attester(attester) => ("attester", &attester.network, attester.ledgers.len()),
    };
    let file = file.display().to_string();
    out.show(
        || json!({ "file": file, "kind": kind, "network": network, "ledgers": ledgers, "problems": [] }),
        |w| writeln!(w, "{file}: valid, {kind} of network {network} with {ledgers} ledger(s)"),
    )
}

fn problems(error: &ConfigError, out: &mut Output<'_>) -> Result<(), Failure> {
    let file = error.file.display().to_string();
    out.show(
        || {
            let problem = |p: &config::Problem| json!({ "path": p.path, "value": p.value, "remedy": p.remedy });
            let problems: Vec<_> = error.problems.iter().map(problem).collect();
            json!({ "file": file, "code": error.code().code(), "problems": problems })
        },
        |w| {
            for line in error.to_string().lines() {
                writeln!(w, "{}", clean(line))?;
            }
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_printed_and_fail_with_the_configuration_code() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("relayer.toml");
        std::fs::write(&file, "network = 7\n[control]\n").unwrap();
        let check = Config::Check {
            files: vec![file.clone(), folder.path().join("missing.toml")],
        };
        let mut written = Vec::new();
        let failure = check
            .run(&mut Output::new(&mut written, false))
            .unwrap_err();
        assert_eq!(failure.exit_code(), 3);
        assert!(failure.to_string().starts_with("2 of 2"), "{failure}");
        let text = String::from_utf8(written).unwrap();
        assert!(text.contains("network"), "{text}");
        assert!(text.contains("missing.toml"), "{text}");
        let mut written = Vec::new();
        check.run(&mut Output::new(&mut written, true)).unwrap_err();
        let first = String::from_utf8(written).unwrap();
        let object: serde_json::Value =
            serde_json::from_str(first.lines().next().unwrap()).unwrap();
        assert!(!object["problems"].as_array().unwrap().is_empty());
    }
}
