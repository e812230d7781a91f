//! The smaller things that leaves are made of.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// Grams CO2e, a decimal string in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Grams(pub u64);

/// A text that is not a quantity as we would write it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a decimal number of grams without sign or leading zeros")]
pub struct MalformedGrams(pub String);

impl TryFrom<String> for Grams {
    type Error = MalformedGrams;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
            .ok()
            .filter(|grams: &u64| grams.to_string() == text)
            .map(Self)
            .ok_or_else(|| MalformedGrams(text.chars().take(40).collect()))
    }
}

impl From<Grams> for String {
    fn from(grams: Grams) -> Self {
        grams.0.to_string()
    }
}

/// What proves a fact: a file of the bundle, by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRef {
    /// `A`: signed by the registry or proved by the chain.
    pub grade: String,
    /// SHA-256 of the file.
    pub sha256: B256,
    /// `registry-receipt` or `evm-receipt`.
    pub r#type: String,
}

/// A route admin's signature in a `ROUTE` leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminSignature {
    /// Ed25519 public key.
    pub key: B256,
    /// 64 bytes, hex.
    pub signature: String,
}

/// What a burn was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Give back.
    Release,
    /// Use up.
    Retire,
}

/// What every leaf about units says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The transfer.
    pub transfer: B256,
    /// Its pool.
    pub pool: B256,
    /// Class of the units.
    pub asset_class: B256,
    /// How much.
    pub quantity_g: Grams,
}
