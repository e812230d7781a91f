//! The devnet: every part of Isthmus as its real process on this machine, for the demo and the end-to-end tests.
//!
//! A sandbox registry with real Verra serials, an anvil chain with a gate, three attesters with a quorum of two and one relayer.
//! Each party has a folder, keys and credentials of its own, made at random at the start. Nothing outlives the [`Devnet`] but the
//! files in its folder, if it was given one.
//!
//! Parts: `programs` (where the binaries are), `keys` and `parties` (who is who), `files` (what each party is configured with),
//! `service` (one process: start, kill -9, start again), `registry`, `chain` with `blocks`, and `control` (clients), `route`, `outbound`,
//! `redemption`, `wait` and `audit` (what people do with it).

pub mod audit;
pub mod bulk;
pub mod chain;
pub mod control;
pub mod keys;
pub mod parties;
pub mod registry;
pub mod rpc_proxy;
pub mod second_chain;
pub mod service;

mod blocks;
mod custody;
mod files;
mod outbound;
mod programs;
mod redemption;
mod route;
mod start;
mod wait;

use std::path::{Path, PathBuf};

use isthmus_core::id::Address;
use tempfile::TempDir;

use crate::devnet::chain::Chain;
use crate::devnet::control::Control;
use crate::devnet::parties::Parties;
use crate::devnet::registry::Registry;
use crate::devnet::service::Service;

pub use outbound::order;
pub use programs::Programs;
pub use redemption::Redemption;
pub use start::Options;

/// The registry's ledger id.
pub const REGISTRY: &str = "vcs:sandbox";
/// The chain's EIP-155 id.
pub const CHAIN_ID: u64 = 31337;
/// The chain's ledger id.
pub const CHAIN: &str = "eip155:31337";
/// Blocks below the head at which a block is final.
pub const FINALITY_DEPTH: u64 = 2;
/// The account in which locked units lie.
pub const CUSTODY: &str = "9001";
/// The first epoch's quorum of the three attesters.
pub const QUORUM: u8 = 2;

/// A running devnet. Its processes end when it is dropped.
#[derive(Debug)]
pub struct Devnet {
    /// Who takes part.
    pub parties: Parties,
    /// The gate's address.
    pub gate: Address,
    /// The registry, seen by its operator and its callers.
    pub registry: Registry,
    /// The chain, seen by its users.
    pub chain: Chain,
    /// The relayer's process.
    pub relayer: Service,
    /// The attesters' processes.
    pub attesters: Vec<Service>,
    /// The registry's process.
    pub sandbox: Service,
    /// The chain's process.
    pub anvil: Service,
    programs: Programs,
    control_url: String,
    metrics_url: String,
    folder: Folder,
}

/// Where a devnet keeps its files.
#[derive(Debug)]
enum Folder {
    /// Given: stays.
    Kept(PathBuf),
    /// Made: removed at the end.
    Temporary(TempDir),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

impl Devnet {
    /// Where everything lies: one folder per party, `logs/`, and the auditor's `policy.toml`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All processes.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        let ours = std::iter::once(&self.relayer).chain(&self.attesters);
        ours.chain([&self.sandbox, &self.anvil])
    }

    /// The binaries in use.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Where the relayer's API listens.
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// Where the relayer's metrics are.
    pub fn metrics_url(&self) -> &str {
        &self.metrics_url
    }

    /// Where the relayer keeps its store.
    pub fn relayer_data(&self) -> PathBuf {
        self.party_folder("relayer").join("data")
    }

    /// The relayer's API with the token of one of [`parties::IDENTITIES`].
    pub fn control(&self, identity: &str) -> anyhow::Result<Control> {
        Control::new(&self.control_url, self.parties.token(identity)?)
    }
}
