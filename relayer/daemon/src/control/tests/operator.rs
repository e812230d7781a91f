//! Status, pause, quarantine.

use isthmus_core::deposit::Deposit;
use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::ports::{Append, BookChange, Journal};
use isthmus_core::receipt::Lasting;
use isthmus_core::serial_block;
use isthmus_core::testing::sample;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, State};
use isthmus_prooflog::leaf::Leaf;
use isthmus_proto::v1 as pb;
use isthmus_store::{DepositRecord, DepositStanding};
use tonic::{Code, Status};

use crate::control::tests::{Server, pass, reason};
use crate::engine::board::{Answer, DeclinedItem};
use crate::engine::leaves;
use crate::error_code::ErrorCode;
use crate::proof::testing::World;

fn newest_leaf(server: &Server) -> Leaf {
    let log = server.world.store.log();
    let index = log.size().unwrap() - 1;
    Leaf::parse(&log.leaf(index).unwrap().unwrap()).unwrap()
}

#[tokio::test]
async fn a_pause_is_durable_logged_and_lifted_by_an_operator() {
    let server = Server::start(World::with_route()).await;
    let scope = || "route:verra-evm".to_owned();
    let paused = server
        .operator("guardian")
        .pause(pb::PauseRequest { scope: scope() })
        .await;
    assert_eq!(paused.unwrap().into_inner().paused, [scope()]);
    let Leaf::Paused {
        scope: logged, by, ..
    } = newest_leaf(&server)
    else {
        panic!("no PAUSED leaf");
    };
    assert_eq!((logged, by.as_str()), (scope(), "guardian"));
    assert_eq!(server.world.store.paused().unwrap(), [scope()]);
    let route = server.route("verra-evm").await.unwrap();
    assert_eq!(route.status, "paused");

    let resumed = server
        .operator("operator-1")
        .resume(pb::ResumeRequest {
            scope: scope(),
            accept_losses: false,
        })
        .await;
    assert!(resumed.unwrap().into_inner().paused.is_empty());
    assert!(matches!(newest_leaf(&server), Leaf::Resumed { .. }));

    let mut operator = server.operator("operator-1");
    let wrong = operator
        .pause(pb::PauseRequest {
            scope: "some".into(),
        })
        .await
        .unwrap_err();
    assert_eq!(
        (wrong.code(), reason(&wrong)),
        (Code::InvalidArgument, ErrorCode::InvalidField)
    );
}

#[tokio::test]
async fn a_paused_ledger_goes_on_when_two_operators_say_so() {
    let server = Server::start(World::with_route()).await;
    let scope = || "ledger:vcs:sandbox".to_owned();
    let pause = pb::PauseRequest { scope: scope() };
    server.operator("guardian").pause(pause).await.unwrap();
    let resume = async |by: &str| {
        let request = pb::ResumeRequest {
            scope: scope(),
            accept_losses: false,
        };
        server.operator(by).resume(request).await
    };
    for _ in 0..2 {
        let alone = resume("operator-1").await.unwrap_err();
        assert_eq!(reason(&alone), ErrorCode::SecondPersonNeeded);
        assert_eq!(server.world.store.paused().unwrap(), [scope()]);
    }
    let both = resume("operator-2").await.unwrap().into_inner();
    assert!(both.paused.is_empty());
    let Leaf::Resumed { by, .. } = newest_leaf(&server) else {
        panic!("no RESUMED leaf");
    };
    assert_eq!(by, "operator-1 and operator-2");
    assert!(resume("operator-1").await.is_ok(), "it runs already");
}

async fn resolve(server: &Server, by: &str, id: &str, resolution: &str) -> Result<bool, Status> {
    let request = pb::ResolveQuarantineRequest {
        id: id.to_owned(),
        resolution: resolution.to_owned(),
    };
    let answer = server.operator(by).resolve_quarantine(request).await?;
    Ok(answer.into_inner().carried_out)
}

