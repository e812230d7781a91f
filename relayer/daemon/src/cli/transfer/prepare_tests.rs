//! `transfer prepare`: terms and id against the protocol's rules, and what is refused.

use sha2::{Digest as _, Sha256};

use super::*;

const FIRST: &str = "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1";
const SECOND: &str = "19385-941467500-941467599-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1";
const ELSEWHERE: &str = "2416-103983414-103984413-VCU-024-MER-IN-1-457-01012010-31122010-0";
const RECIPIENT: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

fn route() -> RouteDocument {
    let text = r#"{"allow_accounts":[],"custody_account":"9001","destination":"eip155:31337",
      "eligible":{"countries":[],"programmes":[],"projects":[],"unit_types":[],"vintage_from":"2010-01-01","vintage_until":"2030-12-31"},
      "gate":"0x3333333333333333333333333333333333333333","id":"verra-evm","max_per_transfer_g":"1000000000","min_per_transfer_g":"1000000",
      "origin":"vcs:sandbox","outstanding_cap_g":"9000000000","redemption":["release"],"step_g":"1000000","v":1,"version":1}"#;
    route::parse_document(text, "test").unwrap()
}

fn prepare(units: &[&str], labels: &[&str]) -> Prepare {
    let owned = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect();
    Prepare {
        route: Some("verra-evm".into()),
        route_file: None,
        account: "1001".into(),
        recipient: RECIPIENT.into(),
        units: owned(units),
        labels: owned(labels),
        out: None,
    }
}

#[test]
fn terms_and_id_are_those_of_the_protocol_document() {
    let command = prepare(&[FIRST, SECOND], &["b", "a", "b"]);
    let prepared = command.terms(&route(), Hash32::new([7; 32])).unwrap();
    let profile = r#"{"country":"ET","labels":["a","b"],"programme":"VCS","project":"1340","registry":"vcs:sandbox","unit_type":"VCU","v":1,"vintage_end":"2020-12-31","vintage_start":"2020-01-01"}"#;
    let class = hex::encode(Sha256::digest(profile));
    let nonce = "07".repeat(32);
    let jcs = format!(
        r#"{{"account":"1001","asset_class":"0x{class}","destination":"eip155:31337","gate":"0x3333333333333333333333333333333333333333","kind":"outbound","nonce":"0x{nonce}","origin":"vcs:sandbox","quantity_g":"525000000","recipient":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","route":"verra-evm","units":["{FIRST}","{SECOND}"],"v":1}}"#
    );
    assert_eq!(
        prepared.terms.id().to_string(),
        format!("0x{}", hex::encode(Sha256::digest(jcs)))
    );
    assert!(!prepared.lacks_labels);
    let pretty = serde_json::to_string_pretty(&prepared.terms).unwrap();
    let read: OutboundTerms = serde_json::from_str(&pretty).unwrap();
    assert_eq!(read, prepared.terms);
    let other = command.terms(&route(), Hash32::new([8; 32])).unwrap();
    assert_ne!(other.terms.id(), prepared.terms.id());
}

#[test]
fn a_flag_without_labels_is_noted() {
    let nonce = Hash32::new([7; 32]);
    let noted = |units| {
        prepare(units, &[])
            .terms(&route(), nonce)
            .unwrap()
            .lacks_labels
    };
    assert!(noted(&[FIRST]));
    assert!(!noted(&[ELSEWHERE]));
}

#[test]
fn bad_units_are_named_with_a_remedy() {
    let refused = |units: &[&str]| {
        let failure = prepare(units, &[])
            .terms(&route(), Hash32::new([7; 32]))
            .unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        failure.to_string()
    };
    assert!(refused(&[]).contains("--unit"));
    assert!(refused(&[FIRST, "x"]).contains("--unit \"x\": serial"));
    assert!(refused(&[FIRST, FIRST]).contains("overlap"));
    let mixed = refused(&[FIRST, ELSEWHERE]);
    assert!(mixed.contains(ELSEWHERE), "{mixed}");
    assert!(refused(&[FIRST; MAX_UNITS + 1]).contains("at most 64"));
}

#[test]
fn a_mistyped_recipient_is_refused() {
    assert!(recipient(RECIPIENT).is_ok());
    assert!(recipient(&RECIPIENT.to_lowercase()).is_ok());
    assert!(recipient(&RECIPIENT.to_uppercase().replace("0X", "0x")).is_ok());
    let typo = RECIPIENT.replace("51aad", "51abd");
    assert!(
        recipient(&typo)
            .unwrap_err()
            .to_string()
            .contains("checksum")
    );
    for wrong in [
        "",
        "0x",
        "0x12",
        "1001",
        &format!("0x{}", "0".repeat(40)),
        "ä",
    ] {
        assert!(recipient(wrong).is_err(), "{wrong}");
    }
}
