//! Names that are not known: the answer has the field, the value, and the names that are.

use isthmus_core::testing::sample;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::custody_service_client::CustodyServiceClient;
use tonic::Code;

use crate::control::tests::{Server, reason};
use crate::error_code::ErrorCode;
use crate::proof::testing::{World, nobody};

fn pause(scope: &str) -> pb::PauseRequest {
    pb::PauseRequest {
        scope: scope.into(),
    }
}

fn resume(scope: &str) -> pb::ResumeRequest {
    pb::ResumeRequest {
        scope: scope.into(),
        accept_losses: false,
    }
}

/// Otherwise whoever mistypes a ledger believes that it is paused.
#[tokio::test]
async fn what_is_not_known_is_not_paused() {
    let server = Server::start(World::with_route()).await;
    let mut operator = server.operator("operator-1");
    let ledgers = format!("one of {}, {}", sample::chain(), sample::registry());
    for (scope, value, known) in [
        ("ledger:vcs:sandbix", "vcs:sandbix", ledgers.as_str()),
        ("route:verra", "verra", "one of verra-evm"),
        ("some", "some", "all, route:<id> or ledger:<id>"),
    ] {
        let expected = format!("scope: {value:?}: {known}");
        let refused = operator.pause(pause(scope)).await.unwrap_err();
        assert_eq!(reason(&refused), ErrorCode::InvalidField, "{scope}");
        assert_eq!(refused.message(), expected);
        let refused = operator.resume(resume(scope)).await.unwrap_err();
        assert_eq!(refused.message(), expected);
    }
    assert!(server.world.store.paused().unwrap().is_empty());
    operator.pause(pause("route:verra-evm")).await.unwrap();

    // A ledger that was taken out of the configuration while it was paused can go on all the same.
    let gone = "ledger:vcs:gone";
    let store = &server.world.store;
    store.set_paused(gone, Some("it".into()), vec![]).unwrap();
    let alone = operator.resume(resume(gone)).await.unwrap_err();
    assert_eq!(reason(&alone), ErrorCode::SecondPersonNeeded);
    let both = server.operator("operator-2").resume(resume(gone)).await;
    assert_eq!(both.unwrap().into_inner().paused, ["route:verra-evm"]);
}

#[tokio::test]
async fn a_retry_of_what_is_not_known_moves_nothing_and_says_what_is() {
    let server = Server::start(World::with_route()).await;
    let any = pb::RetryRequest::default;
    let known = format!("one of {}, {}", sample::chain(), sample::registry());
    let cases = [
        (
            pb::RetryRequest {
                ledger: "vcs:other".into(),
                ..any()
            },
            format!("ledger: \"vcs:other\": {known}"),
        ),
        (
            pb::RetryRequest {
                route: "another".into(),
                ..any()
            },
            "route: \"another\": one of verra-evm".to_owned(),
        ),
        (
            pb::RetryRequest {
                ids: vec![nobody().to_string()],
                ..any()
            },
            format!(
                "there is no transfer {}: see `isthmus transfer list`",
                nobody()
            ),
        ),
    ];
    for (request, expected) in cases {
        let refused = server.operator("operator-1").retry(request).await;
        let refused = refused.unwrap_err();
        assert!(refused.message().starts_with(&expected), "{refused}");
    }
}

#[tokio::test]
async fn lists_and_looks_at_what_is_not_known_say_what_is() {
    let server = Server::start(World::with_route()).await;
    let listed = pb::ListTransfersRequest {
        route: "another".into(),
        ..pb::ListTransfersRequest::default()
    };
    let listed = server.transfers("exchange-a").list(listed).await;
    let listed = listed.unwrap_err();
    assert_eq!(listed.message(), "route: \"another\": one of verra-evm");

    let route = server.route("another").await.unwrap_err();
    assert_eq!(route.code(), Code::NotFound);
    let expected = "there is no route another: one of verra-evm; see `isthmus route list`";
    assert_eq!(route.message(), expected);

    let mut custody = CustodyServiceClient::new(server.caller("operator-1"));
    let id = nobody().to_string();
    let deposit = custody
        .return_deposit(pb::ReturnDepositRequest { id })
        .await;
    let deposit = deposit.unwrap_err();
    assert!(
        deposit.message().contains("isthmus deposit list"),
        "{deposit}"
    );
    let none = Server::start(World::new()).await;
    let route = none.route("another").await.unwrap_err();
    assert!(
        route.message().contains("none is known here yet"),
        "{route}"
    );
}
