//! Routes: two callers, two admins, ascending versions, one custody account for one origin and gate.

use isthmus_core::id::LedgerId;
use isthmus_core::route::RouteDocument;
use isthmus_core::testing::sample;
use isthmus_prooflog::leaf::Leaf;
use isthmus_proto::v1 as pb;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::control::tests::{Server, reason};
use crate::error_code::ErrorCode;
use crate::proof::testing::{ADMINS, World, admin};

fn text(document: &RouteDocument) -> String {
    String::from_utf8(isthmus_core::jcs::bytes(document)).unwrap()
}

fn signature(seed: &[u8; 32], document: &RouteDocument) -> pb::RouteSignature {
    let signed = admin(seed, document);
    pb::RouteSignature {
        key: signed.key.to_string(),
        signature: hex::decode(signed.signature).unwrap().into(),
    }
}

async fn propose(
    server: &Server,
    by: &str,
    seed: &[u8; 32],
    document: &RouteDocument,
) -> Result<pb::Route, Status> {
    let request = pb::ProposeRouteRequest {
        document: text(document),
        signature: Some(signature(seed, document)),
    };
    let answer = server.routes(by).propose(request).await?;
    Ok(answer.into_inner().route.unwrap())
}

async fn approve(
    server: &Server,
    by: &str,
    seed: &[u8; 32],
    document: &RouteDocument,
) -> Result<pb::Route, Status> {
    let request = pb::ApproveRouteRequest {
        id: document.id.to_string(),
        version: document.version,
        signature: Some(signature(seed, document)),
    };
    let answer = server.routes(by).approve(request).await?;
    Ok(answer.into_inner().route.unwrap())
}

#[tokio::test]
async fn a_route_counts_after_two_callers_with_two_admins_signatures() {
    let server = Server::start(World::new()).await;
    let route = sample::route();
    let proposed = propose(&server, "exchange-a", &ADMINS[0], &route)
        .await
        .unwrap();
    assert_eq!(
        (proposed.status.as_str(), proposed.version),
        ("proposed", 1)
    );
    assert_eq!(server.world.store.log().size().unwrap(), 0);

    let same_caller = approve(&server, "exchange-a", &ADMINS[1], &route)
        .await
        .unwrap_err();
    assert_eq!(same_caller.code(), Code::FailedPrecondition);
    assert_eq!(reason(&same_caller), ErrorCode::SecondPersonNeeded);
    let same_admin = approve(&server, "exchange-b", &ADMINS[0], &route)
        .await
        .unwrap_err();
    assert_eq!(reason(&same_admin), ErrorCode::SecondPersonNeeded);
    let stranger = approve(&server, "exchange-b", &[99; 32], &route)
        .await
        .unwrap_err();
    assert_eq!(reason(&stranger), ErrorCode::RouteRefused);
    assert_eq!(server.world.store.log().size().unwrap(), 0);

    let active = approve(&server, "exchange-b", &ADMINS[1], &route)
        .await
        .unwrap();
    assert_eq!(
        (active.status.as_str(), active.signatures.len()),
        ("active", 2)
    );
    assert_eq!(active.digest, route.digest().to_string());
    let leaf = server.world.store.log().leaf(0).unwrap().unwrap();
    let Leaf::Route {
        route: logged,
        signatures,
        ..
    } = Leaf::parse(&leaf).unwrap()
    else {
        panic!("the leaf is no ROUTE");
    };
    assert_eq!(logged, serde_json::to_value(&route).unwrap());
    assert_eq!(signatures.len(), 2);
    let stored = server.world.store.active_route(&route.id).unwrap().unwrap();
    assert_eq!(stored.leaf, Some(0));

    // Repeating either call changes nothing.
    assert_eq!(
        approve(&server, "exchange-b", &ADMINS[1], &route)
            .await
            .unwrap(),
        active
    );
    assert_eq!(
        propose(&server, "exchange-a", &ADMINS[0], &route)
            .await
            .unwrap(),
        active
    );
    assert_eq!(server.world.store.log().size().unwrap(), 1);
    assert_eq!(server.route("verra-evm").await.unwrap(), active);
}

#[tokio::test]
async fn versions_ascend_without_a_gap_and_keep_their_pool() {
    let server = Server::start(World::with_route()).await;
    let version = |n| RouteDocument {
        version: n,
        ..sample::route()
    };
    for wrong in [0, 1, 3] {
        let mut document = version(wrong);
        document.step_g = document.max_per_transfer_g;
        let refused = propose(&server, "exchange-a", &ADMINS[0], &document)
            .await
            .unwrap_err();
        assert_eq!(reason(&refused), ErrorCode::RouteRefused, "version {wrong}");
        assert!(
            refused.message().contains("version 2 comes next"),
            "{refused}"
        );
    }
    let mut moved = version(2);
    moved.custody_account = "9002".parse().unwrap();
    moved.gate = isthmus_core::id::Address::new([0x34; 20]);
    let refused = propose(&server, "exchange-a", &ADMINS[0], &moved)
        .await
        .unwrap_err();
    assert!(refused.message().contains("as in version 1"), "{refused}");

    propose(&server, "exchange-a", &ADMINS[1], &version(2))
        .await
        .unwrap();
    let listed = server
        .routes("auditor")
        .list(pb::ListRoutesRequest {})
        .await
        .unwrap();
    let statuses: Vec<_> = listed
        .into_inner()
        .routes
        .into_iter()
        .map(|r| (r.version, r.status))
        .collect();
    assert_eq!(statuses, [(1, "active".into()), (2, "proposed".into())]);
    let active = approve(&server, "exchange-b", &ADMINS[0], &version(2))
        .await
        .unwrap();
    assert_eq!((active.version, active.status.as_str()), (2, "active"));
    let listed = server
        .routes("auditor")
        .list(pb::ListRoutesRequest {})
        .await
        .unwrap();
    assert_eq!(listed.into_inner().routes, [active]);
}

#[tokio::test]
async fn the_same_origin_and_gate_mean_the_same_custody_account() {
    let server = Server::start(World::with_route()).await;
    let mut other = sample::route();
    other.id = "second".parse().unwrap();
    other.custody_account = "9002".parse().unwrap();
    let refused = propose(&server, "exchange-a", &ADMINS[0], &other)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].field, "custody_account");
    assert!(
        violations[0]
            .description
            .contains("9001, as route verra-evm has")
    );
    other.custody_account = sample::custody();
    assert!(
        propose(&server, "exchange-a", &ADMINS[0], &other)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn every_problem_is_reported() {
    let server = Server::start(World::new()).await;
    let mut bad = sample::route();
    bad.origin = "vcs:elsewhere".parse::<LedgerId>().unwrap();
    bad.destination = sample::registry();
    bad.version = 7;
    bad.redemption = vec![];
    let validate = |document| async {
        let request = pb::ValidateRouteRequest { document };
        server
            .routes("auditor")
            .validate(request)
            .await
            .unwrap()
            .into_inner()
            .problems
    };
    let problems = validate(text(&bad)).await;
    for field in ["origin", "destination", "version", "redemption"] {
        assert!(
            problems.iter().any(|p| p.starts_with(field)),
            "{field}: {problems:?}"
        );
    }
    assert_eq!(validate(text(&sample::route())).await, Vec::<String>::new());
    let unknown_field = text(&sample::route()).replace("\"v\":1", "\"v\":1,\"w\":2");
    assert_eq!(validate(unknown_field).await.len(), 1);
    let missing = server.route("nowhere").await.unwrap_err();
    assert_eq!(
        (missing.code(), reason(&missing)),
        (Code::NotFound, ErrorCode::UnknownRoute)
    );
}
