//! A registry or chain, as the relayer sees it. Batched, because a round trip per transfer is what makes relayers slow.

use std::fmt;
use std::num::NonZeroU64;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, AssetClassId, DraftId, Hash32, LedgerId};
use crate::operation::{Operation, OperationKind};
use crate::pool::Pool;
use crate::ports::cost::Costs;
use crate::quantity::Quantity;
use crate::receipt::{Receipt, Refusal};
use crate::serial_block::SerialBlock;
use crate::terms::Burn;
use crate::time::Timestamp;

/// Any error, with its sources.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a ledger of blocks can be asked beside; a registry has none, and the answer of its default is yes.
#[async_trait]
pub trait Blocks: Send + Sync {
    /// Whether a final block is where it was: a contradiction if another one is there now.
    async fn stands(&self, _height: u64, _block: Hash32) -> Result<(), FindError> {
        Ok(())
    }

    /// How many transactions with mints of ours wait for a block, as far as this process knows. For pacing only: what is sent
    /// now waits behind them.
    async fn queued(&self) -> Result<u64, FindError> {
        Ok(0)
    }

    /// People want to know what the ledger says now: what this process remembers as final of its past counts no more. That
    /// accepts nothing.
    fn look_anew(&self) {}

    /// Two people have taken the ledger as it is now, with everything that strangers are known to have done to us there.
    fn accept(&self) {}
}

/// A registry or chain.
///
/// Contract, checked for every adapter by `core::testing`: sent twice is done once; a refusal while an earlier send may
/// still land is not a refusal; absent before, final after; the wrong network is refused at connect.
#[async_trait]
pub trait Ledger: Blocks + Costs + fmt::Debug {
    /// What kind of ledger this is and what it offers.
    fn profile(&self) -> &LedgerProfile;

    /// Turns operations into drafts: exact bytes, hash, nonce, expiry. Several operations may share one draft (same id); the
    /// answer has one entry per operation, in order. No outside effect.
    async fn prepare(&self, operations: &[Operation]) -> Vec<Result<Draft, PrepareError>>;

    /// Sends drafts that the journal holds. Sending one again has no further effect. One answer per draft, in order.
    async fn send(&self, drafts: &[Draft]) -> Vec<Result<(), SendError>>;

    /// What became of each attempt. One answer per attempt, in order.
    async fn find(&self, attempts: &[Attempt]) -> Vec<Result<Found, FindError>>;

    /// Final facts that we did not cause, in order, from a cursor. The new cursor must be stored in the same write as what
    /// the facts cause.
    async fn observe(&self, from: &Cursor, limit: usize) -> Result<Observations, FindError>;

    /// Blocks and totals in custody, or in circulation, as of a named moment. Decides no state transition; may withhold a
    /// signature.
    async fn reserves(&self, pool: &Pool, page: Page) -> Result<Reserves, FindError>;
}

/// What a ledger is and offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerProfile {
    /// Its id.
    pub id: LedgerId,
    /// Registry or chain.
    pub kind: LedgerKind,
    /// Operations that `prepare` accepts.
    pub operations: Vec<OperationKind>,
    /// How units are taken.
    pub taking: Taking,
    /// How movements out of custody, mints and voids are authorised.
    pub authority: Authority,
    /// Where locked units lie.
    pub custody: Custody,
    /// When a fact is final.
    pub finality: Finality,
    /// Smallest quantity that moves.
    pub granularity: Quantity,
    /// Most operations in one call.
    pub max_batch: usize,
}

/// Registry or chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerKind {
    /// A system of record.
    Registry,
    /// Carries tokens.
    Chain,
}

/// How units are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// The relayer submits the lock under the holder's mandate.
    Submitted,
    /// The holder acts; the relayer observes.
    Observed,
}

/// How a quorum's yes reaches the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// Anyone may submit what k have signed.
    Signatures,
    /// The relayer proposes, k attesters approve with their own credentials.
    Approvals,
}

/// Where locked units lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Custody {
    /// In one account of the bridge.
    Omnibus,
    /// Frozen where they were.
    InPlace,
}

/// When a fact is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// As soon as the ledger answers.
    Immediate,
    /// This many blocks below the head; never zero.
    Depth(NonZeroU64),
    /// Up to the chain's own `finalized` tag.
    FinalizedTag,
}

