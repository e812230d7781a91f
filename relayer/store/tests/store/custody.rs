//! The custody book: one live lock per unit, the order of allocation, what is spent stays spent.

use isthmus_core::instruction::Purpose;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, AppendError, BookChange, Journal};
use isthmus_core::serial_block::{NumberingSpace, SerialBlock, Series};
use isthmus_core::terms::Outbound;
use isthmus_core::testing::sample;
use isthmus_core::transfer::{Event, Transfer};

use crate::world::{Story, World, admission};

/// Mints an admitted transfer, with its leaf, which orders the offers.
pub(crate) fn mint(world: &World, number: u64, units: &[SerialBlock]) -> Transfer {
    mint_of(world, &sample::outbound(number, units))
}

/// The same, whatever the terms.
pub(crate) fn mint_of(world: &World, outbound: &Outbound) -> Transfer {
    let admitted = world.append(admission(outbound)).unwrap().transfer.unwrap();
    let story = Story::of(&admitted)
        .locked(outbound)
        .signed(outbound)
        .intends()
        .done(OperationKind::Mint, &[]);
    let entry = Append {
        leaves: vec![format!("MINTED {}", admitted.id()).into_bytes()],
        book: vec![BookChange::Offer {
            transfer: admitted.id(),
        }],
        ..story.append()
    };
    world.append(entry).unwrap().transfer.unwrap()
}

/// A burn that gets `blocks`.
pub(crate) fn burn(number: u64, purpose: Purpose, blocks: &[SerialBlock]) -> Append {
    let back = sample::back(number, purpose, blocks);
    Append {
        transfer: Some((back.burn.id(), 0)),
        events: vec![sample::burned(&back)],
        book: vec![BookChange::Allocate {
            burn: back.burn.id(),
            pool: back.pool,
            blocks: blocks.to_vec(),
            written_off: isthmus_core::quantity::Quantity::ZERO,
        }],
        ..Append::default()
    }
}

pub(crate) fn given(transfer: &Transfer, purpose: Purpose, units: &[SerialBlock]) -> Append {
    let (operation, change) = match purpose {
        Purpose::Release => (
            OperationKind::Release,
            BookChange::Free {
                transfer: transfer.id(),
            },
        ),
        Purpose::Retire => (
            OperationKind::Retire,
            BookChange::Spend {
                transfer: transfer.id(),
            },
        ),
    };
    let told = Story::of(transfer)
        .then(Event::Instructed(sample::instruction(purpose)))
        .intends();
    Append {
        book: vec![change],
        ..told.done(operation, units).append()
    }
}

pub(crate) fn allocation(world: &World, tonnes: u64) -> Option<Vec<SerialBlock>> {
    world.store.allocate(sample::pool().id(), tonnes).unwrap()
}

fn overlaps(world: &World, number: u64, units: &[SerialBlock]) -> bool {
    match world.append(admission(&sample::outbound(number, units))) {
        Ok(_) => false,
        Err(AppendError::Overlap { .. }) => true,
        Err(other) => panic!("{other}"),
    }
}

/// The same numbers in another series, or in another numbering space.
fn like(block: &SerialBlock, space: &str, before: &str) -> SerialBlock {
    let series = Series {
        before: before.into(),
        after: block.series().after.clone(),
    };
    SerialBlock::new(
        NumberingSpace(space.into()),
        block.first(),
        block.last(),
        series,
    )
    .unwrap()
}

#[test]
fn r7_a_serial_block_is_in_one_live_lock_whatever_the_route_or_series() {
    let world = World::new();
    let held = sample::block(100, 199);
    let mut elsewhere = sample::outbound(1, std::slice::from_ref(&held));
    elsewhere.terms.route = "another".parse().unwrap();
    elsewhere.terms.destination = "eip155:1".parse().unwrap();
    elsewhere.pool = isthmus_core::id::PoolId::new([9; 32]);
    let holder = world
        .append(admission(&elsewhere))
        .unwrap()
        .transfer
        .unwrap()
        .id();
    for (number, (first, last)) in
        (2..).zip([(100, 199), (50, 100), (199, 300), (120, 130), (1, 1000)])
    {
        assert!(
            overlaps(&world, number, &[sample::block(first, last)]),
            "{first}..={last}"
        );
        let found = world
            .store
            .custody_overlap(&[sample::block(1, 2), sample::block(first, last)])
            .unwrap();
        assert_eq!(found, Some((sample::block(first, last), holder)));
    }
    assert!(
        overlaps(
            &world,
            8,
            &[like(&sample::block(150, 150), "vcs/13", "20000-")]
        ),
        "another series"
    );
    assert!(
        !overlaps(&world, 9, &[like(&held, "vcs/12", "19385-")]),
        "another numbering space"
    );
    assert!(
        !overlaps(&world, 10, &[like(&held, "vcs/1", "19385-")]),
        "a space that begins alike"
    );
    assert!(
        !overlaps(&world, 11, &[sample::block(1, 99), sample::block(200, 201)]),
        "neighbours"
    );
    let world = world.reopened();
    assert!(overlaps(&world, 12, &[sample::block(150, 150)]));
}

