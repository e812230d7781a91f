//! Opening: stored changes are carried out again by the code that carried them out first; a new registry gets its first ones.

use std::path::PathBuf;

use isthmus_core::id::LedgerId;
use isthmus_core::time::Timestamp;

use crate::sandbox::change::Change;
use crate::sandbox::change_file::{ChangeFile, ChangeFileError};
use crate::sandbox::config::Config;
use crate::sandbox::decide::Rules;
use crate::sandbox::load::{self, LoadError};
use crate::sandbox::registry::{ApplyError, Registry};

/// Name of the file of changes.
const FILE: &str = "changes.jsonl";

/// Why a registry cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file of changes.
    #[error(transparent)]
    ChangeFile(#[from] ChangeFileError),
    /// The folder.
    #[error("the data folder {path} cannot be made")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Stored changes contradict each other.
    #[error("the stored changes contradict each other: restore the file of changes from a copy")]
    Contradiction(#[from] ApplyError),
    /// These are the books of another registry, or its receipt key was changed.
    #[error(
        "the data folder belongs to registry {registry} with receipt key {receipt_key}: use its configuration or another folder"
    )]
    OtherRegistry {
        /// Whose books these are.
        registry: LedgerId,
        /// The key that signed its receipts, in base64.
        receipt_key: String,
    },
    /// Units from an export.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The first changes could not be written.
    #[error("the first changes could not be written")]
    Write(#[source] std::io::Error),
}

/// The registry as it was when its last answer was given.
pub(crate) fn open(
    config: &Config,
    rules: &Rules,
    now: Timestamp,
) -> Result<(Registry, ChangeFile), ReplayError> {
    std::fs::create_dir_all(&config.data_dir).map_err(|source| ReplayError::Folder {
        path: config.data_dir.clone(),
        source,
    })?;
    let mut registry = Registry::default();
    let mut file = ChangeFile::open(&config.data_dir.join(FILE), |change| {
        check_owner(&change, rules)?;
        registry.apply(&change, now)?;
        Ok::<(), ReplayError>(())
    })?;
    let mut changes = Vec::new();
    let new = file.is_empty();
    if new {
        changes.push(Change::Founded {
            registry: rules.registry.clone(),
            receipt_key: rules.signer.public_key(),
        });
    }
    for account in &config.accounts {
        if !registry.accounts.contains_key(&account.id) {
            let change = Change::AccountOpened {
                account: account.clone(),
            };
            registry.apply(&change, now)?;
            changes.push(change);
        }
    }
    let issuances = if new {
        load::issuances(config)?
    } else {
        Vec::new()
    };
    for issuance in issuances {
        registry
            .apply(&issuance.change, now)
            .map_err(|error| LoadError::Books {
                file: issuance.file.clone(),
                row: issuance.row,
                problem: error.to_string(),
            })?;
        changes.push(issuance.change);
    }
    if !changes.is_empty() {
        file.append(changes).map_err(ReplayError::Write)?;
    }
    Ok((registry, file))
}

fn check_owner(change: &Change, rules: &Rules) -> Result<(), ReplayError> {
    match change {
        Change::Founded {
            registry,
            receipt_key,
        } if *registry != rules.registry || *receipt_key != rules.signer.public_key() => {
            Err(ReplayError::OtherRegistry {
                registry: registry.clone(),
                receipt_key: receipt_key.clone(),
            })
        }
        Change::Founded { .. }
        | Change::AccountOpened { .. }
        | Change::AccountStatus { .. }
        | Change::Issued { .. }
        | Change::Locked { .. }
        | Change::Proposed { .. }
        | Change::Approved { .. }
        | Change::Rejected { .. }
        | Change::Executed { .. }
        | Change::Lapsed { .. }
        | Change::Corrected { .. }
        | Change::Deposited { .. }
        | Change::Answered { .. } => Ok(()),
    }
}
