//! In whose hands a task is. As many attesters are asked for a signature as are needed, whoever pulls first; the others do not
//! verify what nobody needs them for. Somebody else is asked in place of one who pulls again without an answer or has had the task
//! for much longer than usual, and beside one whose answer brought nothing: who is dead or declines costs a moment, not a batch.

use std::collections::HashMap;

use isthmus_core::time::Timestamp;

/// How long who has a task in hand may take at least before somebody else is asked as well.
const LEAST_MS: u64 = 300;
/// The same at most, however long answers usually take.
const MOST_MS: u64 = 3_000;
/// Much longer than usual.
const TIMES: u64 = 4;
/// An answer moves what is usual by one in so many.
const WEIGHT: u64 = 8;

/// Who has a task, who had it, and how many are to have it at a time.
#[derive(Debug)]
pub(super) struct Hands {
    wanted: usize,
    by_attester: HashMap<String, Hand>,
}

#[derive(Clone, Copy, Debug)]
struct Hand {
    /// How often it was handed the task.
    times: u32,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Works at it, since.
    Has(Timestamp),
    Answered,
    /// It came back without an answer. It may have the task again, and does not count.
    LetDown,
}

impl Hands {
    /// Nobody's yet; so many are to have it.
    pub(super) fn of(wanted: usize) -> Self {
        Self {
            wanted,
            by_attester: HashMap::new(),
        }
    }

    pub(super) fn ask_another(&mut self) {
        self.wanted = self.wanted.saturating_add(1);
    }

    /// Whether an attester that has not answered may have it.
    pub(super) fn are_open_to(&self, attester: &str, now: Timestamp, patience_ms: u64) -> bool {
        let counts = |hand: &&Hand| match hand.standing {
            Standing::Has(since) => now < since.plus_ms(patience_ms),
            Standing::Answered => true,
            Standing::LetDown => false,
        };
        let asked = self.by_attester.values().filter(counts).count();
        asked < self.wanted || self.by_attester.contains_key(attester)
    }

    pub(super) fn take(&mut self, attester: &str, now: Timestamp) {
        let first = Hand {
            times: 0,
            standing: Standing::Has(now),
        };
        let hand = self.by_attester.entry(attester.to_owned()).or_insert(first);
        hand.times = hand.times.saturating_add(1);
    }

    /// An attester works off what it has pulled before it pulls again: what it has not answered by then it left.
    pub(super) fn returned(&mut self, attester: &str) {
        if let Some(hand) = self.by_attester.get_mut(attester)
            && let Standing::Has(_) = hand.standing
        {
            hand.standing = Standing::LetDown;
        }
    }

    /// It answered; how long it took, if it is known.
    pub(super) fn answered(&mut self, attester: &str, now: Timestamp) -> Option<u64> {
        let hand = self.by_attester.get_mut(attester)?;
        let standing = std::mem::replace(&mut hand.standing, Standing::Answered);
        match standing {
            Standing::Has(since) => Some(now.ms().saturating_sub(since.ms())),
            Standing::Answered | Standing::LetDown => None,
        }
    }

    /// How often an attester was handed the task.
    pub(super) fn times(&self, attester: &str) -> u32 {
        self.by_attester.get(attester).map_or(0, |hand| hand.times)
    }
}

/// How long signatures usually take, so that on a busy machine nobody is asked in vain.
#[derive(Debug, Default)]
pub(super) struct Usual {
    ms: u64,
}

impl Usual {
    pub(super) fn note(&mut self, took_ms: Option<u64>) {
        if let Some(took) = took_ms {
            let rest = self.ms.saturating_mul(WEIGHT - 1);
            self.ms = rest.saturating_add(took.min(MOST_MS)).div_ceil(WEIGHT);
        }
    }

