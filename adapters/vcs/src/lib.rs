//! Ledger adapter for VCS-style credit registries (`docs/protocol.md` §2, §5, §6).
//!
//! The registry is believed for its own books only under its receipt key; its answers may be late, lost or stale, so what was
//! sent is asked about by reference and never concluded from silence.

pub mod config;
pub mod connect;
#[doc(hidden)]
pub mod fuzzing;
pub mod receipt;
pub mod serial;
pub mod serial_error;
pub mod views;

mod api;
mod bodies;
mod doubt;
mod draft;
mod find;
mod ledger;
mod observe;
mod reject;
mod reserves;
mod send;
mod verdict;

pub use config::{ApiKey, Duty, VcsConfig};
pub use connect::ConnectError;
pub use ledger::VcsLedger;
