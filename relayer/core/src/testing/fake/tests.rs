//! The fake keeps the contract that it stands in for.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::operation::Operation;
use crate::ports::{Attempt, Cursor, Found, Ledger, LedgerKind, Page, SendError};
use crate::receipt::Lasting;
use crate::testing::contract::{self, Harness};
use crate::testing::fake::{FakeLedger, Fault};
use crate::testing::sample;
use crate::time::{Clock, Timestamp};

#[derive(Debug, Default)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

const DEADLINE: Timestamp = Timestamp::from_s(1_000_000);

struct Fake {
    ledger: FakeLedger,
    clock: Arc<TestClock>,
    made: u64,
}

impl Fake {
    fn registry() -> Self {
        let clock = Arc::new(TestClock::default());
        let shared: Arc<dyn Clock> = Arc::<TestClock>::clone(&clock);
        let ledger = FakeLedger::registry(sample::registry(), 2, shared);
        let made = 0;
        Self {
            ledger,
            clock,
            made,
        }
    }

    fn chain() -> Self {
        let clock = Arc::new(TestClock::default());
        let depth = NonZeroU64::new(3).unwrap();
        let shared: Arc<dyn Clock> = Arc::<TestClock>::clone(&clock);
        let ledger = FakeLedger::chain(sample::chain(), depth, shared);
        let made = 0;
        Self {
            ledger,
            clock,
            made,
        }
    }
}

fn lock(number: u64) -> Operation {
    Operation::Lock {
        transfer: sample::outbound(number, &[]).terms.id(),
        ledger: sample::registry(),
        account: sample::account(),
        custody_account: sample::custody(),
        units: vec![sample::block(number * 10, number * 10 + 9)],
        mandate: sample::mandate(),
    }
}

fn release(number: u64) -> Operation {
    Operation::Release {
        transfer: sample::outbound(number + 1000, &[]).terms.id(),
        ledger: sample::registry(),
        account: sample::account(),
        custody_account: sample::custody(),
        units: vec![sample::block(number * 10 + 2, number * 10 + 4)],
    }
}

fn mint(number: u64) -> Operation {
    let item = sample::mint_item(&sample::outbound(number, &[sample::block(1, 10)]));
    Operation::Mint {
        item: item.clone(),
        ledger: sample::chain(),
        batch: sample::batch(vec![item], DEADLINE),
    }
}

fn void(number: u64) -> Operation {
    Operation::Void {
        transfer: mint(number).transfer(),
        ledger: sample::chain(),
        authorisation: sample::signed_void(),
    }
}

impl Harness for Fake {
    fn ledger(&self) -> &dyn Ledger {
        &self.ledger
    }

    async fn operation(&mut self) -> Operation {
        self.made += 1;
        match self.ledger.profile().kind {
            LedgerKind::Registry => lock(self.made),
            LedgerKind::Chain => mint(self.made),
        }
    }

    async fn unsupported(&mut self) -> Vec<Operation> {
        match self.ledger.profile().kind {
            LedgerKind::Registry => vec![mint(1), void(1)],
            LedgerKind::Chain => vec![lock(1), release(1)],
        }
    }

    async fn lose_answer(&mut self) {
        self.ledger.fail_sends([Fault::AnswerLost]);
    }

    async fn lose_request(&mut self) {
        self.ledger.fail_sends([Fault::RequestLost {
            lands_after_ms: None,
        }]);
    }

    async fn refuse(&mut self, operation: &Operation) -> bool {
        self.ledger
            .refuse(operation.transfer(), sample::refusal(Lasting::Never));
        true
    }

    async fn settle(&mut self) {
        self.ledger.mine(4);
    }

    async fn outwait(&mut self) {
        self.clock
            .0
            .fetch_add(FakeLedger::DOUBT_MS, Ordering::Relaxed);
    }

    async fn effects(&mut self) -> u64 {
        self.ledger.effects()
    }
}

async fn draft(fake: &Fake, operation: &Operation) -> Attempt {
    let mut drafts = fake.ledger.prepare(std::slice::from_ref(operation)).await;
    Attempt {
        operation: operation.clone(),
        drafts: vec![drafts.pop().unwrap().unwrap()],
    }
}

async fn find(fake: &Fake, attempt: &Attempt) -> Found {
    let mut found = fake.ledger.find(std::slice::from_ref(attempt)).await;
    found.pop().unwrap().unwrap()
}

