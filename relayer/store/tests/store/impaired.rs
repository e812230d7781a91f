//! The custody book when a registry takes units away: what is offered, what is missing, and who may be allocated what.

use isthmus_core::id::{PoolId, TransferId};
use isthmus_core::instruction::Purpose;
use isthmus_core::ports::{Append, AppendError, BookChange, Journal};
use isthmus_core::quantity::Quantity;
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::testing::sample;
use isthmus_prooflog::book::impairment_after;
use isthmus_prooflog::leaf::Leaf;
use isthmus_store::{HeldAs, Impairment};
use serde_json::json;

use crate::custody::{burn as burned, mint};
use crate::world::World;

fn tonnes(tonnes: u64) -> Quantity {
    Quantity::from_tonnes(tonnes).unwrap()
}

fn change(change: BookChange) -> Append {
    Append {
        leaves: vec![b"a leaf".to_vec()],
        book: vec![change],
        ..Append::default()
    }
}

/// What a registry has taken away of a pool.
fn impaired(pool: PoolId, blocks: &[SerialBlock]) -> Vec<u8> {
    let units: Vec<_> = blocks.iter().map(ToString::to_string).collect();
    let leaf = json!({
        "kind": "IMPAIRED", "at_ms": 1, "v": 1, "pool": pool, "asset_class": sample::class().id(),
        "reference": "registry:1", "units": units,
        "quantity_g": serial_block::total(blocks).grams().to_string(),
        "evidence": {"grade": "A", "sha256": sample::hash(1), "type": "registry-receipt"},
    });
    let leaf: Leaf = serde_json::from_value(leaf).unwrap();
    leaf.to_bytes()
}

/// What the registry takes away, with the leaf that says so; the same movement has taken from another pool.
fn withhold(blocks: Vec<SerialBlock>) -> Append {
    let others = impaired(PoolId::new([9; 32]), &[sample::block(700, 701)]);
    Append {
        leaves: vec![others, impaired(sample::pool().id(), &blocks)],
        ..change(BookChange::Withhold {
            pool: sample::pool().id(),
            blocks,
        })
    }
}

fn join(first: u64, last: u64) -> Append {
    change(BookChange::Join {
        deposit: TransferId::new([8; 32]),
        pool: sample::pool().id(),
        blocks: vec![sample::block(first, last)],
    })
}

/// About what is missing now.
fn decide(world: &World, shortfall_t: u64, backing_t: u64, supply_t: u64) -> Append {
    change(BookChange::Decide {
        pool: sample::pool().id(),
        shortfall: tonnes(shortfall_t),
        impaired: missing(world).unwrap().impaired.unwrap(),
        backing: tonnes(backing_t),
        supply: tonnes(supply_t),
    })
}

fn offered(world: &World, wanted: u64) -> Option<Vec<SerialBlock>> {
    world.store.allocate(sample::pool().id(), wanted).unwrap()
}

fn missing(world: &World) -> Option<Impairment> {
    world.store.impairment(sample::pool().id()).unwrap()
}

#[test]
fn what_is_taken_away_is_offered_no_more_and_missing_until_a_deposit_joins() {
    let world = World::new();
    mint(&world, 1, &[sample::block(1, 20)]);
    world.append(withhold(vec![sample::block(5, 9)])).unwrap();
    let left = vec![sample::block(1, 4), sample::block(10, 20)];
    assert_eq!(offered(&world, 15), Some(left));
    assert_eq!(offered(&world, 16), None);
    assert_eq!(missing(&world).unwrap().shortfall, tonnes(5));
    for wrong in [vec![sample::block(4, 5)], vec![sample::block(20, 21)]] {
        let refused = world.append(withhold(wrong)).unwrap_err();
        assert!(
            matches!(refused, AppendError::Displaced { .. }),
            "{refused}"
        );
    }
    assert_eq!(
        missing(&world).unwrap().shortfall,
        tonnes(5),
        "nothing of it"
    );
    // A burn is not allocated as if nothing had happened.
    let burn = burned(1, Purpose::Release, &[sample::block(1, 2)]);
    assert!(matches!(
        world.append(burn.clone()),
        Err(AppendError::Allocation { .. })
    ));
    assert!(
        world.append(join(401, 406)).is_err(),
        "more than is missing"
    );
    world.append(join(401, 405)).unwrap();
    assert_eq!(missing(&world), None);
    assert_eq!(
        offered(&world, 20).unwrap().last(),
        Some(&sample::block(401, 405))
    );
    world.append(burn).unwrap();
}

