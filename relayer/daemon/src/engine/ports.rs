//! What the engine needs from the two sides besides the `Ledger` port: facts of the registry's books at admission, and the
//! gate's signer set. Implemented in `wire.rs` for the adapters and by the tests' fakes.

use std::fmt;

use async_trait::async_trait;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AccountId, Address, AssetClassId, Hash32, TransferId};
use isthmus_core::mandate::HolderKey;
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::ports::BoxError;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::time::Timestamp;

pub use crate::stored_block::{Standing, StoredBlock};

/// What a registry says about units and accounts.
#[async_trait]
pub trait Registry: Send + Sync + fmt::Debug {
    /// A serial as this registry writes it; the error names the segment.
    fn parse_serial(&self, text: &str) -> Result<SerialBlock, BoxError>;

    /// Whether the account is open and which key speaks for its holder.
    async fn account(&self, id: &AccountId) -> Result<RegistryAccount, SurveyError>;

    /// The stored blocks that share a unit with any of these, for one transfer or many.
    async fn stored(&self, units: &[SerialBlock]) -> Result<Vec<StoredBlock>, SurveyError>;
}

/// An account at a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryAccount {
    /// The account.
    pub id: AccountId,
    /// Whether units may move from or to it.
    pub status: AccountStatus,
    /// The holder's registered key, if there is one.
    pub holder_key: Option<HolderKey>,
}

/// Whether units may move from or to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// They may.
    Open,
    /// They may not.
    Closed,
}

/// Why a registry's books could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// There is no such thing, or not one of it.
    #[error("{field} {value:?}: {message}")]
    Unknown {
        /// What was asked about.
        field: &'static str,
        /// Its value.
        value: String,
        /// What to do.
        message: String,
    },
    /// Ask again later.
    #[error("the registry did not answer")]
    Unavailable(#[source] BoxError),
}

/// The gate's side of attestation.
#[async_trait]
pub trait Gate: Send + Sync + fmt::Debug {
    /// The contract.
    fn address(&self) -> Address;

    /// The signer set in force at a final block.
    async fn signer_set(&self) -> Result<SignerSet, BoxError>;

    /// Makes sure that the class can be minted: registers its profile if need be (permissionless, idempotent).
    async fn ensure_class(&self, id: AssetClassId, class: &AssetClass) -> Result<(), BoxError>;

    /// EIP-712 digest of a mint batch.
    fn mint_digest(
        &self,
        items: &[MintItem],
        log: LogHead,
        epoch: u32,
        deadline: Timestamp,
    ) -> Hash32;

    /// EIP-712 digest of a void.
    fn void_digest(&self, transfer: TransferId, epoch: u32) -> Hash32;

    /// Who signed `digest`, if the signature is well formed.
    fn signer_of(&self, digest: Hash32, signature: &[u8]) -> Option<Address>;
}

/// Who may sign for a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerSet {
    /// Number of the set.
    pub epoch: u32,
    /// How many must sign.
    pub threshold: usize,
    /// Who may.
    pub signers: Vec<Address>,
}
