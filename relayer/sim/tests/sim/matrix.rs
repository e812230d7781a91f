//! The failure matrix: each step × each trouble. Every transfer ends as it would have without, or as the trouble demands.

use isthmus_sim::trouble::{Step, Trouble};
use isthmus_sim::{Scenario, run};

/// How often the trouble happens before everything works.
const TIMES: u64 = 2;

/// States that transfers may end in.
fn ends(step: Step, trouble: Trouble) -> &'static [&'static str] {
    match (step, trouble) {
        // A lock that is refused has not happened, and ends there: the holder asks anew.
        (Step::Lock, Trouble::Refused) => &["completed", "rejected"],
        (Step::Void | Step::Unlock, _) => &["completed", "returned", "rejected"],
        _ => &["completed"],
    }
}

fn row(step: Step) {
    for trouble in Trouble::ALL {
        let scenario = Scenario::troubled(3, step, trouble, TIMES);
        let report = run(&scenario, None, None);
        let cell = format!("{step:?} × {trouble:?}: {report:?}");
        assert!(report.findings.is_empty(), "{cell}");
        assert!(report.plan_left < TIMES, "nothing went wrong: {cell}");
        let allowed = ends(step, trouble);
        assert!(
            report.ended.keys().all(|end| allowed.contains(end)),
            "{cell}"
        );
        if matches!(step, Step::Void | Step::Unlock) {
            assert!(
                report.ended.contains_key("returned"),
                "nothing was undone: {cell}"
            );
        }
        if (step, trouble) == (Step::Lock, Trouble::Refused) {
            assert!(report.ended.contains_key("rejected"), "{cell}");
        }
    }
}

#[test]
fn lock_ends_right_whatever_goes_wrong() {
    row(Step::Lock);
}

#[test]
fn attest_ends_right_whatever_goes_wrong() {
    row(Step::Attest);
}

#[test]
fn mint_ends_right_whatever_goes_wrong() {
    row(Step::Mint);
}

#[test]
fn void_ends_right_whatever_goes_wrong() {
    row(Step::Void);
}

#[test]
fn unlock_ends_right_whatever_goes_wrong() {
    row(Step::Unlock);
}

#[test]
fn release_ends_right_whatever_goes_wrong() {
    row(Step::Release);
}

#[test]
fn retire_ends_right_whatever_goes_wrong() {
    row(Step::Retire);
}

#[test]
fn observing_a_burn_ends_right_whatever_goes_wrong() {
    row(Step::Observe);
}
