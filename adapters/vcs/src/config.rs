//! What an operator says about a registry: where it is, which key signs its receipts, how patient to be, and who we are there.

use isthmus_core::id::LedgerId;
use secrecy::SecretString;

/// One registry. Holds no secrets.
#[derive(Clone, Debug)]
pub struct VcsConfig {
    /// `vcs:<name>`; the registry must call itself the same.
    pub ledger: LedgerId,
    /// Base URL without a path, `http://127.0.0.1:8080`.
    pub url: String,
    /// The Ed25519 key that signs its receipts, learned from its operator and never from itself.
    pub receipt_key: [u8; 32],
    /// How long a call may take.
    pub request_timeout_ms: u64,
    /// How long after a caller is gone the registry may still carry its request out. Until then "absent" is not concluded.
    pub settle_ms: u64,
    /// How soon a proposal that waits for approvals is looked at again.
    pub recheck_ms: u64,
}

/// Our credential at the registry.
#[derive(Clone, Debug)]
pub struct ApiKey(pub SecretString);

/// What our credential is for: it decides which operations are offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Locks and proposes.
    Relayer,
    /// Approves, under this name at the registry.
    Attester {
        /// The name that the registry shows beside the approval.
        name: String,
    },
    /// Reads.
    Reader,
}
