//! The gate says of every final batch under which log it was signed, in ranges of blocks that nodes look through at a time.

use isthmus_core::id::Hash32;
use isthmus_core::operation::LogHead;

use crate::setup::item;
use crate::world::World;

#[tokio::test]
async fn every_batch_says_under_which_log_it_was_signed_once_it_is_final() {
    let world = World::ready().await;
    let mut batches = Vec::new();
    for size in [7, 8] {
        let mut batch = (*world.batch(vec![item(u8::try_from(size).unwrap())], 60_000)).clone();
        batch.log = LogHead {
            size,
            root: Hash32::new([u8::try_from(size).unwrap(); 32]),
        };
        batches.push(world.signed_under(batch));
    }
    for batch in &batches {
        world.sent(&world.mints(batch)[0]).await;
        world.node.mine(1).await;
    }
    let heads: Vec<_> = batches.iter().map(|batch| batch.log).collect();
    assert_ne!(world.all_under(0).await.0, heads, "the last is not final");
    world.settle().await;
    let (said, up_to) = world.all_under(0).await;
    assert_eq!(said, heads);
    // Nothing new, and nothing for somebody whose node is behind.
    for above in [up_to, up_to + 100] {
        let said = world.ledger.minted_under(above).await.unwrap();
        assert!(said.heads.is_empty() && said.complete, "{said:?}");
        assert_eq!(said.up_to, above);
    }
}

impl World {
    /// Page by page, to the newest final block.
    async fn all_under(&self, above: u64) -> (Vec<LogHead>, u64) {
        let (mut heads, mut above) = (Vec::new(), above);
        loop {
            let said = self.ledger.minted_under(above).await.unwrap();
            assert!(said.up_to > above, "{said:?}");
            heads.extend(said.heads);
            above = said.up_to;
            if said.complete {
                return (heads, above);
            }
        }
    }
}
