//! `route`: what is signed, what is refused before signing, how routes are shown.

use isthmus_core::id::Hash32;

use super::*;

pub(in crate::cli) const DOCUMENT: &str = r#"{"allow_accounts":["1001"],"custody_account":"9001","destination":"eip155:31337",
 "eligible":{"countries":[],"programmes":["VCS"],"projects":[],"unit_types":["VCU"],"vintage_from":"2010-01-01","vintage_until":"2030-12-31"},
 "gate":"0x3333333333333333333333333333333333333333","id":"verra-evm","max_per_transfer_g":"1000000000000","min_per_transfer_g":"1000000",
 "origin":"vcs:sandbox","outstanding_cap_g":"9000000000000","redemption":["release","retire"],"step_g":"1000000","v":1,"version":1}"#;

fn stored(document: &str, id: &str, version: u32) -> Answer {
    Answer {
        id: id.into(),
        version,
        status: "proposed".into(),
        document: document.into(),
        digest: "0xd1".into(),
        signatures: vec![],
        outstanding_g: 425_000_000,
    }
}

#[test]
fn two_signatures_made_here_count_under_the_rule_of_core() {
    let document = parse_document(DOCUMENT, "test").unwrap();
    let keys = [1, 2].map(|n| SigningKey::from_bytes(&[n; 32]));
    let signatures = keys.each_ref().map(|key| {
        let signed = sign(&document, key);
        isthmus_core::route::RouteSignature {
            key: signed.key.parse().unwrap(),
            signature: hex::encode(&signed.signature),
        }
    });
    let admins = keys
        .each_ref()
        .map(|key| Hash32::new(key.verifying_key().to_bytes()));
    document.verify(&signatures, &admins).unwrap();
    assert!(document.verify(&signatures[..1], &admins).is_err());
    let sent = parse_document(&canonical(&document), "test").unwrap();
    assert_eq!(sent, document);
}

#[test]
fn only_the_document_that_was_asked_for_is_signed() {
    let document = parse_document(DOCUMENT, "test").unwrap();
    let digest = document.digest().to_string();
    let routes = [stored(DOCUMENT, "verra-evm", 1)];
    assert_eq!(
        proposed(&routes, "verra-evm", 1, Some(&digest)).unwrap(),
        document
    );
    assert_eq!(proposed(&routes, "verra-evm", 1, None).unwrap(), document);
    let wrong_version = proposed(&routes, "verra-evm", 2, None).unwrap_err();
    assert_eq!(wrong_version.exit_code(), 4);
    let swapped = [stored(DOCUMENT, "verra-evm", 2)];
    let failure = proposed(&swapped, "verra-evm", 2, None).unwrap_err();
    assert!(failure.to_string().contains("do not sign"), "{failure}");
    let other = proposed(&routes, "verra-evm", 1, Some("0x00")).unwrap_err();
    assert!(other.to_string().contains(&digest), "{other}");
}

#[test]
fn unknown_fields_of_a_document_are_named() {
    let failure = parse_document(&DOCUMENT.replace("step_g", "stepg"), "r.json").unwrap_err();
    assert_eq!(failure.exit_code(), 2);
    assert!(failure.to_string().contains("stepg"), "{failure}");
}

#[test]
fn routes_are_listed_as_a_table() {
    let mut written = Vec::new();
    list(
        &[stored(DOCUMENT, "verra-evm", 1)],
        &mut Output::new(&mut written, false),
    )
    .unwrap();
    let expected = "\
ROUTE      VERSION  STATUS    OUTSTANDING  DIGEST
verra-evm        1  proposed        425 t  0xd1
";
    assert_eq!(String::from_utf8(written).unwrap(), expected);
    let mut written = Vec::new();
    show(
        &stored(DOCUMENT, "verra-evm", 1),
        &mut Output::new(&mut written, true),
    )
    .unwrap();
    let shown: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(shown["outstanding_g"], "425000000");
    assert_eq!(shown["document"]["custody_account"], "9001");
}
