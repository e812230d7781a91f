//! A registry's signed receipts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer;
use isthmus_core::operation::OperationKind;
use isthmus_core::receipt::{Evidence, EvidenceKind, Position, Receipt};
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::time::Timestamp;
use isthmus_prooflog::receipt::RegistryReceipt;

use crate::names;

/// The receipt as a compact JWS.
pub(super) fn signed(receipt: &RegistryReceipt) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"vcs:sandbox"}"#);
    let payload = serde_json_canonicalizer::to_vec(receipt).unwrap();
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = names::receipt_key().sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// What the relayer makes of it.
pub(super) fn received(
    operation: OperationKind,
    units: &[SerialBlock],
    payload: &RegistryReceipt,
    jws: &str,
) -> Receipt {
    Receipt {
        operation,
        quantity: serial_block::total(units),
        units: units.to_vec(),
        at: Timestamp::from_ms(payload.at_ms),
        position: Position::Registry {
            sequence: payload.sequence,
        },
        certificate: payload.certificate.clone(),
        evidence: Evidence::new(EvidenceKind::RegistryReceipt, jws.as_bytes().to_vec()),
    }
}