async fn decided(server: &Server) -> String {
    let listed = server
        .operator("auditor")
        .list_quarantine(pb::ListQuarantineRequest {})
        .await;
    let [transfer] = &listed.unwrap().into_inner().transfers[..] else {
        panic!("not one transfer is quarantined");
    };
    assert_eq!(
        (transfer.at.as_str(), transfer.code.as_str()),
        ("taken", "ISTHMUS-0001")
    );
    transfer.first_decision.clone()
}

#[tokio::test]
async fn a_quarantine_ends_when_two_operators_decide_the_same() {
    let server = Server::start(World::with_route()).await;
    let locked = server.world.locked(1, &[sample::block(1, 5)]);
    let id = locked.id().to_string();
    let early = resolve(&server, "operator-1", &id, "resume")
        .await
        .unwrap_err();
    assert_eq!(
        (early.code(), reason(&early)),
        (Code::FailedPrecondition, ErrorCode::WrongState)
    );
    server
        .world
        .step(&locked, Event::Quarantined(sample::finding()));
    assert_eq!(decided(&server).await, "");

    assert!(!resolve(&server, "operator-1", &id, "resume").await.unwrap());
    assert!(
        !resolve(&server, "operator-1", &id, "resume").await.unwrap(),
        "the same person again"
    );
    assert_eq!(decided(&server).await, "resume by operator-1");
    let other = resolve(&server, "operator-2", &id, "withdraw")
        .await
        .unwrap_err();
    assert_eq!(reason(&other), ErrorCode::SecondPersonNeeded);
    assert!(
        !resolve(&server, "operator-1", &id, "withdraw")
            .await
            .unwrap(),
        "a changed mind"
    );
    assert!(
        resolve(&server, "operator-2", &id, "withdraw")
            .await
            .unwrap()
    );

    let after = server.world.store.transfer(locked.id()).unwrap().unwrap();
    assert!(matches!(after.state(), State::Withdrawing { .. }));
    let Leaf::Resolved { by, resolution, .. } = newest_leaf(&server) else {
        panic!("no RESOLVED leaf");
    };
    assert_eq!(by, ["operator-1".to_owned(), "operator-2".to_owned()]);
    assert_eq!(resolution, "withdraw");
}

async fn status(server: &Server) -> pb::StatusResponse {
    let answer = server
        .operator("auditor")
        .status(pb::StatusRequest {})
        .await;
    answer.unwrap().into_inner()
}

/// Nobody is told by anything in memory: the process may have started after it happened.
#[tokio::test]
async fn status_says_what_custody_misses_and_what_nobody_asked_for() {
    let server = Server::start(World::with_route()).await;
    let (store, pool) = (&server.world.store, sample::pool().id());
    server.world.locked(1, &[sample::block(1, 5)]);
    let registry = sample::registry();
    let units = [sample::block(10, 12)];
    let quantity = serial_block::total(&units);
    let gone = vec![sample::block(4, 5)];
    let at = Timestamp::from_s(1_780_000_000);
    let receipt = sample::receipt(OperationKind::Release, serial_block::total(&gone), &gone);
    let class = sample::class().id();
    let leaf = leaves::impaired(pool, class, "registry:8", &gone, &receipt, at);
    let withhold = Append {
        leaves: vec![leaf],
        book: vec![BookChange::Withhold { pool, blocks: gone }],
        ..Append::default()
    };
    let record = DepositRecord {
        deposit: Deposit {
            ledger: registry.clone(),
            reference: "deposit:9".into(),
            pool,
            asset_class: sample::class().id(),
            sender: sample::account(),
            custody_account: sample::custody(),
            units: units.to_vec(),
            note: None,
        },
        receipt: sample::receipt(OperationKind::Lock, quantity, &units),
        standing: DepositStanding::Open,
        by: String::new(),
        at,
    };
    let deposited = store.record_moved(
        withhold,
        (&registry, "deposit:9"),
        std::slice::from_ref(&record),
        &[],
    );
    deposited.unwrap();
    let concerns = status(&server).await.concerns;
    let [missing, deposit] = &concerns[..] else {
        panic!("{concerns:?}");
    };
    assert!(
        missing.contains(&format!("pool {pool} misses 2 t: mints and redemptions")),
        "{missing}"
    );
    let id = record.deposit.id();
    assert!(deposit.contains(&format!("deposit {id}: 3 t")), "{deposit}");
    let returning = DepositRecord {
        standing: DepositStanding::Returning,
        ..record.clone()
    };
    assert!(
        store
            .change_deposit(&record, &returning, Vec::new())
            .unwrap()
    );
    assert_eq!(status(&server).await.concerns.len(), 1, "it goes back");
}

