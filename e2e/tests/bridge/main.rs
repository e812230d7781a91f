//! The whole bridge: real relayer, attesters, registry and chain as processes, killed, lied to and reorganised.
//!
//! Each test has a devnet of its own on free ports. What is asserted is what the ledgers, the journal and the proofs say, never
//! what a process logs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy only knows the test functions themselves"
)]

mod backup;
mod collusion;
mod command;
mod connecting;
mod contradictions;
mod crossing;
mod decisions;
mod halts;
mod liar;
mod limits;
mod operating;
mod races;
mod refusals;
mod refused_returns;
mod relayer_killed;
mod reload;
mod reorgs;
mod rpc_agreement;
mod slow_registry;
mod stolen_relayer;
mod storm;
mod stranger;
mod world;
