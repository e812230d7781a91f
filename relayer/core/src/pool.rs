//! Pool: what backs what.

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, Address, AssetClassId, LedgerId, PoolId};
use crate::jcs;

/// Origin ledger × custody account × destination gate × asset class.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// The class that is interchangeable inside the pool.
    pub asset_class: AssetClassId,
    /// Where the locked units lie at the origin.
    pub custody_account: AccountId,
    /// The chain of the equivalents.
    pub destination: LedgerId,
    /// The gate that mints and burns them.
    pub gate: Address,
    /// The registry of record.
    pub origin: LedgerId,
}

impl Pool {
    /// SHA-256 of the JCS form with `"v":1` (`docs/protocol.md` §2).
    pub fn id(&self) -> PoolId {
        #[derive(Serialize)]
        struct Versioned<'a> {
            #[serde(flatten)]
            pool: &'a Pool,
            v: u8,
        }
        PoolId::new(jcs::digest(&Versioned { pool: self, v: 1 }))
    }
}
