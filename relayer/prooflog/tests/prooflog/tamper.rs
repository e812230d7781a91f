//! Every lie fails, at the step that is there to catch it.

mod outbound;
mod returns;

use std::collections::BTreeMap;

use alloy_primitives::Address;
use isthmus_prooflog::bundle::{Bundle, sha256};
use isthmus_prooflog::leaf::Purpose;
use isthmus_prooflog::policy::Policy;
use isthmus_prooflog::verify::verify;

use crate::bundle::Parts;
use crate::stories::{completed, returned, withdrawn};
use crate::verify::checked;
use crate::world::{self, GATE, World};

/// What to lie about, and which step must say so.
type Lie = (&'static str, &'static str, fn(&mut Parts));

fn all_fail(truth: fn() -> Parts, lies: &[Lie]) {
    assert!(checked(&truth()).passed());
    for (name, step, lie) in lies {
        let mut parts = truth();
        lie(&mut parts);
        let report = checked(&parts);
        let failed = report.failed().map(|step| step.name);
        assert_eq!(failed, Some(*step), "{name}: {report:#?}");
        assert_eq!(report.verdict(), format!("FAIL ({step})"));
        assert_eq!((report.grade, report.passed()), (None, false), "{name}");
    }
}

#[test]
fn lies_about_a_completed_transfer() {
    all_fail(completed, outbound::COMPLETED);
}

#[test]
fn lies_about_a_withdrawn_transfer() {
    all_fail(withdrawn, outbound::WITHDRAWN);
}

#[test]
fn lies_about_a_released_return() {
    all_fail(|| returned(Purpose::Release), returns::RELEASED);
}

#[test]
fn lies_about_a_retired_return() {
    all_fail(|| returned(Purpose::Retire), returns::RETIRED);
}

/// A forger without the log's key changes files and writes a manifest that fits.
fn forged(change: impl Fn(&mut BTreeMap<String, Vec<u8>>)) -> Option<&'static str> {
    let bundle = completed().bundle();
    let manifest = &bundle.manifest;
    let mut files = bundle.files.clone();
    change(&mut files);
    let archive = Bundle::new(
        manifest.transfer,
        manifest.kind,
        manifest.asset_class,
        manifest.quantity_g.0,
        manifest.log_size,
        files,
    )
    .to_archive()
    .unwrap();
    let report = verify(&archive, &World::new(0).policy(), None);
    report.failed().map(|step| step.name)
}

fn flip(files: &mut BTreeMap<String, Vec<u8>>, path: &str) {
    let bytes = files.get_mut(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
}

#[test]
fn forged_files_fail_although_the_manifest_fits() {
    assert_eq!(forged(|_| ()), None);
    let flips = [
        ("checkpoint/10.txt", "checkpoint"),
        ("leaves/3.json", "inclusion"),
        ("proofs/3.tlog-proof", "inclusion"),
        ("consistency/4-10.txt", "consistency"),
        ("origin/lock.jws", "registry"),
        ("destination/mint.json", "chain"),
    ];
    for (path, step) in flips {
        assert_eq!(forged(|files| flip(files, path)), Some(step), "{path}");
        let missing = forged(|files| drop(files.remove(path)));
        assert_eq!(missing, Some(step), "no {path}");
    }
    assert_eq!(
        forged(|files| drop(files.remove("auth/mint.json"))),
        Some("quorum")
    );
    let extra =
        |path: &'static str| forged(move |files| drop(files.insert(path.into(), b"x".to_vec())));
    for path in [
        "README",
        "extra/file",
        "leaves/03.json",
        "leaves/+3.json",
        "leaves/10.json",
        "checkpoint/9.txt",
        "origin/other.jws",
        "auth/burn.json",
        "consistency/4-9.txt",
    ] {
        assert_eq!(extra(path), Some("manifest"), "{path}");
    }
    assert_eq!(
        extra("leaves/4.json"),
        Some("inclusion"),
        "a leaf without a proof"
    );
    assert_eq!(
        extra("proofs/4.tlog-proof"),
        Some("inclusion"),
        "a proof without a leaf"
    );
    assert_eq!(
        extra("destination/void.json"),
        Some("story"),
        "evidence of no leaf"
    );
    let moved = forged(|files| {
        let proof = files["proofs/3.tlog-proof"].clone();
        files.insert("proofs/5.tlog-proof".into(), proof);
    });
    assert_eq!(moved, Some("inclusion"), "the proof of another leaf");
    let checkpoint = forged(|files| {
        let text = String::from_utf8(files["proofs/3.tlog-proof"].clone()).unwrap();
        files.insert("proofs/3.tlog-proof".into(), (text + "\n").into_bytes());
    });
    assert_eq!(
        checkpoint,
        Some("inclusion"),
        "a proof against another checkpoint"
    );
}

#[test]
fn a_manifest_that_does_not_fit_fails() {
    type Change = fn(&mut Bundle);
    let changes: [(&str, Change); 7] = [
        ("a file that is not listed", |b| {
            drop(b.files.insert("auth/void.json".into(), vec![]));
        }),
        ("a listed file that is missing", |b| {
            drop(b.files.remove("leaves/3.json"));
        }),
        ("another hash", |b| b.manifest.files[0].sha256 = sha256(b"")),
        ("another size", |b| b.manifest.files[0].size += 1),
        ("another role", |b| b.manifest.files[0].role = "leaf".into()),
        ("another order", |b| b.manifest.files.swap(0, 1)),
        ("another version", |b| b.manifest.v = 2),
    ];
    for (name, change) in changes {
        let mut bundle = completed().bundle();
        change(&mut bundle);
        let archive = bundle.to_archive().unwrap();
        let report = verify(&archive, &World::new(0).policy(), None);
        assert_eq!(report.failed().map(|s| s.name), Some("manifest"), "{name}");
    }
    let mut bundle = completed().bundle();
    bundle.manifest.log_size = 9;
    let archive = bundle.to_archive().unwrap();
    let report = verify(&archive, &World::new(0).policy(), None);
    assert_eq!(report.verdict(), "FAIL (manifest)");
}

#[test]
fn an_archive_with_anything_hidden_is_no_bundle() {
    let archive = completed().archive();
    let fails = |archive: &[u8]| {
        let report = verify(archive, &World::new(0).policy(), None);
        assert_eq!(report.verdict(), "FAIL (manifest)");
        assert_eq!(report.transfer, None);
    };
    fails(b"");
    fails(&archive[..archive.len() - 1]);
    fails(&[archive.as_slice(), b"hidden"].concat());
    let mut dated = archive.clone();
    dated[136] = b'1'; // the first entry's time of change
    fails(&dated);
    let mut builder = tar::Builder::new(Vec::new());
    for path in ["../manifest.json", "/manifest.json", "a//b"] {
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, std::io::empty()).unwrap();
        fails(builder.get_ref());
    }
}