    pub(super) fn patience_ms(&self) -> u64 {
        self.ms.saturating_mul(TIMES).clamp(LEAST_MS, MOST_MS)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use isthmus_core::id::{Address, TransferId};
    use isthmus_core::time::Clock;

    use super::*;
    use crate::engine::board::{Answer, Board, Share, TaskWork};

    #[derive(Debug, Default)]
    struct Watch(AtomicU64);

    impl Clock for Watch {
        fn now(&self) -> Timestamp {
            Timestamp::from_ms(self.0.load(Ordering::Relaxed))
        }
    }

    fn void(byte: u8) -> TaskWork {
        TaskWork::Void {
            ledger: "eip155:31337".parse().unwrap(),
            gate: Address::new([1; 20]),
            transfer: TransferId::new([byte; 32]),
            epoch: 1,
        }
    }

    async fn pulled(board: &Board, attester: &str) -> usize {
        board.pull(attester, Duration::ZERO, 64).await.len()
    }

    #[tokio::test]
    async fn the_third_attester_is_asked_when_one_of_the_first_declines_and_when_one_is_silent() {
        let watch = Arc::new(Watch::default());
        let board = Board::new(Arc::<Watch>::clone(&watch));
        let declined = board.collect(void(1), Share::Live, 2);
        assert_eq!(pulled(&board, "a").await, 1);
        assert_eq!(pulled(&board, "b").await, 1);
        assert_eq!(pulled(&board, "c").await, 0);
        board.answer("a", "sign-0", Answer::Declined(Vec::new()));
        assert_eq!(pulled(&board, "c").await, 0, "nobody has judged it yet");
        declined.ask_another();
        assert_eq!(pulled(&board, "c").await, 1);
        drop(declined);

        let _silent = board.collect(void(2), Share::Live, 2);
        assert_eq!(pulled(&board, "c").await, 1, "whoever comes first");
        assert_eq!(pulled(&board, "b").await, 1);
        assert_eq!(pulled(&board, "a").await, 0);
        board.answer("b", "sign-1", Answer::Signed(vec![1]));
        watch.0.fetch_add(LEAST_MS, Ordering::Relaxed);
        assert_eq!(pulled(&board, "a").await, 1, "c has had its time");
        assert_eq!(pulled(&board, "b").await, 0, "b has answered");
    }

    const NOON: Timestamp = Timestamp::from_s(1_780_000_000);

    #[test]
    fn two_of_three_are_asked_and_the_third_after_a_while() {
        let mut hands = Hands::of(2);
        hands.take("a", NOON);
        assert!(hands.are_open_to("b", NOON, LEAST_MS));
        hands.take("b", NOON);
        assert!(!hands.are_open_to("c", NOON, LEAST_MS));
        assert_eq!(hands.answered("a", NOON.plus_ms(20)), Some(20));
        let late = NOON.plus_ms(LEAST_MS);
        assert!(!hands.are_open_to("c", NOON.plus_ms(LEAST_MS - 1), LEAST_MS));
        assert!(hands.are_open_to("c", late, LEAST_MS), "b may be dead");
        hands.take("c", late);
        assert!(!hands.are_open_to("d", late, LEAST_MS));
    }

    #[test]
    fn somebody_else_is_asked_at_once_for_one_who_declined_or_came_back_without_an_answer() {
        let mut hands = Hands::of(2);
        hands.take("a", NOON);
        hands.take("b", NOON);
        hands.answered("a", NOON);
        hands.ask_another();
        assert!(hands.are_open_to("c", NOON, LEAST_MS), "a declined");
        hands.take("c", NOON);
        assert!(!hands.are_open_to("d", NOON, LEAST_MS));
        hands.returned("b");
        assert!(hands.are_open_to("d", NOON, LEAST_MS), "b left it");
        assert!(hands.are_open_to("b", NOON, LEAST_MS), "and may try again");
        hands.take("b", NOON);
        assert!(hands.are_open_to("d", NOON, LEAST_MS), "without counting");
        hands.returned("a");
        assert_eq!(hands.answered("a", NOON), None, "a has answered before");
        assert_eq!((hands.times("b"), hands.times("d")), (2, 0));
    }

    #[test]
    fn patience_follows_what_is_usual_within_bounds() {
        let mut usual = Usual::default();
        assert_eq!(usual.patience_ms(), LEAST_MS);
        for _ in 0..50 {
            usual.note(Some(400));
        }
        usual.note(None);
        assert_eq!(usual.patience_ms(), 1_600);
        usual.note(Some(1_000_000));
        assert_eq!(
            usual.patience_ms(),
            2_900,
            "one answer does not change much"
        );
        for _ in 0..50 {
            usual.note(Some(1_000_000));
        }
        assert_eq!(usual.patience_ms(), MOST_MS);
        for _ in 0..50 {
            usual.note(Some(0));
        }
        assert_eq!(usual.patience_ms(), LEAST_MS);
    }
}
