//! Following the log: every leaf is fetched, hashed and replayed here; the relayer's word is worth the log key's signature
//! and no more. A log that does not extend what was seen under that key is never followed again.

use std::sync::Arc;

use isthmus_core::id::Hash32;
use isthmus_core::ports::StoreError;
use isthmus_core::time::Timestamp;
use isthmus_prooflog::book::StoryError;
use isthmus_prooflog::leaf::{Leaf, LeafError};
use isthmus_prooflog::note::{self, Checkpoint, NoteError, VerifierKey};
use isthmus_prooflog::tree::{self, Hash, TreeError};
use isthmus_store::AttesterStore;

use crate::attester::own::OwnGate;
use crate::attester::relayer::Relayer;
use crate::attester::replica::Replica;
use crate::attester::witness::{Witness, WitnessError};

/// Leaves in one page: 200 of the largest fit in one gRPC message.
const PAGE: u32 = 200;
/// Leaves read from the store at a time.
const REPLAY_PAGE: usize = 1000;

/// Why the log is not followed further, by what to do next.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Ask again later.
    #[error("the relayer's log was not reached")]
    Unreached(#[source] Box<tonic::Status>),
    /// What came is not what the log key signed. Nothing was taken over; ask again later.
    #[error("the relayer's answer is not the signed log: {0}")]
    Unproven(String),
    /// The log key signed two histories. Stop for good.
    #[error("the log equivocates: {0}")]
    Equivocation(String),
    /// The log contradicts itself. It is followed no further, and a restart meets the same leaf.
    #[error(transparent)]
    Story(#[from] StoryError),
    /// A leaf that this version cannot read. A restart meets the same leaf; a newer version may read it.
    #[error("leaf {index} cannot be read")]
    Unreadable {
        /// Which leaf.
        index: u64,
        /// Why.
        #[source]
        source: LeafError,
    },
    /// The store failed: stop the process.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored hashes do not make a tree: stop the process.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl From<NoteError> for FollowError {
    fn from(error: NoteError) -> Self {
        Self::Unproven(error.to_string())
    }
}

/// The log as followed so far.
#[derive(Debug)]
pub struct Follower {
    store: Arc<AttesterStore>,
    key: VerifierKey,
    replica: Replica,
    witness: Witness,
}

impl Follower {
    /// Replays what the store holds: an empty store has followed nothing and so vouches for nothing.
    pub fn open(store: Arc<AttesterStore>, key: VerifierKey) -> Result<Self, FollowError> {
        let mut follower = Self {
            witness: Witness::new(Arc::clone(&store)),
            store,
            key,
            replica: Replica::default(),
        };
        loop {
            let start = follower.replica.size();
            let leaves = follower.store.log().leaves(start, REPLAY_PAGE)?;
            if leaves.is_empty() {
                return Ok(follower);
            }
            follower.replay(&leaves)?;
        }
    }

    /// What the log says.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// That every batch that a gate has carried out was signed under a beginning of this log.
    pub async fn is_witnessed(&self, gate: &OwnGate, now: Timestamp) -> Result<(), WitnessError> {
        self.witness.agrees(gate, self.replica.size(), now).await
    }

    /// The root that this attester computes over the first `size` leaves; `None` beyond what it follows, and for the empty log.
    pub fn root(&self, size: u64) -> Result<Option<Hash32>, TreeError> {
        if size == 0 || size > self.replica.size() {
            return Ok(None);
        }
        tree::root(&self.store.log(), size).map(|root| Some(Hash32::new(root)))
    }

    /// Follows the log up to its newest checkpoint. Each page is proved to lie under that checkpoint before it is kept, so
    /// memory does not grow with the backlog and a crash loses at most a page.
    pub async fn advance(&mut self, relayer: &Relayer) -> Result<(), FollowError> {
        let note = relayer.checkpoint().await.map_err(unreached)?;
        let head = note::open(note.as_bytes(), &self.key)?;
        let size = self.replica.size();
        if head.size <= size {
            // An older checkpoint is not wrong, only old; a different one is.
            let own = tree::root(&self.store.log(), head.size)?;
            return if own == head.root {
                Ok(())
            } else {
                Err(equivocation(head.size, own, &head))
            };
        }
        let own = tree::root(&self.store.log(), size)?;
        if !under(relayer, (size, own), &head).await? {
            return Err(equivocation(size, own, &head));
        }
        while self.replica.size() < head.size {
            let leaves = self.page(relayer, &head).await?;
            self.keep(&leaves)?;
        }
        // So that the relayer learns what it has signed, and gets its log back if it lost it.
        self.store.keep_checkpoint(head.size, &note)?;
        Ok(())
    }

    /// The newest checkpoint up to which the log was followed; empty if there is none.
    pub fn checkpoint(&self) -> Result<String, StoreError> {
        let kept = self.store.checkpoint()?;
        Ok(kept.map_or_else(String::new, |(_, note)| note))
    }

    /// Keeps leaves that are proved to be the log's next ones. From here on this attester is bound to them, also if their
    /// story turns out to contradict itself.
    pub fn keep(&mut self, leaves: &[Vec<u8>]) -> Result<(), FollowError> {
        self.store.extend_log(leaves)?;
        self.replay(leaves)
    }

    /// The next leaves, proved to lie under `head`.
    async fn page(
        &self,
        relayer: &Relayer,
        head: &Checkpoint,
    ) -> Result<Vec<Vec<u8>>, FollowError> {
        let start = self.replica.size();
        let limit = u64::from(PAGE).min(head.size.saturating_sub(start));
        let limit = u32::try_from(limit).unwrap_or(PAGE);
        let leaves = relayer.leaves(start, limit).await.map_err(unreached)?;
        if leaves.is_empty() || u32::try_from(leaves.len()).is_ok_and(|count| count > limit) {
            let found = format!("{} leaves from {start} on, not 1 to {limit}", leaves.len());
            return Err(FollowError::Unproven(found));
        }
        let end = self.store.root_with(&leaves)?;
        if under(relayer, end, head).await? {
            return Ok(leaves);
        }
        let found = format!(
            "leaves {start} to {} are not under size {}",
            end.0, head.size
        );
        Err(FollowError::Unproven(found))
    }

    fn replay(&mut self, leaves: &[Vec<u8>]) -> Result<(), FollowError> {
        for bytes in leaves {
            let index = self.replica.size();
            let leaf =
                Leaf::parse(bytes).map_err(|source| FollowError::Unreadable { index, source })?;
            self.replica.apply(&leaf)?;
        }
        Ok(())
    }
}

/// Whether a tree of our own is proved to be a prefix of the signed one.
async fn under(
    relayer: &Relayer,
    (size, root): (u64, Hash),
    head: &Checkpoint,
) -> Result<bool, FollowError> {
    let proof = if size == 0 || size == head.size {
        Vec::new()
    } else {
        relayer
            .consistency(size, head.size)
            .await
            .map_err(unreached)?
    };
    let proof: Result<Vec<Hash>, _> = proof.into_iter().map(Hash::try_from).collect();
    Ok(proof.is_ok_and(|proof| {
        tree::check_consistency(&proof, (size, root), (head.size, head.root)).is_ok()
    }))
}

fn unreached(status: tonic::Status) -> FollowError {
    FollowError::Unreached(Box::new(status))
}

fn equivocation(size: u64, own: Hash, head: &Checkpoint) -> FollowError {
    FollowError::Equivocation(format!(
        "at size {size} it had root 0x{}, now {} is signed with size {} and root 0x{}",
        hex::encode(own),
        head.origin,
        head.size,
        hex::encode(head.root)
    ))
}
