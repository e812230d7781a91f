//! Nothing but the configured gate on the configured chain is accepted, at the start and later.

use alloy::providers::Provider;
use isthmus_core::id::{Address, LedgerId};
use isthmus_core::ports::{Attempt, FindError, Ledger, PrepareError, SendError};
use isthmus_evm::config::ConfigError;
use isthmus_evm::{ChainFinality, ConnectError, EvmLedger, Senders};

use crate::node::Node;
use crate::proxy::Fault;
use crate::setup::{CHAIN_ID, DAY_MS, DEPTH, MINTER, TestClock, config, deploy, key, senders};
use crate::world::World;

async fn refused(config: &isthmus_evm::EvmConfig) -> ConnectError {
    let clock = TestClock::at(0);
    EvmLedger::connect(config, senders(), clock)
        .await
        .unwrap_err()
}

#[tokio::test]
async fn another_chain_is_refused_by_name() {
    let node = Node::start(1337);
    let error = refused(&config(&node.url, Address::new([1; 20]))).await;
    let ConnectError::WrongChain {
        expected, found, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!((*expected, *found), (CHAIN_ID, 1337));
    assert!(error.to_string().contains("correct rpc_urls"), "{error}");
}

#[tokio::test]
async fn an_address_without_a_gate_is_refused() {
    let node = Node::start(CHAIN_ID);
    let error = refused(&config(&node.url, Address::new([1; 20]))).await;
    assert!(matches!(error, ConnectError::NoGate { .. }), "{error:?}");
}

#[tokio::test]
async fn a_contract_that_is_no_gate_is_refused() {
    let world = World::bare().await;
    // The carbon units: a contract, deployed by the gate with its first nonce.
    let units = isthmus_evm::contract::evm_address(world.config.gate).create(1);
    let units = isthmus_evm::contract::core_address(units);
    let error = refused(&config(&world.node.url, units)).await;
    assert!(matches!(error, ConnectError::NotAGate { .. }), "{error:?}");
}

#[tokio::test]
async fn a_node_that_is_away_is_not_a_wrong_node() {
    let error = refused(&config("http://127.0.0.1:1", Address::new([1; 20]))).await;
    assert!(
        matches!(error, ConnectError::Unreachable { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn configurations_that_cannot_work_are_refused() {
    let gate = Address::new([1; 20]);
    let mut none = config("http://127.0.0.1:1", gate);
    none.rpc_urls.clear();
    let mut registry = config("http://127.0.0.1:1", gate);
    registry.ledger = LedgerId::try_from("vcs:sandbox".to_owned()).unwrap();
    let no_url = config("127.0.0.1", gate);
    for wrong in [none, registry, no_url] {
        let error = refused(&wrong).await;
        assert!(matches!(error, ConnectError::Config(_)), "{error:?}");
    }
    let shared = Senders {
        void: isthmus_evm::Sender {
            key: key(MINTER),
            next_nonce: 0,
        },
        ..senders()
    };
    let error = EvmLedger::connect(
        &config("http://127.0.0.1:1", gate),
        shared,
        TestClock::at(0),
    )
    .await
    .unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::Config(ConfigError::SharedAccount { .. })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_chain_that_changes_behind_our_back_is_a_contradiction() {
    use alloy::providers::ext::AnvilApi;
    let world = World::ready().await;
    world.ledger.final_head().await.unwrap();
    // The node restarts as something else; a failed request is what we see of it.
    world.node.rpc.anvil_set_chain_id(5).await.unwrap();
    let broken = isthmus_core::ports::Draft {
        bytes: vec![1, 2, 3],
        ..world.prepare(&world.mint(1)).await.drafts.remove(0)
    };
    let answer = world.ledger.send(&[broken]).await.remove(0);
    assert!(matches!(answer, Err(SendError::Unreached(_))), "{answer:?}");
    let sent = world.prepare(&world.mint(1)).await.drafts.remove(0);
    let answer = world.ledger.send(&[sent]).await.remove(0);
    assert!(answer.is_err(), "the signature names chain {CHAIN_ID}");
    let error = world.ledger.final_head().await.unwrap_err();
    assert!(matches!(error, FindError::Contradiction(_)), "{error:?}");
}

#[tokio::test]
async fn nodes_that_disagree_about_a_final_block_are_a_contradiction() {
    let [one, other] = [(); 2].map(|()| Node::start_at(CHAIN_ID, 1_700_000_000));
    let gate = deploy(&one).await;
    // Nothing but the time of its blocks tells the other chain from the first one.
    other.pass_time(100).await;
    assert_eq!(deploy(&other).await, gate);
    let mut config = config(&one.url, gate);
    config.rpc_urls.push(other.url.clone());
    let ledger = EvmLedger::read_only(&config, TestClock::at(0))
        .await
        .unwrap();
    one.mine(DEPTH).await;
    other.mine(DEPTH + 5).await;
    let error = ledger.final_head().await.unwrap_err();
    assert!(matches!(error, FindError::Contradiction(_)), "{error:?}");
}

#[tokio::test]
async fn nodes_that_agree_are_as_final_as_the_slower_one() {
    let node = Node::start(CHAIN_ID);
    let gate = deploy(&node).await;
    node.mine(DEPTH).await;
    let mut config = config(&node.url, gate);
    config.rpc_urls.push(node.url.clone());
    let ledger = EvmLedger::read_only(&config, TestClock::at(0))
        .await
        .unwrap();
    let head = ledger.final_head().await.unwrap();
    assert_eq!(head.number, node.height().await - DEPTH);
}

#[tokio::test]
async fn a_node_that_is_down_was_not_reached() {
    let world = World::ready().await;
    let mut draft = world.prepare(&world.mint(1)).await.drafts.remove(0);
    draft.expires = None;
    let config = world.config.clone();
    let ledger = EvmLedger::connect(&config, senders(), TestClock::at(DAY_MS))
        .await
        .unwrap();
    let attempt = Attempt {
        operation: world.mint(1),
        drafts: vec![draft],
    };
    drop(world);
    let answer = ledger.send(&attempt.drafts).await.remove(0);
    assert!(matches!(answer, Err(SendError::Unreached(_))), "{answer:?}");
    let found = ledger.find(std::slice::from_ref(&attempt)).await.remove(0);
    assert!(matches!(found, Err(FindError::Unavailable(_))), "{found:?}");
}

#[tokio::test]
async fn attesters_read_and_cannot_write() {
    let world = World::ready().await;
    let attester = EvmLedger::read_only(&world.config, world.clock())
        .await
        .unwrap();
    let draft = attester.prepare(&[world.mint(1)]).await.remove(0);
    assert!(draft.is_err());
    let set = attester.signer_set().await.unwrap();
    assert_eq!((set.epoch, set.threshold, set.signers.len()), (1, 2, 3));
}

#[tokio::test]
async fn the_chains_own_finality_is_taken_as_it_says() {
    let world = World::ready().await;
    let config = isthmus_evm::EvmConfig {
        finality: ChainFinality::FinalizedTag,
        ..world.config.clone()
    };
    let ledger = EvmLedger::read_only(&config, world.clock()).await.unwrap();
    world.node.mine(200).await;
    let head = ledger.final_head().await.unwrap();
    let finalized = alloy::eips::BlockNumberOrTag::Finalized.into();
    let block = world.node.rpc.get_block(finalized).await.unwrap().unwrap();
    assert_eq!(head.number, block.header.number);
    assert!((1..=world.node.height().await - DEPTH).contains(&head.number));
}

#[tokio::test]
async fn a_node_that_stalls_concludes_nothing() {
    let (world, proxy) = World::ready().await.behind_proxy().await;
    let attempt = world.prepare(&world.mint(1)).await;
    proxy.fail(Fault::Stall);
    nothing_is_concluded(&world, &attempt).await;
    let answer = world.ledger.send(&attempt.drafts).await.remove(0);
    assert!(
        matches!(answer, Err(SendError::Unknown(_))),
        "it may have arrived: {answer:?}"
    );
    proxy.heal();
    world.send(&attempt.drafts[0]).await;
    world.settle().await;
    world.final_receipt(&attempt).await;
}

async fn nothing_is_concluded(world: &World, attempt: &Attempt) {
    let (found, page, prepared) = tokio::join!(
        world.find(attempt),
        world.ledger.observe(&crate::setup::START, 10),
        world
            .ledger
            .prepare(std::slice::from_ref(&attempt.operation)),
    );
    assert!(matches!(found, Err(FindError::Unavailable(_))), "{found:?}");
    assert!(matches!(page, Err(FindError::Unavailable(_))), "{page:?}");
    assert!(
        matches!(prepared.as_slice(), [Err(PrepareError::Unreached(_))]),
        "{prepared:?}"
    );
}
