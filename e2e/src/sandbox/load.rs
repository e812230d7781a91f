//! The first start: accounts and units from the configuration become the first changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use isthmus_core::id::AccountId;

use crate::sandbox::change::Change;
use crate::sandbox::config::{Config, Load};
use crate::sandbox::units::UnitState;
use crate::sandbox::verra_csv::{self, CsvError, Published};

/// Units that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The export.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// Nobody to give them to.
    #[error("load of {file}: account {account} does not exist: add an [[account]]")]
    NoAccount {
        /// Which file.
        file: PathBuf,
        /// Which account.
        account: AccountId,
    },
    /// Units of two rows, or of two loads, are the same.
    #[error("{file} row {row}: {problem}: every unit may be loaded once")]
    Books {
        /// Which file.
        file: PathBuf,
        /// Row, the heading is row 1.
        row: usize,
        /// What is wrong.
        problem: String,
    },
}

/// Where a loaded row comes from, for error messages.
pub(crate) struct Issuance {
    pub(crate) file: PathBuf,
    pub(crate) row: usize,
    pub(crate) change: Change,
}

/// The units of all loads, in order. A row that an earlier load took is left to it.
pub(crate) fn issuances(config: &Config) -> Result<Vec<Issuance>, LoadError> {
    let accounts: BTreeSet<&AccountId> =
        config.accounts.iter().map(|account| &account.id).collect();
    let mut exports: BTreeMap<&PathBuf, Vec<Published>> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let mut issuances = Vec::new();
    for load in &config.loads {
        if !accounts.contains(&load.account) {
            let (file, account) = (load.file.clone(), load.account.clone());
            return Err(LoadError::NoAccount { file, account });
        }
        if !exports.contains_key(&load.file) {
            exports.insert(&load.file, verra_csv::read(&load.file, &config.registry)?);
        }
        for published in exports.get(&load.file).into_iter().flatten() {
            let wanted =
                load.projects.is_empty() || load.projects.contains(&published.class.project);
            if wanted && taken.insert((&load.file, published.row)) {
                issuances.push(issue(load, published));
            }
        }
    }
    Ok(issuances)
}

fn issue(load: &Load, published: &Published) -> Issuance {
    let as_published = if published.retired {
        UnitState::Retired
    } else {
        UnitState::Held
    };
    let change = Change::Issued {
        serial: published.serial.to_string(),
        account: load.account.clone(),
        state: load.state.unwrap_or(as_published),
        class: published.class.clone(),
    };
    Issuance {
        file: load.file.clone(),
        row: published.row,
        change,
    }
}