#[tokio::test]
async fn both_flavours_keep_the_contract() {
    contract::keeps_the_contract(async || Fake::registry()).await;
    contract::keeps_the_contract(async || Fake::chain()).await;
}

#[tokio::test]
async fn units_move_out_of_custody_only_with_k_approvals() {
    let fake = Fake::registry();
    let locked = draft(&fake, &lock(1)).await;
    fake.ledger
        .send(&locked.drafts)
        .await
        .pop()
        .unwrap()
        .unwrap();
    let leaving = draft(&fake, &release(1)).await;
    fake.ledger
        .send(&leaving.drafts)
        .await
        .pop()
        .unwrap()
        .unwrap();
    fake.ledger.approve(&leaving.operation.reference());
    assert!(matches!(
        find(&fake, &leaving).await,
        Found::Unsettled { .. }
    ));
    fake.ledger.approve(&leaving.operation.reference());
    assert!(matches!(find(&fake, &leaving).await, Found::Final(_)));
    let page = Page {
        offset: 0,
        limit: 10,
    };
    let reserves = fake.ledger.reserves(&sample::pool(), page).await.unwrap();
    assert_eq!(reserves.total.tonnes(), Some(7));
    let mut left = reserves.units;
    left.sort();
    assert_eq!(left, [sample::block(10, 11), sample::block(15, 19)]);
}

#[tokio::test]
async fn a_request_may_land_late_and_is_then_found() {
    let fake = Fake::registry();
    let attempt = draft(&fake, &lock(1)).await;
    let lands_after_ms = Some(100);
    fake.ledger
        .fail_sends([Fault::RequestLost { lands_after_ms }]);
    let sent = fake.ledger.send(&attempt.drafts).await.pop().unwrap();
    assert!(matches!(sent, Err(SendError::Unknown(_))));
    assert!(matches!(
        find(&fake, &attempt).await,
        Found::Unsettled { .. }
    ));
    fake.clock.0.store(100, Ordering::Relaxed);
    assert!(matches!(find(&fake, &attempt).await, Found::Final(_)));
}

#[tokio::test]
async fn a_chain_has_one_outcome_per_transfer_and_it_is_final_at_its_depth() {
    let fake = Fake::chain();
    let (minted, voided) = (draft(&fake, &mint(1)).await, draft(&fake, &void(1)).await);
    for attempt in [&minted, &voided] {
        fake.ledger
            .send(&attempt.drafts)
            .await
            .pop()
            .unwrap()
            .unwrap();
    }
    fake.ledger.mine(3);
    assert!(matches!(
        find(&fake, &minted).await,
        Found::Unsettled { .. }
    ));
    fake.ledger.mine(1);
    for attempt in [&minted, &voided] {
        let Found::Final(receipt) = find(&fake, attempt).await else {
            panic!("final");
        };
        assert_eq!(receipt.operation, minted.operation.kind());
    }
    assert_eq!(fake.ledger.effects(), 1);
}

#[tokio::test]
async fn a_mint_after_its_deadline_is_dead() {
    let fake = Fake::chain();
    let attempt = draft(&fake, &mint(1)).await;
    fake.clock.0.store(DEADLINE.ms() + 1, Ordering::Relaxed);
    fake.ledger
        .send(&attempt.drafts)
        .await
        .pop()
        .unwrap()
        .unwrap();
    fake.ledger.mine(4);
    assert!(matches!(find(&fake, &attempt).await, Found::Dead(_)));
    assert_eq!(fake.ledger.effects(), 0);
}

#[tokio::test]
async fn burns_are_observed_once_final_in_order_and_by_pages() {
    let fake = Fake::chain();
    let start = Cursor {
        height: 0,
        block: None,
        last_number: 0,
    };
    for number in 1..=3 {
        fake.ledger
            .burn(sample::burn(number, 1, crate::instruction::Purpose::Retire));
        fake.ledger.mine(1);
    }
    assert!(
        fake.ledger
            .observe(&start, 10)
            .await
            .unwrap()
            .facts
            .is_empty(),
        "not final"
    );
    fake.ledger.mine(3);
    let first = fake.ledger.observe(&start, 2).await.unwrap();
    assert_eq!((first.facts.len(), first.next.last_number), (2, 2));
    let rest = fake.ledger.observe(&first.next, 2).await.unwrap();
    assert_eq!((rest.facts.len(), rest.next.last_number), (1, 3));
    assert_eq!(rest.next.height, rest.head);
}
