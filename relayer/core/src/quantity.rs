//! Quantity: a checked integer of grams CO2e.

use std::fmt;
use std::iter::Sum;

use serde::{Deserialize, Serialize};

/// Grams in one tonne.
pub const GRAMS_PER_TONNE: u64 = 1_000_000;

/// Grams of CO2e. Registries move whole tonnes; a token's base unit (6 decimals) is one gram. At most 2^63 − 1 g, so
/// that sums of two never overflow. In JSON a decimal string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quantity(u64);

/// A quantity that cannot be represented or is not a whole number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("quantity {value:?} is not valid: expected a whole number of {unit} from 0 to {max}")]
pub struct InvalidQuantity {
    value: String,
    unit: &'static str,
    max: u64,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest quantity: 2^63 − 1 g, about 9.2 × 10^12 t (a year's emissions of the world are 5 × 10^10 t).
    pub const MAX: Self = Self((1 << 63) - 1);

    /// From grams.
    pub fn from_grams(grams: u64) -> Result<Self, InvalidQuantity> {
        if grams <= Self::MAX.0 {
            Ok(Self(grams))
        } else {
            Err(InvalidQuantity {
                value: grams.to_string(),
                unit: "grams",
                max: Self::MAX.0,
            })
        }
    }

    /// From whole tonnes.
    pub fn from_tonnes(tonnes: u64) -> Result<Self, InvalidQuantity> {
        let invalid = || InvalidQuantity {
            value: tonnes.to_string(),
            unit: "tonnes",
            max: Self::MAX.0 / GRAMS_PER_TONNE,
        };
        tonnes
            .checked_mul(GRAMS_PER_TONNE)
            .and_then(|g| Self::from_grams(g).ok())
            .ok_or_else(invalid)
    }

    /// Grams.
    pub const fn grams(self) -> u64 {
        self.0
    }

    /// Whole tonnes, or `None` if there is a fraction.
    pub const fn tonnes(self) -> Option<u64> {
        if self.0.is_multiple_of(GRAMS_PER_TONNE) {
            Some(self.0 / GRAMS_PER_TONNE)
        } else {
            None
        }
    }

    /// The sum, if it can be represented.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0
            .checked_add(other.0)
            .filter(|g| *g <= Self::MAX.0)
            .map(Self)
    }

    /// The difference, if it is not negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Whether this is a whole multiple of `step`.
    pub const fn is_multiple_of(self, step: Self) -> bool {
        self.0.is_multiple_of(step.0)
    }
}

/// Sums saturate at [`Quantity::MAX`]: a total that large can only make a limit refuse.
impl Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, |sum, q| sum.checked_add(q).unwrap_or(Self::MAX))
    }
}

/// In tonnes with as many decimals as needed: `425 t`, `0.5 t`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tonnes, grams) = (self.0 / GRAMS_PER_TONNE, self.0 % GRAMS_PER_TONNE);
        if grams == 0 {
            return write!(f, "{tonnes} t");
        }
        let decimals = format!("{grams:06}");
        write!(f, "{tonnes}.{} t", decimals.trim_end_matches('0'))
    }
}

impl TryFrom<String> for Quantity {
    type Error = InvalidQuantity;
    fn try_from(text: String) -> Result<Self, InvalidQuantity> {
        let canonical =
            text == "0" || (text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0'));
        let grams = if canonical { text.parse().ok() } else { None };
        grams
            .and_then(|g| Self::from_grams(g).ok())
            .ok_or(InvalidQuantity {
                value: text.chars().take(40).collect(),
                unit: "grams",
                max: Self::MAX.0,
            })
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_display() {
        assert_eq!(Quantity::from_tonnes(425).unwrap().to_string(), "425 t");
        assert_eq!(Quantity::from_grams(1).unwrap().to_string(), "0.000001 t");
        assert_eq!(
            Quantity::from_grams(1_500_000).unwrap().to_string(),
            "1.5 t"
        );
        assert!(Quantity::from_grams(u64::MAX).is_err());
        assert!(Quantity::from_tonnes(u64::MAX).is_err());
        assert!(Quantity::MAX.checked_add(Quantity::MAX).is_none());
        for wrong in ["", "-1", "+1", "01", "1.0", "1e3", " 1"] {
            assert!(Quantity::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
