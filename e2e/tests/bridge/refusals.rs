//! What may not cross: each refusal names field, value and remedy, and nothing moves.

use isthmus_core::quantity::Quantity;
use isthmus_core::route::RouteDocument;
use isthmus_core::terms::OutboundTerms;
use isthmus_e2e::devnet::keys::EdKey;
use isthmus_e2e::devnet::parties::{ALPHA, BETA, CLOSED};
use isthmus_proto::v1;
use tonic::Code;

use crate::world::{World, serial};

/// 100 t of project 2925, which the route does not take.
const OTHER_PROJECT: &str =
    "19390-941471173-941471272-VCS-VCU-1289-VER-KH-3-2925-01012024-30062024-1";

#[tokio::test]
async fn what_may_not_cross_is_refused_with_field_value_and_remedy() {
    let world = World::start().await;
    wrong_units(&world).await;
    wrong_accounts(&world).await;
    wrong_route(&world).await;
    wrong_callers(&world).await;
    assert_eq!(world.custody_t().await, 0, "nothing moved");
    assert!(world.devnet.registry.movements().await.unwrap().is_empty());
    let admitted = v1::ListTransfersRequest::default();
    let mut transfers = world.devnet.control("operator-1").unwrap().transfers();
    let listed = transfers.list(admitted).await.unwrap().into_inner();
    assert!(listed.transfers.is_empty(), "{listed:?}");
    repeated_keys(&world).await;
}

/// Submits an order that must be refused before anything is written.
async fn refused(world: &World, order: v1::Order) -> v1::Refusal {
    match world.devnet.submit(order).await.unwrap() {
        Err(refusal) => refusal,
        Ok(transfer) => panic!("admitted: {transfer:?}"),
    }
}

/// Signed by account 1001, whoever the terms name.
fn by_alpha(world: &World, terms: &OutboundTerms) -> v1::Order {
    let key = &world.devnet.parties.holder(ALPHA).unwrap().key;
    signed(terms, key)
}

fn signed(terms: &OutboundTerms, key: &EdKey) -> v1::Order {
    isthmus_e2e::devnet::order(terms, key, &terms.id().to_string())
}

fn assert_names(refusal: &v1::Refusal, code: &str, field: &str, value: &str, remedy: &str) {
    assert_eq!(refusal.code, code, "{refusal:?}");
    assert!(refusal.field.ends_with(field), "{refusal:?}");
    assert!(refusal.value.contains(value), "{refusal:?}");
    assert!(refusal.message.contains(remedy), "{refusal:?}");
}

async fn wrong_units(world: &World) {
    let good = world.terms(0, 9).await;
    let with_units = |units: &[String], tonnes: u64| OutboundTerms {
        units: units.to_vec(),
        quantity_g: Quantity::from_tonnes(tonnes).unwrap(),
        ..good.clone()
    };
    let ten = serial(0, 9);
    let malformed = ten.replace("-VCU-", "-VC-");
    let unknown = ten.replace("941467", "141467");
    for (terms, code, field, value, remedy) in [
        (
            with_units(std::slice::from_ref(&ten), 9),
            "wrong_quantity",
            "quantity_g",
            "9000000",
            "10000000",
        ),
        (
            with_units(&[serial(0, 9), serial(5, 14)], 20),
            "overlaps",
            "units",
            "19385-",
            "overlap",
        ),
        (
            with_units(std::slice::from_ref(&malformed), 10),
            "malformed_serial",
            "units",
            &malformed,
            "VCU",
        ),
        (
            with_units(std::slice::from_ref(&unknown), 10),
            "unknown_block",
            "units",
            &unknown,
            "name blocks that exist",
        ),
    ] {
        let refusal = refused(world, by_alpha(world, &terms)).await;
        assert_names(&refusal, code, field, value, remedy);
        assert!(!refusal.later, "{refusal:?}");
    }
    let route = &world.route;
    let terms = world
        .devnet
        .terms(route, ALPHA, OTHER_PROJECT, world.alice());
    let refusal = refused(world, by_alpha(world, &terms.await.unwrap())).await;
    assert_names(&refusal, "not_eligible", "project", "2925", "1340, 513");
}

