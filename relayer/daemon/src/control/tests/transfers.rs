//! Orders, lists, watches.

use std::time::Duration;

use isthmus_core::testing::sample;
use isthmus_core::transfer::Event;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::submit_result::Outcome;
use tonic::Code;

use crate::control::tests::{Server, reason};
use crate::engine::settle;
use crate::error_code::ErrorCode;
use crate::proof::testing::{World, lock_receipt, nobody};
use isthmus_core::time::Clock;

fn order(number: u64) -> pb::Order {
    let terms = sample::outbound(number, &[sample::block(1, 5)]).terms;
    pb::Order {
        idempotency_key: format!("order-{number}"),
        terms: Some(pb::OutboundTerms {
            account: terms.account.to_string(),
            asset_class: terms.asset_class.to_string(),
            destination: terms.destination.to_string(),
            gate: terms.gate.to_string(),
            nonce: terms.nonce.to_string(),
            origin: terms.origin.to_string(),
            quantity_g: terms.quantity_g.grams(),
            recipient: terms.recipient.to_string(),
            route: terms.route.to_string(),
            units: terms.units,
        }),
        mandate: vec![7; 64].into(),
    }
}

fn broken(change: impl FnOnce(&mut pb::Order)) -> pb::Order {
    let mut order = order(9);
    change(&mut order);
    order
}

#[tokio::test]
async fn an_order_that_cannot_be_read_is_refused_in_its_place() {
    let server = Server::start(World::with_route()).await;
    let terms = |order: &mut pb::Order| order.terms.take().unwrap();
    let orders = vec![
        broken(|o| o.terms.as_mut().unwrap().recipient = "0xABC".into()),
        order(1),
        broken(|o| o.idempotency_key = "k".repeat(129)),
        broken(|o| o.mandate = vec![1].into()),
        broken(|o| drop(terms(o))),
        broken(|o| o.terms.as_mut().unwrap().units = vec!["x".into(); 65]),
        broken(|o| o.terms.as_mut().unwrap().quantity_g = u64::MAX),
    ];
    let answer = server
        .transfers("exchange-a")
        .submit(pb::SubmitRequest { orders })
        .await;
    let results = answer.unwrap().into_inner().results;
    let refusals: Vec<_> = results
        .into_iter()
        .map(|result| match result.outcome {
            Some(Outcome::Refusal(refusal)) => (refusal.code, refusal.field),
            other => panic!("{other:?}"),
        })
        .collect();
    let malformed = |field: &str| ("malformed".to_owned(), field.to_owned());
    assert_eq!(refusals[0], malformed("terms.recipient"));
    // Well formed, but its registry is not configured here: admission's own answer stands in its place.
    assert_ne!(refusals[1].0, "malformed");
    assert_eq!(refusals[2], malformed("idempotency_key"));
    assert_eq!(refusals[3], malformed("mandate"));
    assert_eq!(refusals[4], malformed("terms"));
    assert_eq!(refusals[5], malformed("terms.units"));
    assert_eq!(refusals[6], malformed("terms.quantity_g"));
}

#[tokio::test]
async fn only_its_size_fails_a_whole_call() {
    let server = Server::start(World::with_route()).await;
    for count in [0, 501] {
        let orders = (0..count).map(order).collect();
        let refused = server
            .transfers("exchange-a")
            .submit(pb::SubmitRequest { orders })
            .await;
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused)),
            (Code::InvalidArgument, ErrorCode::InvalidField)
        );
    }
}

