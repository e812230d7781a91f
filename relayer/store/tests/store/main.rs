//! The store through its ports: what is appended is there, together or not at all, also after a crash.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "helpers of tests; clippy only knows the test functions themselves"
)]

mod again;
mod appending;
mod backups;
mod book;
mod costs;
mod crashing;
mod custody;
mod deposits;
mod due;
mod evidence;
mod full_disk;
mod impaired;
mod opening;
mod outstanding;
mod promises;
mod reading;
mod snapshots;
mod standing;
mod tallies;
mod world;
