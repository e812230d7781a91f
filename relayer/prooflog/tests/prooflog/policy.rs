//! The auditor's policy: everything wrong is said at once.

use alloy_primitives::B256;
use isthmus_prooflog::policy::Policy;

use crate::world::{CHAIN_ID, GATE, World};

fn text() -> String {
    World::new(0).policy_text(&[])
}

fn problems(text: &str) -> Vec<String> {
    Policy::parse(text).unwrap_err().0
}

#[test]
fn a_policy_is_read() {
    let text = format!(
        "previous_checkpoint = \"old.txt\"\n{}",
        World::new(0).policy_text(&[B256::repeat_byte(1)])
    );
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.log, World::new(0).vkey());
    assert_eq!(policy.previous_checkpoint.as_deref(), Some("old.txt"));
    assert_eq!(
        policy.registry("vcs:sandbox"),
        Some(World::new(0).registry().verifying_key().as_bytes())
    );
    assert_eq!(policy.registry("vcs:other"), None);
    let gate = policy.gate(CHAIN_ID, GATE).unwrap();
    assert_eq!(gate.blocks, [B256::repeat_byte(1)]);
    assert_eq!(
        gate.epoch(1).unwrap().signers,
        World::new(0).attester_addresses()
    );
    assert!(gate.epoch(2).is_none() && policy.gate(1, GATE).is_none());
}

#[test]
fn the_example_for_auditors_is_read() {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit.md"))
            .unwrap();
    let (_, rest) = document.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let policy = Policy::parse(example).unwrap();
    assert!(policy.previous_checkpoint.is_some() && !policy.gates[0].blocks.is_empty());
}

#[test]
fn every_problem_is_named_with_its_field() {
    let bad = text()
        .replace("receipt_key = \"", "receipt_key = \"x")
        .replace("threshold = 2", "threshold = 4")
        .replace("vkey = \"", "vkey = \"x");
    let problems = problems(&bad);
    for field in [
        "registry[0].receipt_key",
        "gate[0].epoch[0].threshold",
        "log.vkey",
    ] {
        assert!(
            problems.iter().any(|p| p.starts_with(field)),
            "{field}: {problems:?}"
        );
    }
}

#[test]
fn what_would_count_twice_is_refused() {
    let text = text();
    let table = |name: &str| {
        let from = text.find(name).unwrap();
        let to = text[from + 1..]
            .find("\n[[")
            .map_or(text.len(), |i| from + i + 2);
        text[from..to].to_owned()
    };
    for name in ["[[registry]]", "[[route_admin]]"] {
        assert!(
            !problems(&format!("{text}{}", table(name))).is_empty(),
            "{name}"
        );
    }
    let renamed = table("[[route_admin]]").replace("exchange", "somebody-else");
    assert!(problems(&format!("{text}{renamed}"))[0].starts_with("route_admin.key"));
    let signer = format!("{:#x}", World::new(0).attester_addresses()[0]);
    let second = format!("{:#x}", World::new(0).attester_addresses()[1]);
    let doubled = text.replace(&second, &signer);
    assert!(problems(&doubled)[0].starts_with("gate[0].epoch[0].signers"));
    let epoch = "[[gate.epoch]]\nepoch = 1\nthreshold = 1\nsigners = [\"0x0000000000000000000000000000000000000001\"]\n";
    let twice = text.replace(
        "[[route_admin]]\nname = \"exchange\"",
        &format!("{epoch}[[route_admin]]\nname = \"exchange\""),
    );
    assert!(problems(&twice)[0].starts_with("gate[0].epoch.epoch"));
}

#[test]
fn a_witness_is_no_log() {
    let witness = "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";
    let bad = text().replace(&World::new(0).vkey().to_string(), witness);
    assert!(problems(&bad)[0].contains("witness's key"));
}

#[test]
fn unknown_and_missing_fields_are_refused() {
    for bad in [
        String::new(),
        format!("unknown = 1\n{}", text()),
        text().replace("[log]\n", "[log]\nkey = \"x\"\n"),
        text().replace("threshold = 2\n", ""),
        text().replace("signers = [\"0x", "signers = [\"0"),
    ] {
        assert!(Policy::parse(&bad).is_err(), "{bad}");
    }
}