#[test]
fn units_are_free_again_after_a_rejection_an_unlock_and_a_release() {
    let world = World::new();
    let units = [sample::block(1, 10)];
    let free = |transfer: &Transfer, story: Story| Append {
        book: vec![BookChange::Free {
            transfer: transfer.id(),
        }],
        ..story.append()
    };
    let rejected = world.admit(1, &units);
    world
        .append(free(
            &rejected,
            Story::of(&rejected).then(Event::WithdrawalRequested),
        ))
        .unwrap();
    let admitted = world.admit(2, &units);
    let undone = Story::of(&admitted)
        .locked(&sample::outbound(2, &units))
        .voided()
        .intends()
        .done(OperationKind::Unlock, &units);
    world.append(free(&admitted, undone)).unwrap();
    mint(&world, 3, &units);
    assert!(overlaps(&world, 4, &units), "minted: it backs equivalents");
    let burned = world
        .append(burn(1, Purpose::Release, &units))
        .unwrap()
        .transfer
        .unwrap();
    assert!(overlaps(&world, 4, &units), "burned: it is owed");
    world
        .append(given(&burned, Purpose::Release, &units))
        .unwrap();
    assert!(!overlaps(&world, 4, &units), "released");
}

#[test]
fn r8_what_is_retired_is_never_reserved_again() {
    let world = World::new();
    mint(&world, 1, &[sample::block(1, 10)]);
    let units = [sample::block(1, 4)];
    let burned = world
        .append(burn(1, Purpose::Retire, &units))
        .unwrap()
        .transfer
        .unwrap();
    world
        .append(given(&burned, Purpose::Retire, &units))
        .unwrap();
    let change = |change| Append {
        book: vec![change],
        ..Append::default()
    };
    for forbidden in [
        BookChange::Free {
            transfer: burned.id(),
        },
        BookChange::Spend {
            transfer: burned.id(),
        },
    ] {
        assert!(matches!(
            world.append(change(forbidden)),
            Err(AppendError::Illegal(_))
        ));
    }
    let world = world.reopened();
    assert!(overlaps(&world, 2, &[sample::block(4, 4)]));
    assert_eq!(allocation(&world, 7), None, "it backs nothing either");
    assert_eq!(allocation(&world, 6), Some(vec![sample::block(5, 10)]));
}

#[test]
fn what_backs_equivalents_is_neither_freed_nor_offered_twice() {
    let world = World::new();
    let minted = mint(&world, 1, &[sample::block(1, 10)]);
    let free = BookChange::Free {
        transfer: minted.id(),
    };
    let offer = BookChange::Offer {
        transfer: minted.id(),
    };
    let spend = BookChange::Spend {
        transfer: minted.id(),
    };
    for change in [free, offer, spend] {
        let entry = Append {
            leaves: vec![b"leaf".to_vec()],
            book: vec![change],
            ..Append::default()
        };
        assert!(matches!(world.append(entry), Err(AppendError::Illegal(_))));
    }
    assert_eq!(allocation(&world, 10), Some(vec![sample::block(1, 10)]));
    let unlogged = world.admit(2, &[sample::block(11, 20)]);
    let offer = Append {
        book: vec![BookChange::Offer {
            transfer: unlogged.id(),
        }],
        ..Append::default()
    };
    assert!(
        matches!(world.append(offer), Err(AppendError::Illegal(_))),
        "no leaf, no order"
    );
}

#[test]
fn the_oldest_completed_lock_gives_first_and_its_lowest_serial() {
    let world = World::new();
    // Admitted first, completed last.
    let late = world.admit(1, &[sample::block(1, 5)]);
    mint(
        &world,
        2,
        &[
            sample::block(50, 54),
            sample::block(30, 34),
            sample::block(35, 36),
        ],
    );
    mint(&world, 3, &[sample::block(10, 14)]);
    let outbound = sample::outbound(1, &[sample::block(1, 5)]);
    let story = Story::of(&late)
        .locked(&outbound)
        .signed(&outbound)
        .intends()
        .done(OperationKind::Mint, &[]);
    let offer = vec![BookChange::Offer {
        transfer: late.id(),
    }];
    world
        .append(Append {
            leaves: vec![b"MINTED 1".to_vec()],
            book: offer,
            ..story.append()
        })
        .unwrap();
    let in_order = [
        sample::block(30, 36),
        sample::block(50, 54),
        sample::block(10, 14),
        sample::block(1, 5),
    ];
    assert_eq!(allocation(&world, 22), Some(in_order.to_vec()));
    assert_eq!(allocation(&world, 23), None);
    assert_eq!(
        allocation(&world, 9),
        Some(vec![sample::block(30, 36), sample::block(50, 51)])
    );
    // Two burns in one write: the second gets what the first left.
    let first = burn(
        1,
        Purpose::Release,
        &[sample::block(30, 36), sample::block(50, 51)],
    );
    let stale = burn(2, Purpose::Release, &[sample::block(30, 32)]);
    let second = burn(
        2,
        Purpose::Release,
        &[sample::block(52, 54), sample::block(10, 10)],
    );
    let answers = world.store.append(vec![first, stale, second]);
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert!(
        matches!(answers[1], Err(AppendError::Allocation { .. })),
        "read before the first one"
    );
    let world = world.reopened();
    assert_eq!(
        allocation(&world, 9),
        Some(vec![sample::block(11, 14), sample::block(1, 5)])
    );
    assert_eq!(
        world
            .store
            .allocate(isthmus_core::id::PoolId::new([9; 32]), 1)
            .unwrap(),
        None,
        "another pool"
    );
}
