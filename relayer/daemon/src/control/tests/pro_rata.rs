//! What two route admins decide about an impaired pool, one after the other, with restarts in between.

use ed25519_dalek::{Signer as _, SigningKey};
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, BookChange};
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::testing::sample;
use isthmus_core::time::Clock as _;
use isthmus_prooflog::leaf::Leaf;
use isthmus_prooflog::pro_rata;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::custody_service_client::CustodyServiceClient;
use tonic::Status;

use crate::control::tests::{Server, reason};
use crate::engine::leaves;
use crate::error_code::ErrorCode;
use crate::proof::testing::{ADMINS, World};

/// The registry takes units of the sample pool away.
fn take(world: &World, reference: &str, units: &[SerialBlock]) {
    let (pool, class) = (sample::pool().id(), sample::class().id());
    let quantity = serial_block::total(units);
    let receipt = sample::receipt(OperationKind::Unlock, quantity, units);
    let now = world.clock.now();
    let append = Append {
        leaves: vec![leaves::impaired(
            pool, class, reference, units, &receipt, now,
        )],
        book: vec![BookChange::Withhold {
            pool,
            blocks: units.to_vec(),
        }],
        ..Append::default()
    };
    let registry = sample::registry();
    let moved = (&registry, reference);
    world.store.record_moved(append, moved, &[], &[]).unwrap();
}

async fn impairment(server: &Server) -> pb::Impairment {
    let mut custody = CustodyServiceClient::new(server.caller("auditor"));
    let answer = custody.impairments(pb::ImpairmentsRequest {}).await;
    answer.unwrap().into_inner().impairments.remove(0)
}

async fn decide(server: &Server, by: &str, admin: usize, what: &str) -> Result<bool, Status> {
    let key = SigningKey::from_bytes(&ADMINS[admin]);
    let document = serde_json::from_str(what).unwrap();
    let signature = key.sign(pro_rata::message(&document).as_bytes());
    let request = pb::DecideProRataRequest {
        decision: what.to_owned(),
        key: format!("0x{}", hex::encode(key.verifying_key().as_bytes())),
        signature: signature.to_bytes().to_vec().into(),
    };
    let mut custody = CustodyServiceClient::new(server.caller(by));
    let answer = custody.decide_pro_rata(request).await?;
    Ok(answer.into_inner().carried_out)
}

async fn restarted(server: Server) -> Server {
    let Server { world, .. } = server;
    Server::start(world).await
}

fn decisions(server: &Server) -> usize {
    let log = server.world.store.log();
    let leaves = (0..log.size().unwrap()).map(|index| log.leaf(index).unwrap().unwrap());
    let parsed = leaves.map(|leaf| Leaf::parse(&leaf).unwrap());
    parsed
        .filter(|leaf| matches!(leaf, Leaf::ProRata { .. }))
        .count()
}

#[tokio::test]
async fn the_first_signature_outlives_a_restart_and_is_one_persons() {
    let world = World::with_route();
    world.minted(1, &[sample::block(1, 20)]);
    take(&world, "movement:7", &[sample::block(1, 10)]);
    let server = Server::start(world).await;
    let what = impairment(&server).await.decision;
    assert!(!decide(&server, "exchange-a", 0, &what).await.unwrap());

    let server = restarted(server).await;
    assert_eq!(impairment(&server).await.first_by, "exchange-a");
    for (by, admin) in [("exchange-a", 0), ("exchange-a", 1), ("exchange-b", 0)] {
        let refused = decide(&server, by, admin, &what).await.unwrap_err();
        assert_eq!(
            reason(&refused),
            ErrorCode::SecondPersonNeeded,
            "{by} {admin}"
        );
    }
    assert_eq!(decisions(&server), 0);
    assert!(decide(&server, "exchange-b", 1, &what).await.unwrap());
    let decided = impairment(&server).await;
    assert!(decided.decided, "{decided:?}");

    // As if the process had died before it forgot the first one: nothing is decided twice.
    let server = restarted(server).await;
    for (by, admin) in [("exchange-b", 1), ("exchange-a", 0)] {
        let refused = decide(&server, by, admin, &what).await.unwrap_err();
        assert_eq!(reason(&refused), ErrorCode::WrongState, "{refused}");
        assert!(refused.message().contains("decided already"), "{refused}");
    }
    assert_eq!(decisions(&server), 1);
}

#[tokio::test]
async fn a_first_signature_counts_for_no_later_loss() {
    let world = World::with_route();
    world.minted(1, &[sample::block(1, 20)]);
    take(&world, "movement:7", &[sample::block(1, 10)]);
    let server = Server::start(world).await;
    let what = impairment(&server).await.decision;
    assert!(!decide(&server, "exchange-a", 0, &what).await.unwrap());
    take(&server.world, "movement:8", &[sample::block(11, 12)]);

    let now = impairment(&server).await;
    assert_eq!((now.first_by.as_str(), now.decided), ("", false));
    assert_ne!(now.decision, what);
    let refused = decide(&server, "exchange-b", 1, &what).await.unwrap_err();
    assert!(
        refused.message().contains("numbers have changed"),
        "{refused}"
    );
    assert!(
        !decide(&server, "exchange-b", 1, &now.decision)
            .await
            .unwrap()
    );
    assert!(
        decide(&server, "exchange-a", 0, &now.decision)
            .await
            .unwrap()
    );
    assert_eq!(decisions(&server), 1);
}

#[tokio::test]
async fn what_nothing_is_missing_from_is_named_with_what_something_is() {
    let world = World::with_route();
    world.minted(1, &[sample::block(1, 20)]);
    take(&world, "movement:7", &[sample::block(1, 10)]);
    let server = Server::start(world).await;
    let what = impairment(&server).await;
    let other = format!("0x{}", "ab".repeat(32));
    let elsewhere = what.decision.replace(&what.pool, &other);
    let refused = decide(&server, "exchange-a", 0, &elsewhere).await;
    let expected = format!("decision.pool: {other:?}: one of {}", what.pool);
    assert_eq!(refused.unwrap_err().message(), expected);
}
