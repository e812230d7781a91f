//! For tests of this crate and of others: sample data, the contract that every [`crate::ports::Ledger`] must keep, and a
//! ledger in memory that keeps it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test support: a panic is a failed test"
)]

pub mod contract;
pub mod fake;
pub mod sample;
