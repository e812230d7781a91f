//! A thousand transfers and more under load while the relayer is killed with -9 at 50 named places, and attesters and registry at
//! 20, drawn from a seed, with at least 50 transfers in flight each time. Afterwards everything has happened exactly once and
//! the books add up on both ledgers. `ISTHMUS_SEED=7 make test-all` draws other kills.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use crate::load::{Load, TONNE_G, in_flight};
use crate::places::{Kill, RELAYER, drawn};

const RELAYER_KILLS: usize = 50;
const OTHER_KILLS: usize = 20;
/// A kill counts if so many transfers were in flight.
const LEAST_IN_FLIGHT: u64 = 50;
/// At least so many transfers.
const TRANSFERS: usize = 1000;
/// How long a process may take to come to its place. Some places are rare: then it dies of a plain kill, which does not count.
const REACHED: Duration = Duration::from_secs(20);
/// Bundles that are verified at the end, spread over all transfers.
const AUDITED: usize = 40;

/// What happened.
#[derive(Debug, Default)]
struct Tally {
    /// Kills of the relayer by the state whose work was under way.
    by_state: BTreeMap<&'static str, u64>,
    by_place: BTreeMap<String, u64>,
    relayer: usize,
    others: usize,
    /// The place was not reached, or too little was in flight.
    not_counted: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_happens_exactly_once_however_often_everybody_is_killed() {
    let seed = std::env::var("ISTHMUS_SEED").map_or(1, |seed| seed.parse().unwrap());
    let load = Load::start().await;
    let killing = async {
        let tally = kill_all(&load, seed).await;
        while load.asked.lock().unwrap().outbound.len() < TRANSFERS {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        load.ending.store(true, std::sync::atomic::Ordering::SeqCst);
        tally
    };
    let (tally, (), (), ()) = tokio::join!(killing, load.feed(), load.regret(), load.redeem());
    println!("seed {seed}: {tally:#?}");
    load.devnet.registry.set_faults(&json!([])).await.unwrap();
    load.ended().await;
    assert_exactly_once(&load, seed).await;

    let states: BTreeSet<_> = RELAYER.iter().map(|(_, state)| *state).collect();
    for state in states {
        assert!(
            tally.by_state.contains_key(state),
            "seed {seed}: no kill hit pending work in state {state}: {:?}",
            tally.by_state
        );
    }
    assert!(tally.relayer >= RELAYER_KILLS && tally.others >= OTHER_KILLS);
}

/// Carries out the kills of the seed, and further ones in place of those that do not count.
async fn kill_all(load: &Load, seed: u64) -> Tally {
    let mut tally = Tally::default();
    for round in 0..4 {
        for kill in drawn(seed.wrapping_add(round << 32), RELAYER_KILLS, OTHER_KILLS) {
            let wanted = match kill {
                Kill::Relayer { .. } => tally.relayer < RELAYER_KILLS,
                Kill::Attester { .. } | Kill::Registry { .. } => tally.others < OTHER_KILLS,
            };
            if wanted {
                carry_out(load, &kill, &mut tally).await;
            }
        }
    }
    tally
}

async fn carry_out(load: &Load, kill: &Kill, tally: &mut Tally) {
    let devnet = &load.devnet;
    match kill {
        Kill::Relayer { place, visit } => {
            devnet.relayer.kill9().unwrap();
            devnet.relayer.start_to_die_at(place, *visit).unwrap();
            let reached = devnet.relayer.ended(REACHED).await;
            devnet.relayer.kill9().unwrap();
            let counts = load.counts_on_disk();
            let state = RELAYER.iter().find(|(name, _)| name == place).unwrap().1;
            if reached.is_ok_and(|code| code.is_none()) && in_flight(&counts) >= LEAST_IN_FLIGHT {
                *tally.by_state.entry(state).or_default() += 1;
                *tally.by_place.entry((*place).to_owned()).or_default() += 1;
                tally.relayer += 1;
            } else {
                println!("not counted: {place} with {counts:?}");
                tally.not_counted += 1;
            }
            devnet.start_relayer().await.unwrap();
        }
        Kill::Attester {
            number,
            place,
            visit,
        } => {
            let attester = &devnet.attesters[*number];
            attester.kill9().unwrap();
            attester.start_to_die_at(place, *visit).unwrap();
            let reached = attester.ended(REACHED).await;
            attester.kill9().unwrap();
            count(tally, place, reached.is_ok_and(|code| code.is_none()));
            attester.start().unwrap();
        }
        Kill::Registry { call, fault } => {
            let faults = json!([{"operation": call, "fault": fault, "times": 1}]);
            devnet.registry.set_faults(&faults).await.unwrap();
            let reached = devnet.sandbox.ended(REACHED).await;
            count(
                tally,
                &format!("{call}/{fault}"),
                reached.is_ok_and(|code| code.is_none()),
            );
            devnet.restart_sandbox().await.unwrap();
        }
    }
}

fn count(tally: &mut Tally, place: &str, reached: bool) {
    if reached {
        *tally.by_place.entry(place.to_owned()).or_default() += 1;
        tally.others += 1;
    } else {
        println!("not counted: {place}");
        tally.not_counted += 1;
    }
}

/// Everything asked for happened once; both ledgers hold what the difference comes to; every proof looked at verifies.
async fn assert_exactly_once(load: &Load, seed: u64) {
    let devnet = &load.devnet;
    let moved = movements(load).await;
    let asked = std::mem::take(&mut *load.asked.lock().unwrap());
    let (mut minted, mut voided) = (0_u64, 0_u64);
    for id in &asked.outbound {
        let mints = devnet.chain.mints_of(*id).await.unwrap();
        let locked = moved.contains(&id.to_string());
        let unlocked = moved.contains(&format!("unlock:{id}"));
        let state = load.state(*id).await;
        let expected = match state.as_str() {
            "completed" => (1, true, false),
            "returned" => (0, true, true),
            _ => (0, false, false),
        };
        assert_eq!(
            (mints, locked, unlocked),
            expected,
            "seed {seed}: {id} {state}"
        );
        minted += u64::from(state == "completed");
        if state == "returned" {
            assert!(asked.withdrawn.contains(id), "nobody wanted {id} back");
            voided += 1;
        }
    }
    for id in &asked.returns {
        assert!(moved.contains(&id.to_string()), "seed {seed}: {id}");
    }
    assert!(voided > 0, "no withdrawal won");
    let burned = u64::try_from(asked.returns.len()).unwrap();
    let supply = devnet.chain.supply_g(load.class()).await.unwrap();
    assert_eq!(supply, (minted - burned) * TONNE_G, "seed {seed}: supply");
    let custody = devnet.registry.custody_of_t(load.class()).await.unwrap();
    assert_eq!(custody, minted - burned, "seed {seed}: custody");
    for pool in devnet.reserves().await.unwrap() {
        assert!(pool.holds, "seed {seed}: {pool:?}");
    }
    println!("seed {seed}: {minted} minted, {voided} voided, {burned} burned");
    let all: Vec<_> = asked.outbound.iter().chain(&asked.returns).collect();
    for id in all.iter().step_by(all.len() / AUDITED) {
        if load.state(**id).await == "completed" {
            devnet.audit(**id).await.unwrap();
        }
    }
}

/// References of all movements at the registry, each of which must be there once.
async fn movements(load: &Load) -> BTreeSet<String> {
    let mut references = BTreeSet::new();
    for movement in load.devnet.registry.movements().await.unwrap() {
        let reference = movement["reference"].as_str().unwrap().to_owned();
        assert!(references.insert(reference.clone()), "{reference} twice");
    }
    references
}
