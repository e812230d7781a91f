//! Whom the adapter refuses to talk to.

use isthmus_vcs::{ConnectError, Duty, VcsConfig};

use crate::parties::{TestClock, config, connect};
use crate::world::{RELAYER, World};

#[tokio::test]
async fn the_wrong_registry_key_credential_or_place_is_refused() {
    let (world, clock) = (World::start().await, TestClock::new());
    let right = config(&world).await;
    assert!(
        connect(&right, RELAYER, Duty::Relayer, &clock)
            .await
            .is_ok()
    );
    let other = VcsConfig {
        ledger: "vcs:other".parse().unwrap(),
        ..right.clone()
    };
    let refused = connect(&other, RELAYER, Duty::Relayer, &clock)
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, ConnectError::WrongRegistry { found, .. } if found == "vcs:sandbox"),
        "{refused}"
    );
    let mut changed = right.clone();
    changed.receipt_key = [3; 32];
    let refused = connect(&changed, RELAYER, Duty::Relayer, &clock)
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            ConnectError::WrongReceiptKey { .. } | ConnectError::NoKey { .. }
        ),
        "{refused}"
    );
    let refused = connect(&right, "nobody's key", Duty::Relayer, &clock)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ConnectError::Credential { .. }),
        "{refused}"
    );
    let elsewhere = VcsConfig {
        url: "http://127.0.0.1:1".into(),
        ..right.clone()
    };
    let refused = connect(&elsewhere, RELAYER, Duty::Relayer, &clock)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ConnectError::Unreached { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_key_is_sent_to_proper_places_only() {
    let (world, clock) = (World::start().await, TestClock::new());
    let right = config(&world).await;
    for url in ["127.0.0.1:80", "http://127.0.0.1/path", "not a url", ""] {
        let wrong = VcsConfig {
            url: url.into(),
            ..right.clone()
        };
        let refused = connect(&wrong, RELAYER, Duty::Relayer, &clock)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, ConnectError::BadUrl { .. }),
            "{url}: {refused}"
        );
    }
    let plaintext = VcsConfig {
        url: "http://registry.example:8080".into(),
        ..right
    };
    let refused = connect(&plaintext, RELAYER, Duty::Relayer, &clock)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, ConnectError::Plaintext { .. }),
        "{refused}"
    );
}
