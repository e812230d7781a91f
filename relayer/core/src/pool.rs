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

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed outside: SHA-256 of the JCS text of `docs/protocol.md` §2.
    #[test]
    fn id_is_the_hash_of_the_documented_text() {
        let pool = Pool {
            asset_class: AssetClassId::new([0x11; 32]),
            custody_account: "9001".parse().unwrap(),
            destination: "eip155:31337".parse().unwrap(),
            gate: Address::new([0x33; 20]),
            origin: "vcs:sandbox".parse().unwrap(),
        };
        let expected = "0xb4a77e97bcccbe11452b46cfc7d5f8405d6509414e7e880eaf8f5c4842e3106e";
        assert_eq!(pool.id().to_string(), expected);
        let other = Pool {
            custody_account: "9002".parse().unwrap(),
            ..pool
        };
        assert_ne!(other.id().to_string(), expected);
    }
}
