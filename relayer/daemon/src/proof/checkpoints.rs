//! The log's signed checkpoints. The store makes the state that will be signed durable in the write that adds the leaves, so
//! a signature never exists for a state that a crash could take back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use isthmus_core::id::Hash32;
use isthmus_core::operation::LogHead;
use isthmus_core::ports::StoreError;
use isthmus_prooflog::note::{self, LogSigner, NoteError, VerifierKey};
use isthmus_prooflog::tree::{self, Hash, TreeError};
use isthmus_store::{Restored, Store};

/// A checkpoint with its parts read out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// Number of leaves.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash,
    /// The signed note.
    pub note: String,
}

impl SignedHead {
    /// What attesters sign a batch under.
    pub fn log_head(&self) -> LogHead {
        LogHead {
            size: self.size,
            root: Hash32::new(self.root),
        }
    }
}

/// What somebody's checkpoint says about the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Its log is in the store, or it is of no log at all.
    Here,
    /// It is not ours.
    Unknown,
    /// We signed it, and it is not in the store.
    Lost(String),
}

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The store holds another log than the one that was signed: nothing is signed any more.
    #[error(
        "the log's first {size} leaves are not those that were remembered for signing: restore the store from its newest backup"
    )]
    Forked {
        /// Size that was remembered.
        size: u64,
    },
    /// It was signed once, and the store does not have it.
    #[error(
        "{0}: an old copy of the store was started. Take the log from an attester (isthmus attester-log) and run isthmus recover"
    )]
    Lost(String),
    /// The store is a copy, and nobody knows yet whether the log was longer once.
    #[error(
        "the store is a copy of {} leaves and nothing is signed on it: every configured attester must have called and its log be in this one; or stop, and run isthmus recover",
        .0.log_size
    )]
    Unsettled(Restored),
    /// The note could not be made.
    #[error("the checkpoint could not be signed")]
    Note(#[source] NoteError),
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Signs the newest durable state of the log, and nothing that does not extend what was signed before.
#[derive(Debug)]
pub struct Checkpoints {
    store: Arc<Store>,
    signing: Mutex<Signing>,
}

#[derive(Debug)]
struct Signing {
    signer: LogSigner,
    newest: Option<SignedHead>,
    /// What was signed in an earlier life and is not in the store.
    lost: Option<String>,
    /// Whose log is in the store, as far as they have followed it, while the store is a copy.
    confirmed: BTreeSet<String>,
}

impl Checkpoints {
    /// Over a store, with the log's name and Ed25519 seed. Fails if the store's log is not the one that was remembered.
    pub fn open(
        store: Arc<Store>,
        origin: String,
        seed: [u8; 32],
    ) -> Result<Self, CheckpointError> {
        let remembered = store.checkpoint_intent()?;
        if let Some((size, root)) = remembered {
            check(&store, size, root)?;
        }
        let signing = Mutex::new(Signing {
            signer: LogSigner::new(origin, seed, remembered),
            newest: None,
            lost: None,
            confirmed: BTreeSet::new(),
        });
        Ok(Self { store, signing })
    }

    /// The key that auditors and attesters verify with.
    pub fn verifier(&self) -> VerifierKey {
        self.lock().signer.verifier()
    }

    /// The newest durable state of the log, signed.
    pub fn newest(&self) -> Result<SignedHead, CheckpointError> {
        let mut signing = self.lock();
        if let Some(lost) = &signing.lost {
            return Err(CheckpointError::Lost(lost.clone()));
        }
        if let Some(copy) = self.store.restored()? {
            return Err(CheckpointError::Unsettled(copy));
        }
        let (size, root) = self
            .store
            .checkpoint_intent()?
            .unwrap_or((0, tree::empty_root()));
        if let Some(head) = signing.newest.as_ref().filter(|head| head.size == size) {
            return Ok(head.clone());
        }
        // What is signed must be what was remembered, not what the hashes happen to say now.
        check(&self.store, size, root)?;
        let note = signing
            .signer
            .sign(&self.store.log(), size)
            .map_err(|error| match error {
                NoteError::DoesNotExtend { signed, .. } => CheckpointError::Forked { size: signed },
                NoteError::Malformed(_)
                | NoteError::NotSigned { .. }
                | NoteError::BadKey { .. }
                | NoteError::Tree(_) => CheckpointError::Note(error),
            })?;
        self.store.save_checkpoint(size, &note)?;
        let head = SignedHead { size, root, note };
        signing.newest = Some(head.clone());
        Ok(head)
    }

    /// Compares a checkpoint that somebody has followed with the store. If we signed it and the store's log does not contain it,
    /// part of the log is lost: nothing more is signed, and the answer says so. What we did not sign says nothing.
    pub fn compare(&self, note: &str) -> Result<Followed, CheckpointError> {
        let mut signing = self.lock();
        if note.is_empty()
            || signing
                .newest
                .as_ref()
                .is_some_and(|head| head.note == note)
        {
            return Ok(signing.lost.clone().map_or(Followed::Here, Followed::Lost));
        }
        let Ok(seen) = note::open(note.as_bytes(), &signing.signer.verifier()) else {
            return Ok(Followed::Unknown);
        };
        let size = self.store.log().size()?;
        if seen.size <= size && tree::root(&self.store.log(), seen.size)? == seen.root {
            return Ok(Followed::Here);
        }
        let lost = format!(
            "a checkpoint of {} leaves is signed and not in this store of {size}",
            seen.size
        );
        tracing::error!(%lost, "the log was longer once");
        signing.lost = Some(lost.clone());
        Ok(Followed::Lost(lost))
    }

    /// An attester has called, and all that it has followed is in the store. A copy is settled when all of them have: what none
    /// of them has followed was neither minted nor given. One that has followed nothing knows of nothing that is lacking.
    pub fn confirmed(&self, attester: &str, all: &[&str]) -> Result<(), CheckpointError> {
        if self.store.restored()?.is_none() {
            return Ok(());
        }
        let mut signing = self.lock();
        if signing.lost.is_some() {
            return Ok(());
        }
        signing.confirmed.insert(attester.to_owned());
        if !all.is_empty() && all.iter().all(|name| signing.confirmed.contains(*name)) {
            tracing::info!("all attesters' logs are in this copy: it is the newest");
            self.store.settle_restored()?;
        }
        Ok(())
    }

    /// What is known to have been signed and not to be in the store.
    pub fn lost(&self) -> Option<String> {
        self.lock().lost.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Signing> {
        // The signer takes note of a state before it signs it, so a panic in between only makes it stricter.
        self.signing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(store: &Store, size: u64, root: Hash) -> Result<(), CheckpointError> {
    if tree::root(&store.log(), size)? == root {
        Ok(())
    } else {
        Err(CheckpointError::Forked { size })
    }
}
