//! The rules of the replay, each by its name.

use alloy_primitives::{Address, B256};
use isthmus_prooflog::book::{Book, BurnEnd, LockEnd};
use isthmus_prooflog::leaf::{Grams, Leaf, Purpose, jcs_digest};
use serde_json::Value;

use crate::world::{
    World, blocks, book, burned, given, locked, minted, owed, route, serial, terms, unlocked,
    voided,
};

pub(crate) fn first() -> Value {
    terms(&[serial(1, 100)], 1)
}

pub(crate) fn second() -> Value {
    terms(&[serial(201, 300), serial(101, 150)], 2)
}

pub(crate) fn replay(leaves: &[Leaf]) -> Book {
    let mut book = book();
    for leaf in leaves {
        book.apply(leaf).unwrap();
    }
    book
}

/// The reason for which the book refuses the leaf, leaving everything as it was.
pub(crate) fn refusal(book: &mut Book, leaf: &Leaf) -> String {
    let before = format!("{book:?}");
    let error = book.apply(leaf).unwrap_err();
    assert_eq!(format!("{book:?}"), before, "nothing has changed");
    assert_eq!((error.index, error.kind), (book.size(), leaf.kind()));
    error.reason
}

pub(crate) fn refused(leaves: &[Leaf], leaf: &Leaf, why: &str) {
    let reason = refusal(&mut replay(leaves), leaf);
    assert!(reason.contains(why), "{reason:?} does not say {why:?}");
}

#[test]
fn r1_nothing_is_minted_without_a_lock() {
    refused(&[], &minted(&first()), "never locked (R1)");
    refused(&[], &voided(&first()), "never locked (R1)");
    refused(&[], &unlocked(&first()), "never locked (R1)");
}

#[test]
fn r1_nothing_is_given_without_a_burn_and_no_more_is_burned_than_circulates() {
    let circulating = [locked(&first()), minted(&first())];
    let some = blocks(&[serial(1, 10)]);
    for purpose in [Purpose::Release, Purpose::Retire] {
        refused(&circulating, &given(1, purpose, &some), "never burned (R1)");
    }
    refused(&circulating, &owed(1, 10_000_000), "never burned (R1)");
    let too_many = blocks(&[serial(1, 101)]);
    refused(
        &circulating,
        &burned(1, Purpose::Retire, &too_many),
        "does not hold that much (R1)",
    );
    refused(
        &[],
        &burned(1, Purpose::Retire, &some),
        "nothing was ever locked in its pool (R1)",
    );
    // Locked and even voided units back nothing.
    for leaves in [
        vec![locked(&first())],
        vec![locked(&first()), voided(&first())],
    ] {
        refused(&leaves, &burned(1, Purpose::Retire, &some), "(R1)");
    }
}

#[test]
fn r3_nothing_is_unlocked_unless_voided() {
    refused(
        &[locked(&first())],
        &unlocked(&first()),
        "has not said Voided (R3)",
    );
    refused(
        &[locked(&first()), minted(&first())],
        &unlocked(&first()),
        "(R3)",
    );
    let undone = replay(&[locked(&first()), voided(&first()), unlocked(&first())]);
    assert_eq!(
        undone.lock(&jcs_digest(&first())).unwrap().end,
        LockEnd::Unlocked
    );
    refused(
        &[locked(&first()), voided(&first()), unlocked(&first())],
        &unlocked(&first()),
        "(R3)",
    );
}

#[test]
fn r6_quantity_is_the_sum_of_the_serial_blocks() {
    for grams in ["99000000", "101000000", "0"] {
        let mut wrong = first();
        wrong["quantity_g"] = grams.into();
        refused(&[], &locked(&wrong), "do not add up (R6)");
    }
    let mut leaf = locked(&first());
    if let Leaf::Locked { units, .. } = &mut leaf {
        units[0] = serial(1, 99);
    }
    refused(&[], &leaf, "(R6)");
    let mut nothing = first();
    nothing["units"] = serde_json::json!([]);
    nothing["quantity_g"] = "0".into();
    refused(&[], &locked(&nothing), "locks nothing");
    let twice = terms(&[serial(1, 10)], 1);
    let mut overlapping = twice.clone();
    overlapping["units"] = serde_json::json!([serial(1, 10), serial(10, 12)]);
    let mut leaf = locked(&twice);
    if let Leaf::Locked {
        units,
        terms,
        transfer,
        ..
    } = &mut leaf
    {
        *units = vec![serial(1, 10), serial(10, 12)];
        *transfer = jcs_digest(&overlapping);
        *terms = overlapping;
    }
    refused(&[], &leaf, "overlaps");
}