#[test]
fn a_bundle_whose_every_key_is_its_own_fails() {
    let mut parts = completed();
    let forger = World::new(1);
    parts.leaves[0] = forger.route_leaf(&world::route(3));
    (parts.world, parts.registry, parts.attesters) =
        (forger.clone(), forger.clone(), forger.clone());
    let archive = parts.archive();
    assert!(
        verify(&archive, &forger.policy(), None).passed(),
        "consistent in itself"
    );
    let report = verify(&archive, &World::new(0).policy(), None);
    assert_eq!(report.verdict(), "FAIL (checkpoint)");
}

#[test]
fn a_policy_that_does_not_list_what_is_needed_fails() {
    let archive = completed().archive();
    let text = World::new(0).policy_text(&[]);
    for (from, to, step) in [
        ("id = \"vcs:sandbox\"", "id = \"vcs:other\"", "registry"),
        ("eip155:31337", "eip155:1", "quorum"),
        (
            "0x3333333333333333333333333333333333333333",
            "0x3434343434343434343434343434343434343434",
            "quorum",
        ),
        ("epoch = 1\n", "epoch = 2\n", "quorum"),
        ("threshold = 2", "threshold = 3", "quorum"),
    ] {
        let policy = Policy::parse(&text.replace(from, to)).unwrap();
        let report = verify(&archive, &policy, None);
        assert_eq!(report.verdict(), format!("FAIL ({step})"), "{from} → {to}");
    }
}

#[test]
fn another_gate_that_the_policy_lists_does_not_count_for_this_one() {
    let other = Address::repeat_byte(0x34);
    let text = World::new(0).policy_text(&[]);
    let from = text.find("[[gate]]").unwrap();
    let to = text.find("[[route_admin]]").unwrap();
    let second = text[from..to].replace(&format!("{GATE:#x}"), &format!("{other:#x}"));
    let policy = Policy::parse(&format!("{text}{second}")).unwrap();
    let fails = |lie: fn(&mut Parts, Address)| {
        let mut parts = completed();
        lie(&mut parts, other);
        verify(&parts.archive(), &policy, None).verdict()
    };
    assert_eq!(fails(|_, _| ()), "PASS (grade B)");
    assert_eq!(
        fails(|p, gate| p.mint.as_mut().unwrap().gate = gate),
        "FAIL (quorum)"
    );
    assert_eq!(
        fails(|p, gate| p.event("mint").emitter = gate),
        "FAIL (chain)"
    );
}
