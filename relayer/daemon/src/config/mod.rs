//! Configuration: one TOML file for a relayer or an attester. Everything that is wrong with it is reported at once, and
//! nothing starts before all of it is right.

mod attester;
mod common;
mod diff;
mod ledger;
mod model;
mod problem;
mod relayer;
mod section;
mod value;

use std::path::{Path, PathBuf};

use toml::Table;

pub use diff::{Diff, Refused, diff};
pub use model::{
    AttesterConfig, AttesterLedgerConfig, ControlConfig, Identity, LedgerConfig, LogConfig,
    LogFormat, RelayerConfig, Role, RouteAdmin, TelemetryConfig,
};
pub use problem::{ConfigError, Problem};

use problem::{Field, Problems};
use section::{Section, Source};

/// A file of either kind.
#[derive(Debug)]
pub enum AnyConfig {
    /// Of a relayer: it has `[control]`.
    Relayer(Box<RelayerConfig>),
    /// Of an attester: it has `[attester]`.
    Attester(Box<AttesterConfig>),
}

/// Reads the file of a relayer, with its secrets.
pub fn load_relayer(path: &Path) -> Result<RelayerConfig, ConfigError> {
    load(path, |root| {
        if is_for_attester(&root) {
            let remedy = "this is an attester's file: start it with `isthmus attester --config`";
            return Err(root.refuse("attester", "unknown table", remedy));
        }
        relayer::relayer(root)
    })
}

/// Reads the file of an attester, with its secrets.
pub fn load_attester(path: &Path) -> Result<AttesterConfig, ConfigError> {
    load(path, |root| {
        if root.has("control") && !root.has("attester") {
            let remedy = "this is a relayer's file: start it with `isthmus run --config`";
            return Err(root.refuse("control", "unknown table", remedy));
        }
        attester::attester(root)
    })
}

/// Reads a file of either kind.
pub fn load_any(path: &Path) -> Result<AnyConfig, ConfigError> {
    load(path, |root| {
        if is_for_attester(&root) {
            attester::attester(root).map(|config| AnyConfig::Attester(Box::new(config)))
        } else {
            relayer::relayer(root).map(|config| AnyConfig::Relayer(Box::new(config)))
        }
    })
}

fn is_for_attester(root: &Section<'_>) -> bool {
    root.has("attester") && !root.has("control")
}

fn load<T>(file: &Path, read: impl FnOnce(Section<'_>) -> Field<T>) -> Result<T, ConfigError> {
    let problems = Problems::default();
    let folder = file.parent().map(PathBuf::from).unwrap_or_default();
    let source = Source { folder, problems };
    let outcome = table(file, &source).and_then(|table| read(Section::root(table, &source)));
    source
        .problems
        .conclude(outcome)
        .map_err(|problems| ConfigError {
            file: file.to_owned(),
            problems,
        })
}

fn table(file: &Path, source: &Source) -> Field<Table> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let remedy = "name a TOML file that this process can read";
        source
            .problems
            .report("file", format!("{} ({error})", file.display()), remedy)
    })?;
    text.parse::<Table>().map_err(|error| {
        let (line, column) = position(&text, error.span().map_or(0, |span| span.start));
        let path = format!("line {line}, column {column}");
        source
            .problems
            .report(path, "not TOML", error.message().replace('\n', "; "))
    })
}

/// Line and column of a byte, from 1 as editors count.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    let column = before
        .chars()
        .rev()
        .take_while(|c| *c != '\n')
        .count()
        .saturating_add(1);
    (line, column)
}

#[cfg(test)]
mod tests;
