//! The relayer dies at every call of a port in turn. `isthmus-sim crashes` goes through all of them; here every twentieth.

use isthmus_sim::{Scenario, run};

/// Another seed than a storm's: what matters is where it dies.
const SEED: u64 = 5;
const STRIDE: usize = 20;

#[test]
fn a_crash_at_any_call_of_a_port_changes_nothing_that_counts() {
    let whole = run(&Scenario::dies_at(SEED, u64::MAX), None, None);
    assert!(whole.findings.is_empty() && whole.crashes == 0, "{whole:?}");
    assert!(whole.ended.contains_key("completed"), "{whole:?}");
    assert!(whole.ended.contains_key("returned"), "{whole:?}");
    let mut died = 0;
    for call in (1..=whole.calls).step_by(STRIDE) {
        let report = run(&Scenario::dies_at(SEED, call), None, None);
        let findings = &report.findings;
        assert!(
            findings.is_empty(),
            "isthmus-sim run --seed {SEED} --crash-at {call}: {findings:?}"
        );
        died += report.crashes;
    }
    assert!(
        died >= whole.calls / 24,
        "it died {died} times in {} calls",
        whole.calls
    );
}