#[tokio::test]
async fn transfers_are_listed_newest_first_in_pages() {
    let server = Server::start(World::with_route()).await;
    let mut ids: Vec<_> = (1..=5)
        .map(|n| {
            server
                .world
                .admitted(n, &[sample::block(n * 10, n * 10)])
                .id()
                .to_string()
        })
        .collect();
    ids.reverse();
    let mut client = server.transfers("exchange-a");
    let (mut listed, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListTransfersRequest {
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let page = client.list(request).await.unwrap().into_inner();
        listed.extend(page.transfers.into_iter().map(|t| t.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, ids);
    for (page_size, state) in [(501, ""), (0, "sleeping")] {
        let request = pb::ListTransfersRequest {
            page_size,
            state: state.into(),
            ..Default::default()
        };
        assert_eq!(
            client.list(request).await.unwrap_err().code(),
            Code::InvalidArgument
        );
    }
}

#[tokio::test]
async fn a_transfer_is_shown_with_its_history() {
    let server = Server::start(World::with_route()).await;
    let minted = server.world.minted(1, &[sample::block(1, 5)]);
    let mut client = server.transfers("exchange-a");
    let got = client
        .get(pb::GetTransferRequest {
            id: minted.id().to_string(),
        })
        .await
        .unwrap();
    let got = got.into_inner();
    let transfer = got.transfer.unwrap();
    assert_eq!(
        (transfer.state.as_str(), transfer.kind.as_str()),
        ("completed", "outbound")
    );
    assert_eq!(transfer.quantity_g, 5_000_000);
    let events: Vec<_> = got.history.iter().map(|e| e.event.as_str()).collect();
    assert_eq!(
        events,
        [
            "requested",
            "intended",
            "locked",
            "intended",
            "authorised",
            "intended",
            "given"
        ]
    );
    let missing = client
        .get(pb::GetTransferRequest {
            id: nobody().to_string(),
        })
        .await;
    assert_eq!(missing.unwrap_err().code(), Code::NotFound);
    let wrong = client
        .get(pb::GetTransferRequest { id: "0x1".into() })
        .await;
    assert_eq!(wrong.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn only_an_operator_withdraws_without_the_holders_signature() {
    let server = Server::start(World::with_route()).await;
    let admitted = server.world.admitted(1, &[sample::block(1, 5)]);
    let request = || pb::WithdrawRequest {
        id: admitted.id().to_string(),
        mandate: Vec::new().into(),
    };
    let refused = server
        .transfers("exchange-a")
        .withdraw(request())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let withdrawn = server
        .transfers("operator-1")
        .withdraw(request())
        .await
        .unwrap();
    assert_eq!(withdrawn.into_inner().transfer.unwrap().state, "rejected");
}

#[tokio::test]
async fn a_watch_shows_every_change_and_ends_with_the_transfer() {
    let server = Server::start(World::with_route()).await;
    let units = [sample::block(1, 5)];
    let pending = server.world.intend(&server.world.admitted(1, &units));
    let mut client = server.transfers("exchange-a");
    let watched = client
        .watch(pb::WatchTransferRequest {
            id: pending.id().to_string(),
        })
        .await;
    let mut watched = watched.unwrap().into_inner();
    let mut states = vec![
        watched
            .message()
            .await
            .unwrap()
            .unwrap()
            .transfer
            .unwrap()
            .state,
    ];
    let locked = Event::Locked(lock_receipt(&pending, &units));
    let append = settle::append(&pending, locked, server.world.clock.now());
    let answer = server
        .recorder
        .record(vec![append])
        .await
        .unwrap()
        .pop()
        .unwrap();
    states.push(
        watched
            .message()
            .await
            .unwrap()
            .unwrap()
            .transfer
            .unwrap()
            .state,
    );
    // The rest happens unannounced, as for a watcher that fell behind; the last change is announced again.
    let authorised = server.world.authorised(&answer.unwrap().transfer.unwrap());
    let minted = server.world.mint(&authorised);
    let nothing = isthmus_core::ports::Append {
        transfer: Some((minted.id(), minted.length())),
        ..Default::default()
    };
    server
        .recorder
        .record(vec![nothing])
        .await
        .unwrap()
        .pop()
        .unwrap()
        .unwrap();
    states.push(
        watched
            .message()
            .await
            .unwrap()
            .unwrap()
            .transfer
            .unwrap()
            .state,
    );
    let end = tokio::time::timeout(Duration::from_secs(10), watched.message()).await;
    let end = end.expect("it goes on after the end").unwrap();
    assert!(end.is_none(), "it goes on after the end");
    assert_eq!(states, ["requested", "taken", "completed"]);
}

#[tokio::test]
async fn the_server_ends_though_somebody_watches() {
    let server = Server::start(World::with_route()).await;
    let admitted = server.world.admitted(1, &[sample::block(1, 5)]);
    let mut client = server.transfers("exchange-a");
    let watched = client
        .watch(pb::WatchTransferRequest {
            id: admitted.id().to_string(),
        })
        .await;
    let mut watched = watched.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(4), server.end()).await;
    ended.expect("it waits for the watcher").unwrap();
    assert_eq!(
        watched.message().await.unwrap_err().code(),
        Code::Unavailable
    );
}
