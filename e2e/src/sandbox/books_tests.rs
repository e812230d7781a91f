//! The books against a model that keeps every single unit.

use std::sync::Arc;

use isthmus_core::asset_class::AssetClass;
use isthmus_core::serial_block::Series;
use proptest::prelude::*;

use super::*;
use crate::sandbox::units::Class;

fn class() -> Arc<Class> {
    Class::new(AssetClass {
        country: "ET".into(),
        labels: vec![],
        programme: "VCS".into(),
        project: "1340".into(),
        registry: "vcs:sandbox".parse().unwrap(),
        unit_type: "VCU".into(),
        v: 1,
        vintage_end: "2020-12-31".into(),
        vintage_start: "2020-01-01".into(),
    })
}

fn block(first: u64, last: u64) -> SerialBlock {
    let series = Series {
        before: "1-".into(),
        after: "-X".into(),
    };
    SerialBlock::new(NumberingSpace("s".into()), first, last, series).unwrap()
}

const STATES: [UnitState; 6] = [
    UnitState::Held,
    UnitState::Pending,
    UnitState::Locked,
    UnitState::Retired,
    UnitState::Cancelled,
    UnitState::Buffer,
];

fn all(books: &Books) -> Vec<&StoredBlock> {
    books.select(&Filter::default(), 0, usize::MAX).page
}

fn account(number: u8) -> AccountId {
    number.to_string().parse().unwrap()
}

fn reference() -> Arc<str> {
    "lock-1".into()
}

fn books() -> Books {
    let mut books = Books::default();
    let stored = StoredBlock {
        block: block(1, 40),
        account: account(0),
        state: UnitState::Held,
        class: class(),
        reference: None,
    };
    books.insert(stored).unwrap();
    books
}

fn units(books: &Books) -> BTreeMap<u64, (AccountId, UnitState)> {
    let stored = all(books);
    let each = stored.iter().flat_map(|stored| {
        let place = (stored.account.clone(), stored.state);
        (stored.block.first()..=stored.block.last()).map(move |n| (n, place.clone()))
    });
    let count = stored.iter().map(|s| s.block.quantity_t()).sum::<u64>();
    let units: BTreeMap<_, _> = each.collect();
    assert_eq!(
        u64::try_from(units.len()).unwrap(),
        count,
        "no unit is stored twice"
    );
    units
}

proptest! {
    /// Movements change exactly the units they name, indexes agree with the blocks, held neighbours are one.
    #[test]
    fn movements_agree_with_single_units(
        moves in prop::collection::vec((1u64..40, 0u64..12, 0u8..3, 0usize..6), 1..25),
    ) {
        let mut books = books();
        let mut model = units(&books);
        for (first, more, to, state) in moves {
            let last = (first + more).min(40);
            let state = STATES[state];
            books.recast(&block(first, last), &account(to), state, &reference()).unwrap();
            for number in first..=last {
                model.insert(number, (account(to), state));
            }
            prop_assert_eq!(&units(&books), &model);
            for (to, state) in (0u8..3).flat_map(|a| STATES.map(|s| (a, s))) {
                let scanned = Filter { account: Some(account(to)), state: Some(state), ..Filter::default() };
                let counted_by_index = Filter { class: Some(class().id), ..scanned.clone() };
                let indexed = books.select(&counted_by_index, 1, 2);
                prop_assert_eq!(&indexed, &books.select(&scanned, 1, 2));
                let counted = model.values().filter(|place| **place == (account(to), state)).count();
                prop_assert_eq!(indexed.quantity_t, u64::try_from(counted).unwrap());
            }
            let all = all(&books);
            let mergeable = all.windows(2).any(|w| w[0].state == UnitState::Held && w[0].merge(w[1]).is_some());
            prop_assert!(!mergeable, "held neighbours are one block");
        }
    }

    #[test]
    fn intersecting_finds_what_a_scan_finds(cuts in prop::collection::vec((1u64..40, 0u64..6), 0..8), first in 1u64..50, more in 0u64..15) {
        let mut books = books();
        for (at, more) in cuts {
            books.recast(&block(at, (at + more).min(40)), &account(1), UnitState::Locked, &reference()).unwrap();
        }
        let wanted = block(first, first + more);
        let scan: Vec<_> = all(&books).into_iter().filter(|s| s.block.intersects(&wanted)).collect();
        prop_assert_eq!(books.intersecting(&wanted).collect::<Vec<_>>(), scan);
        prop_assert_eq!(books.covering(&wanted).is_some(), first + more <= 40);
    }
}

#[test]
fn existing_units_are_not_issued_again_and_others_are_not_moved() {
    let mut books = books();
    let again = StoredBlock {
        block: block(40, 50),
        account: account(0),
        state: UnitState::Held,
        class: class(),
        reference: None,
    };
    assert!(matches!(
        books.insert(again),
        Err(BooksError::Overlap { .. })
    ));
    let foreign = SerialBlock::new(
        NumberingSpace("s".into()),
        3,
        4,
        Series {
            before: "2-".into(),
            after: "-X".into(),
        },
    )
    .unwrap();
    for missing in [block(40, 41), foreign] {
        assert!(
            books
                .recast(&missing, &account(1), UnitState::Locked, &reference())
                .is_err()
        );
    }
}
