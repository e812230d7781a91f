//! What attesters sign for the gate, as EIP-712 digests (`docs/protocol.md` §7), and who signed one.

use alloy::primitives::{B256, Signature};
use alloy::signers::SignerSync;
use alloy::sol_types::{Eip712Domain, SolStruct, eip712_domain};
use isthmus_core::id::{Address, Hash32, TransferId};
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::time::Timestamp;

use crate::contract::{self, core_address, evm_address, transfer_word};
use crate::key::SigningKey;

/// The length of r ‖ s ‖ v.
pub const SIGNATURE_LENGTH: usize = 65;

/// Why a signature names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not r ‖ s ‖ v.
    #[error("the signature is not {SIGNATURE_LENGTH} bytes r, s, v with v 27 or 28")]
    Malformed,
    /// The other of two signatures that say the same; the gate refuses it.
    #[error("the signature's s is in the upper half: normalise it to n - s")]
    HighS,
    /// No key made it.
    #[error("the signature belongs to no key")]
    NoKey,
}

/// Digest of a mint batch. `deadline` counts in whole seconds, rounded down, as on chain.
pub fn mint_batch_digest(
    chain_id: u64,
    gate: Address,
    items: &[MintItem],
    log: LogHead,
    epoch: u32,
    deadline: Timestamp,
) -> Hash32 {
    let batch = contract::MintBatch {
        items: items.iter().map(Into::into).collect(),
        logSize: log.size,
        logRoot: B256::from(*log.root.as_bytes()),
        epoch,
        deadline: deadline.s(),
    };
    digest(&batch, chain_id, gate)
}

/// Digest of a void.
pub fn void_digest(chain_id: u64, gate: Address, transfer: TransferId, epoch: u32) -> Hash32 {
    let void = contract::Void {
        transferId: transfer_word(transfer),
        epoch,
    };
    digest(&void, chain_id, gate)
}

/// Digest of the set that `epoch` is to begin with, one above the last that was appointed.
pub fn rotation_digest(
    chain_id: u64,
    gate: Address,
    signers: &[Address],
    threshold: u8,
    epoch: u32,
) -> Hash32 {
    let rotation = contract::RotateSigners {
        signers: signers.iter().copied().map(evm_address).collect(),
        threshold,
        epoch,
    };
    digest(&rotation, chain_id, gate)
}

fn digest<T: SolStruct>(message: &T, chain_id: u64, gate: Address) -> Hash32 {
    Hash32::new(message.eip712_signing_hash(&domain(chain_id, gate)).0)
}

fn domain(chain_id: u64, gate: Address) -> Eip712Domain {
    eip712_domain! {
        name: "Isthmus Gate",
        version: "1",
        chain_id: chain_id,
        verifying_contract: evm_address(gate),
    }
}

/// Signs a digest: 65 bytes r ‖ s ‖ v, low s.
///
/// # Panics
/// Never: a key in memory signs any 32 bytes.
pub fn sign(digest: Hash32, key: &SigningKey) -> [u8; SIGNATURE_LENGTH] {
    key.signer()
        .sign_hash_sync(&B256::from(*digest.as_bytes()))
        .expect("a key in memory signs any 32 bytes")
        .as_bytes()
}

/// Who signed a digest.
pub fn recover(digest: Hash32, signature: &[u8]) -> Result<Address, SignatureError> {
    let bytes: &[u8; SIGNATURE_LENGTH] = signature
        .try_into()
        .map_err(|_| SignatureError::Malformed)?;
    // alloy also takes v 0 and 1; the gate does not.
    if !matches!(bytes.last(), Some(27 | 28)) {
        return Err(SignatureError::Malformed);
    }
    let signature = Signature::from_raw_array(bytes).map_err(|_| SignatureError::Malformed)?;
    if signature.normalize_s().is_some() {
        return Err(SignatureError::HighS);
    }
    signature
        .recover_address_from_prehash(&B256::from(*digest.as_bytes()))
        .map(core_address)
        .map_err(|_| SignatureError::NoKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use isthmus_core::id::AssetClassId;
    use isthmus_core::quantity::Quantity;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32]).unwrap()
    }

    #[test]
    fn a_signature_names_its_signer_and_no_one_else() {
        let digest = Hash32::new([1; 32]);
        let signature = sign(digest, &key());
        assert_eq!(recover(digest, &signature), Ok(key().address()));
        assert_ne!(
            recover(Hash32::new([2; 32]), &signature),
            Ok(key().address())
        );
    }

    #[test]
    fn signatures_that_the_gate_refuses_are_refused() {
        let digest = Hash32::new([1; 32]);
        let signature = sign(digest, &key());
        assert_eq!(
            recover(digest, &signature[..64]),
            Err(SignatureError::Malformed)
        );
        let mut other_v = signature;
        other_v[64] -= 27;
        assert_eq!(recover(digest, &other_v), Err(SignatureError::Malformed));
        let twin = Signature::from_raw_array(&signature).unwrap();
        let high = alloy::primitives::U256::from_be_bytes(secp256k1_order()) - twin.s();
        let twin = Signature::new(twin.r(), high, !twin.v()).as_bytes();
        assert_eq!(recover(digest, &twin), Err(SignatureError::HighS));
    }

    /// SEC 2, secp256k1: n.
    fn secp256k1_order() -> [u8; 32] {
        let mut order = [0xff; 32];
        hex::decode_to_slice(
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
            &mut order,
        )
        .unwrap();
        order
    }

    #[test]
    fn every_field_of_a_batch_is_signed() {
        let item = MintItem {
            transfer: TransferId::new([1; 32]),
            asset_class: AssetClassId::new([2; 32]),
            recipient: Address::new([3; 20]),
            quantity: Quantity::from_tonnes(4).unwrap(),
        };
        let log = LogHead {
            size: 5,
            root: Hash32::new([6; 32]),
        };
        let gate = Address::new([8; 20]);
        let at = Timestamp::from_s(9);
        let items = [item.clone()];
        let digest = mint_batch_digest(1, gate, &items, log, 7, at);
        let other_item = |change: fn(&mut MintItem)| {
            let mut item = item.clone();
            change(&mut item);
            mint_batch_digest(1, gate, &[item], log, 7, at)
        };
        let others = [
            other_item(|item| item.transfer = TransferId::new([9; 32])),
            other_item(|item| item.asset_class = AssetClassId::new([9; 32])),
            other_item(|item| item.recipient = Address::new([9; 20])),
            other_item(|item| item.quantity = Quantity::ZERO),
            mint_batch_digest(1, gate, &[], log, 7, at),
            mint_batch_digest(2, gate, &items, log, 7, at),
            mint_batch_digest(1, Address::new([9; 20]), &items, log, 7, at),
            mint_batch_digest(1, gate, &items, LogHead { size: 6, ..log }, 7, at),
            mint_batch_digest(
                1,
                gate,
                &items,
                LogHead {
                    root: Hash32::new([7; 32]),
                    ..log
                },
                7,
                at,
            ),
            mint_batch_digest(1, gate, &items, log, 8, at),
            mint_batch_digest(1, gate, &items, log, 7, Timestamp::from_s(10)),
        ];
        for (number, other) in others.iter().enumerate() {
            assert_ne!(*other, digest, "change {number}");
        }
    }
}
