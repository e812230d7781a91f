//! A relayer or attester that is configured for another chain, gate or registry than it finds does not start.

use std::path::Path;
use std::time::Duration;

use isthmus_e2e::devnet::{Devnet, Options};

/// What a process says and how it ends, after its configuration was changed.
async fn ends_with(devnet: &Devnet, attester: bool, change: (&str, &str)) -> String {
    let (party, file) = if attester {
        ("attester-1", "attester.toml")
    } else {
        ("relayer", "relayer.toml")
    };
    let path = devnet.party_folder(party).join(file);
    let good = std::fs::read_to_string(&path).unwrap();
    assert!(good.contains(change.0), "{good}");
    write(&path, &good.replace(change.0, change.1));
    let service = if attester {
        &devnet.attesters[0]
    } else {
        &devnet.relayer
    };
    let before = service.output().len();
    service.start().unwrap();
    let code = service.ended(Duration::from_secs(30)).await.unwrap();
    let said = service.output()[before..].to_owned();
    assert_ne!(code, Some(0), "{said}");
    assert!(code.is_some(), "it ended by a signal: {said}");
    assert!(!said.contains("panicked"), "{said}");
    write(&path, &good);
    said
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn wrong_ledgers_are_refused_at_connect() {
    let devnet = Devnet::prepare(Options::default()).await.unwrap();
    let gate = devnet.gate.to_string();
    let nothing = format!("0x{}", "de".repeat(20));
    let receipt_key = devnet.parties.receipts.public_base64();
    let other_key = devnet.parties.log.public_base64();
    for attester in [false, true] {
        let said = ends_with(&devnet, attester, ("eip155:31337", "eip155:1")).await;
        assert!(
            said.contains("31337") && said.contains("eip155:1"),
            "{said}"
        );
        let said = ends_with(&devnet, attester, (&gate, &nothing)).await;
        let named = said.to_lowercase().contains(&nothing);
        assert!(named && said.contains("no contract"), "{said}");
        let said = ends_with(&devnet, attester, (&receipt_key, &other_key)).await;
        assert!(said.contains("receipt"), "{said}");
    }
    // The same files, unchanged, work.
    devnet.start_relayer().await.unwrap();
}
