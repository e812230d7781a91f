//! The whole bridge: real relayer, attesters, registry and chain as processes, killed, lied to and reorganised.
//!
//! Each test has a devnet of its own on free ports. What is asserted is what the ledgers, the journal and the proofs say, never
//! what a process logs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy only knows the test functions themselves"
)]

mod collusion;
mod connecting;
mod contradictions;
mod crossing;
mod halts;
mod impairment;
mod liar;
mod operating;
mod races;
mod redirected;
mod refusals;
mod refused_returns;
mod relayer_killed;
mod reorgs;
mod rpc_agreement;
mod sick_disk;
mod slow_registry;
mod stolen_relayer;
mod storm;
mod stranger;
mod world;
