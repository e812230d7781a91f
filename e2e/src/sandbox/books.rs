//! Who holds which units: disjoint blocks by numbering space and number, so that an overlap is found in O(log n).
//!
//! Held blocks of one account that touch are always one block; all others keep the boundaries of the movements that made them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isthmus_core::id::{AccountId, AssetClassId};
use isthmus_core::serial_block::{NumberingSpace, SerialBlock};

use crate::sandbox::units::{StoredBlock, UnitState};

type Key = (NumberingSpace, u64);

/// All units of the registry.
#[derive(Debug, Default)]
pub(crate) struct Books {
    blocks: BTreeMap<Key, StoredBlock>,
    holdings: BTreeMap<Place, Holding>,
}

/// Where units of a class lie.
type Place = (AccountId, UnitState, AssetClassId);

/// The blocks at one place, counted, so that the reserves of a pool are not added up at every question.
#[derive(Debug, Default)]
struct Holding {
    keys: BTreeSet<Key>,
    tonnes: u64,
}

/// A part of what a search found, with the totals of everything that it found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) total: usize,
    pub(crate) quantity_t: u64,
    pub(crate) page: Vec<&'a StoredBlock>,
}

/// Why books do not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BooksError {
    /// Units that exist already.
    #[error("{block} overlaps {stored}, which exists already")]
    Overlap {
        /// The new block.
        block: String,
        /// The stored one.
        stored: String,
    },
    /// Units that do not all exist.
    #[error("not every unit of {block} exists in one series")]
    NotCovered {
        /// The block.
        block: String,
    },
}

/// Which blocks a search wants; `None` wants all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) account: Option<AccountId>,
    pub(crate) state: Option<UnitState>,
    pub(crate) class: Option<AssetClassId>,
    pub(crate) intersecting: Option<Vec<SerialBlock>>,
}

impl Filter {
    fn admits(&self, stored: &StoredBlock) -> bool {
        self.account.as_ref().is_none_or(|a| *a == stored.account)
            && self.state.is_none_or(|s| s == stored.state)
            && self.class.is_none_or(|c| c == stored.class.id)
    }
}

impl Books {
    /// Adds units that did not exist.
    pub(crate) fn insert(&mut self, stored: StoredBlock) -> Result<(), BooksError> {
        if let Some(other) = self.intersecting(&stored.block).next() {
            return Err(BooksError::Overlap {
                block: stored.block.to_string(),
                stored: other.block.to_string(),
            });
        }
        self.put_merged(stored);
        Ok(())
    }

    /// The stored blocks that share a unit with `block`, ascending.
    pub(crate) fn intersecting(&self, block: &SerialBlock) -> impl Iterator<Item = &StoredBlock> {
        let key = |number| (block.space().clone(), number);
        let lower = self.blocks.range(..key(block.first())).next_back();
        let reaching = lower
            .map(|(_, stored)| stored)
            .filter(|stored| stored.block.intersects(block));
        let inside = self.blocks.range(key(block.first())..=key(block.last()));
        reaching.into_iter().chain(inside.map(|(_, stored)| stored))
    }

    /// The stored blocks that together hold every unit of `block`, in its series; `None` if some unit does not exist.
    pub(crate) fn covering(&self, block: &SerialBlock) -> Option<Vec<&StoredBlock>> {
        let mut next = block.first();
        let mut covering = Vec::new();
        for stored in self.intersecting(block) {
            if stored.block.first() > next || stored.block.series() != block.series() {
                return None;
            }
            next = stored.block.last().saturating_add(1);
            covering.push(stored);
        }
        let complete = covering
            .last()
            .is_some_and(|stored| stored.block.last() >= block.last());
        complete.then_some(covering)
    }

    /// Moves exactly the units of `block` to `account` as `state`, by the movement of `reference`; what is left of the stored blocks stays where it was.
    pub(crate) fn recast(
        &mut self,
        block: &SerialBlock,
        account: &AccountId,
        state: UnitState,
        reference: &Arc<str>,
    ) -> Result<(), BooksError> {
        let Some(covering) = self.covering(block) else {
            return Err(BooksError::NotCovered {
                block: block.to_string(),
            });
        };
        let covering: Vec<StoredBlock> = covering.into_iter().cloned().collect();
        // All are taken out before any is put back: what is put back may merge with what is still there.
        let mut moved = Vec::with_capacity(covering.len());
        for stored in &covering {
            self.remove(stored);
            let (below, inside, above) = cut(&stored.block, block);
            for rest in [below, above].into_iter().flatten() {
                self.put(stored.part(rest));
            }
            moved.extend(inside.map(|inside| stored.part(inside).moved(account, state, reference)));
        }
        for stored in moved {
            self.put_merged(stored);
        }
        Ok(())
    }

