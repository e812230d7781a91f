//! Which units are in custody or used up: disjoint intervals in each numbering space (R7, R8).

use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::serial::Block;

/// `(space, first) → (last, holder)`; none overlap.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(BTreeMap<(&'static str, u64), (u64, B256)>);

impl Held {
    /// Who holds any unit of `block`.
    pub(super) fn holder(&self, block: &Block) -> Option<B256> {
        let below = self.0.range(..=(block.space, block.last)).next_back()?;
        let ((space, _), (last, holder)) = below;
        (*space == block.space && *last >= block.first).then_some(*holder)
    }

    /// The held units of `block`, ascending, with their holders.
    pub(super) fn within(&self, block: &Block) -> Vec<(Block, B256)> {
        let mut found: Vec<_> = self
            .0
            .range((block.space, 0)..=(block.space, block.last))
            .rev()
            .take_while(|(_, (last, _))| *last >= block.first)
            .filter_map(|((_, first), (last, holder))| {
                Some((block.between(*first, *last)?, *holder))
            })
            .collect();
        found.reverse();
        found
    }

    /// Takes a block that nobody holds.
    pub(super) fn take(&mut self, block: &Block, holder: B256) {
        self.0
            .insert((block.space, block.first), (block.last, holder));
    }

    /// Cuts `block` out.
    pub(super) fn free(&mut self, block: &Block) {
        let found = self
            .0
            .range(..=(block.space, block.first))
            .next_back()
            .map(|(key, value)| (*key, *value));
        let Some((key, (last, holder))) = found.filter(|(key, _)| key.0 == block.space) else {
            return;
        };
        self.0.remove(&key);
        if key.1 < block.first {
            self.0.insert(key, (block.first - 1, holder));
        }
        if last > block.last {
            self.0.insert((block.space, block.last + 1), (last, holder));
        }
    }
}
