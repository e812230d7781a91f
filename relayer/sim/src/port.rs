//! The ports over the world: what an adapter would do, with a network that fails by the seed.

pub mod chain;
pub mod doubts;
mod flaws;
pub mod gate;
pub mod network;
pub mod registry;
pub mod views;

pub use chain::ChainPort;
pub use registry::RegistryPort;
