//! How fast transfers end, for people: counts of the last minute, in memory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use isthmus_core::ports::StoreError;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_store::Store;

/// How often the store is asked.
const EVERY: Duration = Duration::from_secs(2);
/// How far back the pace looks.
const WINDOW_MS: u64 = 60_000;

/// How many transfers had ended at some moments of the last minute.
#[derive(Debug, Default)]
pub struct Pace(Mutex<VecDeque<(Timestamp, u64)>>);

/// What is left to do, and how long it takes at the present pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Transfers that have work left which somebody here does: not those that wait for a person.
    pub transfers: u64,
    /// How many ended in the last minute.
    pub ended_per_minute: u64,
    /// When the backlog is gone at this pace; `None` if nothing moves.
    pub eta_ms: Option<u64>,
}

impl Pace {
    /// Takes a count in.
    pub fn note(&self, now: Timestamp, ended: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = now.ms().saturating_sub(WINDOW_MS);
        while counts.front().is_some_and(|(at, _)| at.ms() < oldest) {
            counts.pop_front();
        }
        counts.push_back((now, ended));
    }

    /// What is left of `transfers`.
    pub fn backlog(&self, transfers: u64) -> Backlog {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (ended, ms) = match (counts.front(), counts.back()) {
            (Some((first, before)), Some((last, after))) => (
                after.saturating_sub(*before),
                last.ms().saturating_sub(first.ms()),
            ),
            (None, _) | (_, None) => (0, 0),
        };
        let eta_ms = match (transfers, ended) {
            (0, _) => Some(0),
            (_, 0) => None,
            (left, ended) => Some(left.saturating_mul(ms) / ended),
        };
        Backlog {
            transfers,
            ended_per_minute: ended.saturating_mul(WINDOW_MS) / ms.max(1),
            eta_ms,
        }
    }

    /// Counts until the store fails.
    pub async fn run(&self, store: &Store, clock: &dyn Clock) -> Result<(), StoreError> {
        loop {
            let counts = store.counts()?;
            self.note(clock.now(), ended(&counts));
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// How many have ended, by the counts of the store.
fn ended(counts: &[(String, u64)]) -> u64 {
    let ended = ["completed", "returned", "rejected"];
    sum(counts, |state| ended.contains(&state))
}

/// How many have work left that waits for no person, by the counts of the store.
pub fn working(counts: &[(String, u64)]) -> u64 {
    let working = ["requested", "taken", "authorised", "withdrawing", "voided"];
    sum(counts, |state| working.contains(&state))
}

fn sum(counts: &[(String, u64)], counted: impl Fn(&str) -> bool) -> u64 {
    let counted = counts.iter().filter(|(state, _)| counted(state));
    counted.map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_of_the_last_minute_says_how_long_the_rest_takes() {
        let pace = Pace::default();
        assert_eq!(pace.backlog(0).eta_ms, Some(0));
        assert_eq!(pace.backlog(5).eta_ms, None, "nothing is known yet");
        for (s, ended) in [(0, 0), (100, 1_000), (110, 1_300), (130, 1_900)] {
            pace.note(Timestamp::from_s(s), ended);
        }
        // The first is older than a minute: 900 in 30 seconds.
        let backlog = pace.backlog(2_700);
        assert_eq!(
            (backlog.ended_per_minute, backlog.eta_ms),
            (1_800, Some(90_000))
        );
        pace.note(Timestamp::from_s(300), 1_900);
        pace.note(Timestamp::from_s(310), 1_900);
        assert_eq!(pace.backlog(2_700).eta_ms, None, "it stands still");
    }

    #[test]
    fn what_waits_for_a_person_is_no_backlog() {
        let counts = [
            ("requested", 2),
            ("quarantined", 3),
            ("owed", 5),
            ("completed", 7),
        ];
        let counts = counts.map(|(state, count)| (state.to_owned(), count));
        assert_eq!((working(&counts), ended(&counts)), (2, 7));
    }
}
