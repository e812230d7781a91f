//! The rules of Isthmus: what units are, who may move them, what happens next and what a ledger must offer.
//!
//! Nothing here does IO, reads a clock or depends on an async runtime, so that the whole of it runs under
//! property tests and under the simulation. `docs/protocol.md` fixes the bytes, `design.md` the rules R1–R11.

pub mod asset_class;
pub mod deposit;
pub mod id;
pub mod instruction;
pub mod jcs;
pub mod mandate;
pub mod operation;
pub mod policy;
pub mod pool;
pub mod ports;
pub mod quantity;
pub mod receipt;
pub mod redirection;
pub mod route;
pub mod serial_block;
pub mod terms;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod transfer;