#[test]
fn r7_a_unit_is_in_at_most_one_live_lock() {
    for (low, high) in [(100, 100), (1, 1), (50, 60), (1, 100), (90, 200)] {
        let other = terms(&[serial(low, high)], 9);
        refused(&[locked(&first())], &locked(&other), "(R7, R8)");
        refused(
            &[locked(&first()), minted(&first())],
            &locked(&other),
            "(R7, R8)",
        );
        refused(
            &[locked(&first()), voided(&first())],
            &locked(&other),
            "(R7, R8)",
        );
        let mut undone = replay(&[locked(&first()), voided(&first()), unlocked(&first())]);
        undone.apply(&locked(&other)).unwrap();
    }
    let mut book = replay(&[locked(&first())]);
    book.apply(&locked(&terms(&[serial(101, 101)], 9))).unwrap();
    // The older era numbers for itself.
    let old = "7331-1-100-VCU-013-MER-CN-14-1718-01012016-31122016-0".to_owned();
    book.apply(&locked(&terms(std::slice::from_ref(&old), 8)))
        .unwrap();
    let reason = refusal(
        &mut book,
        &locked(&terms(&[old.replace("1-100", "7-7")], 7)),
    );
    assert!(reason.contains("(R7, R8)"), "{reason}");
    // Another series in the same numbers is the same units under another name.
    let renamed = serial(50, 60).replace("-1340-", "-1341-");
    let reason = refusal(&mut book, &locked(&terms(&[renamed], 6)));
    assert!(reason.contains("(R7, R8)"), "{reason}");
}

#[test]
fn r7_holds_across_routes_and_pools() {
    let mut other_route = route(1);
    other_route["id"] = "other".into();
    other_route["custody_account"] = "9002".into();
    let mut book = replay(&[locked(&first())]);
    book.apply(&World::new(0).route_leaf(&other_route)).unwrap();
    let mut through_other = terms(&[serial(50, 60)], 9);
    through_other["route"] = "other".into();
    let mut leaf = locked(&through_other);
    if let Leaf::Locked {
        pool, asset_class, ..
    } = &mut leaf
    {
        *pool = isthmus_prooflog::book::pool_of(&other_route, *asset_class).unwrap();
    }
    let reason = refusal(&mut book, &leaf);
    assert!(reason.contains("(R7, R8)"), "{reason}");
}

#[test]
fn r8_what_is_retired_is_never_locked_again_and_what_is_released_may_be() {
    let some = blocks(&[serial(1, 10)]);
    let upto = |purpose| {
        vec![
            locked(&first()),
            minted(&first()),
            burned(1, purpose, &some),
            given(1, purpose, &some),
        ]
    };
    let again = locked(&terms(&[serial(5, 6)], 9));
    refused(&upto(Purpose::Retire), &again, "(R7, R8)");
    let mut released = replay(&upto(Purpose::Release));
    released.apply(&again).unwrap();
    let reason = refusal(&mut released, &locked(&terms(&[serial(6, 6)], 8)));
    assert!(reason.contains("(R7, R8)"), "{reason}");
    let reason = refusal(&mut released, &locked(&terms(&[serial(11, 11)], 8)));
    assert!(
        reason.contains("(R7, R8)"),
        "the rest is still in custody: {reason}"
    );
}

#[test]
fn r9_class_and_pool_never_change_on_the_way() {
    let some = blocks(&[serial(1, 10)]);
    let circulating = vec![locked(&first()), minted(&first())];
    let burnt = [circulating.clone(), vec![burned(1, Purpose::Retire, &some)]].concat();
    let voided_lock = vec![locked(&first()), voided(&first())];
    for (before, leaf) in [
        (vec![], locked(&first())),
        (vec![locked(&first())], minted(&first())),
        (vec![locked(&first())], voided(&first())),
        (voided_lock, unlocked(&first())),
        (circulating, burned(1, Purpose::Retire, &some)),
        (burnt.clone(), given(1, Purpose::Retire, &some)),
        (burnt, owed(1, 10_000_000)),
    ] {
        let changed = |field: &str| {
            let mut value: Value = serde_json::from_slice(&leaf.to_bytes()).unwrap();
            value[field] = B256::repeat_byte(0xbb).to_string().into();
            Leaf::parse(&serde_json::to_vec(&value).unwrap()).unwrap()
        };
        for field in ["pool", "asset_class"] {
            assert!(
                replay(&before).apply(&changed(field)).is_err(),
                "{field} of {}",
                leaf.kind()
            );
        }
        replay(&before).apply(&leaf).unwrap();
    }
}

