//! What the observer of a ledger saw last: for status and metrics, and to wake who waits for finality; never for decisions.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::rhythm::Rhythm;
use crate::engine::wake::{Wake, Writes};

/// Most findings kept.
const MOST_FINDINGS: usize = 20;

/// The last words of one ledger's observer.
#[derive(Debug, Default)]
pub struct LedgerWatch {
    seen: Mutex<LedgerSnapshot>,
    rhythm: Mutex<Rhythm>,
    /// Ticks when more has become final.
    heads: Writes,
}

/// How one ledger is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerSnapshot {
    /// Why it could not be observed last time, if so.
    pub problem: Option<String>,
    /// How far it is final: block height or registry sequence.
    pub final_height: u64,
    /// How far it was observed.
    pub observed_height: u64,
    /// Facts that nothing of ours explains, newest last.
    pub findings: VecDeque<String>,
}

impl LedgerWatch {
    /// How it is doing.
    pub fn snapshot(&self) -> LedgerSnapshot {
        self.lock().clone()
    }

    /// It was observed.
    pub fn observed(&self, final_height: u64, observed_height: u64) {
        let mut snapshot = self.lock();
        snapshot.problem = None;
        let newer = snapshot.final_height < final_height;
        snapshot.final_height = final_height;
        snapshot.observed_height = observed_height;
        drop(snapshot);
        if newer {
            let mut rhythm = self.rhythm.lock().unwrap_or_else(PoisonError::into_inner);
            rhythm.note(final_height, Instant::now());
            drop(rhythm);
            self.heads.tick();
        }
    }

    /// How long it takes from one final block to the next; unknown at first.
    pub fn interval(&self) -> Option<Duration> {
        let rhythm = self.rhythm.lock().unwrap_or_else(PoisonError::into_inner);
        rhythm.interval()
    }

    /// Ready when more has become final: whoever waits for finality need not wait for its next look.
    pub fn heads(&self) -> Wake {
        self.heads.subscribe()
    }

    /// It could not be observed, or not further.
    pub fn troubled(&self, problem: String) {
        self.lock().problem = Some(problem);
    }

    /// Something that a person should look at.
    pub fn finding(&self, finding: String) {
        let mut snapshot = self.lock();
        if snapshot.findings.len() >= MOST_FINDINGS {
            snapshot.findings.pop_front();
        }
        snapshot.findings.push_back(finding);
    }

    fn lock(&self) -> MutexGuard<'_, LedgerSnapshot> {
        // It holds words for people only; half-written ones do no harm.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
