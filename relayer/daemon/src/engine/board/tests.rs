//! Who is asked, how often, and when nobody is asked any more.

use std::sync::atomic::{AtomicU64, Ordering};

use isthmus_core::id::LedgerId;

use super::*;

#[derive(Debug, Default)]
struct Hands(AtomicU64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

fn ledger() -> LedgerId {
    "vcs:sandbox".parse().unwrap()
}

fn void() -> TaskWork {
    TaskWork::Void {
        ledger: ledger(),
        gate: Address::new([1; 20]),
        transfer: TransferId::new([2; 32]),
        epoch: 1,
    }
}

fn unlock() -> Operation {
    Operation::Unlock {
        transfer: TransferId::new([2; 32]),
        ledger: ledger(),
        account: "1001".parse().unwrap(),
        custody_account: "9001".parse().unwrap(),
        units: vec![],
    }
}

fn no(lasting: Lasting) -> Answer {
    Answer::Declined(vec![DeclinedItem {
        transfer: TransferId::new([2; 32]),
        code: "policy".into(),
        reason: "paused".into(),
        lasting,
    }])
}

#[tokio::test]
async fn each_attester_is_asked_to_sign_once_and_its_answer_reaches_who_asked() {
    let board = Board::new(Arc::new(Hands::default()));
    let mut collecting = board.collect(void(), Share::Live, 2);
    let task = board.pull("a", Duration::ZERO, 10).await.pop().unwrap();
    assert_eq!(
        board.pull("b", Duration::ZERO, 10).await,
        vec![task.clone()]
    );
    board.answer("a", &task.id, Answer::Signed(vec![1]));
    assert!(board.pull("a", Duration::ZERO, 10).await.is_empty());
    let answered = collecting.answers.recv().await.unwrap();
    assert_eq!(answered, ("a".to_owned(), Answer::Signed(vec![1])));
    drop(collecting);
    assert!(board.pull("b", Duration::ZERO, 10).await.is_empty());
}

#[tokio::test]
async fn an_approval_declined_for_now_is_asked_for_again_and_one_given_is_not() {
    let hands = Arc::new(Hands::default());
    let board = Board::new(Arc::<Hands>::clone(&hands));
    board.post_approval(&unlock(), None);
    let task = board.pull("a", Duration::ZERO, 10).await.pop().unwrap();
    board.answer("a", &task.id, no(Lasting::Later));
    assert!(board.pull("a", Duration::ZERO, 10).await.is_empty());
    assert_eq!(board.declined(10).len(), 1);
    hands.0.fetch_add(AGAIN_MS, Ordering::Relaxed);
    assert_eq!(board.pull("a", Duration::ZERO, 10).await.len(), 1);
    board.answer("a", &task.id, Answer::Approved);
    hands.0.fetch_add(MUCH_LATER_MS, Ordering::Relaxed);
    board.post_approval(&unlock(), None);
    assert!(board.pull("a", Duration::ZERO, 10).await.is_empty());
    assert!(board.declined(10).is_empty());
}

#[test]
fn an_attester_speaks_for_the_signers_that_it_is_bound_to() {
    let board = Board::new(Arc::new(Hands::default()));
    let [own, other] = [1, 2].map(|byte| Address::new([byte; 20]));
    assert!(board.speaks_for("a", &[own]), "never bound");
    board.bind("a", &[own]);
    assert!(board.speaks_for("a", &[other, own]));
    assert!(!board.speaks_for("a", &[other]));
    board.bind("a", &[]);
    assert!(!board.speaks_for("a", &[own]), "bound to nobody");
}

#[tokio::test]
async fn a_waiting_pull_is_woken_by_a_post() {
    let board = Board::new(Arc::new(Hands::default()));
    let pull = board.pull("a", Duration::from_secs(30), 10);
    let post = async {
        tokio::task::yield_now().await;
        board.post_approval(&unlock(), None);
    };
    let (tasks, ()) = tokio::join!(pull, post);
    assert_eq!(tasks.len(), 1);
}
