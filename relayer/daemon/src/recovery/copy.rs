//! A copy of the log, as an attester or an auditor has it: leaves in base64, one a line, and the checkpoint that they lie under.

use alloy::primitives::B256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_prooflog::leaf::{Leaf, Purpose};
use isthmus_prooflog::note::{self, Checkpoint, VerifierKey};
use isthmus_prooflog::tree::{self, MemoryTree};
use isthmus_store::Store;

use super::errors::RecoveryError;

/// Leaves under a checkpoint that this relayer signed.
#[derive(Debug)]
pub struct LogCopy {
    head: Checkpoint,
    leaves: Vec<Vec<u8>>,
}

/// Reads a copy. It counts only if the checkpoint is signed by the relayer's own log key and is over exactly these leaves.
pub fn read_copy(leaves: &str, note: &str, key: &VerifierKey) -> Result<LogCopy, RecoveryError> {
    let unusable = |text: String| RecoveryError::Copy(text);
    let head = note::open(note.as_bytes(), key).map_err(|e| unusable(e.to_string()))?;
    let mut read = Vec::new();
    let mut grown = MemoryTree::default();
    for (index, line) in leaves.lines().enumerate() {
        let leaf = STANDARD
            .decode(line)
            .map_err(|_| unusable(format!("line {} is not base64", index + 1)))?;
        grown.push(&leaf)?;
        read.push(leaf);
    }
    if grown.size() != head.size || tree::root(&grown, head.size)? != head.root {
        return Err(unusable(format!(
            "its {} leaves are not those under the checkpoint of size {}",
            grown.size(),
            head.size
        )));
    }
    Ok(LogCopy { head, leaves: read })
}

impl LogCopy {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// Whether a burn was given in the end, for the purpose that it was burned for.
    pub(super) fn is_given_as_burned(&self, burn: B256) -> bool {
        let leaves = self.leaves.iter().filter_map(|leaf| Leaf::parse(leaf).ok());
        let (mut wanted, mut given) = (None, None);
        for leaf in leaves.filter(|leaf| leaf.transfer() == Some(burn)) {
            if let Leaf::Burned { purpose, .. } = leaf {
                wanted = Some(purpose);
            } else if let Leaf::Released { .. } = leaf {
                given = Some(Purpose::Release);
            } else if let Leaf::Retired { .. } = leaf {
                given = Some(Purpose::Retire);
            }
        }
        given.is_some() && given == wanted
    }

    /// Leaves with their index, from one on.
    pub(super) fn from(&self, start: u64) -> impl Iterator<Item = (u64, &Vec<u8>)> {
        let skipped = usize::try_from(start).unwrap_or(usize::MAX);
        (start..).zip(self.leaves.iter().skip(skipped))
    }

    /// That the store's log is a beginning of this one.
    pub(super) fn extends(&self, store: &Store) -> Result<(), RecoveryError> {
        let size = store.log().size()?;
        if size > self.size() {
            let (store, copy) = (size, self.size());
            return Err(RecoveryError::Shorter { store, copy });
        }
        let mut beginning = MemoryTree::default();
        for (_, leaf) in self.from(0).take_while(|(index, _)| *index < size) {
            beginning.push(leaf)?;
        }
        if tree::root(&beginning, size)? == tree::root(&store.log(), size)? {
            Ok(())
        } else {
            Err(RecoveryError::OtherHistory { size })
        }
    }

    /// That the store's log is this one now.
    pub(super) fn is_whole(&self, store: &Store) -> Result<(), RecoveryError> {
        let size = store.log().size()?;
        if size == self.size() && tree::root(&store.log(), size)? == self.head.root {
            Ok(())
        } else {
            Err(RecoveryError::OtherHistory { size })
        }
    }
}
