//! `audit`: what is printed, and that a failed check fails the command.

use alloy::primitives::B256 as Hash;
use isthmus_prooflog::book::Totals;
use isthmus_prooflog::leaf::Leaf;
use isthmus_prooflog::note::LogSigner;
use isthmus_prooflog::tree::MemoryTree;
use isthmus_prooflog::verify::{Grade, Step};

use super::*;

fn step(name: &'static str, outcome: Outcome) -> Step {
    Step {
        name,
        proves: "it is so",
        anchor: "your key",
        tool: "a tool",
        outcome,
    }
}

fn human(render: impl FnOnce(&mut Output<'_>) -> Result<(), Failure>) -> (String, u8) {
    let mut written = Vec::new();
    let result = render(&mut Output::new(&mut written, false));
    let exit = result.map_or_else(|failure| failure.exit_code(), |()| 0);
    (String::from_utf8(written).unwrap(), exit)
}

fn report(steps: Vec<Step>, grade: Option<Grade>) -> Report {
    Report {
        transfer: None,
        steps,
        grade,
        unproven: grade
            .map(|_| "that it rained".to_owned())
            .into_iter()
            .collect(),
    }
}

#[test]
fn every_step_says_what_it_proves_on_which_anchor_and_who_can_repeat_it() {
    let steps = || {
        vec![
            step("manifest", Outcome::Passed("3 files".into())),
            step("quorum", Outcome::NotApplicable),
        ]
    };
    let passed = report(steps(), Some(Grade::B));
    let (text, exit) = human(|out| verdict(&passed, out));
    let expected = "\
1. manifest     pass  3 files
   proves       it is so
   anchor       your key
   repeat with  a tool
2. quorum       none  nothing to check for this transfer
   proves       it is so
   anchor       your key
   repeat with  a tool

PASS (grade B)
not proved by this bundle:
  that it rained
";
    assert_eq!((text.as_str(), exit), (expected, 0));
    let mut failed = report(steps(), None);
    let chain = step("chain", Outcome::Failed("another block".into()));
    failed.steps.push(chain);
    let (text, exit) = human(|out| verdict(&failed, out));
    assert!(
        text.contains("3. chain        FAIL  another block\n"),
        "{text}"
    );
    assert!(text.ends_with("\nFAIL (chain)\n"), "{text}");
    assert_eq!(exit, 1);
    assert_eq!(human(|out| verdict(&report(vec![], None), out)).1, 1);
}

#[test]
fn programs_get_verdict_grade_and_steps() {
    let passed = report(
        vec![step("manifest", Outcome::Passed("3 files".into()))],
        Some(Grade::A),
    );
    let mut written = Vec::new();
    verdict(&passed, &mut Output::new(&mut written, true)).unwrap();
    let object: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(object["verdict"], "PASS (grade A)");
    assert_eq!(object["grade"], "A");
    assert_eq!(object["steps"][0]["outcome"]["status"], "passed");
    assert_eq!(object["unproven"][0], "that it rained");
}

/// A log of one leaf, saved as `proof leaves` does it, and the policy of an auditor who trusts its key.
fn saved(folder: &Path, leaf: &[u8]) -> Audit {
    let mut tree = MemoryTree::default();
    tree.push(leaf).unwrap();
    let mut signer = LogSigner::new("log.example".into(), [5; 32], None);
    let note = signer.sign(&tree, 1).unwrap();
    let path = |name: &str| folder.join(name);
    std::fs::write(path("leaves"), format!("{}\n", STANDARD.encode(leaf))).unwrap();
    std::fs::write(path("leaves.checkpoint"), note).unwrap();
    let policy = format!("[log]\nvkey = \"{}\"\n", signer.verifier());
    std::fs::write(path("policy.toml"), policy).unwrap();
    Audit::Reserves {
        leaves: path("leaves"),
        checkpoint: path("leaves.checkpoint"),
        policy: path("policy.toml"),
    }
}

fn paused() -> Vec<u8> {
    Leaf::Paused {
        at_ms: 1,
        v: 1,
        scope: "all".into(),
        by: "operator".into(),
    }
    .to_bytes()
}

#[test]
fn reserves_are_recomputed_from_the_saved_files() {
    let folder = tempfile::tempdir().unwrap();
    let audit = saved(folder.path(), &paused());
    let (text, exit) = human(|out| audit.run(out));
    assert_eq!(
        text,
        "no pools\nPASS: locked = circulating + pending + owed + unattributed − shortfall, recomputed from 1 leaves of log.example\n"
    );
    assert_eq!(exit, 0);
    let twice = format!("{0}\n{0}\n", STANDARD.encode(paused()));
    std::fs::write(folder.path().join("leaves"), twice).unwrap();
    let (text, exit) = human(|out| audit.run(out));
    assert!(text.starts_with("FAIL: "), "{text}");
    assert_eq!(exit, 1);
    std::fs::write(folder.path().join("leaves"), "*\n").unwrap();
    assert_eq!(human(|out| audit.run(out)).1, 2);
    std::fs::write(folder.path().join("policy.toml"), "[log]\nvkey = \"x\"\n").unwrap();
    assert_eq!(human(|out| audit.run(out)).1, 3);
}

#[test]
fn a_pool_that_does_not_add_up_fails() {
    let checkpoint = Checkpoint {
        origin: "log.example".into(),
        size: 3,
        root: [0; 32],
    };
    let mut row = Row {
        pool: Hash::ZERO,
        asset_class: Hash::ZERO,
        totals: Totals {
            locked_g: 3_000_000,
            circulating_g: 1_000_000,
            pending_g: 1_500_000,
            owed_g: 500_000,
            unattributed_g: 0,
            shortfall_g: 0,
        },
        impaired: None,
    };
    let (text, exit) = human(|out| recomputed(&checkpoint, std::slice::from_ref(&row), out));
    assert!(
        text.contains("   3 t          1 t    1.5 t  0.5 t           0 t        0 t  yes\n"),
        "{text}"
    );
    assert_eq!(exit, 0);
    row.totals.locked_g = 2_999_999;
    let (text, exit) = human(|out| recomputed(&checkpoint, &[row], out));
    assert!(text.contains("  NO\nFAIL: "), "{text}");
    assert_eq!(exit, 1);
}

#[test]
fn a_file_that_is_no_bundle_fails_at_its_first_step() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path(), &paused());
    let bundle = folder.path().join("bundle.tar");
    std::fs::write(&bundle, b"no archive").unwrap();
    let audit = |previous: Option<&str>| Audit::Verify {
        bundle: bundle.clone(),
        policy: folder.path().join("policy.toml"),
        previous: previous.map(|name| folder.path().join(name)),
    };
    let (text, exit) = human(|out| audit(Some("leaves.checkpoint")).run(out));
    assert!(text.ends_with("\nFAIL (manifest)\n"), "{text}");
    assert_eq!(exit, 1);
    let (_, exit) = human(|out| audit(Some("policy.toml")).run(out));
    assert_eq!(exit, 2, "not a checkpoint");
    std::fs::remove_file(&bundle).unwrap();
    assert_eq!(human(|out| audit(None).run(out)).1, 2);
}
