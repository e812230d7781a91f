//! The sums that are kept while writing are those that counting would give.

use std::collections::BTreeMap;

use isthmus_core::id::RouteId;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::Journal;
use isthmus_core::terms::Outbound;
use isthmus_core::testing::sample;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Event;
use proptest::prelude::*;

use crate::world::{START, Story, World, admission, attest, lane};

const MINUTE_MS: u64 = 60_000;

/// Tonnes admitted through the sample route in the sample class since `since`.
fn admitted(world: &World, since: Timestamp) -> u64 {
    let class = sample::class().id();
    let route = sample::route().id;
    let sum = world.store.admitted_since(&route, &class, since).unwrap();
    sum.tonnes().unwrap()
}

fn outbound(number: u64, tonnes: u64) -> Outbound {
    sample::outbound(
        number,
        &[sample::block(number * 100, number * 100 + tonnes - 1)],
    )
}

#[test]
fn what_another_route_or_class_admits_is_not_counted() {
    let world = World::new();
    world.admit(1, &outbound(1, 5).units);
    let mut elsewhere = outbound(2, 7);
    elsewhere.terms.route = "another".parse().unwrap();
    world.append(admission(&elsewhere)).unwrap();
    assert_eq!(admitted(&world, START), 5);
    let another: RouteId = "another".parse().unwrap();
    let class = sample::class().id();
    let sum = |route, class| world.store.admitted_since(route, class, START).unwrap();
    assert_eq!(sum(&another, &class).tonnes(), Some(7));
    let other = isthmus_core::id::AssetClassId::new([9; 32]);
    assert_eq!(sum(&another, &other).tonnes(), Some(0));
    // A route whose name begins like another's.
    assert_eq!(sum(&"anoth".parse().unwrap(), &class).tonnes(), Some(0));
}

#[test]
fn what_was_rejected_is_taken_off_where_it_was_added_and_what_was_returned_stays() {
    let world = World::new();
    let withdrawn = world.admit(1, &outbound(1, 5).units);
    let undone = world.admit(2, &outbound(2, 3).units);
    world.clock.set(START.plus_ms(3 * 3_600_000));
    let later = world.admit(3, &outbound(3, 10).units);
    assert_eq!(admitted(&world, START), 18);
    world.tell(Story::of(&withdrawn).then(Event::WithdrawalRequested));
    let undone = Story::of(&undone)
        .locked(&outbound(2, 3))
        .voided()
        .intends()
        .done(OperationKind::Unlock, &outbound(2, 3).units);
    world.tell(undone);
    let world = world.reopened();
    assert_eq!(admitted(&world, START), 13);
    assert_eq!(admitted(&world, START.plus_ms(MINUTE_MS)), 10);
    assert_eq!(later.length(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Any window: exactly what was admitted since the beginning of its first minute.
    #[test]
    fn a_window_sums_its_minutes(
        admissions in prop::collection::vec((0u64..6 * 3_600_000, 1u64..50), 1..25),
        windows in prop::collection::vec(0u64..7 * 3_600_000, 1..20),
    ) {
        let world = World::new();
        let mut by_minute: BTreeMap<u64, u64> = BTreeMap::new();
        for (number, (after_ms, tonnes)) in (1..).zip(admissions) {
            let at = START.plus_ms(after_ms);
            world.clock.set(at);
            world.admit(number, &outbound(number, tonnes).units);
            *by_minute.entry(at.ms() / MINUTE_MS).or_default() += tonnes;
        }
        for after_ms in windows {
            let since = START.plus_ms(after_ms);
            let expected: u64 = by_minute.range(since.ms() / MINUTE_MS..).map(|(_, t)| t).sum();
            prop_assert_eq!(admitted(&world, since), expected);
        }
        let all: u64 = by_minute.values().sum();
        prop_assert_eq!(admitted(&world, Timestamp::from_ms(0)), all);
    }
}

#[test]
fn lanes_and_unfinished_transfers_are_counted_through_every_change() {
    let world = World::new();
    let transfers: Vec<_> = (1..=4)
        .map(|n| world.admit(n, &outbound(n, 2).units))
        .collect();
    let route = sample::route().id.to_string();
    let unfinished = |world: &World| {
        let all = world.store.unfinished().unwrap();
        all.into_iter().find(|(name, _)| *name == route).unwrap().1
    };
    let lanes = |world: &World| -> Vec<(String, u64)> {
        let all = world.store.lane_counts().unwrap().into_iter();
        all.filter(|(_, count)| *count > 0).collect()
    };
    let (lock, attests) = (lane(OperationKind::Lock).to_string(), attest().to_string());
    assert_eq!(lanes(&world), [(lock.clone(), 4)]);
    world.tell(Story::of(&transfers[0]).then(Event::WithdrawalRequested));
    let later = [(transfers[1].id(), START.plus_ms(9))];
    world.store.defer(&later).unwrap();
    world.store.defer(&later).unwrap();
    assert_eq!(
        (unfinished(&world), lanes(&world)),
        (3, vec![(lock.clone(), 3)])
    );
    let locked = Story::of(&transfers[1]).locked(&outbound(2, 2));
    let signed = locked.signed(&outbound(2, 2)).intends();
    world.tell(signed.done(OperationKind::Mint, &[]));
    world.tell(Story::of(&transfers[2]).locked(&outbound(3, 2)));
    world.tell(Story::of(&transfers[3]).then(Event::Quarantined(sample::finding())));
    let world = world.reopened();
    assert_eq!(
        unfinished(&world),
        2,
        "a quarantined transfer has not ended"
    );
    assert_eq!(lanes(&world), [(attests, 1)]);
}
