//! Asset class: what makes units interchangeable. It never changes on the way (R9).

use serde::{Deserialize, Serialize};

use crate::id::{AssetClassId, LedgerId};
use crate::jcs;

/// Longest profile that a gate registers, in bytes (`contracts/src/Gate.sol`).
pub const MAX_PROFILE: usize = 1024;

/// The profile of interchangeable units, as locked. Its id is SHA-256 of its JCS form (`docs/protocol.md` §2), which the
/// gate computes for itself at registration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetClass {
    /// ISO 3166 alpha-2 country of the project.
    pub country: String,
    /// Additional certifications at the time of the lock, sorted, without duplicates.
    pub labels: Vec<String>,
    /// Crediting programme, `VCS`.
    pub programme: String,
    /// Project number as the registry writes it.
    pub project: String,
    /// Registry of record.
    pub registry: LedgerId,
    /// Unit type, `VCU`.
    pub unit_type: String,
    /// Version of this form: 1.
    pub v: u8,
    /// Last day of the vintage, `YYYY-MM-DD`.
    pub vintage_end: String,
    /// First day of the vintage, `YYYY-MM-DD`.
    pub vintage_start: String,
}

impl AssetClass {
    /// The canonical bytes that are registered on chain.
    pub fn profile(&self) -> Vec<u8> {
        jcs::bytes(self)
    }

    /// SHA-256 of the profile.
    pub fn id(&self) -> AssetClassId {
        AssetClassId::new(jcs::digest(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_is_the_one_in_the_protocol_document() {
        let class = AssetClass {
            country: "ET".into(),
            labels: vec![],
            programme: "VCS".into(),
            project: "1340".into(),
            registry: "vcs:sandbox".parse().unwrap(),
            unit_type: "VCU".into(),
            v: 1,
            vintage_end: "2020-12-31".into(),
            vintage_start: "2020-01-01".into(),
        };
        let text = r#"{"country":"ET","labels":[],"programme":"VCS","project":"1340","registry":"vcs:sandbox","unit_type":"VCU","v":1,"vintage_end":"2020-12-31","vintage_start":"2020-01-01"}"#;
        assert_eq!(String::from_utf8(class.profile()).unwrap(), text);
        let other = AssetClass {
            labels: vec!["CCP".into()],
            ..class.clone()
        };
        assert_ne!(
            class.id(),
            other.id(),
            "labels as locked are part of the class"
        );
    }
}
