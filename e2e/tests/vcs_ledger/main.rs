//! The VCS adapter against the sandbox registry over real HTTP: the contract of the `Ledger` port, and what faults make of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "helpers of tests, shared with the sandbox's own; clippy only knows the test functions themselves"
)]

mod connecting;
mod contract;
mod doubts;
mod lies;
mod matrix;
mod parties;
mod reading;
#[path = "../sandbox/world.rs"]
mod world;
