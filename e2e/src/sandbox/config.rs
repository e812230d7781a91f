//! What an operator says about a sandbox registry. Everything is read and every problem reported before it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use isthmus_core::id::{AccountId, LedgerId};
use serde::Deserialize;

use crate::sandbox::account::Account;
use crate::sandbox::units::UnitState;

/// A sandbox registry.
#[derive(Clone)]
pub struct Config {
    /// Its ledger id.
    pub registry: LedgerId,
    /// Where its file of changes lies.
    pub data_dir: PathBuf,
    /// Seed of the Ed25519 key that signs receipts.
    pub receipt_seed: [u8; 32],
    /// How many different approvers a movement out of custody needs.
    pub approvals_required: usize,
    /// Most tonnes in one lock; `None` is without a limit.
    pub max_lock_t: Option<u64>,
    /// How long an idempotency key is remembered.
    pub idempotency_ttl_ms: u64,
    /// How long a fault that never answers holds the connection.
    pub hang: Duration,
    /// Who may call.
    pub api_keys: Vec<ApiKey>,
    /// Accounts that exist from the start. One that the file of changes knows keeps its state from there.
    pub accounts: Vec<Account>,
    /// Units that exist from the start; read at the first start only.
    pub loads: Vec<Load>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Config({} in {})",
            self.registry,
            self.data_dir.display()
        )
    }
}

/// A caller's credential.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The secret.
    pub key: String,
    /// Who it is; approvals are counted by this name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// For a relayer: the only accounts that it may lock into; without it, all of kind custody. A relayer that is stolen cannot
    /// put units where none of its routes would find them.
    #[serde(default)]
    pub custody: Vec<AccountId>,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, {})", self.name, self.role)
    }
}

/// What a caller may do besides reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Lock and propose.
    Relayer,
    /// Approve.
    Approver,
    /// Read only.
    Holder,
    /// Make faults and corrections.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relayer => "relayer",
            Self::Approver => "approver",
            Self::Holder => "holder",
            Self::Admin => "admin",
        })
    }
}

/// Rows of an export in Verra's 17 columns that become units.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The CSV file; relative to the configuration file.
    pub file: PathBuf,
    /// Who gets the units.
    pub account: AccountId,
    /// What they are. Without it they are what the export says: retired if it has a retirement date, else held. With `held` the
    /// sandbox pretends that retired units never were.
    #[serde(default)]
    pub state: Option<UnitState>,
    /// Only rows of these projects; empty is all rows that no earlier entry took.
    #[serde(default)]
    pub projects: Vec<String>,
}

/// The configuration file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    registry: LedgerId,
    receipt_key_file: PathBuf,
    approvals_required: usize,
    #[serde(default)]
    max_lock_t: Option<u64>,
    #[serde(default = "one_day_ms")]
    idempotency_ttl_ms: u64,
    #[serde(default = "hang_ms")]
    hang_ms: u64,
    #[serde(default, rename = "api_key")]
    api_keys: Vec<ApiKey>,
    #[serde(default, rename = "account")]
    accounts: Vec<Account>,
    #[serde(default, rename = "load")]
    loads: Vec<Load>,
}

fn one_day_ms() -> u64 {
    86_400_000
}

fn hang_ms() -> u64 {
    2_000
}

/// A configuration that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not the TOML that is expected.
    #[error("{path} is not a sandbox configuration")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: toml::de::Error,
    },
    /// Values that cannot work, all of them.
    #[error("the configuration cannot work:\n{}", .0.join("\n"))]
    Problems(Vec<String>),
}

impl Config {
    /// Reads the file and what it refers to.
    pub fn read(path: &Path, data_dir: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path)?;
        let raw: RawConfig = toml::from_str(&text).map_err(|source| ConfigError::Malformed {
            path: path.to_owned(),
            source,
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let seed_path = folder.join(&raw.receipt_key_file);
        let seed = read_text(&seed_path)?;
        let mut receipt_seed = [0; 32];
        hex::decode_to_slice(seed.trim(), &mut receipt_seed).map_err(|_| {
            ConfigError::Problems(vec![format!(
                "receipt_key_file: {} does not hold 64 hex digits: make it with `openssl rand -hex 32`",
                seed_path.display()
            )])
        })?;
        let in_folder = |load: Load| Load {
            file: resolve(&folder.join(&load.file)),
            ..load
        };
        let config = Self {
            registry: raw.registry,
            data_dir: data_dir.to_owned(),
            receipt_seed,
            approvals_required: raw.approvals_required,
            max_lock_t: raw.max_lock_t,
            idempotency_ttl_ms: raw.idempotency_ttl_ms,
            hang: Duration::from_millis(raw.hang_ms),
            api_keys: raw.api_keys,
            accounts: raw.accounts,
            loads: raw.loads.into_iter().map(in_folder).collect(),
        };
        config.check()?;
        Ok(config)
    }

    /// Names of those who may approve, as often as they have keys.
    pub fn approvers(&self) -> impl Iterator<Item = &str> {
        let approves = |key: &&ApiKey| key.role == Role::Approver;
        let keys = self.api_keys.iter().filter(approves);
        keys.map(|key| key.name.as_str())
    }

    /// Accounts of those who may lock into these only, by name.
    pub fn custody_of(&self) -> BTreeMap<String, Vec<AccountId>> {
        let bound = self.api_keys.iter().filter(|key| !key.custody.is_empty());
        bound
            .map(|key| (key.name.clone(), key.custody.clone()))
            .collect()
    }

    /// Reports every value that cannot work.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        if self.approvals_required == 0 {
            problems.push(
                "approvals_required: 0 would let the relayer move units alone: write at least 1"
                    .to_owned(),
            );
        }
        let approvers: BTreeSet<_> = self.approvers().collect();
        if approvers.len() < self.approvals_required {
            problems.push(format!(
                "approvals_required: {} approvals can never come from {} approvers: add an [[api_key]] with role approver",
                self.approvals_required,
                approvers.len()
            ));
        }
        for (index, key) in self.api_keys.iter().enumerate() {
            if key.key.len() < 8 {
                problems.push(format!(
                    "api_key {}: its key is shorter than 8 characters",
                    key.name
                ));
            }
            if self
                .api_keys
                .iter()
                .skip(index.saturating_add(1))
                .any(|other| other.key == key.key)
            {
                problems.push(format!(
                    "api_key {}: another entry has the same key",
                    key.name
                ));
            }
        }
        for (index, account) in self.accounts.iter().enumerate() {
            if self
                .accounts
                .iter()
                .skip(index.saturating_add(1))
                .any(|other| other.id == account.id)
            {
                problems.push(format!("account {}: it is listed twice", account.id));
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ConfigError::Problems(problems))
        }
    }
}

fn read_text(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// One name per file, so that two loads of it share its rows. A file that does not exist is reported when it is read.
fn resolve(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
