//! What waits while something is missing, and what does not.

use isthmus_core::instruction::Purpose;
use isthmus_core::ports::{Append, BookChange, Journal as _};
use isthmus_core::quantity::Quantity;
use isthmus_core::serial_block;
use isthmus_core::testing::sample::{self, block};
use isthmus_core::transfer::Event;

use super::*;
use crate::engine::leaves;
use crate::proof::testing::World;

/// A burn of 2 t whose burner has said what is to become of it.
fn instructed(world: &World) -> Transfer {
    let burned = world.burned(1, 2, Purpose::Release);
    let instruction = sample::instruction(Purpose::Release);
    world.step(&burned, Event::Instructed(instruction))
}

/// The registry takes two tonnes of the pool away.
fn take_away(world: &World) {
    let (pool, class) = (sample::pool().id(), sample::class().id());
    let blocks = vec![block(9, 10)];
    let receipt = sample::receipt(
        OperationKind::Release,
        serial_block::total(&blocks),
        &blocks,
    );
    let at = Timestamp::from_s(1_780_000_000);
    let leaf = leaves::impaired(pool, class, "registry:8", &blocks, &receipt, at);
    write(
        world,
        Append {
            leaves: vec![leaf],
            book: vec![BookChange::Withhold { pool, blocks }],
            ..Append::default()
        },
    );
}

fn write(world: &World, append: Append) {
    let appended = world.store.append(vec![append]).remove(0);
    appended.unwrap();
}

#[test]
fn nothing_comes_over_and_nothing_is_given_while_the_pool_misses_units() {
    let world = World::with_route();
    world.minted(1, &[block(1, 10)]);
    let (burn, requested) = (instructed(&world), world.admitted(2, &[block(20, 24)]));
    let locked = world.locked(3, &[block(30, 34)]);
    let held = || [&burn, &requested, &locked].map(|transfer| holds(&world.store, transfer));
    assert_eq!(held(), [false; 3]);
    take_away(&world);
    assert_eq!(held(), [true; 3]);
    let pool = sample::pool().id();
    let known = world.store.impairment(pool).unwrap().unwrap();
    let tonnes = |t| Quantity::from_tonnes(t).unwrap();
    let decide = BookChange::Decide {
        pool,
        shortfall: tonnes(2),
        impaired: known.impaired.unwrap(),
        backing: tonnes(6),
        supply: tonnes(8),
    };
    write(
        &world,
        Append {
            book: vec![decide],
            ..Append::default()
        },
    );
    assert_eq!(held(), [false, true, true], "burns get their part");
}

/// What it has names units that are gone: the registry would refuse it, and attesters reject what is proposed.
#[test]
fn a_burn_that_lost_units_waits_for_others_also_in_a_pool_that_misses_nothing() {
    let world = World::with_route();
    world.minted(1, &[block(1, 10)]);
    let burn = instructed(&world);
    let registry = sample::registry();
    let moved = world.store.record_moved(
        Append::default(),
        (&registry, "registry:8"),
        &[],
        &[burn.id()],
    );
    moved.unwrap();
    assert!(holds(&world.store, &burn));
    world.store.forget_lost(burn.id()).unwrap();
    assert!(!holds(&world.store, &burn));
}
