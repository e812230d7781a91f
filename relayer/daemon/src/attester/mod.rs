//! The attester: an independent process that verifies for itself and signs or approves. It opens no port, believes nothing the
//! relayer says, and remembers what it promises before a signature leaves (`design.md` §8).
//!
//! [`follow`] keeps its own copy of the log and [`replica`] replays it; `verify_*` are the rules, pure functions over what
//! the log, the registry and the gate said; [`readings`] and [`examine`] do the asking; [`tasks`] is the loop.

pub mod decline;
pub mod doubt;
pub mod examine;
pub mod follow;
pub mod lock;
pub mod memory;
pub mod own;
pub mod ports;
pub mod proposal;
pub mod readings;
pub mod relayer;
pub mod replica;
pub mod reserves;
pub mod route;
pub mod tasks;
pub mod verify_deposit;
pub mod verify_mint;
pub mod verify_pool;
pub mod verify_redemption;
pub mod verify_redirect;
pub mod verify_unlock;
pub mod verify_void;
pub mod witness;

pub use own::{Own, OwnGate, OwnRegistry};
pub use tasks::{Attester, AttesterError, run};

#[cfg(test)]
mod tests;