    /// The blocks that `filter` wants, ascending by space and number; of these at most `limit` after `offset`.
    pub(crate) fn select(&self, filter: &Filter, offset: usize, limit: usize) -> Found<'_> {
        if let Filter {
            account: Some(account),
            state: Some(state),
            class: Some(class),
            intersecting: None,
        } = filter
        {
            let holding = self.holdings.get(&(account.clone(), *state, *class));
            return holding.map_or_else(Found::default, |holding| {
                let page = holding.keys.iter().skip(offset).take(limit);
                Found {
                    total: holding.keys.len(),
                    quantity_t: holding.tonnes,
                    page: page.filter_map(|key| self.blocks.get(key)).collect(),
                }
            });
        }
        let matches = self.matches(filter);
        let tonnes =
            |sum: u64, stored: &&StoredBlock| sum.saturating_add(stored.block.quantity_t());
        Found {
            total: matches.len(),
            quantity_t: matches.iter().fold(0, tonnes),
            page: matches.into_iter().skip(offset).take(limit).collect(),
        }
    }

    fn matches(&self, filter: &Filter) -> Vec<&StoredBlock> {
        let Some(wanted) = &filter.intersecting else {
            let all = self.blocks.values();
            return all.filter(|stored| filter.admits(stored)).collect();
        };
        let found: BTreeMap<_, _> = wanted
            .iter()
            .flat_map(|block| self.intersecting(block))
            .map(|stored| (key_of(stored), stored))
            .collect();
        let each = found.into_values();
        each.filter(|stored| filter.admits(stored)).collect()
    }

    /// Number of stored blocks.
    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    fn put(&mut self, stored: StoredBlock) {
        let key = key_of(&stored);
        let holding = self.holdings.entry(place_of(&stored)).or_default();
        holding.keys.insert(key.clone());
        holding.tonnes = holding.tonnes.saturating_add(stored.block.quantity_t());
        self.blocks.insert(key, stored);
    }

    fn put_merged(&mut self, stored: StoredBlock) {
        let mut stored = stored;
        if stored.state == UnitState::Held {
            let lower = self.blocks.range(..key_of(&stored)).next_back();
            let lower = lower.map(|(_, lower)| lower.clone());
            if let Some((lower, merged)) =
                lower.and_then(|l| l.merge(&stored).map(|merged| (l, merged)))
            {
                self.remove(&lower);
                stored = merged;
            }
            let upper = self.blocks.range(key_of(&stored)..).next();
            let upper = upper.map(|(_, upper)| upper.clone());
            if let Some((upper, merged)) =
                upper.and_then(|u| stored.merge(&u).map(|merged| (u, merged)))
            {
                self.remove(&upper);
                stored = merged;
            }
        }
        self.put(stored);
    }

    fn remove(&mut self, stored: &StoredBlock) {
        let (key, place) = (key_of(stored), place_of(stored));
        self.blocks.remove(&key);
        if let Some(holding) = self.holdings.get_mut(&place) {
            holding.keys.remove(&key);
            holding.tonnes = holding.tonnes.saturating_sub(stored.block.quantity_t());
            if holding.keys.is_empty() {
                self.holdings.remove(&place);
            }
        }
    }
}

fn place_of(stored: &StoredBlock) -> Place {
    (stored.account.clone(), stored.state, stored.class.id)
}

fn key_of(stored: &StoredBlock) -> Key {
    (stored.block.space().clone(), stored.block.first())
}

/// `stored` below, inside and above `by`.
fn cut(
    stored: &SerialBlock,
    by: &SerialBlock,
) -> (
    Option<SerialBlock>,
    Option<SerialBlock>,
    Option<SerialBlock>,
) {
    let part = |first: u64, last: u64| {
        let (space, series) = (stored.space().clone(), stored.series().clone());
        SerialBlock::new(space, first, last, series).ok()
    };
    let first = stored.first().max(by.first());
    let last = stored.last().min(by.last());
    let below = (stored.first() < first).then(|| part(stored.first(), first - 1));
    let above = (last < stored.last()).then(|| part(last + 1, stored.last()));
    (below.flatten(), part(first, last), above.flatten())
}

#[cfg(test)]
#[path = "books_tests.rs"]
mod tests;
