//! How often a transfer was tried in this process and what was reported last: for pacing and for people, never for decisions.

use std::collections::HashMap;
use std::sync::Mutex;

use isthmus_core::id::TransferId;
use isthmus_core::time::Timestamp;

/// First pause after a failure; doubles up to [`LONGEST_MS`].
const FIRST_MS: u64 = 500;
/// Longest pause.
const LONGEST_MS: u64 = 60_000;
/// Most transfers remembered; beyond it the pace starts anew, which is harmless.
const MOST: usize = 100_000;

/// Attempts and last reports, in memory.
#[derive(Debug, Default)]
pub struct Notes(Mutex<HashMap<TransferId, Note>>);

#[derive(Clone, Debug, Default)]
struct Note {
    failures: u32,
    text: String,
}

impl Notes {
    /// Remembers a failure and says when to try again.
    pub fn failed(&self, id: TransferId, now: Timestamp, text: String) -> Timestamp {
        let mut notes = self.lock();
        if notes.len() >= MOST {
            notes.clear();
        }
        let note = notes.entry(id).or_default();
        let pause = FIRST_MS
            .saturating_mul(1 << note.failures.min(16))
            .min(LONGEST_MS);
        note.failures = note.failures.saturating_add(1);
        note.text = text;
        now.plus_ms(pause)
    }

    /// Forgets it: the transfer moved.
    pub fn moved(&self, id: TransferId) {
        self.lock().remove(&id);
    }

    /// What was reported last.
    pub fn last(&self, id: TransferId) -> Option<String> {
        self.lock().get(&id).map(|note| note.text.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TransferId, Note>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
