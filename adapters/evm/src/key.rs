//! Keys that sign on this chain: relayer accounts for transactions, attesters for items. Never printed.

use std::fmt;

use alloy::primitives::B256;
use alloy::signers::local::PrivateKeySigner;
use isthmus_core::id::Address;

use crate::contract::core_address;

/// A secp256k1 key.
#[derive(Clone)]
pub struct SigningKey(PrivateKeySigner);

/// Bytes that are no key. Does not repeat them: they may be most of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key is not valid: expected 32 bytes that are neither zero nor above the curve's order"
)]
pub struct InvalidKey;

impl SigningKey {
    /// From the 32 bytes of the scalar.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKey> {
        PrivateKeySigner::from_bytes(&B256::from(bytes))
            .map(Self)
            .map_err(|_| InvalidKey)
    }

    /// The account that it controls.
    pub fn address(&self) -> Address {
        core_address(self.0.address())
    }

    pub(crate) fn signer(&self) -> &PrivateKeySigner {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.address())
    }
}
