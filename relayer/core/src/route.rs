//! Routes: who may move what, under which policy and limits. Data, versioned, signed by two people.

use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::asset_class::AssetClass;
use crate::id::{AccountId, Address, AssetClassId, Hash32, LedgerId, RouteId};
use crate::instruction::Purpose;
use crate::jcs;
use crate::pool::Pool;
use crate::quantity::Quantity;

/// A route as proposed, signed and logged (`docs/protocol.md` §9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteDocument {
    /// Accounts that may use it; empty means any.
    pub allow_accounts: Vec<AccountId>,
    /// Which transfers are so large that people get time to look before they are minted. Left out where there is none, so that
    /// a document without it has the digest it always had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub big_transfer: Option<BigTransfer>,
    /// Where locked units lie at the origin.
    pub custody_account: AccountId,
    /// Chain of the equivalents.
    pub destination: LedgerId,
    /// Which classes.
    pub eligible: Eligible,
    /// Gate of the equivalents.
    pub gate: Address,
    /// Its name.
    pub id: RouteId,
    /// Ceiling of one transfer.
    pub max_per_transfer_g: Quantity,
    /// Floor of one transfer.
    pub min_per_transfer_g: Quantity,
    /// Registry of record.
    pub origin: LedgerId,
    /// Most that may be in custody through the route at a time: unlocked, released or retired units make room again.
    pub outstanding_cap_g: Quantity,
    /// What a burn may ask for.
    pub redemption: Vec<Purpose>,
    /// How much of one class may be admitted within a window. Left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_limit: Option<RollingLimit>,
    /// Transfers are whole multiples of it.
    pub step_g: Quantity,
    /// Version of this form: 1.
    pub v: u8,
    /// Version of the route, ascending from 1.
    pub version: u32,
}

/// Large transfers are locked at once and minted late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BigTransfer {
    /// How long after the lock nobody signs the mint.
    pub delay_ms: u64,
    /// From which quantity on.
    pub from_g: Quantity,
}

/// A limit that many small transfers reach like one large one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollingLimit {
    /// Most that is admitted of one asset class.
    pub per_class_g: Quantity,
    /// Within how long.
    pub window_ms: u64,
}

/// Longest delay or window: 31 days.
const LONGEST_MS: u64 = 31 * 24 * 3_600_000;
/// Shortest window: admissions are counted by the minute.
const SHORTEST_WINDOW_MS: u64 = 60_000;

/// Which asset classes a route takes. An empty list means any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eligible {
    /// ISO country codes.
    pub countries: Vec<String>,
    /// Programmes.
    pub programmes: Vec<String>,
    /// Project numbers.
    pub projects: Vec<String>,
    /// Unit types.
    pub unit_types: Vec<String>,
    /// Earliest first day of a vintage, `YYYY-MM-DD`.
    pub vintage_from: String,
    /// Latest last day of a vintage, `YYYY-MM-DD`.
    pub vintage_until: String,
}

/// A route admin's public key and signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSignature {
    /// Ed25519 public key, `0x` hex.
    pub key: Hash32,
    /// 64 bytes, hex.
    pub signature: String,
}

/// A route document that does not hold together; every problem is reported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("route.{field}: {value:?} is not valid: {remedy}")]
pub struct RouteProblem {
    /// Which field.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// How to mend it.
    pub remedy: &'static str,
}

/// Signatures that do not make a route count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteSignatureError {
    /// Fewer than two different admins signed.
    #[error(
        "route {route} version {version}: {found} valid signature(s) of different route admins, needs 2"
    )]
    TooFew {
        /// Which route.
        route: RouteId,
        /// Which version.
        version: u32,
        /// How many there are.
        found: usize,
    },
}

impl RouteDocument {
    /// SHA-256 of the JCS form.
    pub fn digest(&self) -> Hash32 {
        Hash32::new(jcs::digest(self))
    }

    /// The exact bytes that a route admin signs.
    pub fn message(&self) -> Vec<u8> {
        format!("isthmus/route/v1\n{}\n", self.digest()).into_bytes()
    }

