//! Proof bundles (`docs/protocol.md` §10) from what the store holds: the log decides which files there are, the journal has
//! the evidence behind them.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_core::id::TransferId;
use isthmus_core::ports::{Journal, StoreError};
use isthmus_core::terms::Terms;
use isthmus_core::transfer::Transfer;
use isthmus_prooflog::bundle::{Bundle, BundleKind};
use isthmus_prooflog::leaf::{Leaf, LeafError};
use isthmus_prooflog::proof_file::ProofFile;
use isthmus_prooflog::tree::{self, TreeError};
use isthmus_store::{Store, StoredRouteStatus};

use crate::proof::bundle::evidence::Past;
use crate::proof::{CheckpointError, Checkpoints, SignedHead};

mod evidence;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// No such transfer.
    #[error("there is no transfer {0}")]
    Unknown(TransferId),
    /// Nothing is proved yet.
    #[error(
        "nothing is logged about transfer {0} yet: a bundle exists from its LOCKED or BURNED leaf on"
    )]
    NotLogged(TransferId),
    /// A size that the log does not have.
    #[error("the log has {size} leaves, fewer than your checkpoint of size {asked}")]
    NotGrown {
        /// What was asked for.
        asked: u64,
        /// What there is.
        size: u64,
    },
    /// The log says something that the journal has no evidence for: a bug, or a damaged store.
    #[error("the bundle of {transfer} is incomplete: {missing}")]
    Incomplete {
        /// Which.
        transfer: TransferId,
        /// What is missing.
        missing: String,
    },
    /// The transfer was recovered from the log, which does not hold what the quorum signed.
    #[error(
        "the bundle of {0} cannot be made: the quorum's signatures were in a store that was lost; they are in the transaction on the chain, and in a bundle that was made before"
    )]
    Lost(TransferId),
    /// A leaf cannot be read.
    #[error("leaf {index} cannot be read")]
    Leaf {
        /// Which.
        index: u64,
        /// Why.
        #[source]
        source: LeafError,
    },
    /// No checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A leaf with its place and exact bytes.
struct Logged {
    index: u64,
    bytes: Vec<u8>,
    leaf: Leaf,
}

/// The file name under which a bundle is handed out.
pub fn file_name(id: TransferId) -> String {
    format!("{id}.isthmus-proof.tar")
}

/// The bundle of a transfer as of now. `kept` is the size of a checkpoint that the auditor kept: the bundle then proves that
/// the log only grew since.
pub fn assemble(
    store: &Store,
    checkpoints: &Checkpoints,
    id: TransferId,
    kept: Option<u64>,
) -> Result<Bundle, AssembleError> {
    let transfer = store.transfer(id)?.ok_or(AssembleError::Unknown(id))?;
    // Leaves first, then the journal, then the checkpoint: each holds at least what the one before refers to.
    let mut leaves = own_leaves(store, id)?;
    let is_take = |l: &Logged| matches!(l.leaf, Leaf::Locked { .. } | Leaf::Burned { .. });
    let first = leaves.first().map(|l| l.index);
    let first = first.filter(|_| leaves.iter().any(is_take));
    let first = first.ok_or(AssembleError::NotLogged(id))?;
    leaves.push(route_leaf(store, &transfer, first)?);
    let past = Past::new(&transfer, store.history(id)?).complete(store)?;
    let head = checkpoints.newest()?;
    let mut files = BTreeMap::new();
    let mut sizes: Vec<u64> = kept.into_iter().collect();
    for logged in &leaves {
        prove(store, &head, logged, &mut files)?;
        sizes.extend(past.files_for(&logged.leaf, &mut files)?);
    }
    for size in sizes {
        grown(store, &head, size, &mut files)?;
    }
    files.insert(
        format!("checkpoint/{}.txt", head.size),
        head.note.into_bytes(),
    );
    let (kind, class) = (kind(&transfer), *transfer.terms().asset_class().as_bytes());
    Ok(Bundle::new(
        B256::from(*id.as_bytes()),
        kind,
        B256::from(class),
        transfer.quantity().grams(),
        head.size,
        files,
    ))
}

fn kind(transfer: &Transfer) -> BundleKind {
    match transfer.terms() {
        Terms::Outbound(_) => BundleKind::Outbound,
        Terms::Return(_) => BundleKind::Return,
    }
}

fn own_leaves(store: &Store, id: TransferId) -> Result<Vec<Logged>, AssembleError> {
    let indexes = store.log().leaves_of(id)?;
    indexes.into_iter().map(|i| logged(store, i)).collect()
}

fn logged(store: &Store, index: u64) -> Result<Logged, AssembleError> {
    let bytes = store
        .log()
        .leaf(index)?
        .ok_or_else(|| StoreError(format!("leaf {index} is missing")))?;
    let leaf = Leaf::parse(&bytes).map_err(|source| AssembleError::Leaf { index, source })?;
    Ok(Logged { index, bytes, leaf })
}

/// The `ROUTE` leaf that the transfer rests on: the newest with its pool before the transfer's own leaves.
fn route_leaf(store: &Store, transfer: &Transfer, first: u64) -> Result<Logged, AssembleError> {
    let terms = transfer.terms();
    let routes = store.routes()?;
    let index = routes
        .iter()
        .filter(|route| route.status == StoredRouteStatus::Active)
        .filter(|route| match terms {
            Terms::Outbound(outbound) => route.document.id == outbound.terms.route,
            Terms::Return(_) => true,
        })
        .filter(|route| route.document.pool(terms.asset_class()).id() == terms.pool())
        .filter_map(|route| route.leaf)
        .filter(|index| *index < first)
        .max();
    let index = index.ok_or_else(|| AssembleError::Incomplete {
        transfer: transfer.id(),
        missing: "no ROUTE leaf before it names its pool".into(),
    })?;
    logged(store, index)
}

/// A leaf and its inclusion under the checkpoint.
fn prove(
    store: &Store,
    head: &SignedHead,
    logged: &Logged,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), AssembleError> {
    let proof = ProofFile {
        index: logged.index,
        path: tree::inclusion(&store.log(), logged.index, head.size)?,
        checkpoint: head.note.clone(),
    };
    files.insert(
        format!("leaves/{}.json", logged.index),
        logged.bytes.clone(),
    );
    files.insert(
        format!("proofs/{}.tlog-proof", logged.index),
        proof.to_string().into_bytes(),
    );
    Ok(())
}

/// That the log of `size` leaves is a prefix of the checkpoint's. Equal sizes and the empty log need no proof.
fn grown(
    store: &Store,
    head: &SignedHead,
    size: u64,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), AssembleError> {
    if size > head.size {
        let (asked, size) = (size, head.size);
        return Err(AssembleError::NotGrown { asked, size });
    }
    if size < head.size {
        let proof = tree::consistency(&store.log(), size, head.size)?;
        let lines: String = proof
            .iter()
            .map(|hash| STANDARD.encode(hash) + "\n")
            .collect();
        files.insert(
            format!("consistency/{size}-{}.txt", head.size),
            lines.into_bytes(),
        );
    }
    Ok(())
}
