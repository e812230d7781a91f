//! Leaves of the proof log: one JCS object per fact (`docs/protocol.md` §8).

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

mod facts;
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written_off_g: Option<Grams>,
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
    /// The burner wants something else for the burn, signed with the burning key.
    Redirected {
        at_ms: u64,
        v: u8,
        transfer: B256,
        counter: u64,
        purpose: Purpose,
        commitment: B256,
        signature: Bytes,
    },
    /// The pool gives a burn other units for those that the registry took away.
    Reallocated {
        at_ms: u64,
        v: u8,
        transfer: B256,
        pool: B256,
        asset_class: B256,
        quantity_g: Grams,
        allocation: Vec<String>,
    },
    /// The registry took units of a pool away.
    Impaired {
        at_ms: u64,
        v: u8,
        pool: B256,
        asset_class: B256,
        reference: String,
        units: Vec<String>,
        quantity_g: Grams,
        evidence: EvidenceRef,
    },
    /// A deposit makes good what was taken away.
    Cured {
        at_ms: u64,
        v: u8,
        pool: B256,
        asset_class: B256,
        deposit: B256,
        quantity_g: Grams,
    },
    /// Route admins decided what burns of an impaired pool get.
    ProRata {
        at_ms: u64,
        v: u8,
        decision: Value,
        signatures: Vec<AdminSignature>,
    },
    /// Units came into custody without a lock.
    Deposited {
        at_ms: u64,
        v: u8,
        pool: B256,
        asset_class: B256,
        deposit: B256,
        ledger: String,
        reference: String,
        account: String,
        units: Vec<String>,
        quantity_g: Grams,
        evidence: EvidenceRef,
    },
    /// A deposit left custody: back to its sender, or the registry took it. With `units`: the registry took only these.
    DepositReturned {
        at_ms: u64,
        v: u8,
        pool: B256,
        asset_class: B256,
        deposit: B256,
        quantity_g: Grams,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        units: Vec<String>,
        evidence: EvidenceRef,
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
            | Self::Redirected { v, .. }
            | Self::Reallocated { v, .. }
            | Self::Impaired { v, .. }
            | Self::Cured { v, .. }
            | Self::ProRata { v, .. }
            | Self::Deposited { v, .. }
            | Self::DepositReturned { v, .. }
            | Self::Quarantined { v, .. }
            | Self::Resolved { v, .. }
            | Self::Paused { v, .. }
            | Self::Resumed { v, .. } => *v,
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
