//! Leaves of the proof log: one JCS object per fact (`docs/protocol.md` §8).

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

mod parts;

pub use parts::{AdminSignature, EvidenceRef, Grams, MalformedGrams, Movement, Purpose};

/// Largest leaf, in bytes.
pub const MAX_LEAF: usize = 16 * 1024;
/// The only version of the form.
const VERSION: u8 = 1;

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
#[allow(
    missing_docs,
    reason = "the fields are those of docs/protocol.md §8, by name"
)]
pub enum Leaf {
    /// A route version became active.
    Route {
        at_ms: u64,
        v: u8,
        route: Value,
        signatures: Vec<AdminSignature>,
    },
    /// Units are locked.
    Locked {
        at_ms: u64,
        v: u8,
        transfer: B256,
        pool: B256,
        asset_class: B256,
        terms: Value,
        units: Vec<String>,
        quantity_g: Grams,
        evidence: EvidenceRef,
    },
    /// Equivalents were minted.
    Minted {
        at_ms: u64,
        v: u8,
        transfer: B256,
        pool: B256,
        asset_class: B256,
        recipient: Address,
        quantity_g: Grams,
        evidence: EvidenceRef,
    },
    /// It can never be minted.
    Voided {
        at_ms: u64,
        v: u8,
        transfer: B256,
        pool: B256,
        asset_class: B256,
        quantity_g: Grams,
        evidence: EvidenceRef,
    },
    /// The lock was undone.
    Unlocked {
        at_ms: u64,
        v: u8,
        transfer: B256,
        pool: B256,
        asset_class: B256,
        units: Vec<String>,
        quantity_g: Grams,
        evidence: EvidenceRef,
    },
    /// Equivalents were burned; these originals are theirs.
    Burned {
        at_ms: u64,
        v: u8,
        transfer: B256,
        pool: B256,
        asset_class: B256,
        number: u64,
        holder: Address,
        purpose: Purpose,
        commitment: B256,
        quantity_g: Grams,
        allocation: Vec<String>,
        evidence: EvidenceRef,
    },
    /// The originals were given back.
    Released {
        at_ms: u64,
        v: u8,
        transfer: B256,
        pool: B256,
        asset_class: B256,
        units: Vec<String>,
        quantity_g: Grams,
        evidence: EvidenceRef,
    },
    /// The originals were used up.
    Retired {
        at_ms: u64,
        v: u8,
        transfer: B256,
        pool: B256,
        asset_class: B256,
        units: Vec<String>,
        quantity_g: Grams,
        certificate: String,
        evidence: EvidenceRef,
    },
    /// The registry refused to give.
    Owed {
        at_ms: u64,
        v: u8,
        transfer: B256,
        pool: B256,
        asset_class: B256,
        quantity_g: Grams,
        refusal: String,
    },
    /// A person must look.
    Quarantined {
        at_ms: u64,
        v: u8,
        transfer: B256,
        finding: String,
    },
    /// Two people looked.
    Resolved {
        at_ms: u64,
        v: u8,
        transfer: B256,
        resolution: String,
        by: [String; 2],
    },
    /// New work stopped.
    Paused {
        at_ms: u64,
        v: u8,
        scope: String,
        by: String,
    },
    /// New work goes on.
    Resumed {
        at_ms: u64,
        v: u8,
        scope: String,
        by: String,
    },
}

/// Bytes that are not a leaf.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Too large.
    #[error("the leaf has {0} bytes, at most {MAX_LEAF} are allowed")]
    TooLarge(usize),
    /// Not one of the known objects.
    #[error("the leaf is malformed: {0}")]
    Malformed(String),
    /// Another spelling of the same object: it would have another hash.
    #[error("the leaf is not in canonical JSON (RFC 8785)")]
    NotCanonical,
}