#[tokio::test]
async fn status_says_in_words_what_to_look_at() {
    let server = Server::start(World::with_route()).await;
    let calm = status(&server).await;
    assert_eq!(
        (calm.concerns.len(), calm.log_size, calm.ledgers.len()),
        (0, 1, 2)
    );
    assert!(calm.synced_writes > 0);

    let admitted = server.world.admitted(1, &[sample::block(1, 5)]);
    let now = pass(&server, 61_000);
    server
        .recorder
        .notes()
        .failed(admitted.id(), now, "connection refused".into());
    server.watches[0].troubled("it does not answer".into());
    server
        .operator("guardian")
        .pause(pb::PauseRequest {
            scope: "all".into(),
        })
        .await
        .unwrap();
    let locked = server.world.locked(2, &[sample::block(6, 9)]);
    server
        .world
        .step(&locked, Event::Quarantined(sample::finding()));

    let unlock = Operation::Unlock {
        transfer: locked.id(),
        ledger: sample::registry(),
        account: sample::account(),
        custody_account: sample::custody(),
        units: vec![],
    };
    server.board.post_approval(&unlock, None);
    let declined = DeclinedItem {
        transfer: locked.id(),
        code: "not_voided".into(),
        reason: "the gate has not said so".into(),
        lasting: Lasting::Later,
    };
    let reference = unlock.reference();
    let answer = Answer::Declined(vec![declined]);
    server.board.answer("attester-2", &reference, answer);

    let worried = status(&server).await;
    let not_approved = format!(
        "transfer {}: attesters do not approve it at the registry; attester-2: not_voided",
        locked.id()
    );
    let expected = [
        "ledger vcs:sandbox: it does not answer",
        "lane vcs:sandbox/lock: 1 waiting, the oldest for 61 s; last report: connection refused",
        not_approved.as_str(),
        "attester attester-1 has not called yet",
        "all is paused by guardian",
        "1 quarantined",
    ];
    assert_eq!(
        worried.concerns.len(),
        expected.len(),
        "{:?}",
        worried.concerns
    );
    for (concern, expected) in worried.concerns.iter().zip(expected) {
        assert!(concern.starts_with(expected), "{concern} is not {expected}");
    }
    assert_eq!(worried.uptime_ms, 61_000);
    assert_eq!(worried.paused, ["all"]);
}

#[tokio::test]
async fn a_first_decision_is_durable_and_about_one_quarantine() {
    let server = Server::start(World::with_route()).await;
    let locked = server.world.locked(1, &[sample::block(1, 5)]);
    let id = locked.id().to_string();
    let quarantined = server
        .world
        .step(&locked, Event::Quarantined(sample::finding()));
    assert!(!resolve(&server, "operator-1", &id, "resume").await.unwrap());
    let Server { world, .. } = server;
    let server = Server::start(world).await;
    assert_eq!(decided(&server).await, "resume by operator-1");
    assert!(resolve(&server, "operator-2", &id, "resume").await.unwrap());

    // The same finding again is another occasion: what the first operator said then does not count.
    let resumed = server.world.store.transfer(quarantined.id());
    let again = Event::Quarantined(sample::finding());
    server.world.step(&resumed.unwrap().unwrap(), again);
    assert_eq!(decided(&server).await, "");
    assert!(!resolve(&server, "operator-2", &id, "resume").await.unwrap());
}

