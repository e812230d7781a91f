//! Who holds which units: blocks that do not overlap, cut where a movement needs a part.

use isthmus_core::id::AccountId;
use isthmus_core::serial_block::{self, SerialBlock};

use super::books::Books;

/// Where a block lies and what may be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Last unit of the block.
    pub last: u64,
    /// Where.
    pub account: AccountId,
    /// What may be done with it.
    pub standing: Standing,
    /// Of the movement that locked it.
    pub reference: Option<String>,
}

/// What may be done with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Anything.
    Free,
    /// Only what approvers say.
    Locked,
    /// Nothing ever again.
    Retired,
}

impl Books {
    /// Gives a holder units.
    pub fn issue(&mut self, first: u64, last: u64, account: AccountId) {
        let held = Held {
            last,
            account,
            standing: Standing::Free,
            reference: None,
        };
        self.blocks.insert(first, held);
    }

    /// Blocks locked in custody: first and last unit.
    pub fn locked(&self) -> impl Iterator<Item = (u64, u64)> {
        self.blocks.iter().filter_map(|(first, held)| {
            (held.standing == Standing::Locked).then_some((*first, held.last))
        })
    }

    /// Whether every one of these units has this standing.
    pub fn lies(&self, units: &SerialBlock, standing: Standing) -> bool {
        let mut next = units.first();
        for (first, held) in self.sharing(units) {
            if *first > next || held.standing != standing {
                return false;
            }
            next = held.last + 1;
        }
        next > units.last()
    }

    /// The blocks that share a unit with these, ascending.
    pub fn sharing(&self, units: &SerialBlock) -> impl Iterator<Item = (&u64, &Held)> {
        let (first, last) = (units.first(), units.last());
        self.blocks
            .range(..=last)
            .filter(move |(_, held)| held.last >= first)
    }

    /// Tonnes locked in custody.
    pub fn locked_t(&self) -> u64 {
        self.locked().map(|(first, last)| last - first + 1).sum()
    }

    pub(super) fn put(
        &mut self,
        units: &[SerialBlock],
        account: &AccountId,
        standing: Standing,
        reference: Option<&str>,
    ) {
        for unit in serial_block::normalise(units).unwrap_or_default() {
            let shared: Vec<u64> = self.sharing(&unit).map(|(first, _)| *first).collect();
            for first in shared {
                let Some(held) = self.blocks.remove(&first) else {
                    continue;
                };
                if held.last > unit.last() {
                    self.blocks.insert(unit.last() + 1, held.clone());
                }
                if first < unit.first() {
                    let last = unit.first() - 1;
                    self.blocks.insert(first, Held { last, ..held });
                }
            }
            let held = Held {
                last: unit.last(),
                account: account.clone(),
                standing,
                reference: reference.map(ToOwned::to_owned),
            };
            self.blocks.insert(unit.first(), held);
        }
    }
}
