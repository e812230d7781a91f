//! RFC 6962 tree over stored hashes: append, root, inclusion and consistency, with the caller keeping the hashes.

use tlog_tiles::tlog::{self, Error as TlogError, HashReader};

/// A SHA-256 hash of the tree.
pub type Hash = [u8; 32];

/// Where the caller keeps the tree's stored hashes, by index.
pub trait StoredHashes {
    /// The hash at `index`, or `None` if it was never stored.
    fn get(&self, index: u64) -> Result<Option<Hash>, TreeError>;
}

/// A tree question without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The storage failed or lacks a hash that it must have.
    #[error("stored hash {index} cannot be read: {detail}")]
    Storage {
        /// Which stored hash.
        index: u64,
        /// What the storage said.
        detail: String,
    },
    /// Asked about a leaf or size that the tree does not have.
    #[error("{asked} is outside a tree of {size} leaves")]
    OutOfRange {
        /// What was asked about.
        asked: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// A proof does not prove what it is for.
    #[error("the proof does not verify")]
    BadProof,
}

struct Reader<'a, S>(&'a S, std::cell::RefCell<Option<TreeError>>);

impl<S: StoredHashes> HashReader for Reader<'_, S> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, TlogError> {
        indexes
            .iter()
            .map(|&index| match self.0.get(index) {
                Ok(Some(hash)) => Ok(tlog::Hash(hash)),
                Ok(None) => Err(self.fail(TreeError::Storage {
                    index,
                    detail: "it is missing".into(),
                })),
                Err(error) => Err(self.fail(error)),
            })
            .collect()
    }
}

impl<'a, S: StoredHashes> Reader<'a, S> {
    fn new(hashes: &'a S) -> Self {
        Self(hashes, std::cell::RefCell::new(None))
    }

    fn fail(&self, error: TreeError) -> TlogError {
        *self.1.borrow_mut() = Some(error);
        TlogError::InvalidInput("stored hash".into())
    }

    fn error(&self) -> TreeError {
        self.1.borrow_mut().take().unwrap_or(TreeError::BadProof)
    }
}

/// The hash of one leaf's bytes.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    tlog::record_hash(leaf).0
}

/// Stored hashes that a tree of `size` leaves has; the index of the first that the next leaf adds.
pub fn stored_count(size: u64) -> u64 {
    tlog::stored_hash_count(size)
}

/// The stored hashes that one more leaf adds to a tree of `size`, in order from [`stored_count`]`(size)`.
pub fn append<S: StoredHashes>(hashes: &S, size: u64, leaf: Hash) -> Result<Vec<Hash>, TreeError> {
    let reader = Reader::new(hashes);
    let added = tlog::stored_hashes_for_record_hash(size, tlog::Hash(leaf), &reader)
        .map_err(|_| reader.error())?;
    Ok(added.into_iter().map(|hash| hash.0).collect())
}

/// The root over the first `size` leaves.
pub fn root<S: StoredHashes>(hashes: &S, size: u64) -> Result<Hash, TreeError> {
    if size == 0 {
        return Ok(empty_root());
    }
    let reader = Reader::new(hashes);
    tlog::tree_hash(size, &reader)
        .map(|hash| hash.0)
        .map_err(|_| reader.error())
}

/// The root of the empty tree: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    use sha2::Digest;
    sha2::Sha256::digest(b"").into()
}

/// The inclusion path of leaf `index` in the tree of `size`.
pub fn inclusion<S: StoredHashes>(
    hashes: &S,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, TreeError> {
    if index >= size {
        return Err(TreeError::OutOfRange { asked: index, size });
    }
    let reader = Reader::new(hashes);
    let path = tlog::prove_record(size, index, &reader).map_err(|_| reader.error())?;
    Ok(path.into_iter().map(|hash| hash.0).collect())
}

/// That the tree of `from` leaves is a prefix of the tree of `to`.
pub fn consistency<S: StoredHashes>(
    hashes: &S,
    from: u64,
    to: u64,
) -> Result<Vec<Hash>, TreeError> {
    if from == 0 || from == to {
        return Ok(Vec::new());
    }
    if from > to {
        return Err(TreeError::OutOfRange {
            asked: from,
            size: to,
        });
    }
    let reader = Reader::new(hashes);
    let proof = tlog::prove_tree(to, from, &reader).map_err(|_| reader.error())?;
    Ok(proof.into_iter().map(|hash| hash.0).collect())
}

/// Checks an inclusion path.
pub fn check_inclusion(
    path: &[Hash],
    leaf: Hash,
    index: u64,
    size: u64,
    root: Hash,
) -> Result<(), TreeError> {
    if index >= size {
        return Err(TreeError::OutOfRange { asked: index, size });
    }
    let path = path.iter().map(|hash| tlog::Hash(*hash)).collect();
    tlog::check_record(&path, size, tlog::Hash(root), index, tlog::Hash(leaf))
        .map_err(|_| TreeError::BadProof)
}

/// Checks a consistency proof. The empty tree is a prefix of every tree.
pub fn check_consistency(
    proof: &[Hash],
    from: (u64, Hash),
    to: (u64, Hash),
) -> Result<(), TreeError> {
    if from.0 == 0 {
        return if proof.is_empty() && from.1 == empty_root() {
            Ok(())
        } else {
            Err(TreeError::BadProof)
        };
    }
    if from.0 > to.0 {
        return Err(TreeError::OutOfRange {
            asked: from.0,
            size: to.0,
        });
    }
    let proof = proof.iter().map(|hash| tlog::Hash(*hash)).collect();
    tlog::check_tree(&proof, to.0, tlog::Hash(to.1), from.0, tlog::Hash(from.1))
        .map_err(|_| TreeError::BadProof)
}

/// A tree in memory, for auditors who replay a log and for tests.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    hashes: Vec<Hash>,
    size: u64,
}

impl MemoryTree {
    /// Adds a leaf.
    pub fn push(&mut self, leaf: &[u8]) -> Result<(), TreeError> {
        let added = append(self, self.size, leaf_hash(leaf))?;
        self.hashes.extend(added);
        self.size += 1;
        Ok(())
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl StoredHashes for MemoryTree {
    fn get(&self, index: u64) -> Result<Option<Hash>, TreeError> {
        Ok(usize::try_from(index)
            .ok()
            .and_then(|i| self.hashes.get(i))
            .copied())
    }
}
