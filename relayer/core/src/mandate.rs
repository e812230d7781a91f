//! Mandate: the holder's signature over the TransferId, good once. It fixes the recipient, because the terms do.

use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::id::TransferId;

/// What a holder signs about a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Lock these units and mint to this recipient.
    Transfer,
    /// Undo the lock if it is not minted.
    Withdraw,
}

impl Wish {
    /// The exact bytes that are signed (`docs/protocol.md` §3).
    pub fn message(self, id: TransferId) -> Vec<u8> {
        let domain = match self {
            Self::Transfer => "mandate",
            Self::Withdraw => "withdraw",
        };
        format!("isthmus/{domain}/v1\n{id}\n").into_bytes()
    }
}

/// An account's registered Ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderKey(pub [u8; 32]);

/// A holder's signature: 64 bytes Ed25519, hex in JSON of our own store and API.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mandate([u8; 64]);

/// A mandate that does not bind this holder to this transfer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MandateError {
    /// Not 64 bytes of hex.
    #[error("mandate: {length} bytes, expected 64")]
    Malformed {
        /// Bytes given.
        length: usize,
    },
    /// The registered key is no point on the curve.
    #[error("mandate: the account's registered key is not an Ed25519 public key")]
    BadKey,
    /// Signed by another key, or over another transfer.
    #[error(
        "mandate: the signature is not the account's over {id}: sign exactly this TransferId, computed from these terms, with the account's registered key"
    )]
    Invalid {
        /// The transfer it should be for.
        id: TransferId,
    },
}

impl Mandate {
    /// From the 64 signature bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MandateError> {
        <[u8; 64]>::try_from(bytes)
            .map(Self)
            .map_err(|_| MandateError::Malformed {
                length: bytes.len(),
            })
    }

    /// The 64 signature bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// Whether `key` signed `wish` about `id`. Strict verification: no malleable or small-order signatures.
    pub fn verify(&self, wish: Wish, id: TransferId, key: HolderKey) -> Result<(), MandateError> {
        let key = VerifyingKey::from_bytes(&key.0).map_err(|_| MandateError::BadKey)?;
        key.verify_strict(&wish.message(id), &Signature::from_bytes(&self.0))
            .map_err(|_| MandateError::Invalid { id })
    }
}

impl std::fmt::Debug for Mandate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mandate({}…)", hex::encode(&self.0[..4]))
    }
}

impl TryFrom<String> for Mandate {
    type Error = MandateError;
    fn try_from(text: String) -> Result<Self, MandateError> {
        Self::from_bytes(
            &hex::decode(&text).map_err(|_| MandateError::Malformed { length: text.len() })?,
        )
    }
}

impl From<Mandate> for String {
    fn from(mandate: Mandate) -> Self {
        hex::encode(mandate.0)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    #[test]
    fn a_mandate_is_for_one_wish_one_transfer_one_key() {
        let holder = SigningKey::from_bytes(&[1; 32]);
        let key = HolderKey(holder.verifying_key().to_bytes());
        let id = TransferId::new([9; 32]);
        let mandate =
            Mandate::from_bytes(&holder.sign(&Wish::Transfer.message(id)).to_bytes()).unwrap();
        assert!(mandate.verify(Wish::Transfer, id, key).is_ok());
        assert!(mandate.verify(Wish::Withdraw, id, key).is_err());
        assert!(
            mandate
                .verify(Wish::Transfer, TransferId::new([8; 32]), key)
                .is_err()
        );
        let stranger = HolderKey(SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes());
        assert!(mandate.verify(Wish::Transfer, id, stranger).is_err());
    }

    #[test]
    fn a_mandate_is_64_bytes_and_a_key_is_a_point() {
        assert!(matches!(
            Mandate::from_bytes(&[0; 63]),
            Err(MandateError::Malformed { length: 63 })
        ));
        assert!(Mandate::try_from("zz".repeat(64)).is_err());
        let mandate = Mandate::from_bytes(&[7; 64]).unwrap();
        assert_eq!(
            Mandate::try_from(String::from(mandate.clone())),
            Ok(mandate.clone())
        );
        let id = TransferId::new([9; 32]);
        // y = 2 is on no point of the curve; the identity is one of small order that strict verification refuses.
        let mut two = [0; 32];
        two[0] = 2;
        assert_eq!(
            mandate.verify(Wish::Transfer, id, HolderKey(two)),
            Err(MandateError::BadKey)
        );
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut forged = [0; 64];
        forged[0] = 1;
        let forged = Mandate::from_bytes(&forged).unwrap();
        assert!(
            forged
                .verify(Wish::Transfer, id, HolderKey(identity))
                .is_err()
        );
    }

    #[test]
    fn the_signed_bytes_are_the_documented_ones() {
        let id = TransferId::new([0xab; 32]);
        let hex = "ab".repeat(32);
        assert_eq!(
            Wish::Transfer.message(id),
            format!("isthmus/mandate/v1\n0x{hex}\n").as_bytes()
        );
        assert_eq!(
            Wish::Withdraw.message(id),
            format!("isthmus/withdraw/v1\n0x{hex}\n").as_bytes()
        );
    }
}
