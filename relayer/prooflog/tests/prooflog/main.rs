//! Tests of the proof log and of the auditor's verifier, from outside the crate.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests; clippy only knows the test functions themselves"
)]

mod book;
mod bundle;
mod custody;
mod evm;
mod evm_tests;
mod gate;
mod history;
mod impaired;
mod leaves;
mod notes;
mod outstanding;
mod parsers;
mod policy;
mod receipts;
mod reserves;
mod stories;
mod tamper;
mod tree;
mod vectors;
mod verify;
mod world;
