//! The contract of the port: sent twice is done once; absent before, final after; a definite no is a refusal.

use isthmus_core::id::TransferId;
use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::ports::{Found, Ledger, PrepareError, SendError};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::{Lasting, Position};
use isthmus_core::serial_block::{NumberingSpace, SerialBlock};
use isthmus_core::testing::contract::{Harness, keeps_the_contract};
use isthmus_core::testing::sample;
use serde_json::json;

use crate::parties::{Relay, SETTLE_MS, block, find, lock, release, retire, unlock};
use crate::world::{ADMIN, id, serial};

/// The sandbox registry under the contract of all ledgers, with locks: they are immediate.
struct Locks {
    relay: Relay,
    made: u64,
}

impl Locks {
    async fn start() -> Self {
        let relay = Relay::start().await;
        Self { relay, made: 0 }
    }

    async fn next_lock(&self, fault: &str) {
        let faults = json!([{"operation": "lock", "fault": fault, "times": 1}]);
        self.relay.faults(faults).await;
    }
}

impl Harness for Locks {
    fn ledger(&self) -> &dyn Ledger {
        &self.relay.ledger
    }

    async fn operation(&mut self) -> Operation {
        self.made += 1;
        lock(self.made, self.made, self.made)
    }

    async fn unsupported(&mut self) -> Vec<Operation> {
        let void = |ledger: &str| Operation::Void {
            transfer: id(9),
            ledger: ledger.parse().unwrap(),
            authorisation: sample::signed_void(),
        };
        vec![void("vcs:sandbox"), void("eip155:31337")]
    }

    async fn lose_answer(&mut self) {
        self.next_lock("timeout_after_applying").await;
    }

    async fn lose_request(&mut self) {
        self.next_lock("timeout_before").await;
    }

    async fn refuse(&mut self, _operation: &Operation) -> bool {
        let close = json!({"account": "1001", "status": "closed"});
        self.relay
            .world
            .ok(ADMIN, "/v1/admin/accounts", close)
            .await;
        true
    }

    async fn settle(&mut self) {}

    async fn outwait(&mut self) {
        self.relay.clock.advance(SETTLE_MS);
    }

    async fn effects(&mut self) -> u64 {
        self.relay.sequence().await
    }
}

#[tokio::test]
async fn the_registry_keeps_the_contract_of_all_ledgers() {
    keeps_the_contract(Locks::start).await;
}

#[tokio::test]
async fn a_lock_is_absent_before_final_after_and_done_once() {
    let relay = Relay::start().await;
    let operation = lock(1, 0, 9);
    assert_eq!(relay.find(&operation, &[]).await.unwrap(), Found::Absent);
    let draft = relay.draft(&operation).await;
    assert_eq!(
        relay.find(&operation, &[&draft]).await.unwrap(),
        Found::Absent,
        "preparing has no effect"
    );
    relay.send(&draft).await.unwrap();
    let Ok(Found::Final(receipt)) = relay.find(&operation, &[&draft]).await else {
        panic!("the lock is final");
    };
    assert_eq!(receipt.operation, OperationKind::Lock);
    assert_eq!(
        (receipt.quantity, &receipt.units),
        (Quantity::from_tonnes(10).unwrap(), &vec![block(0, 9)])
    );
    assert_eq!(receipt.position, Position::Registry { sequence: 1 });
    relay.send(&draft).await.unwrap();
    assert_eq!(
        relay.find(&operation, &[&draft]).await.unwrap(),
        Found::Final(receipt)
    );
    assert_eq!(relay.sequence().await, 1);
}

