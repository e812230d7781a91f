//! Serial blocks and their algebra: numbered units inside a numbering space.
//!
//! A block is compared inside its **numbering space** (two eras of one registry number independently) and split or merged
//! inside its **series** (everything in the serial but the two numbers), so that a serial is re-emitted byte for byte.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;

/// Where numbers are unique, `vcs/13` for instance. Blocks of different spaces never overlap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NumberingSpace(pub String);

/// What a serial says besides its two numbers, in the adapter's own form: text before and after them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    /// Text before the first number, `19385-`.
    pub before: String,
    /// Text after the last number, `-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1`.
    pub after: String,
}

/// Units `first..=last` of one tonne each inside a numbering space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct SerialBlock {
    space: NumberingSpace,
    first: u64,
    last: u64,
    series: Series,
}

/// The fields as stored; parsing them checks the rules of [`SerialBlock::new`].
#[derive(Serialize, Deserialize)]
struct Raw {
    space: NumberingSpace,
    first: u64,
    last: u64,
    series: Series,
}

/// Why blocks cannot be made, split or merged as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Numbers are reversed or start at zero.
    #[error(
        "serial block {first}..={last} is not valid: the first number must be at least 1 and not above the last"
    )]
    Reversed {
        /// First number given.
        first: u64,
        /// Last number given.
        last: u64,
    },
    /// More units than a quantity can hold.
    #[error("serial block {first}..={last} has more units than can be counted")]
    TooLarge {
        /// First number given.
        first: u64,
        /// Last number given.
        last: u64,
    },
    /// Two blocks share units.
    #[error("serial blocks {one} and {other} overlap in numbering space {space}")]
    Overlap {
        /// One of them.
        one: String,
        /// The other.
        other: String,
        /// Where they overlap.
        space: String,
    },
    /// More units were asked for than there are.
    #[error("cannot take {wanted_t} t from {block}, which holds {held_t} t")]
    TooFew {
        /// The block.
        block: String,
        /// Tonnes wanted.
        wanted_t: u64,
        /// Tonnes in the block.
        held_t: u64,
    },
}

impl SerialBlock {
    /// The block `first..=last`.
    pub fn new(
        space: NumberingSpace,
        first: u64,
        last: u64,
        series: Series,
    ) -> Result<Self, BlockError> {
        if first == 0 || first > last {
            return Err(BlockError::Reversed { first, last });
        }
        let block = Self {
            space,
            first,
            last,
            series,
        };
        Quantity::from_tonnes(block.quantity_t())
            .map_err(|_| BlockError::TooLarge { first, last })?;
        Ok(block)
    }

    /// The numbering space.
    pub fn space(&self) -> &NumberingSpace {
        &self.space
    }

    /// The first number.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The last number, included.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Everything else in the serial.
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// Tonnes: `last − first + 1` (R6: computed from the block, never accepted).
    pub fn quantity_t(&self) -> u64 {
        self.last - self.first + 1
    }

    /// The quantity in grams.
    ///
    /// # Panics
    /// Never: `new` refuses blocks that cannot be counted.
    pub fn quantity(&self) -> Quantity {
        Quantity::from_tonnes(self.quantity_t()).expect("checked when the block was made")
    }

    /// Whether they share a unit, whatever their series.
    pub fn intersects(&self, other: &Self) -> bool {
        self.space == other.space && self.first <= other.last && other.first <= self.last
    }

    /// Whether every unit of `other` is a unit of this block: same space, same series, inside.
    pub fn contains(&self, other: &Self) -> bool {
        self.space == other.space
            && self.series == other.series
            && self.first <= other.first
            && other.last <= self.last
    }

    /// The lowest `tonnes` units and, if any are left, the rest.
    pub fn split(&self, tonnes: u64) -> Result<(Self, Option<Self>), BlockError> {
        if tonnes == 0 || tonnes > self.quantity_t() {
            return Err(BlockError::TooFew {
                block: self.to_string(),
                wanted_t: tonnes,
                held_t: self.quantity_t(),
            });
        }
        let cut = self.first + (tonnes - 1);
        let head = Self {
            last: cut,
            ..self.clone()
        };
        let rest = (cut < self.last).then(|| Self {
            first: cut + 1,
            ..self.clone()
        });
        Ok((head, rest))
    }

    /// This block and its upper neighbour as one, if they are adjacent, of one series and can still be counted together.
    pub fn merge(&self, upper: &Self) -> Option<Self> {
        let adjacent = self.space == upper.space
            && self.series == upper.series
            && self.last.checked_add(1) == Some(upper.first);
        if !adjacent {
            return None;
        }
        Self::new(
            self.space.clone(),
            self.first,
            upper.last,
            self.series.clone(),
        )
        .ok()
    }
}

/// The serial as the registry writes it.
impl fmt::Display for SerialBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}-{}{}",
            self.series.before, self.first, self.last, self.series.after
        )
    }
}

impl TryFrom<Raw> for SerialBlock {
    type Error = BlockError;
    fn try_from(raw: Raw) -> Result<Self, BlockError> {
        Self::new(raw.space, raw.first, raw.last, raw.series)
    }
}