/// Filters that leave everything out that was put off.
fn fitting_nothing() -> [pb::RetryRequest; 3] {
    let any = pb::RetryRequest::default;
    [
        pb::RetryRequest {
            state: "taken".into(),
            ..any()
        },
        pb::RetryRequest {
            ledger: sample::chain().to_string(),
            ..any()
        },
        pb::RetryRequest {
            older_than_ms: 10_001,
            ..any()
        },
    ]
}

#[tokio::test]
async fn retry_moves_what_was_put_off_and_matches_and_says_how_many() {
    let server = Server::start(World::with_route()).await;
    let store = &server.world.store;
    let first = server.world.admitted(1, &[sample::block(1, 5)]);
    let second = server.world.admitted(2, &[sample::block(6, 9)]);
    let due = server.world.admitted(3, &[sample::block(10, 12)]);
    let now = pass(&server, 10_000);
    let later = now.plus_ms(60_000);
    store
        .defer(&[(first.id(), later), (second.id(), later)])
        .unwrap();
    let retry = async |request: pb::RetryRequest| {
        let answer = server.operator("operator-1").retry(request).await;
        answer.map(|answer| {
            let answer = answer.into_inner();
            (answer.matched, answer.moved, answer.due_already)
        })
    };
    let any = pb::RetryRequest::default;
    let dry_run = true;
    let counted = retry(pb::RetryRequest { dry_run, ..any() }).await;
    assert_eq!(counted.unwrap(), (2, 0, 1), "a dry run moves nothing");
    for request in fitting_nothing() {
        assert_eq!(
            retry(request.clone()).await.unwrap(),
            (0, 0, 0),
            "{request:?}"
        );
    }
    let one = pb::RetryRequest {
        ids: vec![first.id().to_string()],
        lane: "vcs:sandbox/lock".into(),
        older_than_ms: 10_000,
        ..any()
    };
    assert_eq!(retry(one.clone()).await.unwrap(), (1, 1, 0));
    assert_eq!(retry(one).await.unwrap(), (0, 0, 1), "it is due now");
    let lane = isthmus_core::operation::Lane {
        ledger: sample::registry(),
        step: isthmus_core::operation::Step::Operation(
            isthmus_core::operation::OperationKind::Lock,
        ),
    };
    let mut found: Vec<_> = store
        .due(&lane, now, 10)
        .unwrap()
        .into_iter()
        .map(|(transfer, _)| transfer.id())
        .collect();
    let mut expected = vec![first.id(), due.id()];
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let wrong = pb::RetryRequest {
        lane: "vcs:sandbox/locks".into(),
        ..any()
    };
    let refused = retry(wrong).await.unwrap_err();
    assert!(refused.message().contains("vcs:sandbox/lock"), "{refused}");
    let other = server.operator("guardian").retry(any()).await.unwrap_err();
    assert_eq!(reason(&other), ErrorCode::NotPermitted);
}

/// Otherwise a look at status would strand what was signed and is held back.
#[tokio::test]
async fn looking_at_status_moves_nothing() {
    let server = Server::start(World::with_route()).await;
    let admitted = server.world.admitted(1, &[sample::block(1, 5)]);
    let store = &server.world.store;
    let before = store.lane_counts().unwrap();
    let due = |store: &isthmus_store::Store| {
        let mut due = Vec::new();
        for (lane, _) in &before {
            let (ledger, step) = lane.rsplit_once('/').unwrap();
            assert_eq!(step, "lock");
            let lane = isthmus_core::operation::Lane {
                ledger: ledger.parse().unwrap(),
                step: isthmus_core::operation::Step::Operation(
                    isthmus_core::operation::OperationKind::Lock,
                ),
            };
            store
                .waiting(&lane, |waiting| {
                    due.push((waiting.id, waiting.due));
                    Ok(true)
                })
                .unwrap();
        }
        due
    };
    let first = due(store);
    assert_eq!(first[0].0, admitted.id());
    status(&server).await;
    assert_eq!(due(store), first);
}
