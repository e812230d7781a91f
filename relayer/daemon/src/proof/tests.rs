//! Bundles from a real store, put before the auditor's verifier; checkpoints; reserves.

use isthmus_core::instruction::Purpose;
use isthmus_core::testing::sample;
use isthmus_core::transfer::{Event, State, Transfer};
use isthmus_prooflog::gate::MintAuthorisation;
use isthmus_prooflog::note::{self, Checkpoint};
use isthmus_prooflog::verify::{Outcome, Report, verify};
use isthmus_prooflog::{reserves, tree};

use crate::proof::bundle::{AssembleError, assemble};
use crate::proof::reserves::Replay;
use crate::proof::testing::{World, is_attesting, nobody};

fn audit(world: &World, transfer: &Transfer) -> Report {
    let bundle = assemble(&world.store, &world.checkpoints, transfer.id(), None).unwrap();
    verify(&bundle.to_archive().unwrap(), &world.policy(), None)
}

#[track_caller]
fn assert_passes(report: &Report, applied: &[&str]) {
    assert!(report.passed(), "{:?}", report.failed());
    let checked: Vec<_> = report
        .steps
        .iter()
        .filter(|step| matches!(step.outcome, Outcome::Passed(_)))
        .map(|step| step.name)
        .collect();
    for name in applied {
        assert!(
            checked.contains(name),
            "{name} was not checked: {checked:?}"
        );
    }
}

#[test]
fn a_lock_under_way_has_a_bundle_that_verifies() {
    let world = World::with_route();
    let locked = world.locked(1, &[sample::block(1, 5)]);
    assert_passes(&audit(&world, &locked), &["story", "route", "registry"]);
    // A quorum's yes that has not led to a mint changes nothing.
    let attesting = world.intend(&locked);
    assert!(is_attesting(&attesting));
    assert_passes(&audit(&world, &attesting), &["registry"]);
}

#[test]
fn a_completed_outbound_has_a_bundle_that_verifies_to_the_last_step() {
    let world = World::with_route();
    let minted = world.minted(1, &[sample::block(1, 5), sample::block(9, 9)]);
    assert!(matches!(minted.state(), State::Completed { .. }));
    let every = [
        "consistency",
        "story",
        "route",
        "registry",
        "quorum",
        "chain",
    ];
    assert_passes(&audit(&world, &minted), &every);
    // The log grows on; the bundle is then against a later checkpoint.
    world.locked(2, &[sample::block(20, 29)]);
    assert_passes(&audit(&world, &minted), &every);
}

#[test]
fn a_mint_that_was_signed_again_is_proved_by_the_last_signatures() {
    let world = World::with_route();
    let units = [sample::block(1, 5)];
    let first = world.authorised(&world.locked(1, &units));
    let lapsed = world.step(
        &first,
        Event::Lapsed(sample::refusal(isthmus_core::receipt::Lasting::Later)),
    );
    world.locked(2, &[sample::block(20, 29)]);
    let minted = world.mint(&world.authorised(&lapsed));
    assert_passes(&audit(&world, &minted), &["consistency", "quorum"]);
    let bundle = assemble(&world.store, &world.checkpoints, minted.id(), None).unwrap();
    let signed: MintAuthorisation =
        serde_json::from_slice(&bundle.files["auth/mint.json"]).unwrap();
    assert_eq!(
        signed.batch.log_size, 3,
        "the first was signed under 2 leaves"
    );
}

/// The batch was signed for both before the one was withdrawn; only the other's history has it.
#[test]
fn a_mint_that_was_faster_than_a_withdrawal_is_proved_by_the_batch_of_the_others() {
    let world = World::with_route();
    let regretted = world.intend(&world.locked(1, &[sample::block(1, 5)]));
    let other = world.locked(2, &[sample::block(20, 29)]);
    let regretted = world.step(&regretted, Event::WithdrawalRequested);
    let item = sample::mint_item(&sample::outbound(1, &[sample::block(1, 5)]));
    world.authorised_with(&other, item);
    let minted = world.mint_in(&regretted, &[&other, &regretted]);
    assert_passes(&audit(&world, &minted), &["quorum", "chain"]);
}

#[test]
fn a_withdrawn_outbound_has_a_bundle_that_verifies() {
    let world = World::with_route();
    let returned = world.returned(1, &[sample::block(1, 5)]);
    assert!(matches!(returned.state(), State::Returned { .. }));
    assert_passes(&audit(&world, &returned), &["registry", "quorum", "chain"]);
}

#[test]
fn returns_have_bundles_that_verify() {
    let world = World::with_route();
    world.minted(1, &[sample::block(1, 10)]);
    let open = world.burned(1, 2, Purpose::Release);
    assert_passes(&audit(&world, &open), &["chain", "route"]);
    let released = world.redeemed(2, 3, Purpose::Release);
    assert_passes(&audit(&world, &released), &["registry", "chain"]);
    let retired = world.redeemed(3, 4, Purpose::Retire);
    assert_passes(&audit(&world, &retired), &["registry", "chain"]);
}

