//! Isthmus, the relayer and attester: configuration, engine, control plane and command line.

pub mod attester;
