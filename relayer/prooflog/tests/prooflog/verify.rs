//! Whole bundles pass, and the report says what is not proven.

use isthmus_prooflog::bundle::Bundle;
use isthmus_prooflog::leaf::Purpose;
use isthmus_prooflog::verify::{Grade, Outcome, Report, verify};

use crate::bundle::Parts;
use crate::evm;
use crate::stories::{completed, pending, returned, withdrawn};
use crate::world::{World, owed};

pub(crate) fn checked(parts: &Parts) -> Report {
    verify(&parts.archive(), &World::new(0).policy(), None)
}

fn outcomes(report: &Report) -> Vec<(&'static str, char)> {
    let letter = |outcome: &Outcome| match outcome {
        Outcome::Passed(_) => 'p',
        Outcome::Failed(_) => 'f',
        Outcome::NotApplicable => '-',
    };
    report
        .steps
        .iter()
        .map(|step| (step.name, letter(&step.outcome)))
        .collect()
}

const NAMES: [&str; 9] = [
    "manifest",
    "checkpoint",
    "inclusion",
    "consistency",
    "story",
    "route",
    "registry",
    "quorum",
    "chain",
];

#[test]
fn every_kind_of_transfer_passes_step_by_step() {
    for (parts, expected) in [
        (pending(), "ppp-ppp--"),
        (completed(), "ppppppppp"),
        (withdrawn(), "ppppppppp"),
        (returned(Purpose::Release), "ppp-ppp-p"),
        (returned(Purpose::Retire), "ppp-ppp-p"),
    ] {
        let report = checked(&parts);
        let expected: Vec<_> = NAMES.into_iter().zip(expected.chars()).collect();
        assert_eq!(outcomes(&report), expected, "{:#?}", report.failed());
        assert!(report.passed());
        assert_eq!(report.transfer, Some(parts.transfer));
    }
}

#[test]
fn a_withdrawn_transfer_that_nobody_signed_passes_without_a_mint_authorisation() {
    let mut parts = withdrawn();
    parts.mint = None;
    assert!(checked(&parts).passed());
}

#[test]
fn an_owed_burn_may_be_refused_before_it_is_given() {
    let mut parts = returned(Purpose::Release);
    parts.leaves.insert(2, owed(8, parts.quantity_g));
    assert!(checked(&parts).passed());
    let mut parts = returned(Purpose::Release);
    parts.leaves.push(owed(8, parts.quantity_g));
    assert_eq!(checked(&parts).failed().unwrap().name, "story");
}

#[test]
fn a_header_that_is_not_in_the_policy_lowers_the_grade() {
    let mut parts = completed();
    let hash = evm::evidence(parts.event("mint")).block_hash;
    let archive = parts.archive();
    let report = verify(&archive, &World::new(0).policy(), None);
    assert_eq!(report.verdict(), "PASS (grade B)");
    let asks = report.unproven.iter().any(|open| {
        open.contains(&hash.to_string()) && open.contains("eip155:31337") && open.contains("node")
    });
    assert!(asks, "{:?}", report.unproven);

    let report = verify(&archive, &World::new(0).policy_with(&[hash]), None);
    assert_eq!(report.grade, Some(Grade::A));
    assert_eq!(report.verdict(), "PASS (grade A)");
    let asks = report
        .unproven
        .iter()
        .any(|open| open.contains(&hash.to_string()));
    assert!(!asks, "{:?}", report.unproven);
}

#[test]
fn the_report_says_what_no_bundle_proves() {
    let open = |parts: &Parts, what: &str| {
        checked(parts)
            .unproven
            .iter()
            .any(|line| line.contains(what))
    };
    assert!(open(&completed(), "no other leaf of the log"));
    assert!(open(&completed(), "the same log"));
    assert!(open(&completed(), "no previous checkpoint"));
    let released = returned(Purpose::Release);
    assert!(open(&released, "receiving account"));
    assert!(!open(&returned(Purpose::Retire), "receiving account"));
}

#[test]
fn the_log_must_extend_the_previous_checkpoint() {
    let mut parts = completed();
    parts.previous = vec![0, 2, 5, 10];
    let archive = parts.archive();
    let policy = World::new(0).policy();
    let step = |size: u64, change: fn(&mut isthmus_prooflog::note::Checkpoint)| {
        let mut previous = parts.checkpoint(size);
        change(&mut previous);
        let report = verify(&archive, &policy, Some(&previous));
        report.failed().map(|step| step.name)
    };
    for size in [0, 2, 5, 10] {
        assert_eq!(step(size, |_| ()), None, "size {size}");
    }
    assert_eq!(step(5, |c| c.root[0] ^= 1), Some("consistency"));
    assert_eq!(step(10, |c| c.root[0] ^= 1), Some("consistency"));
    assert_eq!(step(0, |c| c.root[0] ^= 1), Some("consistency"));
    assert_eq!(step(5, |c| c.size = 11), Some("consistency"));
    assert_eq!(step(5, |c| c.size = 7), Some("consistency"));
    assert_eq!(
        step(5, |c| c.origin = "other/log".into()),
        Some("consistency")
    );
    let report = verify(&archive, &policy, Some(&parts.checkpoint(5)));
    let missing = report.unproven.iter().any(|o| o.contains("no previous"));
    assert!(!missing);
}

#[test]
fn equal_content_is_equal_bytes_and_reads_back() {
    let bundle = completed().bundle();
    let archive = bundle.to_archive().unwrap();
    assert_eq!(archive, completed().archive());
    assert_eq!(Bundle::parse(&archive).unwrap(), bundle);
}

#[test]
fn every_step_says_what_it_proves_on_which_anchor_and_with_which_tool() {
    for step in checked(&completed()).steps {
        for text in [step.proves, step.anchor, step.tool] {
            assert!(!text.is_empty(), "{}", step.name);
        }
    }
}

#[test]
fn a_report_serialises() {
    let json = serde_json::to_value(checked(&completed())).unwrap();
    assert_eq!(json["steps"][0]["outcome"]["status"], "passed");
    assert_eq!(json["grade"], "B");
}