#[tokio::test]
async fn many_go_in_one_call_and_each_has_its_own_answer() {
    let relay = Relay::start().await;
    let operations: Vec<Operation> = (0..300).map(|n| lock(n, n / 2, n / 2)).collect();
    let drafts: Vec<_> = relay
        .ledger
        .prepare(&operations)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let sent = relay.ledger.send(&drafts).await;
    for (number, answer) in sent.iter().enumerate() {
        match answer {
            Ok(()) => assert!(number % 2 == 0),
            Err(SendError::Refused(refusal)) => {
                assert_eq!((number % 2, refusal.code.as_str()), (1, "not_held"));
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    let (_, stats) = relay.world.get(ADMIN, "/v1/admin/stats").await;
    assert_eq!(
        (&stats["requests"]["lock"], &stats["syncs"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn a_release_waits_for_its_approvals() {
    let relay = Relay::start().await;
    relay.done(&lock(1, 0, 9)).await;
    relay.done(&lock(2, 10, 19)).await;
    let operation = release(7, "1002", 5, 14);
    let draft = relay.draft(&operation).await;
    relay.send(&draft).await.unwrap();
    let found = relay.find(&operation, &[&draft]).await.unwrap();
    assert!(matches!(found, Found::Unsettled { .. }), "{found:?}");
    let attester = relay.attester(0).await;
    let approval = relay.approval(&operation).await;
    let approved = attester
        .prepare(std::slice::from_ref(&approval))
        .await
        .pop()
        .unwrap()
        .unwrap();
    assert_eq!(
        find(&attester, &approval, &[&approved]).await.unwrap(),
        Found::Absent
    );
    relay.approve(&operation).await;
    let Ok(Found::Final(receipt)) = relay.find(&operation, &[&draft]).await else {
        panic!("the release is final");
    };
    assert_eq!(
        (receipt.operation, receipt.units),
        (OperationKind::Release, vec![block(5, 14)])
    );
    assert!(matches!(
        find(&attester, &approval, &[&approved]).await,
        Ok(Found::Final(_))
    ));
    relay.send(&draft).await.unwrap();
    assert_eq!(relay.sequence().await, 3, "sent twice, done once");
    // The same burn asked as a retirement finds what was really done.
    let other = retire(7, 5, 14);
    assert!(
        matches!(relay.find(&other, &[]).await, Ok(Found::Final(r)) if r.operation == OperationKind::Release)
    );
}

#[tokio::test]
async fn retire_and_unlock_say_what_was_done() {
    let relay = Relay::start().await;
    relay.done(&lock(1, 0, 9)).await;
    relay.done(&lock(2, 20, 29)).await;
    for operation in [retire(7, 0, 9), unlock(2, 20, 29)] {
        let draft = relay.draft(&operation).await;
        relay.send(&draft).await.unwrap();
        relay.approve(&operation).await;
        let Ok(Found::Final(receipt)) = relay.find(&operation, &[&draft]).await else {
            panic!("{operation:?}");
        };
        assert_eq!(receipt.operation, operation.kind());
        assert_eq!(
            receipt.certificate.is_some(),
            receipt.operation == OperationKind::Retire
        );
    }
    let stored = relay.world.stored(&serial(20, 29)).await;
    assert_eq!(stored[0].1, "held");
}

#[tokio::test]
async fn a_definite_no_is_a_refusal_that_says_what_and_for_how_long() {
    let relay = Relay::start().await;
    relay.done(&lock(1, 0, 9)).await;
    let again = relay.draft(&lock(2, 5, 5)).await;
    let Err(SendError::Refused(refusal)) = relay.send(&again).await else {
        panic!("units are locked once");
    };
    assert_eq!(
        (
            refusal.code.as_str(),
            refusal.field.as_str(),
            refusal.value.as_str()
        ),
        ("not_held", "units", "locked")
    );
    assert_eq!(refusal.lasting, Lasting::Never);
    assert_eq!(
        relay.find(&lock(2, 5, 5), &[&again]).await.unwrap(),
        Found::Absent
    );
    let close = json!({"account": "1002", "status": "closed"});
    relay.world.ok(ADMIN, "/v1/admin/accounts", close).await;
    let refused = relay
        .send(&relay.draft(&release(7, "1002", 0, 9)).await)
        .await;
    assert!(
        matches!(&refused, Err(SendError::Refused(r)) if r.lasting == Lasting::Never),
        "another recipient can help: {refused:?}"
    );
    let refused = relay
        .send(&relay.draft(&release(7, "1001", 0, 19)).await)
        .await;
    assert!(
        matches!(&refused, Err(SendError::Refused(r)) if r.lasting == Lasting::Later),
        "custody is short: {refused:?}"
    );
    let other_content = relay.send(&relay.draft(&lock(1, 20, 29)).await).await;
    assert!(
        matches!(other_content, Err(SendError::Unknown(_))),
        "only find says what is recorded: {other_content:?}"
    );
    let found = relay.find(&lock(1, 20, 29), &[]).await;
    assert!(
        matches!(found, Err(isthmus_core::ports::FindError::Contradiction(_))),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_lapsed_proposal_is_refused_and_its_reference_can_be_used_for_another_recipient() {
    let relay = Relay::start().await;
    relay.done(&lock(1, 0, 9)).await;
    let first = release(7, "1002", 0, 9);
    let draft = relay.draft(&first).await;
    relay.send(&draft).await.unwrap();
    let close = json!({"account": "1002", "status": "closed"});
    relay.world.ok(ADMIN, "/v1/admin/accounts", close).await;
    let approval = relay.approval(&first).await;
    for index in 0..2 {
        let attester = relay.attester(index).await;
        let draft = attester
            .prepare(std::slice::from_ref(&approval))
            .await
            .pop()
            .unwrap()
            .unwrap();
        let _last_one_is_refused = attester.send(&[draft]).await;
    }
    relay.clock.advance(SETTLE_MS);
    let found = relay.find(&first, &[&draft]).await.unwrap();
    assert!(
        matches!(&found, Found::Refused(r) if r.code == "account_closed"),
        "{found:?}"
    );
    let second = release(7, "1001", 0, 9);
    let redirected = relay.draft(&second).await;
    assert_eq!(
        relay.find(&second, &[&redirected]).await.unwrap(),
        Found::Absent,
        "the old no is not about this proposal"
    );
    relay.send(&redirected).await.unwrap();
    relay.approve(&second).await;
    assert!(matches!(
        relay.find(&second, &[&redirected]).await,
        Ok(Found::Final(_))
    ));
}

#[tokio::test]
async fn what_is_not_for_this_registry_or_credential_is_not_prepared() {
    let relay = Relay::start().await;
    let attester = relay.attester(0).await;
    let refused = |answers: Vec<Result<_, PrepareError>>| match answers.into_iter().next() {
        Some(Err(PrepareError::Unsupported(why))) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(attester.prepare(&[lock(1, 0, 9)]).await).contains("not offered"));
    let Operation::Lock {
        account,
        custody_account,
        mandate,
        units,
        ..
    } = lock(1, 0, 9)
    else {
        panic!("a lock");
    };
    let transfer: TransferId = id(1);
    let make = |ledger: &str, units: Vec<SerialBlock>| Operation::Lock {
        transfer,
        ledger: ledger.parse().unwrap(),
        account: account.clone(),
        custody_account: custody_account.clone(),
        mandate: mandate.clone(),
        units,
    };
    assert!(
        refused(
            relay
                .ledger
                .prepare(&[make("vcs:other", units.clone())])
                .await
        )
        .contains("vcs:other")
    );
    assert!(refused(relay.ledger.prepare(&[make("vcs:sandbox", vec![])]).await).contains("empty"));
    let wrong_space = SerialBlock::new(
        NumberingSpace("vcs/12".into()),
        units[0].first(),
        units[0].last(),
        units[0].series().clone(),
    )
    .unwrap();
    assert!(
        refused(
            relay
                .ledger
                .prepare(&[make("vcs:sandbox", vec![wrong_space])])
                .await
        )
        .contains("vcs/12")
    );
}
