//! A relayer with several endpoints of one chain, one of which lies, stalls or is away.

use std::time::Duration;

use isthmus_e2e::devnet::rpc_proxy::RpcProxy;
use isthmus_e2e::devnet::{Devnet, Options};
use serde_json::{Value, json};

use crate::halts::{halted, resume_as_two, status, worry};
use crate::world::World;

/// A devnet whose relayer asks the node itself and these proxies before it.
async fn with_proxies(proxies: usize, settings: &str) -> (World, Vec<RpcProxy>) {
    let devnet = Devnet::prepare(Options::default()).await.unwrap();
    let node = devnet.chain.url.clone();
    let mut running = Vec::new();
    for _ in 0..proxies {
        running.push(RpcProxy::before(&node).await.unwrap());
    }
    let urls = std::iter::once(&node).chain(running.iter().map(|proxy| &proxy.url));
    let urls: Vec<_> = urls.map(|url| format!("{url:?}")).collect();
    let (before, after) = (format!("[\"{node}\"]"), urls.join(", "));
    devnet
        .rewrite_relayer(|text| {
            let changed = text.replace(&before, &format!("[{after}]\n{settings}"));
            assert_ne!(changed, text);
            Ok(changed)
        })
        .unwrap();
    devnet.start_relayer().await.unwrap();
    for attester in &devnet.attesters {
        attester.start().unwrap();
    }
    let route = devnet.route_document("verra-evm").unwrap();
    devnet.activate_route(&route).await.unwrap();
    (World { devnet, route }, running)
}

fn is_call(request: &Value, method: &str) -> bool {
    request["method"] == method
}

#[tokio::test]
async fn an_endpoint_that_denies_what_the_gate_has_done_halts_the_chain_and_mints_nothing_twice() {
    let (world, proxies) = with_proxies(1, "").await;
    let devnet = &world.devnet;
    let (first, class) = world.minted(0, 9).await;
    // "Nothing has happened", to every question about the contract's state.
    proxies[0].lie(|request, answer| {
        let length = answer["result"].as_str().map_or(0, str::len);
        if is_call(request, "eth_call") && length > 2 {
            answer["result"] = json!(format!("0x{}", "0".repeat(length - 2)));
        }
    });
    let id = devnet.admit(&world.terms(20, 29).await).await.unwrap();
    let why = halted(devnet).await;
    for url in [&devnet.chain.url, &proxies[0].url] {
        assert!(why.contains(&format!("{url} says")), "{why}");
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(devnet.chain.mints_of(id).await.unwrap(), 0);
    // As long as they disagree two people change nothing.
    resume_as_two(devnet, false).await.unwrap_err();
    assert!(!status(devnet).await.paused.is_empty());

    proxies[0].be_honest();
    assert_eq!(
        resume_as_two(devnet, false).await.unwrap(),
        Vec::<String>::new()
    );
    devnet.wait_for(id, "completed").await.unwrap();
    for id in [first, id] {
        assert_eq!(devnet.chain.mints_of(id).await.unwrap(), 1);
    }
    assert_eq!(world.balance_t(0, class).await, 20);
    world.assert_reserves_hold().await;
}

#[tokio::test]
async fn a_stalled_endpoint_is_reported_and_nothing_is_concluded_meanwhile() {
    let (world, proxies) = with_proxies(1, "stall_ms = 4000").await;
    let devnet = &world.devnet;
    let height = devnet.chain.height().await.unwrap();
    let stalled = devnet.chain.block_json(height).await.unwrap();
    proxies[0].lie(move |request, answer| {
        if is_call(request, "eth_getBlockByNumber") && request["params"][0] == "latest" {
            answer["result"] = stalled.clone();
        }
    });
    let id = devnet.admit(&world.terms(0, 9).await).await.unwrap();
    let alarm = worry(devnet, "no block above").await;
    assert!(
        alarm.contains(&format!("{} is at {height}", proxies[0].url)),
        "{alarm}"
    );
    assert!(
        status(devnet).await.paused.is_empty(),
        "lag is no contradiction"
    );
    let state = devnet
        .transfer(id)
        .await
        .unwrap()
        .unwrap()
        .transfer
        .unwrap()
        .state;
    assert_ne!(state, "completed", "nothing newer is final");
    proxies[0].be_honest();
    devnet.wait_for(id, "completed").await.unwrap();
    assert_eq!(devnet.chain.mints_of(id).await.unwrap(), 1);
}

#[tokio::test]
async fn two_of_three_endpoints_are_enough_if_that_is_said() {
    let (world, proxies) = with_proxies(2, "rpc_quorum = 2").await;
    world.minted(0, 4).await;
    proxies[1].go_away();
    world.minted(10, 14).await;
    proxies[0].go_away();
    let id = world
        .devnet
        .admit(&world.terms(20, 24).await)
        .await
        .unwrap();
    worry(&world.devnet, "endpoints").await;
    proxies[1].be_honest();
    world.devnet.wait_for(id, "completed").await.unwrap();
    assert!(status(&world.devnet).await.paused.is_empty());
}
