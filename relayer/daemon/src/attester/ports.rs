//! What an attester reads for itself, with its own nodes and credentials. Implemented in `wire.rs` over the adapters and by
//! the tests' fakes. Movements are approved, and custody is counted, through the `Ledger` port.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use isthmus_core::id::{AccountId, Address, AssetClassId, Hash32, TransferId};
use isthmus_core::mandate::HolderKey;
use isthmus_core::operation::LogHead;
use isthmus_core::ports::FindError;
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Refusal;
use isthmus_core::terms::Burn;
use serde_json::Value;

pub use crate::stored_block::{Standing, StoredBlock};

/// What a gate says of burns, by its numbers.
pub type Burns = BTreeMap<u64, Result<Option<Burn>, FindError>>;

/// The attester's own node, asked about one gate at final blocks only.
#[async_trait]
pub trait GateView: Send + Sync + fmt::Debug {
    /// The outcomes of transfers, in order, all at the newest final block, and that block's number.
    async fn outcomes(&self, transfers: &[TransferId]) -> Result<(u64, Vec<Outcome>), FindError>;

    /// What circulates of a class at a block.
    async fn supply(&self, class: AssetClassId, block: u64) -> Result<Quantity, FindError>;

    /// The logs that batches were signed under, in final blocks above this one, as many of them as are read at a time.
    async fn minted_under(&self, above: u64) -> Result<MintedUnder, FindError>;

    /// The signer set in force at the newest final block.
    async fn signers(&self) -> Result<SignerSet, FindError>;

    /// Burns by the gate's numbers; `None` for one that is not final, or never happened. What cannot be read for one says nothing
    /// about the others.
    async fn burns(&self, numbers: &BTreeSet<u64>) -> Result<Burns, FindError>;
}

/// The logs that the batches in a range of final blocks were signed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintedUnder {
    /// One for each batch, in order.
    pub heads: Vec<LogHead>,
    /// Where the range ends.
    pub up_to: u64,
    /// Whether that is the newest final block; if not, there is more.
    pub complete: bool,
}

/// What the gate remembers about a transfer, for ever once it is not `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    None,
    /// Minted.
    Minted,
    /// Can never be minted.
    Voided,
}

/// Who may sign for the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerSet {
    /// Number of the set, part of everything signed.
    pub epoch: u32,
    /// Who may.
    pub members: Vec<Address>,
}

/// A registry's books, read with the attester's own credentials.
#[async_trait]
pub trait RegistryView: Send + Sync + fmt::Debug {
    /// What is recorded under each reference, in order.
    async fn records(&self, references: &[String]) -> Result<Vec<Record>, FindError>;

    /// The key that speaks for the holder of an account; `None` if there is no such account or it has none.
    async fn holder_key(&self, account: &AccountId) -> Result<Option<HolderKey>, FindError>;

    /// The stored blocks that share a unit with any of `serials`.
    async fn blocks(&self, serials: &[String]) -> Result<Vec<StoredBlock>, FindError>;

    /// Says that the proposal of this digest may not be done, so that it does not hold its reference for ever. Moves nothing;
    /// saying it again changes nothing.
    async fn reject(&self, reference: &str, digest: Hash32) -> Result<(), FindError>;
}

/// What a registry has recorded under a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Nothing.
    Absent,
    /// Proposed, waiting for approvals.
    Proposed {
        /// The digest that approvals must quote.
        digest: Hash32,
        /// The proposal as it was sent.
        proposal: Value,
    },
    /// Done for ever.
    Executed {
        /// The receipt, a compact JWS; not verified yet.
        receipt: String,
    },
    /// A definite no.
    Refused(Refusal),
}
