//! Fixed seeds, among them every one that ever had a finding.

use isthmus_sim::{Scenario, run};

/// One seed a line, with what it once found.
const SEEDS: &str = include_str!("../seeds.txt");

fn seeds() -> Vec<u64> {
    let lines = SEEDS.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_whitespace().next())
        .filter_map(|seed| seed.parse().ok())
        .collect()
}

/// The file in four parts, so that they run side by side.
fn part(part: usize) {
    let seeds: Vec<_> = seeds().into_iter().skip(part).step_by(4).collect();
    assert!(seeds.len() >= 4, "the file was not read: {seeds:?}");
    let (mut transfers, mut crashes) = (0, 0);
    for seed in seeds {
        let report = run(&Scenario::of(seed), None, None);
        let findings = &report.findings;
        assert!(findings.is_empty(), "make sim SEED={seed}: {findings:?}");
        transfers += report.ended.values().sum::<u64>();
        crashes += report.crashes;
    }
    assert!(transfers > 100, "only {transfers} transfers");
    assert!(crashes > 10, "only {crashes} crashes");
}

#[test]
fn fixed_seeds_have_no_finding_first_part() {
    part(0);
}

#[test]
fn fixed_seeds_have_no_finding_second_part() {
    part(1);
}

#[test]
fn fixed_seeds_have_no_finding_third_part() {
    part(2);
}

#[test]
fn fixed_seeds_have_no_finding_fourth_part() {
    part(3);
}

#[test]
fn the_same_seed_is_the_same_run_to_the_last_event() {
    let one = run(&Scenario::of(2), None, None);
    let other = run(&Scenario::of(2), None, None);
    assert!(one.events > 200 && one.crashes > 0, "{one:?}");
    assert_eq!(one, other);
    let third = run(&Scenario::of(10), None, None);
    assert_ne!(one.digest, third.digest, "another seed is another run");
}
