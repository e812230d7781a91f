//! Isthmus, the relayer and attester: configuration, engine, control plane and command line.

pub mod attester;
pub mod cli;
pub mod config;
pub mod control;
pub mod crash_point;
pub mod engine;
pub mod error_chain;
pub mod error_code;
pub mod proof;
pub mod recovery;
pub mod stored_block;
pub mod telemetry;
pub mod wire;
