//! The engine: lanes that do what `Transfer::next` decides, admission, observation, attestation. First submission, retry and
//! crash recovery are the same code: a lane asks what became of pending work before it does anything.

pub mod admission;
pub mod attest;
pub mod backoff;
pub mod beginning;
pub mod board;
mod burns;
pub mod classes;
pub mod contradiction;
pub mod delay;
pub(crate) mod deposits;
pub mod examination;
pub mod impairment;
pub mod lane;
pub mod leaves;
pub mod live;
pub mod mending;
pub mod moved;
pub mod observe;
pub mod pace;
mod page;
pub mod pause;
pub mod ports;
pub mod recorder;
pub mod returning;
mod rhythm;
pub mod settle;
mod spent;
pub mod wake;
pub mod watch;

pub use recorder::{Fatal, Recorder};
