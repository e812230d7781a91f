//! Ledger adapter for VCS-style credit registries (`docs/protocol.md` §2, §5, §6).

pub mod serial;
pub mod serial_error;
