//! Transactions that get lost, nonces that are never used, and nonces that somebody else used.

use alloy::primitives::{Bytes, TxKind};
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Attempt, Blocks, FindError, Found, Ledger, SendError};
use isthmus_evm::contract::evm_address;

use crate::proxy::Fault;
use crate::setup::{ADMIN, DAY_MS, MINTER, item, key, senders_from};
use crate::world::World;

/// A little more than the time for which nonces that somebody may still use are not filled.
const PATIENCE_MS: u64 = 61_000;

fn nonce(attempt: &Attempt) -> u64 {
    attempt.drafts[0].nonce.unwrap()
}

async fn lands(world: &World, attempts: &[&Attempt]) {
    world.settle().await;
    for attempt in attempts {
        let receipt = world.final_receipt(attempt).await;
        assert_eq!(receipt.operation, attempt.operation.kind());
    }
}

#[tokio::test]
async fn a_lost_transaction_is_absent_and_the_same_bytes_land() {
    let world = World::ready().await;
    let attempt = world.sent(&world.mint(1)).await;
    let hash = attempt.drafts[0].id;
    world.node.drop_transaction(hash.as_bytes()).await;
    assert_eq!(world.find(&attempt).await.unwrap(), Found::Absent);
    world.send(&attempt.drafts[0]).await;
    lands(&world, &[&attempt]).await;
}

#[tokio::test]
async fn a_send_whose_answer_got_lost_is_unknown_until_it_is_found() {
    let (world, proxy) = World::ready().await.behind_proxy().await;
    let attempt = world.prepare(&world.mint(1)).await;
    proxy.fail(Fault::EveryAnswer);
    let answer = world.ledger.send(&attempt.drafts).await.remove(0);
    assert!(matches!(answer, Err(SendError::Unknown(_))), "{answer:?}");
    let found = world.find(&attempt).await;
    assert!(matches!(found, Err(FindError::Unavailable(_))), "{found:?}");
    proxy.heal();
    lands(&world, &[&attempt]).await;
}

#[tokio::test]
async fn a_nonce_that_was_prepared_and_never_sent_does_not_block_later_ones() {
    let world = World::ready().await;
    let never_sent = world.prepare(&world.mint(1)).await;
    let attempt = world.sent(&world.mint(2)).await;
    assert_eq!(nonce(&attempt), nonce(&never_sent) + 1);
    lands(&world, &[&attempt]).await;
    let refusal = world.refusal(&never_sent).await;
    assert_eq!(refusal, ("dead", "superseded".into()));
    // Sent after all, it changes nothing.
    world.send(&never_sent.drafts[0]).await;
    world.settle().await;
    assert_eq!(world.minted().await, 1);
}

#[tokio::test]
async fn the_queue_is_as_long_as_what_was_prepared_and_is_in_no_block() {
    let world = World::ready().await;
    assert_eq!(world.ledger.queued().await.unwrap(), 0);
    let sent = world.sent(&world.mint(1)).await;
    world.prepare(&world.mint(2)).await;
    assert_eq!(world.ledger.queued().await.unwrap(), 2);
    world.node.mine(1).await;
    assert_eq!(world.ledger.queued().await.unwrap(), 1);
    lands(&world, &[&sent]).await;
    let (world, proxy) = world.behind_proxy().await;
    proxy.fail(Fault::EveryAnswer);
    let unheard = world.ledger.queued().await;
    assert!(
        matches!(unheard, Err(FindError::Unavailable(_))),
        "{unheard:?}"
    );
}

/// Nobody asks about the first one meanwhile: its nonce alone says that it is missing.
#[tokio::test]
async fn a_transaction_that_its_node_dropped_is_sent_again_before_what_is_behind_it() {
    let world = World::ready().await;
    let dropped = [
        world.sent(&world.mint(1)).await,
        world.sent(&world.mint(2)).await,
    ];
    let void = world.sent(&world.void(3, 1)).await;
    world.node.empty_mempool().await;
    let behind = world.sent(&world.mint(4)).await;
    lands(&world, &[&dropped[0], &dropped[1], &behind]).await;
    assert_eq!(
        world.find(&void).await.unwrap(),
        Found::Absent,
        "it is of another account"
    );
}

