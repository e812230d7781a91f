//! Whole bundles pass, and the report says what is not proven.

use isthmus_prooflog::bundle::Bundle;
use isthmus_prooflog::leaf::{Grams, Leaf, Purpose};
use isthmus_prooflog::verify::{Grade, Outcome, Report, verify};

use crate::bundle::Parts;
use crate::evm;
use crate::stories::{completed, pending, returned, withdrawn};
use crate::world::{CLASS, World, owed};

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

/// A bundle has no leaf about the burn's pool: nobody's decision is in it, and a thief of the log's key can write what he likes.
#[test]
fn what_was_written_off_or_replaced_rests_on_the_whole_log() {
    let whole = returned(Purpose::Release);
    let graded = |parts: &Parts| {
        let mut parts = parts.clone();
        let hash = evm::evidence(parts.event("burn")).block_hash;
        verify(&parts.archive(), &World::new(0).policy_with(&[hash]), None)
    };
    assert_eq!(graded(&whole).verdict(), "PASS (grade A)");
    let asks = |report: &Report, what: &str| {
        let about = |open: &&String| open.contains(what) && open.contains("audit reserves");
        report.unproven.iter().filter(about).count()
    };
    assert_eq!(asks(&graded(&whole), ""), 0);

    let report = graded(&written_off(whole.clone()));
    assert_eq!(report.verdict(), "PASS (grade C)");
    assert_eq!(asks(&report, "5000000 g of this burn"), 1, "{report:?}");

    let mut other = whole;
    other.leaves.insert(2, reallocated(&other.leaves[1]));
    let report = graded(&other);
    assert_eq!(report.verdict(), "PASS (grade C)");
    assert_eq!(asks(&report, "took some"), 1, "{report:?}");
}

/// The same burn, of five tonnes more that it does not get.
fn written_off(mut parts: Parts) -> Parts {
    parts.quantity_g += 5_000_000;
    if let Leaf::Burned {
        quantity_g,
        written_off_g,
        ..
    } = &mut parts.leaves[1]
    {
        *quantity_g = Grams(parts.quantity_g);
        *written_off_g = Some(Grams(5_000_000));
    }
    let event = evm::burned(8, parts.transfer, CLASS, parts.quantity_g, 1);
    parts.events.insert("burn", event);
    parts
}

/// The burn gets what it has.
fn reallocated(burned: &Leaf) -> Leaf {
    let Leaf::Burned {
        transfer,
        pool,
        asset_class,
        quantity_g,
        allocation,
        ..
    } = burned
    else {
        panic!("{burned:?}");
    };
    Leaf::Reallocated {
        at_ms: 7,
        v: 1,
        transfer: *transfer,
        pool: *pool,
        asset_class: *asset_class,
        quantity_g: *quantity_g,
        allocation: allocation.clone(),
    }
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
