//! Deterministic simulation: the real engine, attesters and store over ledgers, a network, a disk and a clock that fail by a
//! seed. After every event every rule is checked; the same seed gives the same run to the last event.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::wildcard_enum_match_arm,
    reason = "test support: a panic is a failed run, and a kind that is new is found by what it does"
)]

pub mod attesters;
pub mod bug;
pub mod clock;
pub mod desk;
pub mod dice;
pub mod disk;
pub mod holders;
pub mod journal;
pub mod ledger;
pub mod misfortunes;
pub mod names;
pub mod oracle;
pub mod port;
pub mod relayer;
pub mod run;
pub mod scenario;
pub mod trace;
pub mod trouble;
pub mod world;

pub use bug::Bug;
pub use run::{Report, run};
pub use scenario::{Odds, Scenario};
