//! Long tests through real processes; `make test-all` runs them, `make test` does not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests; clippy only knows the test functions themselves"
)]

mod kills;
mod load;
mod places;
