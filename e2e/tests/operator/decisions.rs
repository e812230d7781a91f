//! What people decide: quarantine and resuming by two, a first decision that outlives `kill -9`, and trying again by filter.

use std::time::{Duration, Instant};

use isthmus_core::id::TransferId;
use isthmus_e2e::devnet::{Devnet, Options, REGISTRY};

use crate::command::as_person;
use crate::world::World;

/// Takes the chain out of an attester's configuration; the file, and how it was.
fn mislead(devnet: &Devnet, attester: &str) -> (std::path::PathBuf, String) {
    let file = devnet.party_folder(attester).join("attester.toml");
    let right = std::fs::read_to_string(&file).unwrap();
    let chain = right.find("\n[[ledger]]\nid = \"eip155").unwrap();
    std::fs::write(&file, &right[..chain]).unwrap();
    (file, right)
}

#[tokio::test]
async fn two_operators_end_a_quarantine_and_the_first_decision_outlives_a_kill() {
    let devnet = Devnet::prepare(Options::default()).await.unwrap();
    // Two of three attesters do not know the chain: there is no quorum, for good.
    let misled = [
        mislead(&devnet, "attester-1"),
        mislead(&devnet, "attester-2"),
    ];
    devnet.start_relayer().await.unwrap();
    for attester in &devnet.attesters {
        attester.start().unwrap();
    }
    let route = devnet.route_document("verra-evm").unwrap();
    devnet.activate_route(&route).await.unwrap();
    let world = World { devnet, route };
    let devnet = &world.devnet;
    let id = devnet.admit(&world.terms(0, 9).await).await.unwrap();
    devnet.wait_for(id, "quarantined").await.unwrap();

    let listed = as_person(devnet, "auditor", &["quarantine", "list", "--json"])
        .await
        .json();
    let found = &listed[0];
    assert_eq!(found["id"], id.to_string());
    assert_eq!(
        (found["at"].as_str(), found["code"].as_str()),
        (Some("taken"), Some("ISTHMUS-0006"))
    );
    let evidence = found["evidence"][0].as_str().unwrap();
    assert!(
        evidence.starts_with("lock #") && evidence.contains("registry-receipt sha256 0x"),
        "{evidence}"
    );

    let text = id.to_string();
    let resolve = [
        "quarantine",
        "resolve",
        &text,
        "--resolution",
        "resume",
        "--json",
    ];
    let first = as_person(devnet, "operator-1", &resolve).await.json();
    assert_eq!(first["carried_out"], false);
    devnet.restart_relayer().await.unwrap();
    let listed = as_person(devnet, "auditor", &["quarantine", "list", "--json"])
        .await
        .json();
    assert_eq!(listed[0]["first_decision"], "resume by operator-1");
    let again = as_person(devnet, "operator-1", &resolve).await.json();
    assert_eq!(
        again["carried_out"], false,
        "one person twice, after a restart"
    );

    for (file, right) in misled {
        std::fs::write(file, right).unwrap();
    }
    devnet.attesters[0].restart().unwrap();
    devnet.attesters[1].restart().unwrap();
    let second = as_person(devnet, "operator-2", &resolve).await.json();
    assert_eq!(second["carried_out"], true);
    devnet.wait_for(id, "completed").await.unwrap();
    world.assert_reserves_hold().await;
}

#[tokio::test]
async fn a_halted_ledger_goes_on_by_two_people_also_across_a_kill() {
    let world = World::start().await;
    let devnet = &world.devnet;
    let scope = format!("ledger:{REGISTRY}");
    let resume = ["resume", scope.as_str()];
    as_person(devnet, "operator-1", &["pause", &scope, "--json"])
        .await
        .json();
    let first = as_person(devnet, "operator-1", &resume).await;
    assert_eq!(first.code, 4, "{first:?}");
    assert!(first.stderr.contains("ISTHMUS-0020"), "{first:?}");
    devnet.restart_relayer().await.unwrap();
    let alone = as_person(devnet, "operator-1", &resume).await;
    assert_eq!(alone.code, 4, "one person twice: {alone:?}");
    let second = as_person(devnet, "operator-2", &["resume", &scope, "--json"])
        .await
        .json();
    assert_eq!(second["paused"], serde_json::json!([]));

    // A decision about an earlier pause says nothing about a later one.
    as_person(devnet, "operator-1", &["pause", &scope, "--json"])
        .await
        .json();
    let alone = as_person(devnet, "operator-2", &resume).await;
    assert_eq!(alone.code, 4, "{alone:?}");
    as_person(devnet, "operator-1", &["resume", &scope, "--json"])
        .await
        .json();
    world.minted(0, 9).await;
}

/// Waits until a transfer was put off so far that it would not come up again by itself for a while.
async fn put_off(world: &World, id: TransferId) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let found = world.devnet.transfer(id).await.unwrap().unwrap();
        let tried = as_person(
            &world.devnet,
            "operator-1",
            &[
                "retry",
                "--ledger",
                REGISTRY,
                "--older-than-s",
                "7",
                "--dry-run",
                "--json",
            ],
        );
        if tried.await.json()["matched"] == 1 && !found.transfer.unwrap().note.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "it was never put off");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn what_was_put_off_is_tried_now_by_filter() {
    let world = World::start().await;
    let devnet = &world.devnet;
    let terms = world.terms(0, 9).await;
    // Admitted, then the registry is gone before the lock is confirmed: the route is paused meanwhile to be sure.
    as_person(
        devnet,
        "operator-1",
        &["pause", "route:verra-evm", "--json"],
    )
    .await
    .json();
    as_person(
        devnet,
        "operator-1",
        &["resume", "route:verra-evm", "--json"],
    )
    .await
    .json();
    let id = devnet.admit(&terms).await.unwrap();
    devnet.sandbox.kill9().unwrap();
    put_off(&world, id).await;
    devnet.restart_sandbox().await.unwrap();

    let other = ["retry", "--route", "another", "--json"];
    let unknown = as_person(devnet, "operator-1", &other).await;
    assert!(unknown.stderr.contains("one of verra-evm"), "{unknown:?}");
    let ended = ["retry", "--state", "completed", "--json"];
    let none = as_person(devnet, "operator-1", &ended).await.json();
    assert_eq!((&none["matched"], &none["moved"]), (&0.into(), &0.into()));
    let text = id.to_string();
    let moved = as_person(devnet, "operator-1", &["retry", "--id", &text, "--json"])
        .await
        .json();
    assert_eq!(
        (&moved["matched"], &moved["moved"]),
        (&1.into(), &1.into()),
        "{moved}"
    );
    devnet.wait_for(id, "completed").await.unwrap();

    let not_theirs = as_person(devnet, "auditor", &["retry"]).await;
    assert!(not_theirs.stderr.contains("ISTHMUS-0012"), "{not_theirs:?}");
    let wrong = as_person(
        devnet,
        "operator-1",
        &["retry", "--lane", "vcs:sandbox/locks"],
    )
    .await;
    assert!(wrong.stderr.contains("vcs:sandbox/lock"), "{wrong:?}");
}