#[test]
fn a_quarantine_before_the_lock_and_a_newer_route_do_not_spoil_the_bundle() {
    let world = World::with_route();
    let admitted = world.intend(&world.admitted(1, &[sample::block(1, 5)]));
    let quarantined = world.step(&admitted, Event::Quarantined(sample::finding()));
    let mut newer = sample::route();
    newer.version = 2;
    world.activate(newer);
    let resolved = Event::Resolved {
        resolution: isthmus_core::transfer::Resolution::Resume,
        by: ["a".into(), "b".into()],
    };
    let resumed = world.step(&quarantined, resolved);
    let units = [sample::block(1, 5)];
    let receipt = crate::proof::testing::lock_receipt(&resumed, &units);
    let locked = world.step(&resumed, Event::Locked(receipt));
    assert_passes(&audit(&world, &locked), &["story", "route", "registry"]);
}

#[test]
fn what_is_not_there_has_no_bundle() {
    let world = World::with_route();
    let admitted = world.admitted(1, &[sample::block(1, 5)]);
    let asked = |id, kept| assemble(&world.store, &world.checkpoints, id, kept);
    assert!(matches!(
        asked(admitted.id(), None),
        Err(AssembleError::NotLogged(_))
    ));
    assert!(matches!(
        asked(nobody(), None),
        Err(AssembleError::Unknown(_))
    ));
    let locked = world.locked(2, &[sample::block(6, 7)]);
    assert!(matches!(
        asked(locked.id(), Some(99)),
        Err(AssembleError::NotGrown { asked: 99, size: 2 })
    ));
}

#[test]
fn a_bundle_proves_that_the_log_only_grew_since_a_checkpoint_that_the_auditor_kept() {
    let world = World::with_route();
    world.locked(1, &[sample::block(1, 2)]);
    let kept = world.checkpoints.newest().unwrap();
    let key = world.checkpoints.verifier();
    let previous: Checkpoint = note::open(kept.note.as_bytes(), &key).unwrap();
    let later = world.locked(2, &[sample::block(3, 4)]);
    let report = |size| {
        let bundle = assemble(&world.store, &world.checkpoints, later.id(), size).unwrap();
        verify(
            &bundle.to_archive().unwrap(),
            &world.policy(),
            Some(&previous),
        )
    };
    assert_passes(&report(Some(kept.size)), &["consistency"]);
    assert_eq!(
        report(None).failed().map(|step| step.name),
        Some("consistency")
    );
}

#[test]
fn checkpoints_are_of_the_newest_durable_log_and_the_same_after_a_restart() {
    let world = World::with_route();
    let key = world.checkpoints.verifier();
    let first = world.checkpoints.newest().unwrap();
    assert_eq!(first, world.checkpoints.newest().unwrap());
    world.locked(1, &[sample::block(1, 2)]);
    let second = world.checkpoints.newest().unwrap();
    assert_eq!((first.size, second.size), (1, 2));
    let opened = note::open(second.note.as_bytes(), &key).unwrap();
    assert_eq!((opened.size, opened.root), (second.size, second.root));
    let proof = tree::consistency(&world.store.log(), first.size, second.size).unwrap();
    tree::check_consistency(&proof, (first.size, first.root), (second.size, second.root)).unwrap();
    assert_eq!(world.reopened().newest().unwrap(), second);
}

#[test]
fn reserves_are_those_that_anybody_recomputes_from_the_leaves() {
    let world = World::with_route();
    let replay = Replay::default();
    assert_eq!(replay.rows(&world.store).unwrap(), (1, vec![]));
    world.minted(1, &[sample::block(1, 10)]);
    replay.rows(&world.store).unwrap();
    world.locked(2, &[sample::block(20, 24)]);
    world.returned(3, &[sample::block(30, 31)]);
    world.burned(1, 3, Purpose::Retire);
    world.redeemed(2, 4, Purpose::Release);
    let (size, rows) = replay.rows(&world.store).unwrap();
    let leaves = world.store.log().leaves(0, 1000).unwrap();
    let head = world.checkpoints.newest().unwrap();
    let (checkpoint, recomputed) =
        reserves::recompute(&leaves, head.note.as_bytes(), &world.policy()).unwrap();
    assert_eq!((size, &rows), (checkpoint.size, &recomputed));
    let totals = rows[0].totals;
    let tonnes = |t: u64| t * 1_000_000;
    assert_eq!(totals.locked_g, tonnes(11));
    assert_eq!(
        (totals.circulating_g, totals.pending_g, totals.owed_g),
        (tonnes(3), tonnes(5), tonnes(3))
    );
    assert!(totals.holds());
}
