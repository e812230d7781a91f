//! Terms: what was agreed about one transfer, and the TransferId that follows from them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::{AccountId, Address, AssetClassId, Hash32, LedgerId, PoolId, RouteId, TransferId};
use crate::instruction::Purpose;
use crate::jcs;
use crate::quantity::Quantity;
use crate::serial_block::{self, SerialBlock};

/// Most serial blocks in one transfer; keeps a leaf below 16 KiB.
pub const MAX_UNITS: usize = 64;

/// The holder's terms of an outbound transfer, exactly as hashed (`docs/protocol.md` §3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundTerms {
    /// The holder's account at the origin.
    pub account: AccountId,
    /// Class of the units.
    pub asset_class: AssetClassId,
    /// Chain of the equivalents.
    pub destination: LedgerId,
    /// Gate that mints them.
    pub gate: Address,
    /// Always `"outbound"`.
    pub kind: OutboundKind,
    /// 32 random bytes chosen by the holder.
    pub nonce: Hash32,
    /// Registry of record.
    pub origin: LedgerId,
    /// Sum of the units; checked, never believed (R6).
    pub quantity_g: Quantity,
    /// Who gets the equivalents: the holder's decision.
    pub recipient: Address,
    /// The route.
    pub route: RouteId,
    /// Serials as the registry writes them.
    pub units: Vec<String>,
    /// Version of this form: 1.
    pub v: u8,
}

/// The constant `"outbound"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutboundKind {
    /// Origin to destination.
    Outbound,
}

impl OutboundTerms {
    /// `SHA-256(JCS(terms))`.
    pub fn id(&self) -> TransferId {
        TransferId::new(jcs::digest(self))
    }
}

/// An outbound transfer as the relayer works on it: the terms with their serials parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// As signed.
    pub terms: OutboundTerms,
    /// The units, normalised.
    pub units: Vec<SerialBlock>,
    /// The pool that the lock joins.
    pub pool: PoolId,
    /// Where the units are locked.
    pub custody_account: AccountId,
}

/// A burn on the destination, as the gate recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Burn {
    /// Chain of the gate.
    pub ledger: LedgerId,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The gate.
    pub gate: Address,
    /// The gate's running number, from 1.
    pub number: u64,
    /// Class burned.
    pub asset_class: AssetClassId,
    /// Who burned.
    pub holder: Address,
    /// How much; a whole multiple of the origin's granularity.
    pub quantity: Quantity,
    /// For what.
    pub purpose: Purpose,
    /// Commitment to the instruction.
    pub commitment: Hash32,
}

impl Burn {
    /// `SHA-256(abi.encode(uint256 chainId, address gate, uint256 number))` (`docs/protocol.md` §4).
    pub fn id(&self) -> TransferId {
        let mut words = [0u8; 96];
        words[24..32].copy_from_slice(&self.chain_id.to_be_bytes());
        words[44..64].copy_from_slice(self.gate.as_bytes());
        words[88..96].copy_from_slice(&self.number.to_be_bytes());
        TransferId::new(Sha256::digest(words).into())
    }
}

/// A return transfer: the burn and where its originals lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// The burn event: these are the terms.
    pub burn: Burn,
    /// Registry of record.
    pub origin: LedgerId,
    /// The pool that gives.
    pub pool: PoolId,
    /// Where its units lie.
    pub custody_account: AccountId,
    /// Which serials, by the custody book (`docs/protocol.md` §8).
    pub allocation: Vec<SerialBlock>,
    /// What two people have written off of the burn because the registry had taken units away (`docs/protocol.md` §11);
    /// allocation and this make up the burn.
    pub written_off: Quantity,
}

impl Return {
    /// What is given for the burn.
    pub fn given(&self) -> Quantity {
        serial_block::total(&self.allocation)
    }
}

/// What a transfer is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Terms {
    /// Lock, mint.
    Outbound(Outbound),
    /// Burn, release or retire.
    Return(Return),
}

impl Terms {
    /// The identity that follows from them.
    pub fn id(&self) -> TransferId {
        match self {
            Self::Outbound(outbound) => outbound.terms.id(),
            Self::Return(back) => back.burn.id(),
        }
    }

    /// How much moves.
    pub fn quantity(&self) -> Quantity {
        match self {
            Self::Outbound(outbound) => outbound.terms.quantity_g,
            Self::Return(back) => back.burn.quantity,
        }
    }

    /// The class that moves.
    pub fn asset_class(&self) -> AssetClassId {
        match self {
            Self::Outbound(outbound) => outbound.terms.asset_class,
            Self::Return(back) => back.burn.asset_class,
        }
    }

    /// The pool concerned.
    pub fn pool(&self) -> PoolId {
        match self {
            Self::Outbound(outbound) => outbound.pool,
            Self::Return(back) => back.pool,
        }
    }

    /// The ledger of the originals.
    pub fn origin(&self) -> &LedgerId {
        match self {
            Self::Outbound(outbound) => &outbound.terms.origin,
            Self::Return(back) => &back.origin,
        }
    }

    /// The ledger of the equivalents.
    pub fn destination(&self) -> &LedgerId {
        match self {
            Self::Outbound(outbound) => &outbound.terms.destination,
            Self::Return(back) => &back.burn.ledger,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burn_id_hashes_three_abi_words() {
        let burn = Burn {
            ledger: "eip155:31337".parse().unwrap(),
            chain_id: 31337,
            gate: Address::new([0x33; 20]),
            number: 1,
            asset_class: AssetClassId::new([1; 32]),
            holder: Address::new([2; 20]),
            quantity: Quantity::from_tonnes(1).unwrap(),
            purpose: Purpose::Retire,
            commitment: Hash32::new([3; 32]),
        };
        let words = hex::decode(format!(
            "{:064x}{}{}{:064x}",
            31337,
            "0".repeat(24),
            "33".repeat(20),
            1
        ))
        .unwrap();
        assert_eq!(
            *burn.id().as_bytes(),
            <[u8; 32]>::from(Sha256::digest(words))
        );
    }
}
