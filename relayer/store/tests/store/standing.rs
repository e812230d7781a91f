//! Blocks that recorded facts stand on: kept until the cursor is past them, or takes the ledger as it is.

use isthmus_core::id::Hash32;
use isthmus_core::instruction::Purpose;
use isthmus_core::ports::{Append, Cursor};
use isthmus_core::receipt::Position;
use isthmus_core::terms::Terms;
use isthmus_core::testing::sample;
use isthmus_core::transfer::Event;

use crate::world::World;

/// A burn that was seen final in a block.
fn burned(number: u64, height: u64, block: Hash32) -> Append {
    let back = sample::back(number, Purpose::Release, &[sample::block(number, number)]);
    let Event::Burned { mut receipt, .. } = sample::burned(&back) else {
        unreachable!("a burn");
    };
    receipt.position = Position::Chain {
        height,
        block,
        transaction: sample::hash(1),
    };
    Append {
        transfer: Some((back.burn.id(), 0)),
        events: vec![Event::Burned {
            terms: Terms::Return(back),
            receipt,
        }],
        ..Append::default()
    }
}

fn cursor(height: u64, block: Option<Hash32>) -> Append {
    let cursor = Cursor {
        height,
        block,
        last_number: 0,
    };
    Append {
        cursor: Some((sample::chain(), cursor)),
        ..Append::default()
    }
}

#[test]
fn blocks_of_facts_are_kept_until_the_cursor_is_past_them() {
    let mut world = World::new();
    let block = sample::hash;
    for (number, height, hash) in [(1, 300, 3), (2, 7, 1), (3, 7, 2), (4, 8, 4), (5, 300, 3)] {
        world.append(burned(number, height, block(hash))).unwrap();
    }
    let all = [(7, 1), (7, 2), (8, 4), (300, 3)].map(|(height, hash)| (height, block(hash)));
    let standing = |world: &World| world.store.standing(&sample::chain()).unwrap();
    assert_eq!(standing(&world), all, "each once, both of one height");
    assert_eq!(world.store.standing(&sample::registry()).unwrap(), []);
    world.append(cursor(7, Some(block(1)))).unwrap();
    world = world.reopened();
    assert_eq!(standing(&world), all[2..]);
    assert_eq!(
        world
            .store
            .cursor(&sample::chain())
            .unwrap()
            .unwrap()
            .height,
        7
    );
    world.append(cursor(0, None)).unwrap();
    assert_eq!(standing(&world), [], "people took it as it is now");
}