/// Exact bytes for a ledger, journalled before they are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The hash under which the ledger knows it; operations that share a draft share the id.
    pub id: DraftId,
    /// What is sent.
    pub bytes: Vec<u8>,
    /// The sender's nonce, on a chain.
    pub nonce: Option<u64>,
    /// When sending it stops having an effect.
    pub expires: Option<Timestamp>,
}

/// An operation and all the drafts it was ever sent in, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The operation.
    pub operation: Operation,
    /// Its drafts.
    pub drafts: Vec<Draft>,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing happened and nothing will unless it is sent (again): the last draft if `Draft::expires` allows, else a new one.
    Absent,
    /// Under way: not final, proposed but not approved, in the mempool.
    Unsettled {
        /// When to look again; a new final head wakes earlier.
        recheck_at: Timestamp,
    },
    /// Done. The receipt names what was really done, which may be another operation (a void that finds the mint).
    Final(Receipt),
    /// A definite no; no earlier send can still land.
    Refused(Refusal),
    /// None of the drafts can ever land, and nothing happened: decide anew (for a mint: sign the same item again).
    Dead(Refusal),
}

/// Why operations could not be turned into drafts. Nothing has left the process.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The ledger does not offer the operation, or its data are wrong for it.
    #[error("the operation cannot be prepared: {0}")]
    Unsupported(String),
    /// The ledger had to be asked and did not answer.
    #[error("the ledger did not answer while a draft was prepared")]
    Unreached(#[source] BoxError),
}

/// Sorted by what the caller may conclude, not by what went wrong.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A definite no: nothing happened.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Not yet.
    #[error("not before {}", .0.ms())]
    NotBefore(Timestamp),
    /// It never arrived: nothing happened.
    #[error("the ledger was not reached")]
    Unreached(#[source] BoxError),
    /// It may have happened. Only `find` may turn this into anything else (R4).
    #[error("the outcome is unknown")]
    Unknown(#[source] BoxError),
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Ask again later.
    #[error("the ledger did not answer")]
    Unavailable(#[source] BoxError),
    /// The ledger contradicts itself or what is final: its pools must halt.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

/// Something that cannot be if the ledger keeps its word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{ledger} contradicts what is final: {detail}")]
pub struct Contradiction {
    /// Which ledger.
    pub ledger: LedgerId,
    /// What was seen and what was known.
    pub detail: String,
}

/// How far a ledger was observed. The hash pins the block, so that a rewritten history is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Last height (or sequence) fully observed.
    pub height: u64,
    /// Its block's hash, on a chain.
    pub block: Option<Hash32>,
    /// Number of the last fact seen, for gap detection (the gate's burn number).
    pub last_number: u64,
}

/// A page of final facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observations {
    /// In order.
    pub facts: Vec<Observed>,
    /// Where to go on.
    pub next: Cursor,
    /// How far the ledger is final now; `next` below it means that there is more.
    pub head: u64,
}

/// A final fact that we did not cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The fact.
    pub fact: Fact,
    /// What proves it.
    pub receipt: Receipt,
}

/// Kinds of observed facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A holder burned equivalents.
    Burned(Burn),
    /// Units were moved, into or out of custody perhaps, by nobody's operation of ours: a holder deposited them, or the
    /// registry corrected its books.
    Moved(Moved),
    /// A registry recorded something else that none of our operations explains.
    Unattributed {
        /// The reference it carries.
        reference: String,
        /// The units.
        units: Vec<SerialBlock>,
    },
}

/// A movement that no reference of the protocol explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The registry's reference of it, unique for ever.
    pub reference: String,
    /// Where the units lay.
    pub from: AccountId,
    /// Where they lie now; `None` if they were cancelled, retired or set aside.
    pub to: Option<AccountId>,
    /// What whoever moved them wrote on it.
    pub note: Option<String>,
    /// Their class as the registry has it; `None` if they are of several.
    pub asset_class: Option<AssetClassId>,
    /// The units.
    pub units: Vec<SerialBlock>,
}

/// Which part of a long list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Entries to skip.
    pub offset: usize,
    /// Most entries to return.
    pub limit: usize,
}

/// What backs, or what circulates, as of a named moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserves {
    /// Total of the pool's class on this ledger.
    pub total: Quantity,
    /// The numbered units of this page; empty on a chain.
    pub units: Vec<SerialBlock>,
    /// Block height or registry sequence of the answer.
    pub as_of: u64,
}
