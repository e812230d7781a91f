//! Leaves: one spelling, one version, a size limit.

use alloy_primitives::B256;
use isthmus_prooflog::leaf::{Grams, Leaf, LeafError, MAX_LEAF, Purpose, jcs_digest};
use serde_json::{Value, json};

use crate::world::{self, World, blocks, paused, serial, terms};

fn every_kind() -> Vec<Leaf> {
    let terms = terms(&[serial(1, 10)], 1);
    let allocation = blocks(&[serial(1, 4)]);
    vec![
        World::new(0).route_leaf(&world::route(1)),
        world::locked(&terms),
        world::minted(&terms),
        world::voided(&terms),
        world::unlocked(&terms),
        world::burned(1, Purpose::Release, &allocation),
        world::given(1, Purpose::Release, &allocation),
        world::given(1, Purpose::Retire, &allocation),
        world::owed(1, 4_000_000),
        Leaf::Quarantined {
            at_ms: 1,
            v: 1,
            transfer: B256::ZERO,
            finding: "é \" \\ \u{7f}".into(),
        },
        Leaf::Resolved {
            at_ms: 1,
            v: 1,
            transfer: B256::ZERO,
            resolution: "resume".into(),
            by: ["a".into(), "b".into()],
        },
        paused("all"),
        Leaf::Resumed {
            at_ms: 1,
            v: 1,
            scope: "all".into(),
            by: "operator".into(),
        },
    ]
}

fn kinds() -> Vec<&'static str> {
    every_kind().iter().map(Leaf::kind).collect()
}

#[test]
fn every_kind_is_written_in_jcs_and_reads_back() {
    for leaf in every_kind() {
        let bytes = leaf.to_bytes();
        assert_eq!(Leaf::parse(&bytes).unwrap(), leaf);
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["kind"], leaf.kind());
        // serde_json keeps objects sorted by key: for these leaves (no floats) its compact form is JCS.
        assert_eq!(serde_json::to_vec(&value).unwrap(), bytes);
    }
    let mut unique = kinds();
    unique.dedup();
    assert_eq!(unique.len(), 13);
}

#[test]
fn any_other_spelling_is_refused() {
    for leaf in every_kind() {
        let text = String::from_utf8(leaf.to_bytes()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let exponent = text.replacen("\"at_ms\":", "\"at_ms\":0", 1);
        for other in [
            format!("{text} "),
            format!(" {text}"),
            pretty,
            text.replacen(',', ", ", 1),
            exponent,
        ] {
            assert!(Leaf::parse(other.as_bytes()).is_err(), "{other}");
        }
        let unsorted = format!(
            "{{\"v\":1,{}",
            text.replacen("\"v\":1", "", 1)
                .trim_start_matches('{')
                .replacen(",}", "}", 1)
        );
        assert!(Leaf::parse(unsorted.as_bytes()).is_err(), "{unsorted}");
        let twice = text.replacen('{', "{\"at_ms\":1,", 1);
        assert!(Leaf::parse(twice.as_bytes()).is_err(), "{twice}");
    }
}

#[test]
fn unknown_missing_and_wrong_fields_are_refused() {
    for leaf in every_kind() {
        let good: Value = serde_json::from_slice(&leaf.to_bytes()).unwrap();
        let refused = |value: &Value, what: &str| {
            let bytes = serde_json::to_vec(value).unwrap();
            assert!(Leaf::parse(&bytes).is_err(), "{what}: {value}");
        };
        let mut extra = good.clone();
        extra["unknown"] = json!(1);
        refused(&extra, "unknown field");
        for field in good.as_object().unwrap().keys() {
            let mut missing = good.clone();
            missing.as_object_mut().unwrap().remove(field);
            refused(&missing, field);
            let mut wrong = good.clone();
            wrong[field] = json!(-1);
            // Documents are anybody's JSON for the leaf; the book reads them.
            if !["terms", "route"].contains(&field.as_str()) {
                refused(&wrong, field);
            }
        }
        for version in [0, 2, 255] {
            let mut other = good.clone();
            other["v"] = json!(version);
            refused(&other, "version");
        }
        let mut kind = good.clone();
        kind["kind"] = json!("SNAPSHOTS");
        refused(&kind, "kind");
    }
}

#[test]
fn hex_is_lower_case_and_grams_are_plain() {
    let text = String::from_utf8(world::minted(&terms(&[serial(1, 10)], 1)).to_bytes()).unwrap();
    for (from, to) in [
        ("0xaaaa", "0xAAaa"),
        ("\"10000000\"", "\"010000000\""),
        ("\"10000000\"", "\"+10000000\""),
        ("\"10000000\"", "10000000"),
        ("\"10000000\"", "\"18446744073709551616\""),
        ("0x4444", "4444"),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(
            Leaf::parse(text.replacen(from, to, 1).as_bytes()).is_err(),
            "{to}"
        );
    }
    for bad in ["", "+1", "-1", "01", " 1", "1 ", "1e3", "1.0"] {
        assert!(Grams::try_from(bad.to_owned()).is_err(), "{bad:?}");
    }
    assert_eq!(Grams::try_from("0".to_owned()).unwrap(), Grams(0));
}

#[test]
fn a_leaf_is_at_most_16_kib() {
    let empty = paused("").to_bytes().len();
    let largest = paused(&"x".repeat(MAX_LEAF - empty)).to_bytes();
    assert_eq!(largest.len(), MAX_LEAF);
    assert!(Leaf::parse(&largest).is_ok());
    let larger = paused(&"x".repeat(MAX_LEAF - empty + 1)).to_bytes();
    assert_eq!(Leaf::parse(&larger), Err(LeafError::TooLarge(MAX_LEAF + 1)));
}

#[test]
fn numbers_that_json_cannot_carry_are_refused() {
    // RFC 8785 numbers are doubles: 2^53 + 1 would be written as 2^53.
    let text = String::from_utf8(paused("all").to_bytes()).unwrap();
    for number in ["9007199254740993", "18446744073709551615", "1.5", "1e400"] {
        let changed = text.replace("\"at_ms\":1", &format!("\"at_ms\":{number}"));
        assert!(Leaf::parse(changed.as_bytes()).is_err(), "{number}");
    }
}

#[test]
fn the_transfer_id_is_the_hash_of_the_canonical_terms() {
    let terms = json!({"b": 1, "a": {"z": "é", "y": [1, 2]}});
    let canonical = br#"{"a":{"y":[1,2],"z":"\u00e9"},"b":1}"#;
    let canonical = String::from_utf8(canonical.to_vec())
        .unwrap()
        .replace("\\u00e9", "é");
    assert_eq!(
        jcs_digest(&terms),
        isthmus_prooflog::bundle::sha256(canonical.as_bytes())
    );
}
