//! A configuration as the rest of the program uses it: every value checked, every secret read.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use alloy::signers::local::PrivateKeySigner;
use isthmus_core::id::{Address, Hash32, LedgerId};
use isthmus_evm::{EvmConfig, SigningKey};
use isthmus_prooflog::note::VerifierKey;
use isthmus_vcs::{ApiKey, VcsConfig};
use secrecy::SecretString;

/// A relayer.
#[derive(Clone, Debug)]
pub struct RelayerConfig {
    /// Name of the network; the store refuses to open for another.
    pub network: String,
    /// Folder of the store.
    pub data_dir: PathBuf,
    /// The proof log.
    pub log: LogConfig,
    /// The API.
    pub control: ControlConfig,
    /// Where `/metrics` and `/healthz` are served, if at all.
    pub metrics: Option<SocketAddr>,
    /// What is written to stderr.
    pub telemetry: TelemetryConfig,
    /// Whose signatures make a route count.
    pub route_admins: Vec<RouteAdmin>,
    /// The ledgers.
    pub ledgers: Vec<LedgerConfig>,
}

/// The proof log's name and key.
#[derive(Clone)]
pub struct LogConfig {
    /// Its name, in every checkpoint.
    pub origin: String,
    /// Seed of the Ed25519 key that signs checkpoints.
    pub seed: [u8; 32],
}

impl fmt::Debug for LogConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogConfig({}, seed not shown)", self.origin)
    }
}

/// The API.
#[derive(Clone, Debug)]
pub struct ControlConfig {
    /// A loopback address: the API is not encrypted.
    pub listen: SocketAddr,
    /// Who may call.
    pub identities: Vec<Identity>,
}

/// A caller.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its name, in the log where two people must decide.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Its bearer token.
    pub token: SecretString,
    /// For an attester: the addresses that it signs with. Its noes count as theirs, and nobody else's.
    pub signers: Vec<Address>,
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Submits transfers, proposes and approves routes.
    Exchange,
    /// Runs the relayer.
    Operator,
    /// Pauses.
    Guardian,
    /// Reads proofs and status.
    Auditor,
    /// Pulls work and answers with signatures.
    Attester,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [
        Self::Exchange,
        Self::Operator,
        Self::Guardian,
        Self::Auditor,
        Self::Attester,
    ];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Operator => "operator",
            Self::Guardian => "guardian",
            Self::Auditor => "auditor",
            Self::Attester => "attester",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Somebody whose signature counts for routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteAdmin {
    /// For people.
    pub name: String,
    /// Ed25519 public key.
    pub key: Hash32,
}

/// What is written to stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// For machines or for people.
    pub format: LogFormat,
    /// `tracing` directives, such as `info` or `isthmus=debug,warn`.
    pub filter: String,
}

/// How a line on stderr looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// A ledger as the relayer uses it.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a handful exist, and each is taken apart at the start"
)]
pub enum LedgerConfig {
    /// A VCS-style registry.
    Vcs {
        /// Where it is.
        config: VcsConfig,
        /// Our credential there.
        api_key: ApiKey,
    },
    /// An EVM chain.
    Evm {
        /// Where it is.
        config: EvmConfig,
        /// Pays for mints.
        mint_key: SigningKey,
        /// Pays for voids.
        void_key: SigningKey,
    },
}

impl LedgerConfig {
    /// Its id.
    pub fn id(&self) -> &LedgerId {
        match self {
            Self::Vcs { config, .. } => &config.ledger,
            Self::Evm { config, .. } => &config.ledger,
        }
    }
}

/// An attester. It opens no port, so there is nothing to listen on.
#[derive(Debug)]
pub struct AttesterConfig {
    /// Its name, under which the relayer knows it.
    pub name: String,
    /// Name of the network.
    pub network: String,
    /// Folder of its store: its own copy of the log and its promises.
    pub data_dir: PathBuf,
    /// The relayer's API.
    pub relayer_url: String,
    /// Bearer token there.
    pub relayer_token: SecretString,
    /// Key of the relayer's log.
    pub log_vkey: VerifierKey,
    /// Signs items; the gate knows its address.
    pub signing_key: PrivateKeySigner,
    /// What is written to stderr.
    pub telemetry: TelemetryConfig,
    /// Whose signatures make a route count, by this attester's own knowledge.
    pub route_admins: Vec<RouteAdmin>,
    /// Its own access to the ledgers.
    pub ledgers: Vec<AttesterLedgerConfig>,
}

/// A ledger as an attester uses it: with its own credentials.
#[derive(Debug)]
pub enum AttesterLedgerConfig {
    /// A VCS-style registry.
    Vcs {
        /// Where it is.
        config: VcsConfig,
        /// Its own credential there.
        api_key: ApiKey,
        /// The name that the registry shows beside its approvals.
        approver: String,
    },
    /// An EVM chain, read only.
    Evm {
        /// Where it is.
        config: EvmConfig,
    },
}

impl AttesterLedgerConfig {
    /// Its id.
    pub fn id(&self) -> &LedgerId {
        match self {
            Self::Vcs { config, .. } => &config.ledger,
            Self::Evm { config } => &config.ledger,
        }
    }
}
