//! Keys of the registry and the attesters, and what they sign.

use alloy::primitives::B256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use isthmus_core::id::Hash32;
use isthmus_core::jcs;
use isthmus_core::operation::OperationKind;
use isthmus_core::receipt::{Evidence, EvidenceKind, Receipt};
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::testing::sample;
use isthmus_core::transfer::Transfer;
use isthmus_prooflog::receipt::RegistryReceipt;

pub(super) const REGISTRY_SEED: [u8; 32] = [7; 32];

pub(super) fn attesters() -> Vec<PrivateKeySigner> {
    let key = |n: u8| PrivateKeySigner::from_bytes(&B256::repeat_byte(n)).unwrap();
    let mut attesters = vec![key(1), key(2), key(3)];
    attesters.sort_by_key(PrivateKeySigner::address);
    attesters
}

/// Two of three, ascending.
pub(super) fn sign(digest: Hash32) -> Vec<Vec<u8>> {
    let digest = B256::from(*digest.as_bytes());
    let sign = |a: &PrivateKeySigner| a.sign_hash_sync(&digest).unwrap().as_bytes().to_vec();
    attesters().iter().take(2).map(sign).collect()
}

/// The registry's receipt for the lock of a transfer.
pub(crate) fn lock_receipt(transfer: &Transfer, units: &[SerialBlock]) -> Receipt {
    let id = transfer.id().to_string();
    registry_receipt(OperationKind::Lock, &id, Some("1001"), units)
}

pub(super) fn registry_receipt(
    operation: OperationKind,
    reference: &str,
    account: Option<&str>,
    units: &[SerialBlock],
) -> Receipt {
    let receipt = sample::receipt(operation, isthmus_core::serial_block::total(units), units);
    let signed = RegistryReceipt {
        account: account.map(str::to_owned),
        at_ms: receipt.at.ms(),
        beneficiary: None,
        certificate: receipt.certificate.clone(),
        custody_account: sample::custody().to_string(),
        mandate: None,
        movement: operation.as_str().to_owned(),
        quantity_t: units.iter().map(SerialBlock::quantity_t).sum(),
        reason: None,
        reference: reference.to_owned(),
        registry: sample::registry().to_string(),
        sequence: 7,
        units: units.iter().map(ToString::to_string).collect(),
        v: 1,
    };
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"vcs:sandbox"}"#);
    let body = format!("{header}.{}", URL_SAFE_NO_PAD.encode(jcs::bytes(&signed)));
    let signature = SigningKey::from_bytes(&REGISTRY_SEED).sign(body.as_bytes());
    let jws = format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    Receipt {
        evidence: Evidence::new(EvidenceKind::RegistryReceipt, jws.into_bytes()),
        ..receipt
    }
}
