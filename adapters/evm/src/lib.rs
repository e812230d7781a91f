//! Ledger adapter for EVM chains: the gate (`docs/protocol.md` §7) as the relayer and the attesters see it.
//!
//! Everything that is concluded is read at one final block named by its hash; what is newer only makes us wait.

pub mod config;
pub mod connect;
pub mod contract;
pub mod deploy;
pub mod eip712;
pub mod evidence;
pub mod key;
pub mod sent;
pub mod views;

mod agree;
mod bid;
mod block_evidence;
mod chain;
mod counted;
mod draft;
mod fate;
mod find;
mod lane;
mod ledger;
mod locate;
mod node;
mod observe;
mod paid;
mod question;
mod receipt;
mod register;
mod send;
mod settlements;
mod under;
mod verdict;

pub use config::{ChainFinality, EvmConfig, FeeLimits, Sender, Senders};
pub use connect::ConnectError;
pub use key::SigningKey;
pub use ledger::{EvmLedger, MAX_BATCH};
pub use register::RegisterError;
pub use under::MintedUnder;
pub use views::{FinalBurns, FinalHead, Outcome, SignerSet};