impl From<SerialBlock> for Raw {
    fn from(block: SerialBlock) -> Self {
        Self {
            space: block.space,
            first: block.first,
            last: block.last,
            series: block.series,
        }
    }
}

/// The blocks sorted by space and number, adjacent ones of one series merged. Refuses overlaps.
pub fn normalise(blocks: &[SerialBlock]) -> Result<Vec<SerialBlock>, BlockError> {
    let mut sorted = blocks.to_vec();
    sorted.sort_by(|a, b| (&a.space, a.first).cmp(&(&b.space, b.first)));
    let mut merged: Vec<SerialBlock> = Vec::with_capacity(sorted.len());
    for block in sorted {
        match merged.last_mut() {
            Some(previous) if previous.intersects(&block) => {
                return Err(BlockError::Overlap {
                    one: previous.to_string(),
                    other: block.to_string(),
                    space: block.space.0,
                });
            }
            Some(previous) => match previous.merge(&block) {
                Some(joined) => *previous = joined,
                None => merged.push(block),
            },
            None => merged.push(block),
        }
    }
    Ok(merged)
}

/// The sum of disjoint blocks; saturates (see [`Quantity`]'s `Sum`).
pub fn total(blocks: &[SerialBlock]) -> Quantity {
    blocks.iter().map(SerialBlock::quantity).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(space: u8, first: u64, len: u64) -> SerialBlock {
        let series = Series {
            before: "1-".into(),
            after: "-X".into(),
        };
        SerialBlock::new(
            NumberingSpace(space.to_string()),
            first,
            first + len - 1,
            series,
        )
        .unwrap()
    }

    fn units(b: &SerialBlock) -> impl Iterator<Item = (String, u64)> + use<'_> {
        (b.first()..=b.last()).map(|n| (b.space().0.clone(), n))
    }

    proptest! {
        #[test]
        fn algebra_agrees_with_sets_of_units(s1 in 0u8..2, a in 1u64..40, la in 1u64..20, s2 in 0u8..2, b in 1u64..40, lb in 1u64..20) {
            let (x, y) = (block(s1, a, la), block(s2, b, lb));
            let (ux, uy): (std::collections::BTreeSet<_>, std::collections::BTreeSet<_>) = (units(&x).collect(), units(&y).collect());
            prop_assert_eq!(x.intersects(&y), ux.intersection(&uy).next().is_some());
            prop_assert_eq!(x.contains(&y), uy.is_subset(&ux));
            prop_assert_eq!(x.intersects(&y), y.intersects(&x));
            if let Some(joined) = x.merge(&y) {
                prop_assert_eq!(units(&joined).collect::<std::collections::BTreeSet<_>>(), ux.union(&uy).cloned().collect());
            }
        }

        #[test]
        fn split_conserves_and_merge_undoes_it(first in 1u64..1_000_000, len in 1u64..1000, take in 0u64..1100) {
            let whole = block(0, first, len);
            match whole.split(take) {
                Ok((head, rest)) => {
                    prop_assert_eq!(head.quantity_t(), take);
                    let back = match rest { Some(rest) => head.merge(&rest).unwrap(), None => head };
                    prop_assert_eq!(back, whole);
                }
                Err(_) => prop_assert!(take == 0 || take > len),
            }
        }

        #[test]
        fn normalise_conserves_or_names_an_overlap(parts in prop::collection::vec((0u8..2, 1u64..60, 1u64..8), 0..8)) {
            let blocks: Vec<_> = parts.iter().map(|(s, f, l)| block(*s, *f, *l)).collect();
            let distinct: std::collections::BTreeSet<_> = blocks.iter().flat_map(units).collect();
            let count: u64 = blocks.iter().map(SerialBlock::quantity_t).sum();
            match normalise(&blocks) {
                Ok(merged) => {
                    prop_assert_eq!(u64::try_from(distinct.len()).unwrap(), count);
                    prop_assert_eq!(total(&merged), total(&blocks));
                    prop_assert!(merged.windows(2).all(|w| w[0].merge(&w[1]).is_none() && !w[0].intersects(&w[1])));
                }
                Err(_) => prop_assert!(u64::try_from(distinct.len()).unwrap() < count),
            }
        }
    }

    #[test]
    fn neighbours_that_cannot_be_counted_together_stay_two() {
        let most = Quantity::MAX.grams() / crate::quantity::GRAMS_PER_TONNE;
        let two = [block(0, 1, most), block(0, most + 1, most)];
        assert_eq!(normalise(&two).unwrap(), two);
        assert_eq!(total(&two), Quantity::MAX, "saturates, never panics");
    }

    #[test]
    fn reversed_and_uncountable_blocks_are_refused() {
        let series = || Series {
            before: String::new(),
            after: String::new(),
        };
        let space = || NumberingSpace("s".into());
        assert!(matches!(
            SerialBlock::new(space(), 5, 4, series()),
            Err(BlockError::Reversed { .. })
        ));
        assert!(matches!(
            SerialBlock::new(space(), 0, 4, series()),
            Err(BlockError::Reversed { .. })
        ));
        assert!(matches!(
            SerialBlock::new(space(), 1, u64::MAX, series()),
            Err(BlockError::TooLarge { .. })
        ));
    }
}