async fn wrong_accounts(world: &World) {
    let good = world.terms(0, 9).await;
    let from = |account: &str| OutboundTerms {
        account: account.parse().unwrap(),
        ..good.clone()
    };
    let key = |account: &str| &world.devnet.parties.holder(account).unwrap().key;
    let refusal = refused(world, by_alpha(world, &from("7777"))).await;
    assert_names(&refusal, "unknown_account", "account", "7777", "account");
    let refusal = refused(world, signed(&from(CLOSED), key(CLOSED))).await;
    assert_names(
        &refusal,
        "account_closed",
        "account",
        CLOSED,
        "use an open one",
    );
    // Another holder cannot move them, with his own mandate or without the owner's.
    let refusal = refused(world, signed(&from(BETA), key(BETA))).await;
    assert_names(&refusal, "not_owner", "units", "19385-", ALPHA);
    let refusal = refused(world, signed(&good, key(BETA))).await;
    let id = good.id().to_string();
    assert_names(
        &refusal,
        "mandate_invalid",
        "mandate",
        &id,
        "sign exactly this TransferId",
    );
    // The mandate is for another recipient.
    let mut order = by_alpha(world, &good);
    if let Some(terms) = &mut order.terms {
        terms.recipient = world.wallet(1).address().to_string();
    }
    let refusal = refused(world, order).await;
    assert_names(
        &refusal,
        "mandate_invalid",
        "mandate",
        "0x",
        "sign exactly this TransferId",
    );
}

async fn wrong_route(world: &World) {
    let devnet = &world.devnet;
    let narrow = RouteDocument {
        outstanding_cap_g: Quantity::from_tonnes(50).unwrap(),
        ..devnet.route_document("narrow").unwrap()
    };
    devnet.activate_route(&narrow).await.unwrap();
    let sixty = devnet
        .terms(&narrow, ALPHA, &serial(0, 59), world.alice())
        .await
        .unwrap();
    let refusal = refused(world, by_alpha(world, &sixty)).await;
    assert_names(&refusal, "over_cap", "quantity_g", "60000000", "50 t");
    assert!(refusal.later, "{refusal:?}");

    let mut operator = devnet.control("operator-1").unwrap().operator();
    let scope = format!("route:{}", world.route.id);
    let pause = v1::PauseRequest {
        scope: scope.clone(),
    };
    operator.pause(pause).await.unwrap();
    let good = world.terms(0, 9).await;
    let refusal = refused(world, by_alpha(world, &good)).await;
    assert_names(&refusal, "paused", "route", "verra-evm", "resume");
    assert!(refusal.later, "{refusal:?}");
    let request = v1::ResumeRequest {
        scope,
        accept_losses: false,
    };
    operator.resume(request).await.unwrap();

    let elsewhere = OutboundTerms {
        route: "nowhere".parse().unwrap(),
        ..good
    };
    let refusal = refused(world, by_alpha(world, &elsewhere)).await;
    assert_names(&refusal, "unknown_route", "route", "nowhere", "verra-evm");
}

/// Who may not ask at all.
async fn wrong_callers(world: &World) {
    let devnet = &world.devnet;
    let terms = world.terms(0, 9).await;
    let request = || v1::SubmitRequest {
        orders: vec![by_alpha(world, &terms)],
    };
    let mut auditor = devnet.control("auditor").unwrap().transfers();
    let status = auditor.submit(request()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    let channel = tonic::transport::Endpoint::from_shared(devnet.control_url().to_owned());
    let channel = channel.unwrap().connect_lazy();
    let mut nobody = v1::transfer_service_client::TransferServiceClient::new(channel);
    let status = nobody.submit(request()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status}");
}

/// The same key with the same terms is the same transfer; with other terms it is refused.
async fn repeated_keys(world: &World) {
    let key = &world.devnet.parties.holder(ALPHA).unwrap().key;
    let terms = world.terms(0, 9).await;
    let order = |terms: &OutboundTerms| isthmus_e2e::devnet::order(terms, key, "order-17");
    let first = world.devnet.submit(order(&terms)).await.unwrap().unwrap();
    let again = world.devnet.submit(order(&terms)).await.unwrap().unwrap();
    assert_eq!(first.id, again.id);
    let other = world.terms(10, 19).await;
    let refusal = refused(world, order(&other)).await;
    assert_eq!(refusal.field, "idempotency_key", "{refusal:?}");
    assert_eq!(refusal.value, "order-17", "{refusal:?}");
    assert!(refusal.message.contains(&first.id), "{refusal:?}");
    world
        .devnet
        .wait_for(terms.id(), "completed")
        .await
        .unwrap();
    assert_eq!(world.movements_of(terms.id()).await, 1);
    assert_eq!(world.custody_t().await, 10, "only the first order moved");
}
