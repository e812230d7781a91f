//! Proofs from the store: signed checkpoints, proof bundles, the replay behind reserves.

pub mod bundle;
pub mod checkpoints;
pub mod reserves;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use checkpoints::{CheckpointError, Checkpoints, SignedHead};
