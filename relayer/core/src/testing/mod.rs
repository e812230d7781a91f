//! The contract suite and the in-memory fake ledger.
