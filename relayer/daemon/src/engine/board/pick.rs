//! Which of the tasks on the board an attester gets at a time. It works off what it has pulled before it pulls again, so it is given
//! few batches: what is posted next must not wait behind many. Live work and backlog get one each, so that neither starves.

use crate::engine::board::{Entry, Share, TaskWork};

/// Most batches in one pull.
const BATCHES: usize = 2;

/// Numbers of the tasks, at most `limit`: voids, then batches, live ones and others in turn, then approvals. In each, what this
/// attester was handed least often and then what is oldest: what it left unanswered does not hold up the rest.
pub(super) fn pick<'a>(
    attester: &str,
    waiting: impl Iterator<Item = (&'a u64, &'a Entry)>,
    limit: usize,
) -> Vec<u64> {
    let (mut voids, mut live, mut backlog) = (Vec::new(), Vec::new(), Vec::new());
    let mut approvals = Vec::new();
    for (number, entry) in waiting {
        let handed = entry.hands.times(attester);
        let kind = match (&entry.task.work, entry.share) {
            (TaskWork::Void { .. }, _) => &mut voids,
            (TaskWork::Mint { .. }, Share::Live) => &mut live,
            (TaskWork::Mint { .. }, Share::Backlog) => &mut backlog,
            // Somebody waits for a signature; an approval can wait, and one at a registry that hangs must not stop the others.
            (TaskWork::Approval { .. }, _) => &mut approvals,
        };
        kind.push((handed, *number));
    }
    for kind in [&mut voids, &mut live, &mut backlog, &mut approvals] {
        kind.sort_unstable();
    }
    let batches = live.len() + backlog.len();
    let (mut live, mut backlog) = (live.into_iter(), backlog.into_iter());
    let in_turn = (0..batches).flat_map(|_| [live.next(), backlog.next()]);
    let mut picked = voids;
    picked.extend(in_turn.flatten().take(BATCHES));
    picked.extend(approvals);
    picked.truncate(limit);
    picked.into_iter().map(|(_, number)| number).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use isthmus_core::id::{Address, TransferId};
    use isthmus_core::operation::LogHead;
    use isthmus_core::time::{Clock, Timestamp};

    use super::*;
    use crate::engine::board::{Answer, Board, Collecting};

    #[derive(Debug)]
    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_s(1_780_000_000)
        }
    }

    fn batch() -> TaskWork {
        TaskWork::Mint {
            ledger: "evm:31337".parse().unwrap(),
            gate: Address::new([1; 20]),
            items: Vec::new(),
            log: LogHead {
                size: 0,
                root: isthmus_core::id::Hash32::new([0; 32]),
            },
            epoch: 1,
            deadline: Noon.now(),
        }
    }

    fn void() -> TaskWork {
        TaskWork::Void {
            ledger: "evm:31337".parse().unwrap(),
            gate: Address::new([1; 20]),
            transfer: TransferId::new([2; 32]),
            epoch: 1,
        }
    }

    async fn pulled(board: &Board, attester: &str) -> Vec<String> {
        let tasks = board.pull(attester, Duration::ZERO, 64).await;
        tasks.into_iter().map(|task| task.id).collect()
    }

    #[tokio::test]
    async fn live_work_goes_before_sixteen_batches_and_the_oldest_of_them_goes_with_it() {
        let board = Board::new(Arc::new(Noon));
        let post = |share| board.collect(batch(), share, 2);
        let _backlog: Vec<Collecting<'_>> = (0..16).map(|_| post(Share::Backlog)).collect();
        let _live = [post(Share::Live), post(Share::Live)];
        assert_eq!(pulled(&board, "a").await, ["sign-16", "sign-0"]);
        board.answer("a", "sign-0", Answer::Signed(vec![1]));
        board.answer("a", "sign-16", Answer::Signed(vec![1]));
        assert_eq!(pulled(&board, "a").await, ["sign-17", "sign-1"]);
        let _void = board.collect(void(), Share::Live, 2);
        assert_eq!(
            pulled(&board, "b").await,
            ["sign-18", "sign-16", "sign-0"],
            "each attester has its own turns, and a void is no batch"
        );
    }

    #[tokio::test]
    async fn what_an_attester_leaves_unanswered_does_not_hold_up_the_rest() {
        let board = Board::new(Arc::new(Noon));
        let _batches: Vec<Collecting<'_>> = (0..3)
            .map(|_| board.collect(batch(), Share::Backlog, 2))
            .collect();
        assert_eq!(pulled(&board, "a").await, ["sign-0", "sign-1"]);
        assert_eq!(pulled(&board, "a").await, ["sign-2", "sign-0"]);
        assert_eq!(pulled(&board, "a").await, ["sign-1", "sign-2"]);
    }
}
