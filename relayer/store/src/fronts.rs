//! From where on a lane's due index has entries. RocksDB keeps what was deleted until it compacts, and who looks for a lane's
//! first entry would pass over all of it again each time: whoever has passed over it once remembers how far.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::columns;

/// What is known of each lane; forgotten when the process ends.
#[derive(Debug, Default)]
pub(crate) struct Fronts(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// No entry of the lane is below this key.
    fronts: HashMap<Vec<u8>, Vec<u8>>,
    /// How many writes put entries into the index.
    writes: u64,
}

/// What was known before a lane was looked through.
pub(crate) struct Before {
    /// Where to begin, if anything is known.
    pub(crate) front: Option<Vec<u8>>,
    writes: u64,
}

impl Fronts {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be asked before the database is looked at.
    pub(crate) fn before(&self, lane: &[u8]) -> Before {
        let known = self.known();
        Before {
            front: known.fronts.get(lane).cloned(),
            writes: known.writes,
        }
    }

    /// The lane was looked through and has no entry below `front`. Counts only if nothing was written meanwhile: the reader did
    /// not see it.
    pub(crate) fn found(&self, lane: &[u8], before: &Before, front: Vec<u8>) {
        let mut known = self.known();
        if known.writes == before.writes {
            known.fronts.insert(lane.to_vec(), front);
        }
    }

    /// Entries were written. Called after the write and before anybody is told of it.
    pub(crate) fn written<'k>(&self, keys: impl IntoIterator<Item = &'k Vec<u8>>) {
        let mut known = self.known();
        for key in keys {
            known.writes += 1;
            if let Some(front) = known.fronts.get_mut(columns::lane_of(key))
                && key < front
            {
                front.clone_from(key);
            }
        }
    }
}
