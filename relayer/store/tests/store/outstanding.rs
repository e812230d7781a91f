//! What counts against a route's cap: from admission until the units are back, or used up.

use isthmus_core::id::RouteId;
use isthmus_core::instruction::Purpose;
use isthmus_core::policy::{self, Decision, RouteStatus, Situation};
use isthmus_core::ports::{Append, BookChange};
use isthmus_core::quantity::Quantity;
use isthmus_core::terms::Outbound;
use isthmus_core::testing::sample;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, Transfer};

use crate::custody::{allocation, burn, given, mint, mint_of};
use crate::world::{Story, World, admission};

fn another() -> RouteId {
    "another".parse().unwrap()
}

/// Units `first..=last` through the other route of the pool.
fn through_another(number: u64, first: u64, last: u64) -> Outbound {
    let mut outbound = sample::outbound(number, &[sample::block(first, last)]);
    outbound.terms.route = another();
    outbound
}

/// Tonnes outstanding through the sample route and through the other one.
fn outstanding(world: &World) -> (u64, u64) {
    let tonnes = |route: &RouteId| world.store.outstanding(route).unwrap().tonnes().unwrap();
    (tonnes(&sample::route().id), tonnes(&another()))
}

/// The next burn, of as many tonnes, which gets the units of these numbers.
fn burned(world: &World, number: u64, purpose: Purpose, gets: &[(u64, u64)]) -> Transfer {
    let tonnes = gets.iter().map(|(first, last)| last - first + 1).sum();
    let blocks: Vec<_> = gets.iter().map(|(f, l)| sample::block(*f, *l)).collect();
    assert_eq!(allocation(world, tonnes), Some(blocks.clone()));
    let appended = world.append(burn(number, purpose, &blocks)).unwrap();
    appended.transfer.unwrap()
}

fn redeem(world: &World, burn: &Transfer, purpose: Purpose, got: &[(u64, u64)]) {
    let blocks: Vec<_> = got.iter().map(|(f, l)| sample::block(*f, *l)).collect();
    world.append(given(burn, purpose, &blocks)).unwrap();
}

#[test]
fn a_burn_makes_room_on_the_routes_that_brought_its_units() {
    let world = World::new();
    // One run of numbers, brought by three locks through two routes.
    mint(&world, 1, &[sample::block(1, 10)]);
    mint_of(&world, &through_another(2, 11, 20));
    mint(&world, 3, &[sample::block(21, 30)]);
    assert_eq!(outstanding(&world), (20, 10));

    let (back, used) = ([(1, 10), (11, 12)], [(13, 20), (21, 22)]);
    let released = burned(&world, 1, Purpose::Release, &back);
    let retired = burned(&world, 2, Purpose::Retire, &used);
    assert_eq!(outstanding(&world), (20, 10), "owed, still in custody");
    redeem(&world, &released, Purpose::Release, &back);
    assert_eq!(outstanding(&world), (10, 8));
    let world = world.reopened();
    redeem(&world, &retired, Purpose::Retire, &used);
    assert_eq!(outstanding(&world), (8, 0));

    // Released units count for the route that brings them next, not for the one that brought them before.
    mint_of(&world, &through_another(4, 1, 10));
    assert_eq!(outstanding(&world), (8, 10));
    // The rest of a block that was split knows its route.
    let rest = [(23, 30), (1, 3)];
    let last = burned(&world, 5, Purpose::Retire, &rest);
    redeem(&world, &last, Purpose::Retire, &rest);
    let world = world.reopened();
    assert_eq!(outstanding(&world), (0, 7));
}

#[test]
fn a_lock_that_comes_to_nothing_is_subtracted_once() {
    let world = World::new();
    mint_of(&world, &through_another(1, 1, 10));
    let withdrawn = world.append(admission(&through_another(2, 11, 15)));
    let withdrawn = withdrawn.unwrap().transfer.unwrap();
    assert_eq!(outstanding(&world), (0, 15));
    let free = BookChange::Free {
        transfer: withdrawn.id(),
    };
    let story = Story::of(&withdrawn).then(Event::WithdrawalRequested);
    let entry = Append {
        book: vec![free],
        ..story.append()
    };
    world.append(entry).unwrap();
    assert_eq!(outstanding(&world), (0, 10));
}

#[test]
fn a_full_route_takes_transfers_again_after_a_retirement() {
    let world = World::new();
    let tonnes = |t| Quantity::from_tonnes(t).unwrap();
    let mut route = sample::route();
    route.outstanding_cap_g = tonnes(10);
    let next = sample::outbound(2, &[sample::block(11, 14)]);
    let decide = |world: &World| {
        let situation = Situation {
            class: &sample::class(),
            units: &next.units,
            outstanding: world.store.outstanding(&route.id).unwrap(),
            status: RouteStatus::Active,
        };
        match policy::decide(&route, &next.terms, &situation, Timestamp::from_ms(0)) {
            Decision::Allowed => "allowed".to_owned(),
            Decision::Refused(refusal) => refusal.code.clone(),
            Decision::NotBefore(_) => "not before".to_owned(),
        }
    };
    mint(&world, 1, &[sample::block(1, 10)]);
    assert_eq!(decide(&world), "over_cap");
    let three = [(1, 3)];
    let burn = burned(&world, 1, Purpose::Retire, &three);
    redeem(&world, &burn, Purpose::Retire, &three);
    assert_eq!(decide(&world), "over_cap", "room for 3 of 4 t");
    let one = [(4, 4)];
    let burn = burned(&world, 2, Purpose::Retire, &one);
    assert_eq!(decide(&world), "over_cap", "not retired yet");
    redeem(&world, &burn, Purpose::Retire, &one);
    assert_eq!(decide(&world), "allowed");
}
