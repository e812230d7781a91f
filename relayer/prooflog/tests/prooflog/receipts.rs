//! Registry receipts: one algorithm, one key, one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use isthmus_prooflog::receipt::{MAX_RECEIPT, ReceiptError, RegistryReceipt, open};

use crate::stories::completed;
use crate::world::{World, jws, signed_receipt};

const HEADER: &str = r#"{"alg":"EdDSA","kid":"vcs:sandbox"}"#;

fn receipt() -> RegistryReceipt {
    completed().receipt("lock").clone()
}

fn payload() -> Vec<u8> {
    serde_json_canonicalizer::to_vec(&receipt()).unwrap()
}

fn read(jws: &str) -> Result<RegistryReceipt, ReceiptError> {
    open(jws, &World::new(0).registry().verifying_key().to_bytes())
}

fn is_malformed(jws: &str) -> bool {
    matches!(read(jws), Err(ReceiptError::Malformed(_)))
}

#[test]
fn what_the_registry_signed_is_read() {
    let signed = signed_receipt(&receipt(), &World::new(0).registry());
    assert_eq!(read(&signed).unwrap(), receipt());
}

#[test]
fn other_keys_and_changed_receipts_are_refused() {
    let signed = signed_receipt(&receipt(), &World::new(0).registry());
    let stranger = signed_receipt(&receipt(), &World::new(1).registry());
    assert_eq!(read(&stranger), Err(ReceiptError::NotSigned));
    assert_eq!(
        open(&signed, &[0; 32]),
        Err(ReceiptError::NotSigned),
        "a weak key"
    );
    let other = RegistryReceipt {
        sequence: 18,
        ..receipt()
    };
    let (head, signature) = signed.rsplit_once('.').unwrap();
    let body = URL_SAFE_NO_PAD.encode(serde_json_canonicalizer::to_vec(&other).unwrap());
    let header = head.split_once('.').unwrap().0;
    assert_eq!(
        read(&format!("{header}.{body}.{signature}")),
        Err(ReceiptError::NotSigned)
    );
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    assert_eq!(
        read(&format!("{head}.{zeros}")),
        Err(ReceiptError::NotSigned)
    );
    assert_eq!(read(&format!("{head}.")), Err(ReceiptError::NotSigned));
}

#[test]
fn only_the_protocols_header_counts() {
    let key = World::new(0).registry();
    for header in [
        r#"{"alg":"none","kid":"vcs:sandbox"}"#,
        r#"{"alg":"HS256","kid":"vcs:sandbox"}"#,
        r#"{"alg":"ES256","kid":"vcs:sandbox"}"#,
        r#"{"alg":"eddsa","kid":"vcs:sandbox"}"#,
        r#"{"alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","kid":"vcs:other"}"#,
        r#"{"alg":"EdDSA","b64":false,"crit":["b64"],"kid":"vcs:sandbox"}"#,
        r#"{"alg":"EdDSA","jwk":{},"kid":"vcs:sandbox"}"#,
        "[]",
        "",
    ] {
        assert!(is_malformed(&jws(header, &payload(), &key)), "{header}");
    }
}

#[test]
fn a_receipt_of_another_registry_is_refused_although_the_key_is_right() {
    let other = RegistryReceipt {
        registry: "vcs:other".into(),
        ..receipt()
    };
    assert!(is_malformed(&signed_receipt(
        &other,
        &World::new(0).registry()
    )));
}

#[test]
fn the_payload_has_one_spelling() {
    let key = World::new(0).registry();
    let text = String::from_utf8(payload()).unwrap();
    for other in [
        format!("{text} "),
        text.replacen(',', ", ", 1),
        text.replacen('{', "{\"unknown\":1,", 1),
        text.replacen("\"v\":1", "\"v\":2", 1),
        text.replacen("\"reason\":null,", "", 1),
        text.replacen("\"sequence\":17", "\"sequence\":17.0", 1),
        text.replacen("\"sequence\":17", "\"sequence\":9007199254740993", 1),
        String::new(),
    ] {
        assert_ne!(other, text);
        assert!(
            is_malformed(&jws(HEADER, other.as_bytes(), &key)),
            "{other}"
        );
    }
}

#[test]
fn other_shapes_are_refused() {
    let signed = signed_receipt(&receipt(), &World::new(0).registry());
    for other in [
        String::new(),
        "..".into(),
        "a.b".into(),
        format!("{signed}."),
        format!("{signed}="),
        format!(" {signed}"),
        format!("{signed}\n"),
        signed.replacen('.', "", 1),
        "x".repeat(MAX_RECEIPT + 1),
    ] {
        assert!(read(&other).is_err(), "{other:.40}");
    }
}