impl Leaf {
    /// The canonical bytes.
    ///
    /// # Panics
    /// Never: strings, integers and lists always serialise.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json_canonicalizer::to_vec(self)
            .expect("strings, integers and lists always serialise")
    }

    /// Parses canonical bytes; anything else is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        if bytes.len() > MAX_LEAF {
            return Err(LeafError::TooLarge(bytes.len()));
        }
        let leaf: Self =
            serde_json::from_slice(bytes).map_err(|e| LeafError::Malformed(e.to_string()))?;
        if leaf.version() != VERSION {
            let version = leaf.version();
            return Err(LeafError::Malformed(format!(
                "version {version} is not known, only {VERSION}"
            )));
        }
        if leaf.to_bytes() == bytes {
            Ok(leaf)
        } else {
            Err(LeafError::NotCanonical)
        }
    }

    fn version(&self) -> u8 {
        match self {
            Self::Route { v, .. }
            | Self::Locked { v, .. }
            | Self::Minted { v, .. }
            | Self::Voided { v, .. }
            | Self::Unlocked { v, .. }
            | Self::Burned { v, .. }
            | Self::Released { v, .. }
            | Self::Retired { v, .. }
            | Self::Owed { v, .. }
            | Self::Quarantined { v, .. }
            | Self::Resolved { v, .. }
            | Self::Paused { v, .. }
            | Self::Resumed { v, .. } => *v,
        }
    }

    /// The kind's name, as in the JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Route { .. } => "ROUTE",
            Self::Locked { .. } => "LOCKED",
            Self::Minted { .. } => "MINTED",
            Self::Voided { .. } => "VOIDED",
            Self::Unlocked { .. } => "UNLOCKED",
            Self::Burned { .. } => "BURNED",
            Self::Released { .. } => "RELEASED",
            Self::Retired { .. } => "RETIRED",
            Self::Owed { .. } => "OWED",
            Self::Quarantined { .. } => "QUARANTINED",
            Self::Resolved { .. } => "RESOLVED",
            Self::Paused { .. } => "PAUSED",
            Self::Resumed { .. } => "RESUMED",
        }
    }

    /// The transfer it is about, if it is about one.
    pub fn transfer(&self) -> Option<B256> {
        match self {
            Self::Route { .. } | Self::Paused { .. } | Self::Resumed { .. } => None,
            Self::Locked { transfer, .. }
            | Self::Minted { transfer, .. }
            | Self::Voided { transfer, .. }
            | Self::Unlocked { transfer, .. }
            | Self::Burned { transfer, .. }
            | Self::Released { transfer, .. }
            | Self::Retired { transfer, .. }
            | Self::Owed { transfer, .. }
            | Self::Quarantined { transfer, .. }
            | Self::Resolved { transfer, .. } => Some(*transfer),
        }
    }

    /// What it says of units, if it is about units.
    pub fn movement(&self) -> Option<Movement> {
        match self {
            Self::Locked {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Minted {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Voided {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Unlocked {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Burned {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Released {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Retired {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            }
            | Self::Owed {
                transfer,
                pool,
                asset_class,
                quantity_g,
                ..
            } => Some(Movement {
                transfer: *transfer,
                pool: *pool,
                asset_class: *asset_class,
                quantity_g: *quantity_g,
            }),
            Self::Route { .. }
            | Self::Quarantined { .. }
            | Self::Resolved { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. } => None,
        }
    }

    /// Its evidence, if it has any.
    pub fn evidence(&self) -> Option<&EvidenceRef> {
        match self {
            Self::Locked { evidence, .. }
            | Self::Minted { evidence, .. }
            | Self::Voided { evidence, .. }
            | Self::Unlocked { evidence, .. }
            | Self::Burned { evidence, .. }
            | Self::Released { evidence, .. }
            | Self::Retired { evidence, .. } => Some(evidence),
            Self::Route { .. }
            | Self::Owed { .. }
            | Self::Quarantined { .. }
            | Self::Resolved { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. } => None,
        }
    }
}

/// SHA-256 of JCS of any JSON value: TransferId of terms, digest of a route.
///
/// # Panics
/// Never: a parsed JSON value always serialises.
pub fn jcs_digest(value: &Value) -> B256 {
    let bytes = serde_json_canonicalizer::to_vec(value).expect("a JSON value always serialises");
    B256::from(<[u8; 32]>::from(Sha256::digest(bytes)))
}
