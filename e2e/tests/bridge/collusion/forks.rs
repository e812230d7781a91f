//! Two histories under one log key. Attesters do not speak to each other, and what the relayer carries between them a thief
//! leaves out; what all of them see is the gate (ADR 17).

use std::time::Duration;

use isthmus_core::terms::OutboundTerms;
use isthmus_e2e::devnet::CUSTODY;
use isthmus_proto::v1::task::Work;

use crate::collusion::forged_log::ForgedLog;
use crate::collusion::log::taken;
use crate::collusion::thief::{HONEST, Thief};
use crate::liar::{Liar, give_back};
use crate::world::{World, serial};

/// Two locks, and two forks of the log with one of them each, for an honest attester each.
struct Forks {
    locks: [OutboundTerms; 2],
    logs: [ForgedLog; 2],
    liars: [Liar; 2],
}

impl Forks {
    async fn of(world: &World, thief: &Thief<'_>) -> Self {
        let locks = [taken(world, 0, 9).await, taken(world, 10, 29).await];
        let truth = ForgedLog::copy(&world.devnet).await;
        let logs = [
            truth.without(&[locks[1].id()]),
            truth.without(&[locks[0].id()]),
        ];
        let liars = [
            Liar::with_log(&world.devnet, HONEST[0], &logs[0]).await,
            Liar::with_log(&world.devnet, HONEST[1], &logs[1]).await,
        ];
        for attester in HONEST {
            thief.start(attester);
        }
        Self { locks, logs, liars }
    }
}

/// As soon as something is minted under one fork, the attester that follows the other one signs nothing of that class any more;
/// and when it meets the first, it stops for good.
#[tokio::test]
async fn of_two_forks_only_one_is_minted_under() {
    let world = World::start().await;
    let thief = Thief::of(&world);
    let Forks { locks, logs, liars } = Forks::of(&world, &thief).await;
    let [first, second] = [&locks[0], &locks[1]];
    let batch = thief.batch(&logs[0], first).await;
    let signed = liars[0]
        .signed("first", Work::MintBatch(batch.clone()))
        .await;
    assert!(thief.submit(&batch, &[signed, thief.sign(&batch)]).await);

    let batch = thief.batch(&logs[1], second).await;
    let code = liars[1]
        .declined("second", Work::MintBatch(batch.clone()))
        .await;
    assert_eq!(code, "unlogged_supply");
    assert!(!thief.submit(&batch, &[thief.sign(&batch)]).await);
    assert_eq!(world.supply_t(first.asset_class).await, 10);
    assert_eq!(world.custody_t().await, 30);
    let custody = (CUSTODY.to_owned(), "locked".to_owned());
    assert_eq!(world.lies(&serial(10, 29)).await, custody);

    liars[1].serve(&logs[0]);
    let process = thief.process(HONEST[1]);
    let code = process.ended(Duration::from_mins(1)).await.unwrap();
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    // For good: also on the fork that it has followed.
    liars[1].serve(&logs[1]);
    process.start().unwrap();
    let code = process.ended(Duration::from_mins(1)).await.unwrap();
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    // The first one has followed nothing but the truth: with the thief gone, it and the third go on.
    thief.process(HONEST[0]).kill9().unwrap();
    give_back(&world.devnet, HONEST[0]);
    thief.start(HONEST[0]);
    thief.start(&thief.accomplice().name);
    for lock in [first, second] {
        world.devnet.wait_for(lock.id(), "completed").await.unwrap();
        assert_eq!(world.devnet.chain.mints_of(lock.id()).await.unwrap(), 1);
    }
}

/// A thief who is quick has both forks signed before anything is minted. Then nothing is minted that is not locked under its own
/// holder's mandate, nothing twice, and nothing more under either fork.
#[tokio::test]
async fn forks_signed_at_once_mint_nothing_twice_and_nothing_after() {
    let world = World::start().await;
    let thief = Thief::of(&world);
    let Forks { locks, logs, liars } = Forks::of(&world, &thief).await;
    let mut signed = Vec::new();
    for fork in 0..2 {
        let batch = thief.batch(&logs[fork], &locks[fork]).await;
        let signature = liars[fork]
            .signed("early", Work::MintBatch(batch.clone()))
            .await;
        signed.push((batch, signature));
    }
    for (batch, signature) in &signed {
        let signatures = [signature.clone(), thief.sign(batch)];
        assert!(thief.submit(batch, &signatures).await);
        // Again: the gate has answered it.
        assert!(thief.submit(batch, &signatures).await);
    }
    let class = locks[0].asset_class;
    assert_eq!(world.balance_t(0, class).await, 30);
    assert_eq!(world.supply_t(class).await, 30);
    assert_eq!(world.custody_t().await, 30);
    let third = world.terms(30, 39).await;
    world.devnet.admit(&third).await.unwrap();
    world.devnet.wait_for(third.id(), "taken").await.unwrap();
    let leaf = crate::collusion::forged_log::locked(&world.route, &third);
    for fork in 0..2 {
        let log = logs[fork].with(&leaf);
        liars[fork].serve(&log);
        let batch = thief.batch(&log, &third).await;
        let code = liars[fork].declined("late", Work::MintBatch(batch)).await;
        assert_eq!(code, "unlogged_supply", "fork {fork}");
    }
}

/// An attester has lost its store, so nothing that it is shown can contradict what it has followed. The thief shows it the log as it
/// was before somebody's units were minted.
#[tokio::test]
async fn an_emptied_attester_is_not_taken_in_by_an_old_log() {
    let world = World::start().await;
    let old = ForgedLog::copy(&world.devnet).await;
    let (minted, _) = world.minted(0, 9).await;
    let thief = Thief::of(&world);
    let terms = taken(&world, 10, 19).await;
    let log = old.with(&crate::collusion::forged_log::locked(&world.route, &terms));
    thief.empty(HONEST[0]);
    let liar = Liar::with_log(&world.devnet, HONEST[0], &log).await;
    thief.start(HONEST[0]);
    let batch = thief.batch(&log, &terms).await;
    let code = liar.declined("old", Work::MintBatch(batch)).await;
    assert_eq!(code, "unlogged_supply");

    // The true log, and it signs.
    thief.process(HONEST[0]).kill9().unwrap();
    thief.empty(HONEST[0]);
    thief.start(HONEST[0]);
    thief.start(HONEST[1]);
    world
        .devnet
        .wait_for(terms.id(), "completed")
        .await
        .unwrap();
    assert_eq!(world.devnet.chain.mints_of(minted).await.unwrap(), 1);
}
