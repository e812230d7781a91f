//! What counts against a route's cap: from `LOCKED` until the units are back, or used up.

use alloy_primitives::B256;
use isthmus_prooflog::book::{Book, pool_of};
use isthmus_prooflog::leaf::{Leaf, Purpose};
use isthmus_prooflog::serial::Block;
use serde_json::Value;

use crate::book::{first, refusal, second};
use crate::world::{
    another_route, blocks, book, burned, given, locked, minted, owed, pool, route, serial, terms,
    unlocked, voided,
};

/// Tonnes outstanding through the two routes of the pool.
fn outstanding(book: &Book) -> (u64, u64) {
    let tonnes = |route| book.outstanding_g(route) / 1_000_000;
    assert_eq!(book.outstanding_g("unknown"), 0);
    (tonnes("verra-evm"), tonnes("another"))
}

fn through_another(units: &[String], nonce: u8) -> Value {
    let mut terms = terms(units, nonce);
    terms["route"] = "another".into();
    terms
}

fn ranges(blocks: &[Block]) -> Vec<(u64, u64)> {
    blocks.iter().map(|b| (b.first, b.last)).collect()
}

#[test]
fn what_is_locked_through_a_route_counts_until_it_is_unlocked() {
    let steps = [
        (locked(&first()), 100),
        (locked(&second()), 250),
        (voided(&second()), 250),
        (unlocked(&second()), 100),
        (minted(&first()), 100),
    ];
    let mut book = book();
    for (leaf, tonnes) in steps {
        book.apply(&leaf).unwrap();
        assert_eq!(outstanding(&book), (tonnes, 0), "{}", leaf.kind());
    }
}

#[test]
fn a_burn_makes_room_on_the_routes_that_brought_its_units() {
    let mut book = book();
    book.apply(&another_route()).unwrap();
    // One run of numbers, brought by three locks through two routes.
    let locks = [
        terms(&[serial(1, 10)], 1),
        through_another(&[serial(11, 20)], 2),
        terms(&[serial(21, 30)], 3),
    ];
    for terms in &locks {
        book.apply(&locked(terms)).unwrap();
        book.apply(&minted(terms)).unwrap();
    }
    assert_eq!(outstanding(&book), (20, 10));

    let back = book.allocate(&pool(), 12).unwrap();
    assert_eq!(ranges(&back), [(1, 10), (11, 12)], "not one block");
    book.apply(&burned(1, Purpose::Release, &back)).unwrap();
    let used = book.allocate(&pool(), 10).unwrap();
    assert_eq!(ranges(&used), [(13, 20), (21, 22)], "not one block");
    book.apply(&burned(2, Purpose::Retire, &used)).unwrap();
    book.apply(&owed(1, 12_000_000)).unwrap();
    assert_eq!(outstanding(&book), (20, 10), "owed, still in custody");
    book.apply(&given(1, Purpose::Release, &back)).unwrap();
    assert_eq!(outstanding(&book), (10, 8));
    book.apply(&given(2, Purpose::Retire, &used)).unwrap();
    assert_eq!(outstanding(&book), (8, 0));

    // Released units count for the route that brings them next, not for the one that brought them before.
    let again = through_another(&[serial(1, 10)], 4);
    book.apply(&locked(&again)).unwrap();
    book.apply(&minted(&again)).unwrap();
    assert_eq!(outstanding(&book), (8, 10));
    let rest = blocks(&[serial(23, 30), serial(1, 3)]);
    book.apply(&burned(5, Purpose::Retire, &rest)).unwrap();
    book.apply(&given(5, Purpose::Retire, &rest)).unwrap();
    assert_eq!(outstanding(&book), (0, 7));
}

#[test]
fn a_route_too_large_to_count_is_refused_and_does_not_overflow() {
    let most = 9_223_372_036_854_u64;
    let mut book = book();
    for (nonce, low) in [(1, 1), (2, most + 1)] {
        let terms = terms(&[serial(low, low + most - 1)], nonce);
        book.apply(&locked(&terms)).unwrap();
    }
    // Another class, so another pool, which by itself could be counted.
    let class = B256::repeat_byte(0xbb);
    let mut terms = terms(&[serial(2 * most + 1, 3 * most)], 3);
    terms["asset_class"] = class.to_string().into();
    let mut leaf = locked(&terms);
    if let Leaf::Locked {
        pool, asset_class, ..
    } = &mut leaf
    {
        *asset_class = class;
        *pool = pool_of(&route(1), class).unwrap();
    }
    let reason = refusal(&mut book, &leaf);
    assert!(reason.contains("the route's grams"), "{reason}");
}
