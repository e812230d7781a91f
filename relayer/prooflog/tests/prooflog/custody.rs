//! Which units a burn gets, and that sums stay sums.

use alloy_primitives::B256;
use isthmus_prooflog::book::Book;
use isthmus_prooflog::leaf::{Grams, Leaf, Purpose};

use crate::book::{first, refusal, refused, replay, second};
use crate::world::{blocks, book, burned, given, locked, minted, pool, serial, terms};

#[test]
fn allocation_is_oldest_mint_first_lowest_serial_first_and_splits_blocks() {
    let third = terms(&[serial(500, 509)], 3);
    // Locked in the order first, second, third; minted in the order second, third, first.
    let mut book = replay(&[
        locked(&first()),
        locked(&second()),
        locked(&third),
        minted(&second()),
        minted(&third),
        minted(&first()),
    ]);
    let next = |book: &Book, t| {
        let blocks = book.allocate(&pool(), t).unwrap();
        blocks.iter().map(|b| (b.first, b.last)).collect::<Vec<_>>()
    };
    assert_eq!(next(&book, 1), [(101, 101)]);
    assert_eq!(next(&book, 50), [(101, 150)]);
    assert_eq!(next(&book, 60), [(101, 150), (201, 210)]);
    assert_eq!(
        next(&book, 161),
        [(101, 150), (201, 300), (500, 509), (1, 1)]
    );
    assert_eq!(
        next(&book, 260),
        [(101, 150), (201, 300), (500, 509), (1, 100)]
    );
    assert_eq!(book.allocate(&pool(), 261), None);
    assert_eq!(book.allocate(&B256::ZERO, 1), None);

    let take = blocks(&[serial(101, 150), serial(201, 210)]);
    book.apply(&burned(1, Purpose::Release, &take)).unwrap();
    assert_eq!(
        next(&book, 1),
        [(211, 211)],
        "what was allocated is not offered again"
    );
    let other_order = blocks(&[serial(212, 212)]);
    assert!(
        refusal(&mut book, &burned(2, Purpose::Release, &other_order))
            .contains("custody book gives")
    );
    let merged = blocks(&[serial(211, 215), serial(216, 220)]);
    assert!(
        refusal(&mut book, &burned(2, Purpose::Release, &merged)).contains("custody book gives")
    );
    book.apply(&burned(2, Purpose::Release, &blocks(&[serial(211, 220)])))
        .unwrap();
    // Released units locked again are at the end of the queue.
    book.apply(&given(1, Purpose::Release, &take)).unwrap();
    let again = terms(&[serial(101, 110)], 4);
    book.apply(&locked(&again)).unwrap();
    book.apply(&minted(&again)).unwrap();
    assert_eq!(next(&book, 80 + 10 + 100 + 1).last(), Some(&(101, 101)));
}

#[test]
fn a_burn_is_of_whole_tonnes_and_not_of_none() {
    let circulating = [locked(&first()), minted(&first())];
    let mut part = burned(1, Purpose::Retire, &blocks(&[serial(1, 10)]));
    if let Leaf::Burned { quantity_g, .. } = &mut part {
        *quantity_g = Grams(10_500_000);
    }
    refused(&circulating, &part, "whole tonnes");
    refused(
        &circulating,
        &burned(1, Purpose::Retire, &[]),
        "whole tonnes",
    );
}

#[test]
fn what_is_given_is_what_was_allocated() {
    let some = blocks(&[serial(1, 10)]);
    let burnt = [
        locked(&first()),
        minted(&first()),
        burned(1, Purpose::Retire, &some),
    ];
    let other = blocks(&[serial(2, 11)]);
    refused(
        &burnt,
        &given(1, Purpose::Retire, &other),
        "other units than allocated",
    );
    refused(
        &burnt,
        &given(1, Purpose::Retire, &blocks(&[serial(1, 9)])),
        "another quantity",
    );
    let split = blocks(&[serial(1, 4), serial(5, 10)]);
    let mut leaf = given(1, Purpose::Retire, &some);
    if let Leaf::Retired { units, .. } = &mut leaf {
        *units = split.iter().map(ToString::to_string).collect();
    }
    replay(&burnt).apply(&leaf).unwrap();
}

#[test]
fn a_pool_too_large_to_count_is_refused_and_does_not_overflow() {
    let most = 9_223_372_036_854_u64;
    let mut book = book();
    let mut low = 1;
    for (nonce, accepted) in [(1, true), (2, true), (3, false)] {
        let terms = terms(&[serial(low, low + most - 1)], nonce);
        assert_eq!(book.apply(&locked(&terms)).is_ok(), accepted, "{nonce}");
        assert!(book.pool(&pool()).unwrap().totals.holds());
        low += most + 1;
    }
}

#[test]
fn units_too_long_for_a_leaf_are_left_out_and_computed() {
    let mut book = replay(&[
        locked(&first()),
        locked(&second()),
        minted(&first()),
        minted(&second()),
    ]);
    let taken = book.allocate(&pool(), 120).unwrap();
    let mut burn = burned(1, Purpose::Retire, &taken);
    let mut gift = given(1, Purpose::Retire, &taken);
    if let (Leaf::Burned { allocation, .. }, Leaf::Retired { units, .. }) = (&mut burn, &mut gift) {
        allocation.clear();
        units.clear();
    }
    book.apply(&burn).unwrap();
    let transfer = burn.transfer().unwrap();
    assert_eq!(book.burn(&transfer).unwrap().allocation, taken);
    book.apply(&gift).unwrap();
    // Retired units stay held although no leaf names them (R8).
    let again = locked(&terms(&[taken[0].to_string()], 9));
    assert!(refusal(&mut book, &again).contains("is held by"));
}
