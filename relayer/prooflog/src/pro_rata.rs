//! The decision that ends an impairment without a make-good: each burn gets its part of what is left (`docs/protocol.md` §11).

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::leaf::{AdminSignature, Grams, jcs_digest};
use crate::route;

const GRAMS_PER_TONNE: u64 = 1_000_000;

/// What was decided; its JCS is what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// What backs the equivalents.
    pub backing_g: Grams,
    /// What was taken away: the pool's open impairment ([`crate::book::PoolBook::impairment`]). It counts for no other one.
    pub impaired: B256,
    /// Which pool.
    pub pool: B256,
    /// The equivalents.
    pub supply_g: Grams,
    /// Version of this form: 1.
    pub v: u8,
}

impl Decision {
    /// Reads a decision.
    pub fn of(document: &Value) -> Result<Self, String> {
        let decision: Self =
            serde_json::from_value(document.clone()).map_err(|e| format!("the decision: {e}"))?;
        if decision.v != 1 {
            return Err(format!(
                "the decision's version {} is not known",
                decision.v
            ));
        }
        if decision.supply_g.0 == 0 || decision.backing_g.0 >= decision.supply_g.0 {
            return Err("the decision leaves nothing to decide: backing covers supply".into());
        }
        Ok(decision)
    }

    /// As JSON.
    ///
    /// # Panics
    /// Never: strings and integers always serialise.
    pub fn document(&self) -> Value {
        serde_json::to_value(self).expect("strings and integers always serialise")
    }

    /// Grams that a burn of `burned_g` loses while `shortfall_g` is missing: it gets floor(burned × backing ÷ supply) whole
    /// tonnes, and more only when less is missing than it would lose.
    pub fn written_off_g(&self, burned_g: u64, shortfall_g: u64) -> u64 {
        let given =
            u128::from(burned_g) * u128::from(self.backing_g.0) / u128::from(self.supply_g.0);
        let given = u64::try_from(given).unwrap_or(burned_g) / GRAMS_PER_TONNE * GRAMS_PER_TONNE;
        burned_g.saturating_sub(given).min(shortfall_g)
    }
}

/// The bytes that route admins sign.
pub fn message(document: &Value) -> String {
    format!("isthmus/pro-rata/v1\n{}\n", jcs_digest(document))
}

/// Names of the different admins, out of those trusted, that signed the decision.
pub fn signed_by<'p>(
    document: &Value,
    signatures: &[AdminSignature],
    admins: &'p [(String, [u8; 32])],
) -> Vec<&'p str> {
    route::signers(&message(document), signatures, admins)
}
