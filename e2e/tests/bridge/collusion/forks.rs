//! Two histories under one log key. Attesters do not speak to each other, and what the relayer carries between them a thief
//! leaves out; what all of them see is the gate (ADR 17).

use std::time::Duration;

use isthmus_core::terms::OutboundTerms;
use isthmus_e2e::devnet::CUSTODY;
use isthmus_prooflog::leaf::Leaf;
use isthmus_proto::v1::task::Work;

use crate::collusion::forged_log::{self, ForgedLog};
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

/// As soon as something is minted under one fork, the attester that follows the other one ends without an answer.
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
    let work = Work::MintBatch(batch.clone());
    thief.stops(HONEST[1], &liars[1], "second", work).await;
    assert!(!thief.submit(&batch, &[thief.sign(&batch)]).await);
    assert_eq!(world.supply_t(first.asset_class).await, 10);
    assert_eq!(world.custody_t().await, 30);
    let custody = (CUSTODY.to_owned(), "locked".to_owned());
    assert_eq!(world.lies(&serial(10, 29)).await, custody);

    // For good: also if nobody asks anything.
    let process = thief.process(HONEST[1]);
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
    // Each of them finds the other's batch at the gate.
    let third = world.terms(30, 39).await;
    world.devnet.admit(&third).await.unwrap();
    world.devnet.wait_for(third.id(), "taken").await.unwrap();
    let leaf = forged_log::locked(&world.route, &third);
    for fork in 0..2 {
        let log = logs[fork].with(&leaf);
        liars[fork].serve(&log);
        let batch = thief.batch(&log, &third).await;
        let work = Work::MintBatch(batch);
        thief.stops(HONEST[fork], &liars[fork], "late", work).await;
    }
}

/// The thief keeps two logs in step: the second has the same locks, and what the first has minted under it as well. It differs in
/// what no ledger shows, such as a pause. By sums both account for all that circulates.
#[tokio::test]
async fn a_fork_that_repeats_the_others_mints_is_found_at_the_gate() {
    let world = World::start().await;
    let thief = Thief::of(&world);
    let [first, second] = [taken(&world, 0, 9).await, taken(&world, 10, 29).await];
    let truth = ForgedLog::copy(&world.devnet).await;
    let paused = Leaf::Paused {
        at_ms: 1,
        v: 1,
        scope: "route:another".into(),
        by: "thief".into(),
    };
    let fork = truth
        .without(&[first.id(), second.id()])
        .with(&paused)
        .with(&forged_log::locked(&world.route, &first))
        .with(&forged_log::locked(&world.route, &second));
    let one = Liar::with_log(&world.devnet, HONEST[0], &truth).await;
    let other = Liar::with_log(&world.devnet, HONEST[1], &fork).await;
    thief.start(HONEST[0]);
    thief.start(HONEST[1]);
    let batch = thief.batch(&truth, &first).await;
    let signed = one.signed("first", Work::MintBatch(batch.clone())).await;
    assert!(thief.submit(&batch, &[signed, thief.sign(&batch)]).await);

    let fork = fork.with(&forged_log::minted(&world.route, &first));
    other.serve(&fork);
    let batch = thief.batch(&fork, &second).await;
    let work = Work::MintBatch(batch.clone());
    thief.stops(HONEST[1], &other, "second", work).await;
    assert!(!thief.submit(&batch, &[thief.sign(&batch)]).await);
    assert_eq!(world.supply_t(first.asset_class).await, 10);
    // Who follows the true log goes on.
    let log = truth.with(&forged_log::minted(&world.route, &first));
    one.serve(&log);
    let batch = thief.batch(&log, &second).await;
    let signed = one.signed("true", Work::MintBatch(batch.clone())).await;
    assert!(thief.submit(&batch, &[signed, thief.sign(&batch)]).await);
    assert_eq!(world.supply_t(first.asset_class).await, 30);
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
    let log = old.with(&forged_log::locked(&world.route, &terms));
    thief.empty(HONEST[0]);
    let liar = Liar::with_log(&world.devnet, HONEST[0], &log).await;
    thief.start(HONEST[0]);
    let batch = Work::MintBatch(thief.batch(&log, &terms).await);
    thief.stops(HONEST[0], &liar, "old", batch).await;

    // The true log, and it signs.
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
