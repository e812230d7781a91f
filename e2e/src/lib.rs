//! Sandbox registries, the devnet, end-to-end tests and benchmarks.

pub mod devnet;
pub mod sandbox;
