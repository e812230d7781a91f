//! The proof log and everything an auditor needs to check it offline: the Merkle tree, signed notes, leaves, their replay,
//! proof bundles and their verifier. No IO; builds alone. Formats: `docs/protocol.md` §7–§10.

pub mod book;
pub mod bundle;
pub mod evm_evidence;
pub mod gate;
pub mod leaf;
pub mod note;
pub mod policy;
pub mod pro_rata;
pub mod proof_file;
pub mod receipt;
pub mod redirect;
pub mod reserves;
pub mod route;
pub mod serial;
pub mod tree;
pub mod verify;
