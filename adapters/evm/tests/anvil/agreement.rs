//! Two endpoints of one chain, one of which lies, lags or is away: nothing is concluded from its word alone.

use isthmus_core::id::TransferId;
use isthmus_core::ports::{Attempt, FindError, Found, Ledger};
use isthmus_evm::config::ConfigError;
use isthmus_evm::{ConnectError, EvmConfig, EvmLedger, Outcome};
use serde_json::{Value, json};

use crate::node::Node;
use crate::proxy::{Fault, Proxy};
use crate::setup::{CHAIN_ID, DEPTH, START, TestClock, class, config, deploy, senders};
use crate::world::World;

/// A gate seen through the node itself and through a proxy before it.
async fn two_faced() -> (World, Proxy) {
    let world = World::ready().await;
    let proxy = Proxy::before(&world.node.url);
    let config = EvmConfig {
        rpc_urls: vec![world.node.url.clone(), proxy.url.clone()],
        request_timeout_ms: 1_000,
        ..world.config.clone()
    };
    let clock = world.clock();
    let ledger = EvmLedger::connect(&config, senders(), clock).await.unwrap();
    let world = World {
        config,
        ledger,
        ..world
    };
    (world, proxy)
}

fn is_call(request: &Value, method: &str) -> bool {
    request["method"] == method
}

fn contradiction(error: FindError) -> String {
    match error {
        FindError::Contradiction(contradiction) => contradiction.detail,
        FindError::Unavailable(error) => panic!("no contradiction: {error:?}"),
    }
}

fn unavailable(error: FindError) -> String {
    match error {
        FindError::Unavailable(error) => {
            let source = error.source().map(ToString::to_string);
            format!("{error}: {}", source.unwrap_or_default())
        }
        FindError::Contradiction(contradiction) => panic!("no lag: {contradiction}"),
    }
}

#[tokio::test]
async fn honest_endpoints_are_one_chain() {
    let (world, _proxy) = two_faced().await;
    let attempt = world.sent(&world.mint(1)).await;
    world.settle().await;
    world.final_receipt(&attempt).await;
    let page = world.ledger.observe(&START, 10).await.unwrap();
    assert_eq!(page.head, world.node.height().await - DEPTH);
    assert_eq!(*world.ledger.final_height().borrow(), page.head);
}

#[tokio::test]
async fn a_forged_outcome_is_a_contradiction_that_names_both_answers() {
    let (world, proxy) = two_faced().await;
    let id = TransferId::new([1; 32]);
    let outcomes = async || world.ledger.outcomes_at_final(&[id]).await;
    let (_, before) = outcomes().await.unwrap();
    assert_eq!(before, [Outcome::None]);
    // The last word of the answer is the outcome: minted.
    proxy.lie(|request, answer| {
        let forged = answer["result"].as_str().map(str::to_owned);
        if is_call(request, "eth_call")
            && let Some(mut forged) = forged.filter(|text| text.len() > 66)
        {
            forged.replace_range(forged.len() - 1.., "1");
            answer["result"] = json!(forged);
        }
    });
    let detail = contradiction(outcomes().await.unwrap_err());
    for url in [&world.node.url, &proxy.url] {
        assert!(detail.contains(&format!("{url} says")), "{detail}");
    }
    let attempt = world.prepare(&world.mint(1)).await;
    contradiction(world.find(&attempt).await.unwrap_err());
    proxy.stop_lying();
    assert_eq!(outcomes().await.unwrap().1, [Outcome::None]);
}

#[tokio::test]
async fn one_endpoint_alone_does_not_say_which_nonce_is_next() {
    let (world, proxy) = two_faced().await;
    proxy.lie(|request, answer| {
        if is_call(request, "eth_getTransactionCount") && request["params"][1] == "pending" {
            answer["result"] = json!("0x10000000000");
        }
    });
    let (mint, void) = (world.mint(1), world.void(2, 1));
    let (mint, void) = (world.sent(&mint).await, world.sent(&void).await);
    for attempt in [&mint, &void] {
        assert!(attempt.drafts[0].nonce.unwrap() < 10, "{attempt:?}");
    }
    world.settle().await;
    for attempt in [&mint, &void] {
        world.final_receipt(attempt).await;
    }
}

