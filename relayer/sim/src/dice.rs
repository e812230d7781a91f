//! Chance from a seed: the same seed gives the same throws on every machine and in every version.

/// `SplitMix64`: small, well spread, and ours, so that a library's new version cannot change old seeds.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Throws of a seed. Another purpose has other throws, so that one more throw here changes nothing there.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut dice = Self(seed);
        for byte in purpose.bytes() {
            dice.0 = dice.0.wrapping_add(u64::from(byte));
            let _mixed = dice.throw();
        }
        dice
    }

    /// Any number.
    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.throw().checked_rem(bound).unwrap_or(0)
    }

    /// A number of `low..=high`.
    pub fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Whether something that happens in so many of 1000 cases happens now.
    pub fn chance(&mut self, permille: u64) -> bool {
        permille > 0 && self.below(1000) < permille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_purpose_name_their_throws() {
        let throws = |seed, purpose| {
            let mut dice = Dice::new(seed, purpose);
            [dice.throw(), dice.throw(), dice.throw()]
        };
        assert_eq!(throws(1, "faults"), throws(1, "faults"));
        assert_ne!(throws(1, "faults"), throws(2, "faults"));
        assert_ne!(throws(1, "faults"), throws(1, "holders"));
    }

    #[test]
    fn chance_is_as_often_as_said() {
        let mut dice = Dice::new(7, "");
        let hits = (0..10_000).filter(|_| dice.chance(100)).count();
        assert!((900..1100).contains(&hits), "{hits}");
        assert!(!(0..1000).any(|_| dice.chance(0)));
        assert!((0..1000).all(|_| (3..=5).contains(&dice.within(3, 5))));
    }
}