#[test]
fn what_was_decided_counts_until_more_is_taken_away() {
    let world = World::new();
    mint(&world, 1, &[sample::block(1, 20)]);
    world.append(withhold(vec![sample::block(1, 10)])).unwrap();
    let stale = world.append(decide(&world, 9, 11, 20)).unwrap_err();
    assert!(matches!(stale, AppendError::Outdated { .. }), "{stale}");
    world.append(decide(&world, 10, 10, 20)).unwrap();
    let known = missing(&world).unwrap();
    assert_eq!(known.write_off(tonnes(5)), Some(tonnes(3)));
    assert_eq!(known.write_off(tonnes(20)), Some(tonnes(10)));
    world.append(withhold(vec![sample::block(11, 11)])).unwrap();
    assert_eq!(missing(&world).unwrap().write_off(tonnes(5)), None);
}

/// Two people have signed about one loss. It is made good, and as much is taken away again: that is another one.
#[test]
fn what_was_decided_about_one_loss_does_not_count_for_another_of_as_much() {
    let world = World::new();
    mint(&world, 1, &[sample::block(1, 20)]);
    world.append(withhold(vec![sample::block(1, 5)])).unwrap();
    let decided = decide(&world, 5, 15, 20);
    world.append(join(401, 405)).unwrap();
    world.append(withhold(vec![sample::block(6, 10)])).unwrap();
    assert_eq!(missing(&world).unwrap().shortfall, tonnes(5));
    let stale = world.append(decided).unwrap_err();
    assert!(matches!(stale, AppendError::Outdated { .. }), "{stale}");
    world.append(decide(&world, 5, 15, 20)).unwrap();
}

/// Leaf by leaf, as whoever replays the log computes it.
#[test]
fn what_stands_for_a_loss_is_what_the_log_says() {
    let world = World::new();
    mint(&world, 1, &[sample::block(1, 20)]);
    let about = || missing(&world).unwrap().impaired.unwrap();
    let mut expected = None;
    for first in [1, 4] {
        let taken = withhold(vec![sample::block(first, first)]);
        let leaf = taken.leaves[1].clone();
        let index = world.append(taken).unwrap().first_leaf.unwrap() + 1;
        expected = Some(impairment_after(expected, index, &leaf));
        assert_eq!(about().as_bytes(), &expected.unwrap().0);
    }
    let unlogged = change(BookChange::Withhold {
        pool: sample::pool().id(),
        blocks: vec![sample::block(9, 9)],
    });
    let refused = world.append(unlogged).unwrap_err();
    assert!(matches!(refused, AppendError::Illegal(_)), "{refused}");
}

#[test]
fn a_burn_gets_other_units_and_what_it_lost_is_held_by_nobody() {
    let world = World::new();
    mint(&world, 1, &[sample::block(1, 20)]);
    let allocation = [sample::block(1, 6)];
    let burn = burned(1, Purpose::Release, &allocation);
    let id = burn.transfer.unwrap().0;
    world.append(burn).unwrap();
    world.append(withhold(vec![sample::block(5, 8)])).unwrap();
    let held = world.store.holdings(&allocation).unwrap();
    let held: Vec<_> = held.iter().map(|h| (h.block.first(), h.held)).collect();
    assert_eq!(held, [(1, HeldAs::Allocated), (5, HeldAs::Lost)]);
    let others = |kept, added| {
        change(BookChange::Reallocate {
            burn: id,
            pool: sample::pool().id(),
            kept: vec![kept],
            added: vec![added],
        })
    };
    let lost = others(sample::block(1, 5), sample::block(9, 9));
    assert!(world.append(lost).is_err(), "it kept what is gone");
    let other = others(sample::block(1, 4), sample::block(11, 12));
    assert!(world.append(other).is_err(), "the pool offers others");
    world
        .append(others(sample::block(1, 4), sample::block(9, 10)))
        .unwrap();
    let gone = world.store.holdings(&[sample::block(5, 8)]).unwrap();
    assert_eq!(gone, []);
    let now = world.store.holdings(&[sample::block(9, 10)]).unwrap();
    assert!(
        now.iter()
            .all(|h| h.holder == id && h.held == HeldAs::Allocated)
    );
}