#[tokio::test]
async fn hidden_and_invented_logs_are_contradictions() {
    let (world, proxy) = two_faced().await;
    let minted = world.sent(&world.mint(1)).await;
    world.settle().await;
    world.final_receipt(&minted).await;
    world.burn(1).await;
    world.settle().await;
    let observe = async || world.ledger.observe(&START, 10).await;
    proxy.lie(|request, answer| {
        if is_call(request, "eth_getLogs") {
            answer["result"] = json!([]);
        }
    });
    contradiction(observe().await.unwrap_err());
    proxy.lie(|request, answer| {
        if let Some(log) = answer["result"].get_mut(0)
            && is_call(request, "eth_getLogs")
        {
            log["data"] = json!("0x00");
        }
    });
    contradiction(observe().await.unwrap_err());
    proxy.stop_lying();
    assert_eq!(observe().await.unwrap().facts.len(), 1);
}

#[tokio::test]
async fn another_hash_of_a_final_block_is_a_contradiction() {
    let (world, proxy) = two_faced().await;
    proxy.lie(|request, answer| {
        if is_call(request, "eth_getBlockByNumber") && request["params"][0] != "latest" {
            answer["result"]["hash"] = json!(format!("0x{}", "ab".repeat(32)));
        }
    });
    let detail = contradiction(world.ledger.final_head().await.unwrap_err());
    assert!(detail.contains(&"ab".repeat(32)), "{detail}");
}

#[tokio::test]
async fn contents_that_do_not_hash_to_their_blocks_hash_are_a_contradiction() {
    let (world, proxy) = two_faced().await;
    for field in ["timestamp", "number", "stateRoot"] {
        proxy.lie(move |request, answer| {
            if is_call(request, "eth_getBlockByNumber") && request["params"][0] != "latest" {
                let length = answer["result"][field].as_str().unwrap().len();
                let forged = if length == 66 {
                    "cd".repeat(32)
                } else {
                    "7fffffff".into()
                };
                answer["result"][field] = json!(format!("0x{forged}"));
            }
        });
        let detail = contradiction(world.ledger.final_head().await.unwrap_err());
        assert!(detail.contains(&proxy.url), "{field}: {detail}");
    }
    proxy.stop_lying();
    world.ledger.final_head().await.unwrap();
}

#[tokio::test]
async fn a_withheld_answer_is_none_and_no_contradiction() {
    let (world, proxy) = two_faced().await;
    let attempt = world.sent(&world.mint(1)).await;
    world.settle().await;
    for method in [
        "eth_getBlockReceipts",
        "eth_getBlockByHash",
        "eth_getLogs",
        "eth_call",
    ] {
        for withheld in [
            json!({"result": null}),
            json!({"error": {"code": -32000, "message": "no"}}),
        ] {
            let body = withheld.clone();
            proxy.lie(move |request, answer| {
                if is_call(request, method) {
                    let id = request["id"].clone();
                    *answer = json!({"jsonrpc": "2.0", "id": id});
                    for (key, value) in body.as_object().unwrap() {
                        answer[key] = value.clone();
                    }
                }
            });
            let answers = [
                world.find(&attempt).await.map(drop),
                world.ledger.observe(&START, 10).await.map(drop),
            ];
            let withheld_any = answers.into_iter().filter_map(Result::err).map(unavailable);
            let said: Vec<_> = withheld_any.collect();
            assert!(!said.is_empty(), "{method} {withheld} decided nothing");
            assert!(
                said.iter().all(|text| text.contains(&proxy.url)),
                "{said:?}"
            );
        }
    }
    // Of a transaction of ours the outcome tells more than a receipt.
    proxy.lie(|request, answer| {
        if is_call(request, "eth_getTransactionReceipt") {
            answer["result"] = Value::Null;
        }
    });
    world.final_receipt(&attempt).await;
}

#[tokio::test]
async fn a_frozen_endpoint_holds_back_what_is_final_and_is_reported() {
    let (world, proxy) = two_faced().await;
    let before = world.ledger.final_head().await.unwrap();
    let frozen = world.node.height().await;
    let block = world.node.block(frozen).await;
    proxy.lie(move |request, answer| {
        if is_call(request, "eth_getBlockByNumber") && request["params"][0] == "latest" {
            answer["result"] = block.clone();
        }
    });
    let attempt = world.sent(&world.mint(1)).await;
    world.node.mine(10).await;
    let found = world.find(&attempt).await.unwrap();
    assert!(matches!(found, Found::Unsettled { .. }), "{found:?}");
    assert_eq!(world.ledger.final_head().await.unwrap(), before);
    let page = world.ledger.observe(&START, 10).await.unwrap();
    world.ledger.observe(&page.next, 10).await.unwrap();
    world.clock.advance(3_600_001);
    let alarm = unavailable(world.ledger.observe(&page.next, 10).await.unwrap_err());
    assert!(
        alarm.contains(&format!("no block above {frozen}")),
        "{alarm}"
    );
    proxy.stop_lying();
    assert_eq!(
        world.ledger.observe(&page.next, 10).await.unwrap().head,
        frozen + 10 - DEPTH
    );
}

