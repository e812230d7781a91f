//! Reload without restart: what may change does at once, what may not is refused with its reason, and a bad file changes nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use isthmus_e2e::devnet::Devnet;
use serde_json::json;

use crate::command::{Said, as_person, path, run};
use crate::world::World;

fn file(devnet: &Devnet) -> PathBuf {
    devnet.party_folder("relayer").join("relayer.toml")
}

async fn reload(devnet: &Devnet) -> Said {
    as_person(devnet, "operator-1", &["reload", "--json"]).await
}

async fn status_with(devnet: &Devnet, token: &str) -> Said {
    let file = devnet.folder().join("some.token");
    std::fs::write(&file, token).unwrap();
    run(
        devnet,
        &[
            "--control",
            devnet.control_url(),
            "--token-file",
            path(&file),
            "status",
        ],
    )
    .await
}

#[tokio::test]
async fn people_change_without_a_restart_and_what_needs_one_is_refused() {
    let world = World::start().await;
    let devnet = &world.devnet;
    let before = std::fs::read_to_string(file(devnet)).unwrap();
    let pid = devnet.relayer.pid();
    assert_eq!(
        reload(devnet).await.json(),
        json!({ "changed": [], "refused": [] })
    );

    // A new auditor, and more of the log.
    let token = "a-token-of-a-new-auditor-0123456789";
    std::fs::write(
        devnet.party_folder("relayer").join("secrets/new.token"),
        token,
    )
    .unwrap();
    let added = before.replacen(
        "[[control.identity]]",
        "[[control.identity]]\nname = \"auditor-2\"\nroles = [\"auditor\"]\ntoken_file = \"secrets/new.token\"\n\n[[control.identity]]",
        1,
    );
    let added = added.replace("filter = \"info\"", "filter = \"info,isthmus=debug\"");
    assert_eq!(status_with(devnet, token).await.code, 4, "not known yet");
    std::fs::write(file(devnet), &added).unwrap();
    let said = reload(devnet).await.json();
    let changed = said["changed"].to_string();
    assert!(
        changed.contains("identity auditor-2: may call now, as auditor"),
        "{said}"
    );
    assert!(changed.contains("telemetry.filter"), "{said}");
    assert_eq!(status_with(devnet, token).await.code, 0);

    // A file with a mistake changes nothing, whatever else it says.
    std::fs::write(file(devnet), before.replace("network = ", "net = ")).unwrap();
    let bad = reload(devnet).await;
    assert_eq!(bad.code, 3, "{bad:?}");
    assert!(
        bad.stdout.contains("network") && bad.stdout.contains("\"changed\":[]"),
        "{bad:?}"
    );
    assert_eq!(status_with(devnet, token).await.code, 0, "still there");

    // So does one that needs a restart.
    let moved = before.replace("data_dir = \"data\"", "data_dir = \"elsewhere\"");
    let moved = moved.replace("request_timeout_ms = 2000", "request_timeout_ms = 2001");
    std::fs::write(file(devnet), moved).unwrap();
    let refused = reload(devnet).await;
    assert_eq!(refused.code, 3, "{refused:?}");
    for reason in [
        "data_dir: ",
        "elsewhere",
        "ledger vcs:sandbox: request_timeout_ms",
        "restart to change it",
    ] {
        assert!(refused.stdout.contains(reason), "{reason}: {refused:?}");
    }
    assert_eq!(status_with(devnet, token).await.code, 0, "still there");

    // SIGHUP means the same: the auditor goes.
    std::fs::write(file(devnet), &before).unwrap();
    let pid_text = pid.unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-HUP", &pid_text])
        .status();
    assert!(sent.unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(10);
    while status_with(devnet, token).await.code != 4 {
        assert!(Instant::now() < deadline, "SIGHUP changed nothing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(devnet.relayer.pid(), pid, "one and the same process");
    world.minted(0, 9).await;
}