#[tokio::test]
async fn a_transaction_that_nobody_sends_again_does_not_block_later_ones() {
    let world = World::ready().await;
    let forgotten = world.sent(&world.void(1, 1)).await;
    world.node.empty_mempool().await;
    // What was sent is kept in memory only; the journal's numbers are not.
    let next = nonce(&forgotten) + 1;
    let world = world.restarted(senders_from(0, next)).await;
    let behind = world.prepare(&world.void(2, 1)).await;
    let answer = world.ledger.send(&behind.drafts).await.remove(0);
    assert!(matches!(answer, Err(SendError::NotBefore(_))), "{answer:?}");
    world.node.mine(1).await;
    assert_eq!(
        world.find(&behind).await.unwrap(),
        Found::Absent,
        "in the queue behind a gap it never lands"
    );
    world.clock.advance(PATIENCE_MS);
    world.send(&behind.drafts[0]).await;
    lands(&world, &[&behind]).await;
    let refusal = world.refusal(&forgotten).await;
    assert_eq!(refusal, ("dead", "superseded".into()));
}

#[tokio::test]
async fn a_restart_sends_what_the_journal_holds_and_goes_on_after_it() {
    let world = World::ready().await;
    let mined = world.sent(&world.mint(1)).await;
    world.node.mine(1).await;
    let in_mempool = world.sent(&world.mint(2)).await;
    let never_sent = world.prepare(&world.mint(3)).await;
    let next = nonce(&never_sent) + 1;
    let world = world.restarted(senders_from(next, 0)).await;
    for attempt in [&mined, &in_mempool] {
        let found = world.find(attempt).await;
        assert!(matches!(found, Ok(Found::Unsettled { .. })), "{found:?}");
    }
    let later = world.prepare(&world.mint(4)).await;
    assert_eq!(
        nonce(&later),
        next,
        "the journal's nonce is not given again"
    );
    let answer = world.ledger.send(&later.drafts).await.remove(0);
    assert!(
        matches!(answer, Err(SendError::NotBefore(_))),
        "the journal's nonce is not filled too early: {answer:?}"
    );
    assert_eq!(world.find(&never_sent).await.unwrap(), Found::Absent);
    world.send(&never_sent.drafts[0]).await;
    lands(&world, &[&mined, &in_mempool, &never_sent, &later]).await;
    assert_eq!(world.minted().await, 4);
}

#[tokio::test]
async fn a_journalled_draft_that_nobody_wants_any_more_does_not_block_later_ones() {
    let world = World::ready().await;
    let unwanted = world.prepare(&world.void(1, 1)).await;
    let world = world.restarted(senders_from(0, nonce(&unwanted) + 1)).await;
    let attempt = world.prepare(&world.void(2, 1)).await;
    let answer = world.ledger.send(&attempt.drafts).await.remove(0);
    assert!(matches!(answer, Err(SendError::NotBefore(_))), "{answer:?}");
    world.clock.advance(PATIENCE_MS);
    assert_eq!(world.find(&attempt).await.unwrap(), Found::Absent);
    world.send(&attempt.drafts[0]).await;
    lands(&world, &[&attempt]).await;
}

#[tokio::test]
async fn a_batch_that_a_restart_sends_again_mints_each_item_once() {
    let world = World::ready().await;
    let batch = world.batch(vec![item(1), item(2)], DAY_MS);
    let operations = world.mints(&batch);
    let first = world.sent(&operations[0]).await;
    world.node.mine(1).await;
    let next = nonce(&first) + 1;
    let world = world.restarted(senders_from(next, 0)).await;
    let second = world.sent(&operations[1]).await;
    assert_ne!(first.drafts, second.drafts, "only the journal remembers");
    lands(&world, &[&first, &second]).await;
    assert_eq!(world.minted().await, 2);
}

#[tokio::test]
async fn a_restart_with_an_older_journal_goes_on_after_the_chain() {
    let world = World::ready().await;
    let sent = world.sent(&world.mint(1)).await;
    let world = world.restarted(senders_from(0, 0)).await;
    let later = world.sent(&world.mint(2)).await;
    assert_eq!(nonce(&later), nonce(&sent) + 1);
    lands(&world, &[&sent, &later]).await;
}