    /// Everything that is wrong with the document itself.
    pub fn problems(&self) -> Vec<RouteProblem> {
        let mut problems = Vec::new();
        let mut check = |ok: bool, field, value: String, remedy| {
            if !ok {
                problems.push(RouteProblem {
                    field,
                    value,
                    remedy,
                });
            }
        };
        check(
            self.v == 1,
            "v",
            self.v.to_string(),
            "this form is version 1",
        );
        check(
            self.version >= 1,
            "version",
            self.version.to_string(),
            "versions start at 1",
        );
        check(
            self.step_g > Quantity::ZERO,
            "step_g",
            self.step_g.grams().to_string(),
            "at least 1 g",
        );
        check(
            self.min_per_transfer_g <= self.max_per_transfer_g,
            "min_per_transfer_g",
            self.min_per_transfer_g.grams().to_string(),
            "not above max_per_transfer_g",
        );
        check(
            !self.redemption.is_empty(),
            "redemption",
            String::new(),
            "at least one of \"release\", \"retire\"",
        );
        self.check_limits(&mut check);
        for (field, date) in [
            ("eligible.vintage_from", &self.eligible.vintage_from),
            ("eligible.vintage_until", &self.eligible.vintage_until),
        ] {
            check(is_date(date), field, date.clone(), "a date YYYY-MM-DD");
        }
        check(
            self.eligible.vintage_from <= self.eligible.vintage_until,
            "eligible.vintage_from",
            self.eligible.vintage_from.clone(),
            "not after vintage_until",
        );
        problems
    }

    fn check_limits(&self, check: &mut impl FnMut(bool, &'static str, String, &'static str)) {
        if let Some(big) = &self.big_transfer {
            check(
                (1..=LONGEST_MS).contains(&big.delay_ms),
                "big_transfer.delay_ms",
                big.delay_ms.to_string(),
                "1 to 2678400000, which is 31 days",
            );
        }
        if let Some(limit) = &self.rolling_limit {
            check(
                (SHORTEST_WINDOW_MS..=LONGEST_MS).contains(&limit.window_ms),
                "rolling_limit.window_ms",
                limit.window_ms.to_string(),
                "60000 to 2678400000, which is a minute to 31 days",
            );
            check(
                limit.per_class_g >= self.max_per_transfer_g,
                "rolling_limit.per_class_g",
                limit.per_class_g.grams().to_string(),
                "at least max_per_transfer_g, or the largest transfers never pass",
            );
        }
    }

    /// Whether two different of `admins` signed exactly this document.
    pub fn verify(
        &self,
        signatures: &[RouteSignature],
        admins: &[Hash32],
    ) -> Result<(), RouteSignatureError> {
        let message = self.message();
        let mut signers: Vec<&Hash32> = signatures
            .iter()
            .filter(|s| admins.contains(&s.key) && s.is_over(&message))
            .map(|s| &s.key)
            .collect();
        signers.sort();
        signers.dedup();
        if signers.len() >= 2 {
            return Ok(());
        }
        Err(RouteSignatureError::TooFew {
            route: self.id.clone(),
            version: self.version,
            found: signers.len(),
        })
    }

    /// The pool of a class on this route.
    pub fn pool(&self, asset_class: AssetClassId) -> Pool {
        Pool {
            asset_class,
            custody_account: self.custody_account.clone(),
            destination: self.destination.clone(),
            gate: self.gate,
            origin: self.origin.clone(),
        }
    }
}

impl RouteSignature {
    fn is_over(&self, message: &[u8]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(self.key.as_bytes()) else {
            return false;
        };
        let Ok(bytes) = hex::decode(&self.signature) else {
            return false;
        };
        Signature::from_slice(&bytes)
            .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
    }
}

impl Eligible {
    /// Why a class is not taken, or `None`: field, value, what is taken.
    pub fn refuses(&self, class: &AssetClass) -> Option<(&'static str, String, String)> {
        let lists = [
            ("country", &self.countries, &class.country),
            ("programme", &self.programmes, &class.programme),
            ("project", &self.projects, &class.project),
            ("unit_type", &self.unit_types, &class.unit_type),
        ];
        for (field, allowed, value) in lists {
            if !allowed.is_empty() && !allowed.contains(value) {
                return Some((field, value.clone(), allowed.join(", ")));
            }
        }
        if class.vintage_start < self.vintage_from || class.vintage_end > self.vintage_until {
            let vintage = format!("{} to {}", class.vintage_start, class.vintage_end);
            return Some((
                "vintage",
                vintage,
                format!("{} to {}", self.vintage_from, self.vintage_until),
            ));
        }
        None
    }
}

