//! The sandbox registry: a VCS-style registry of record over HTTP (`docs/protocol.md` §6), for the devnet and for tests.
//!
//! It keeps real books. What it answered is on disk, so `kill -9` loses nothing; faults are made on demand, never by chance.
//! Parts, from the inside out: `books` (who holds which units, an interval index), `registry` (everything durable, changed only
//! by `Change`s), `decide` (the rules: what a request may change), `change_file` (the file of changes), `writer` (one thread that
//! decides, writes and syncs for all requests that wait), `http` (the API).

pub mod account;
pub mod config;
pub mod faults;

mod books;
mod change;
mod change_file;
mod command;
mod decide;
mod http;
mod idempotency;
mod load;
mod outcome;
mod receipt;
mod registry;
mod replay;
mod request;
mod server;
mod stats;
mod units;
mod verra_csv;
mod writer;

pub use config::Config;
pub use server::{OpenError, Sandbox, ServeError};