#[tokio::test]
async fn drafts_are_sent_in_the_order_of_their_nonces() {
    let (world, proxy) = World::ready().await.behind_proxy().await;
    let mut attempts = Vec::new();
    for number in 1..=3 {
        attempts.push(world.prepare(&world.mint(number)).await);
    }
    let mut drafts: Vec<_> = attempts.iter().map(|a| a.drafts[0].clone()).collect();
    drafts.reverse();
    let answers = world.ledger.send(&drafts).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    drafts.reverse();
    let sent = proxy.transactions();
    assert_eq!(sent.len(), 3);
    for (request, draft) in sent.iter().zip(&drafts) {
        assert!(request.contains(&hex::encode(&draft.bytes)));
    }
    lands(&world, &attempts.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_stranger_with_our_key_is_a_contradiction() {
    let world = World::ready().await;
    let attempt = world.prepare(&world.mint(1)).await;
    let stranger = TxKind::Call(evm_address(key(ADMIN).address()));
    world.transact(MINTER, stranger, Bytes::new()).await;
    world.node.mine(1).await;
    let found = world.find(&attempt).await;
    assert!(
        matches!(found, Ok(Found::Unsettled { .. })),
        "it may be dropped again: {found:?}"
    );
    world.settle().await;
    let found = world.find(&attempt).await;
    assert!(
        matches!(found, Err(FindError::Contradiction(_))),
        "{found:?}"
    );
    // Looking again at everything accepts nothing.
    world.ledger.look_anew();
    let anew = world.ledger.observe(&crate::setup::START, 10).await;
    anew.unwrap();
    let found = world.find(&attempt).await;
    assert!(
        matches!(found, Err(FindError::Contradiction(_))),
        "nobody knows of it yet: {found:?}"
    );
    // People know of it now: the draft is dead, and the same item is signed again.
    world.ledger.accept();
    let refusal = world.refusal(&attempt).await;
    assert_eq!(refusal, ("dead", "superseded".into()));
    let other = world.prepare(&world.mint(2)).await;
    world.transact(MINTER, stranger, Bytes::new()).await;
    world.settle().await;
    let found = world.find(&other).await;
    assert!(
        matches!(found, Err(FindError::Contradiction(_))),
        "the next one is another: {found:?}"
    );
}

/// What a node says beside the signed bytes of a transaction counts for nothing: not who sent it, not its hash, not what it does.
#[tokio::test]
async fn a_strangers_transaction_is_known_by_its_signed_bytes() {
    let (world, proxy) = World::ready().await.behind_proxy().await;
    let attempt = world.prepare(&world.mint(1)).await;
    let stranger = TxKind::Call(evm_address(key(ADMIN).address()));
    world.transact(MINTER, stranger, Bytes::new()).await;
    world.settle().await;
    let disguised = |field: &'static str, value: String| {
        proxy.lie(move |request, answer| {
            let whole = request["method"] == "eth_getBlockByNumber" && request["params"][1] == true;
            if whole {
                for transaction in answer["result"]["transactions"].as_array_mut().unwrap() {
                    transaction[field] = value.clone().into();
                }
            }
        });
    };
    let honest = world.find(&attempt).await.unwrap_err().to_string();
    for (field, value) in [
        ("from", evm_address(key(ADMIN).address()).to_string()),
        ("hash", format!("0x{}", "ab".repeat(32))),
    ] {
        disguised(field, value);
        let error = world.find(&attempt).await.unwrap_err();
        assert_eq!(error.to_string(), honest, "{field}");
        assert!(matches!(error, FindError::Contradiction(_)), "{error:?}");
    }
    // As a filler of ours it would be no news.
    disguised("to", evm_address(key(MINTER).address()).to_string());
    let found = world.find(&attempt).await;
    assert!(matches!(found, Err(FindError::Unavailable(_))), "{found:?}");
}

#[tokio::test]
async fn the_block_in_which_a_stranger_used_a_nonce_is_found_wherever_it_is() {
    let world = World::ready().await;
    let mut attempts = Vec::new();
    for number in 1..=5 {
        attempts.push(world.prepare(&world.mint(number)).await);
    }
    for blocks in [1, 1, 2, 1, 20] {
        let stranger = TxKind::Call(evm_address(key(ADMIN).address()));
        world.transact(MINTER, stranger, Bytes::new()).await;
        world.node.mine(blocks).await;
    }
    for found in world.ledger.find(&attempts).await {
        assert!(
            matches!(found, Err(FindError::Contradiction(_))),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn the_two_lanes_do_not_wait_for_each_other() {
    let world = World::ready().await;
    let stuck = world.prepare(&world.mint(1)).await;
    let void = world.sent(&world.void(2, 1)).await;
    lands(&world, &[&void]).await;
    assert_eq!(void.operation.kind(), OperationKind::Void);
    assert_eq!(world.find(&stuck).await.unwrap(), Found::Absent);
}
