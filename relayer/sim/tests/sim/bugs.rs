//! The simulation can fail: each planted bug is found, by the rule that it breaks.

use isthmus_sim::{Bug, Odds, Scenario, run};

/// What a run says that does not get anywhere.
const ENDLESS: &str = "not everything has ended";

/// Weather in which a bug shows, and words of the rule that finds it.
fn weather(bug: Bug, seed: u64) -> (Scenario, &'static str) {
    let storm = Scenario {
        transfers: 15,
        burns: 12,
        safety_ms: 90_000,
        liveness_ms: 300_000,
        ..Scenario::storm(seed)
    };
    let undone = Scenario {
        withdrawals: 1000,
        withdraw_within_ms: 3_000,
        burns: 0,
        ..storm.clone()
    };
    let late = Odds {
        late: 900,
        crash: 120,
        ..Odds::CALM
    };
    match bug {
        Bug::SkippedFind | Bug::UnknownIsFailure => (storm, "R4"),
        Bug::LockNotFinal | Bug::MintNotFinal | Bug::ReleasedTwice | Bug::SentBeforeJournalled => {
            (storm, "R5")
        }
        Bug::UnlockOnTimeout => (undone, "R5"),
        Bug::VoidIgnored => (undone, ENDLESS),
        Bug::DoubleAllocation | Bug::NeverAskedAgain => (storm, ENDLESS),
        Bug::CursorMovedEarly => (storm, "the cursor is at"),
        Bug::LostSync => (storm, "acknowledged"),
        Bug::LeafLeftOut => (storm, "the journal says"),
        Bug::DoubtForgotten => (
            Scenario {
                odds: late,
                transfers: 40,
                withdraw_within_ms: 120,
                ..undone
            },
            "R4",
        ),
    }
}

/// Some bugs need luck: a few seeds each.
const TRIES: u64 = 12;

fn found(bugs: &[Bug]) {
    for bug in bugs {
        let mut seen = Vec::new();
        let caught = (1..=TRIES).any(|seed| {
            let (scenario, words) = weather(*bug, seed);
            let report = run(&scenario, Some(*bug), None);
            let caught = report
                .findings
                .iter()
                .any(|finding| finding.contains(words));
            seen.extend(report.findings);
            caught
        });
        assert!(caught, "{bug:?} was not found: {seen:?}");
    }
}

#[test]
fn planted_bugs_are_found_first_half() {
    found(&Bug::ALL[..7]);
}

#[test]
fn planted_bugs_are_found_second_half() {
    found(&Bug::ALL[7..]);
}

#[test]
fn the_same_weather_without_the_bug_has_no_finding() {
    for bug in [Bug::SkippedFind, Bug::UnlockOnTimeout, Bug::DoubtForgotten] {
        let (scenario, _) = weather(bug, 1);
        let report = run(&scenario, None, None);
        assert!(report.findings.is_empty(), "{bug:?}: {report:?}");
    }
}