/// `YYYY-MM-DD` by form; sorts as text like the date it is.
fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        })
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;
    use crate::testing::sample;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn public(seed: u8) -> Hash32 {
        Hash32::new(key(seed).verifying_key().to_bytes())
    }

    fn sign(seed: u8, route: &RouteDocument) -> RouteSignature {
        RouteSignature {
            key: public(seed),
            signature: hex::encode(key(seed).sign(&route.message()).to_bytes()),
        }
    }

    fn found(result: &Result<(), RouteSignatureError>) -> usize {
        match result {
            Ok(()) => 2,
            Err(RouteSignatureError::TooFew { found, .. }) => *found,
        }
    }

    #[test]
    fn a_route_counts_only_with_two_different_admins_over_exactly_this_document() {
        let (route, admins) = (sample::route(), [public(1), public(2)]);
        let (one, two) = (sign(1, &route), sign(2, &route));
        let verify = |signatures: &[RouteSignature]| found(&route.verify(signatures, &admins));
        assert_eq!(verify(&[one.clone(), two.clone()]), 2);
        assert_eq!(verify(&[]), 0);
        assert_eq!(verify(&[one.clone(), one.clone()]), 1, "one person twice");
        assert_eq!(verify(&[one.clone(), sign(3, &route)]), 1, "a stranger");
        let later = RouteDocument {
            version: 2,
            ..sample::route()
        };
        assert_eq!(
            verify(&[one.clone(), sign(2, &later)]),
            1,
            "another version"
        );
        let borrowed = RouteSignature {
            key: public(2),
            ..one.clone()
        };
        assert_eq!(verify(&[one.clone(), borrowed]), 1, "another's signature");
        let malformed = RouteSignature {
            signature: "zz".into(),
            ..two
        };
        assert_eq!(verify(&[one, malformed]), 1);
    }

    #[test]
    fn every_problem_of_a_document_is_reported() {
        assert_eq!(sample::route().problems(), []);
        let zero = Quantity::ZERO;
        let wrong = RouteDocument {
            v: 2,
            version: 0,
            step_g: zero,
            min_per_transfer_g: Quantity::MAX,
            big_transfer: Some(BigTransfer {
                delay_ms: 0,
                from_g: zero,
            }),
            rolling_limit: Some(RollingLimit {
                per_class_g: zero,
                window_ms: 59_999,
            }),
            redemption: vec![],
            eligible: Eligible {
                vintage_from: "2026-01-01".into(),
                vintage_until: "2025".into(),
                ..sample::route().eligible
            },
            ..sample::route()
        };
        let fields: Vec<_> = wrong.problems().iter().map(|p| p.field).collect();
        let expected = [
            "v",
            "version",
            "step_g",
            "min_per_transfer_g",
            "redemption",
            "big_transfer.delay_ms",
            "rolling_limit.window_ms",
            "rolling_limit.per_class_g",
            "eligible.vintage_until",
            "eligible.vintage_from",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn limits_are_part_of_what_is_signed_and_absent_ones_leave_no_trace() {
        let plain = sample::route();
        let text = String::from_utf8(crate::jcs::bytes(&plain)).unwrap();
        assert!(!text.contains("big_transfer") && !text.contains("rolling_limit"));
        let limited = RouteDocument {
            big_transfer: Some(BigTransfer {
                delay_ms: 86_400_000,
                from_g: Quantity::from_tonnes(50).unwrap(),
            }),
            rolling_limit: Some(RollingLimit {
                per_class_g: Quantity::from_tonnes(100).unwrap(),
                window_ms: 86_400_000,
            }),
            ..sample::route()
        };
        assert_eq!(limited.problems(), []);
        assert_ne!(limited.digest(), plain.digest());
        let text = String::from_utf8(crate::jcs::bytes(&limited)).unwrap();
        assert!(
            text.contains(r#""big_transfer":{"delay_ms":86400000,"from_g":"50000000"}"#),
            "{text}"
        );
    }
}
