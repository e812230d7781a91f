//! What operators do with a running bridge: decide by two, try again, limit, reload, back up and restore. Real processes; what is
//! asserted is what ledgers, journal and commands say.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy only knows the test functions themselves"
)]

mod amendments;
mod backup;
mod command;
mod decisions;
mod limits;
mod recovered;
mod reload;
#[path = "../bridge/world.rs"]
#[allow(
    dead_code,
    reason = "made for the tests of the bridge, which use all of it"
)]
mod world;
