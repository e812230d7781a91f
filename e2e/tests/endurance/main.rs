//! Long tests through real processes; `make test-all` runs them, `make test` does not.

mod kills;
mod load;
mod places;
