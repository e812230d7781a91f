//! Receipts that prove something, and all others.

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;

fn registry() -> LedgerId {
    "vcs:sandbox".parse().unwrap()
}

fn payload() -> Payload {
    let serial = |first: u64, last: u64| {
        format!("19385-{first}-{last}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1")
    };
    Payload {
        account: Some("1001".into()),
        at_ms: Timestamp::from_ms(1_780_000_000_000),
        beneficiary: None,
        certificate: None,
        custody_account: "9001".into(),
        mandate: None,
        movement: "lock".into(),
        quantity_t: 15,
        reason: None,
        reference: "0x01".into(),
        registry: registry(),
        sequence: 17,
        units: vec![serial(111, 115), serial(101, 110)],
        v: 1,
    }
}

fn sign_bytes(header: &str, body: &[u8], seed: u8) -> String {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(body)
    );
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

const HEADER: &str = r#"{"alg":"EdDSA","kid":"vcs:sandbox"}"#;

fn sign(payload: &Payload) -> String {
    sign_bytes(HEADER, &jcs::bytes(payload), 7)
}

fn verifier() -> ReceiptVerifier {
    let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
    ReceiptVerifier::new(&registry(), key.as_bytes()).unwrap()
}

#[test]
fn a_true_receipt_is_opened_and_names_what_moved() {
    let jws = sign(&payload());
    let verified = verifier().open(&jws).unwrap();
    assert_eq!(verified.units.len(), 1, "adjacent units are one block");
    let receipt = verified.into_receipt(OperationKind::Lock);
    assert_eq!(receipt.quantity, Quantity::from_tonnes(15).unwrap());
    assert_eq!(receipt.position, Position::Registry { sequence: 17 });
    assert_eq!(receipt.evidence.bytes(), jws.into_bytes());
}

#[test]
fn whatever_is_changed_proves_nothing() {
    let jws = sign(&payload());
    for at in 0..jws.len() {
        let mut changed = jws.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(
            changed == jws || verifier().open(&changed).is_err(),
            "byte {at}"
        );
    }
}

#[test]
fn other_keys_headers_registries_forms_and_quantities_are_refused() {
    let body = jcs::bytes(&payload());
    assert!(matches!(
        verifier().open(&sign_bytes(HEADER, &body, 8)),
        Err(ReceiptError::NotSigned)
    ));
    for header in [
        r#"{"alg":"none","kid":"vcs:sandbox"}"#,
        r#"{"alg":"EdDSA","kid":"vcs:other"}"#,
    ] {
        assert!(matches!(
            verifier().open(&sign_bytes(header, &body, 7)),
            Err(ReceiptError::Malformed(_))
        ));
    }
    let other = Payload {
        registry: "vcs:other".parse().unwrap(),
        ..payload()
    };
    assert!(matches!(
        verifier().open(&sign(&other)),
        Err(ReceiptError::OtherRegistry(_))
    ));
    let spaced = serde_json::to_vec_pretty(&payload()).unwrap();
    assert!(matches!(
        verifier().open(&sign_bytes(HEADER, &spaced, 7)),
        Err(ReceiptError::Malformed(_))
    ));
    let more = Payload {
        quantity_t: 16,
        ..payload()
    };
    assert!(matches!(
        verifier().open(&sign(&more)),
        Err(ReceiptError::Quantity { stated_t: 16 })
    ));
    let twice = Payload {
        units: vec![payload().units[0].clone(); 3],
        ..payload()
    };
    assert!(
        matches!(
            verifier().open(&sign(&twice)),
            Err(ReceiptError::Quantity { .. })
        ),
        "5 t three times are not 15 t"
    );
}
