//! Ids as types: one that is passed where another is meant does not compile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Text that is not the id it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} is not valid: expected {expected}")]
pub struct InvalidId {
    /// Which id.
    pub kind: &'static str,
    /// The text, cut to 80 characters.
    pub value: String,
    /// What it should look like.
    pub expected: &'static str,
}

impl InvalidId {
    fn new(kind: &'static str, value: &str, expected: &'static str) -> Self {
        Self {
            kind,
            value: value.chars().take(80).collect(),
            expected,
        }
    }
}

fn parse_hex<const N: usize>(
    kind: &'static str,
    text: &str,
    expected: &'static str,
) -> Result<[u8; N], InvalidId> {
    let invalid = || InvalidId::new(kind, text, expected);
    let digits = text.strip_prefix("0x").ok_or_else(invalid)?;
    if digits.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(invalid());
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| invalid())?;
    Ok(bytes)
}

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $size:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $size]);

        impl $name {
            /// From raw bytes.
            pub const fn new(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "0x{}", hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hex(stringify!($name), text, $expected).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

bytes_id!(
    /// Identity of one transfer: SHA-256 of its JCS terms, or the BurnId for a return (`docs/protocol.md` §3, §4).
    TransferId, 32, "0x and 64 lower-case hex digits"
);
bytes_id!(
    /// Identity of an asset class: SHA-256 of its JCS profile.
    AssetClassId, 32, "0x and 64 lower-case hex digits"
);
bytes_id!(
    /// Identity of a pool: what backs what.
    PoolId, 32, "0x and 64 lower-case hex digits"
);
bytes_id!(
    /// Identity of a signed mint batch: its EIP-712 digest.
    BatchId, 32, "0x and 64 lower-case hex digits"
);
bytes_id!(
    /// Identity of a draft: the hash under which the ledger knows it.
    DraftId, 32, "0x and 64 lower-case hex digits"
);
bytes_id!(
    /// SHA-256 or keccak-256 of something that has no id of its own.
    Hash32, 32, "0x and 64 lower-case hex digits"
);
bytes_id!(
    /// An account or contract on a chain.
    Address, 20, "0x and 40 lower-case hex digits"
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $max:literal, $allowed:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid = !text.is_empty()
                    && text.len() <= $max
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || $allowed.contains(&b));
                if valid { Ok(Self(text.to_owned())) } else { Err(InvalidId::new(stringify!($name), text, $expected)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

text_id!(
    /// A ledger: a chain's CAIP-2 id (`eip155:31337`) or a registry (`vcs:sandbox`).
    LedgerId, 64, b":._-", "1 to 64 letters, digits and :._-"
);
text_id!(
    /// An account at a registry.
    AccountId, 64, b"._-", "1 to 64 letters, digits and ._-"
);
text_id!(
    /// A route.
    RouteId, 64, b"._-", "1 to 64 letters, digits and ._-"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_ids_round_trip_and_refuse_other_spellings() {
        let id = TransferId::new([0xab; 32]);
        assert_eq!(id.to_string().parse::<TransferId>().unwrap(), id);
        for wrong in [
            "",
            "0x",
            "ab",
            &format!("0X{}", "ab".repeat(32)),
            &format!("0x{}", "AB".repeat(32)),
            &format!("0x{}", "ab".repeat(31)),
        ] {
            assert!(wrong.parse::<TransferId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_ids_have_bounds() {
        assert!("vcs:sandbox".parse::<LedgerId>().is_ok());
        for wrong in ["", "a b", "ä", &"x".repeat(65)] {
            assert!(wrong.parse::<LedgerId>().is_err(), "{wrong}");
        }
    }
}