#[tokio::test]
async fn an_endpoint_that_goes_back_does_not_take_finality_with_it() {
    let (world, proxy) = world_of_one().await;
    let old = world.node.block(world.node.height().await).await;
    world.node.mine(5).await;
    let head = world.ledger.final_head().await.unwrap();
    proxy.lie(move |request, answer| {
        if is_call(request, "eth_getBlockByNumber") && request["params"][0] == "latest" {
            answer["result"] = old.clone();
        }
    });
    assert_eq!(world.ledger.final_head().await.unwrap(), head);
}

async fn world_of_one() -> (World, Proxy) {
    World::ready().await.behind_proxy().await
}

#[tokio::test]
async fn all_must_answer_unless_fewer_are_said_to_be_enough() {
    let world = World::ready().await;
    let proxies = [(); 3].map(|()| Proxy::before(&world.node.url));
    let config = EvmConfig {
        rpc_urls: proxies.iter().map(|proxy| proxy.url.clone()).collect(),
        request_timeout_ms: 500,
        ..world.config.clone()
    };
    let all = EvmLedger::connect(&config, senders(), world.clock())
        .await
        .unwrap();
    let two = EvmConfig {
        rpc_quorum: std::num::NonZeroUsize::new(2),
        ..config.clone()
    };
    let two = EvmLedger::connect(&two, senders(), world.clock())
        .await
        .unwrap();
    let head = two.final_head().await.unwrap();
    proxies[0].fail(Fault::EveryAnswer);
    unavailable(all.final_head().await.unwrap_err());
    assert_eq!(two.final_head().await.unwrap(), head);
    let attempt = Attempt {
        operation: world.mint(1),
        drafts: two
            .prepare(&[world.mint(1)])
            .await
            .remove(0)
            .into_iter()
            .collect(),
    };
    two.send(&attempt.drafts).await.remove(0).unwrap();
    world.settle().await;
    let found = two
        .find(std::slice::from_ref(&attempt))
        .await
        .remove(0)
        .unwrap();
    assert!(matches!(found, Found::Final(_)), "{found:?}");
    proxies[1].fail(Fault::EveryAnswer);
    unavailable(two.final_head().await.unwrap_err());
}

#[tokio::test]
async fn a_majority_does_not_outvote_a_contradiction() {
    let world = World::ready().await;
    let proxies = [(); 3].map(|()| Proxy::before(&world.node.url));
    let config = EvmConfig {
        rpc_urls: proxies.iter().map(|proxy| proxy.url.clone()).collect(),
        rpc_quorum: std::num::NonZeroUsize::new(2),
        ..world.config.clone()
    };
    let ledger = EvmLedger::connect(&config, senders(), world.clock())
        .await
        .unwrap();
    ledger.final_head().await.unwrap();
    proxies[2].lie(|request, answer| {
        if is_call(request, "eth_call") {
            answer["result"] = json!(format!("0x{}", "0".repeat(63) + "7"));
        }
    });
    contradiction(ledger.supply_at(class().id(), 1).await.unwrap_err());
}

#[tokio::test]
async fn an_endpoint_of_another_history_is_refused_at_the_start() {
    let one = Node::start_at(CHAIN_ID, 1_700_000_000);
    let other = Node::start_at(CHAIN_ID, 1_700_000_001);
    let gate = deploy(&one).await;
    assert_eq!(deploy(&other).await, gate);
    let mut config = config(&one.url, gate);
    config.rpc_urls.push(other.url.clone());
    let error = EvmLedger::read_only(&config, TestClock::at(0))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::OtherGenesis { .. }),
        "{error:?}"
    );
    config.rpc_quorum = std::num::NonZeroUsize::new(1);
    let error = EvmLedger::read_only(&config, TestClock::at(0))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::Config(ConfigError::BadQuorum { .. })),
        "{error:?}"
    );
}