#[test]
fn r10_one_transfer_is_minted_or_voided_once() {
    refused(&[locked(&first())], &locked(&first()), "(R10)");
    let ends: [fn(&Value) -> Leaf; 2] = [minted, voided];
    for one in ends {
        for other in ends {
            refused(
                &[locked(&first()), one(&first())],
                &other(&first()),
                "(R10)",
            );
        }
    }
}

#[test]
fn r10_one_burn_is_released_or_retired_once() {
    let some = blocks(&[serial(1, 10)]);
    let burnt = [
        locked(&first()),
        minted(&first()),
        burned(1, Purpose::Release, &some),
    ];
    let released = [burnt.to_vec(), vec![given(1, Purpose::Release, &some)]].concat();
    refused(
        &burnt,
        &burned(1, Purpose::Release, &blocks(&[serial(11, 20)])),
        "(R10)",
    );
    refused(&burnt, &given(1, Purpose::Retire, &some), "another purpose");
    refused(&released, &given(1, Purpose::Release, &some), "(R10)");
    refused(&released, &given(1, Purpose::Retire, &some), "(R10)");
    refused(&released, &owed(1, 10_000_000), "(R10)");
    let story = replay(&released);
    assert_eq!(
        story.burn(&released[2].transfer().unwrap()).unwrap().end,
        BurnEnd::Released
    );
}

#[test]
fn the_mint_is_the_holders_not_the_relayers() {
    let mut leaf = minted(&first());
    if let Leaf::Minted { recipient, .. } = &mut leaf {
        *recipient = Address::repeat_byte(1);
    }
    refused(&[locked(&first())], &leaf, "recipient is not the terms'");
    let mut leaf = minted(&first());
    if let Leaf::Minted { quantity_g, .. } = &mut leaf {
        *quantity_g = Grams(1);
    }
    refused(&[locked(&first())], &leaf, "another quantity");
}

#[test]
fn an_id_is_the_hash_of_what_it_names() {
    let mut leaf = locked(&first());
    if let Leaf::Locked { transfer, .. } = &mut leaf {
        *transfer = B256::ZERO;
    }
    refused(&[], &leaf, "not the hash of its terms");
    let mut leaf = burned(1, Purpose::Retire, &blocks(&[serial(1, 10)]));
    if let Leaf::Burned { number, .. } = &mut leaf {
        *number = 2;
    }
    refused(
        &[locked(&first()), minted(&first())],
        &leaf,
        "not the BurnId",
    );
}

#[test]
fn terms_must_be_those_of_the_route() {
    for field in ["origin", "destination", "gate"] {
        let mut other = first();
        other[field] = "eip155:1".into();
        refused(
            &[],
            &locked(&other),
            &format!("the terms' {field} is not the route's"),
        );
    }
    let mut unknown = first();
    unknown["route"] = "nowhere".into();
    refused(&[], &locked(&unknown), "route is not in the log");
    let mut kind = first();
    kind["kind"] = "return".into();
    refused(&[], &locked(&kind), "not outbound terms");
    let mut version = first();
    version["v"] = 2.into();
    refused(&[], &locked(&version), "not outbound terms of version 1");
    let mut class = first();
    class["asset_class"] = B256::ZERO.to_string().into();
    refused(&[], &locked(&class), "class or quantity");
}

#[test]
fn route_versions_ascend_without_a_gap() {
    let mut book = Book::default();
    let world = World::new(0);
    for (version, accepted) in [
        (2, false),
        (0, false),
        (1, true),
        (1, false),
        (3, false),
        (2, true),
        (3, true),
    ] {
        let result = book.apply(&world.route_leaf(&route(version)));
        assert_eq!(result.is_ok(), accepted, "version {version}");
    }
    assert_eq!(book.route("verra-evm").unwrap().document["version"], 3);
    for field in [
        "id",
        "version",
        "origin",
        "destination",
        "gate",
        "custody_account",
    ] {
        let mut missing = route(4);
        missing.as_object_mut().unwrap().remove(field);
        assert!(refusal(&mut book, &world.route_leaf(&missing)).contains(field));
    }
    assert!(book.apply(&world.route_leaf(&Value::Null)).is_err());
}
