//! What looks like the gate's word, or like a transaction of ours, and is not.

use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::sol_types::SolEvent;
use isthmus_core::operation::MintItem;
use isthmus_core::ports::{Attempt, FindError, Ledger};
use isthmus_core::quantity::Quantity;
use isthmus_evm::contract::{Gate, core_address, evm_address, transfer_word};
use isthmus_evm::sent::mint_batch_call;
use serde_json::{Value, json};

use crate::setup::{ADMIN, DAY_MS, GUARDIAN, HOLDER, MINTER, item, key};
use crate::world::World;

/// Where the impostor is.
const IMPOSTOR: Address = Address::repeat_byte(0xee);
/// Emits the calldata behind its first word as an event whose signature is that word.
const ECHO: &str = "365f5f375f51602036036020a100";

async fn install(world: &World, code: &str) {
    let code = hex::decode(code.replace(' ', "")).unwrap();
    let set = world.node.rpc.anvil_set_code(IMPOSTOR, code.into());
    set.await.unwrap();
}

/// Says of each transfer in the block what the gate did, whoever else speaks of it there.
#[tokio::test]
async fn an_event_of_another_contract_in_the_same_block_says_nothing() {
    let world = World::ready().await;
    install(&world, ECHO).await;
    let attempt = world.sent(&world.mint(1)).await;
    let forged = world.batch(
        vec![MintItem {
            recipient: key(ADMIN).address(),
            quantity: Quantity::from_tonnes(900).unwrap(),
            ..item(1)
        }],
        DAY_MS,
    );
    let call = mint_batch_call(&forged);
    let event = Gate::BatchMinted {
        minted: U256::from(1),
        classes: call.classes,
        items: call.items,
    };
    let input = [
        Gate::BatchMinted::SIGNATURE_HASH.as_slice(),
        &event.encode_data(),
    ];
    let input: Bytes = input.concat().into();
    world.transact(HOLDER, TxKind::Call(IMPOSTOR), input).await;
    world.settle().await;
    let height = world.node.height().await - crate::setup::DEPTH;
    let block = world.node.block(height).await;
    let count = block["transactions"].as_array().unwrap().len();
    assert_eq!(count, 2, "both are in one block");
    let receipt = world.final_receipt(&attempt).await;
    assert_eq!(receipt.quantity, item(1).quantity);
}

/// A recipient's contract runs inside the gate's own transaction. If it could speak for the gate, it could have the transfers
/// of others withdrawn.
#[tokio::test]
async fn a_recipient_cannot_refuse_in_the_name_of_the_gate() {
    let world = World::ready().await;
    let huge = MintItem {
        quantity: Quantity::from_tonnes(1001).unwrap(),
        ..item(2)
    };
    // Skipped(2, RecipientRefused, 0), then it takes the units.
    let code = format!(
        "60065f52 7f{} 7f{} 60405fa2 5f3560e01c60e01b5f5260205ff3",
        hex::encode(transfer_word(huge.transfer)),
        hex::encode(Gate::Skipped::SIGNATURE_HASH),
    );
    install(&world, &code).await;
    let loud = MintItem {
        recipient: core_address(IMPOSTOR),
        ..item(1)
    };
    let batch = world.batch(vec![loud, huge], DAY_MS);
    let operations = world.mints(&batch);
    let minted = world.sent(&operations[0]).await;
    world.settle().await;
    world.final_receipt(&minted).await;
    let other = Attempt {
        operation: operations[1].clone(),
        drafts: minted.drafts.clone(),
    };
    let refusal = world.refusal(&other).await;
    assert_eq!(refusal, ("dead", "cap_exceeded".into()));
}

#[tokio::test]
async fn receipts_that_do_not_hash_to_their_root_prove_no_burn() {
    let (world, proxy) = World::ready().await.behind_proxy().await;
    world.sent(&world.mint(5)).await;
    world.settle().await;
    world.burn(1).await;
    world.settle().await;
    let genuine = world
        .ledger
        .burns_at_final(&[1])
        .await
        .unwrap()
        .asked
        .remove(0);
    assert!(genuine.unwrap().is_some());
    // More was burned, by whoever.
    proxy.lie(|request, answer| {
        if request["method"] == "eth_getBlockReceipts" {
            let data = &mut answer["result"][0]["logs"];
            for log in data.as_array_mut().unwrap() {
                let text = log["data"].as_str().unwrap();
                if text.len() > 66 {
                    let forged = text.replacen("0f4240", "0f4241", 1);
                    log["data"] = json!(forged);
                }
            }
        }
    });
    let answers = world.ledger.burns_at_final(&[1]).await.unwrap();
    for answer in answers.asked {
        assert!(
            matches!(answer, Err(FindError::Unavailable(_))),
            "{answer:?}"
        );
    }
    let one = world.ledger.burn_at_final(1).await;
    assert!(matches!(one, Err(FindError::Unavailable(_))), "{one:?}");
    let page = world.ledger.observe(&crate::setup::START, 10).await;
    assert!(matches!(page, Err(FindError::Unavailable(_))), "{page:?}");
}

#[tokio::test]
async fn another_block_than_the_one_asked_for_is_no_answer() {
    let (world, proxy) = World::ready().await.behind_proxy().await;
    let older = world.node.block(1).await;
    proxy.lie(move |request, answer| {
        let asked = &request["params"][0];
        if request["method"] == "eth_getBlockByNumber" && *asked != "latest" {
            answer["result"] = older.clone();
        }
    });
    let head = world.ledger.final_head().await;
    assert!(matches!(head, Err(FindError::Unavailable(_))), "{head:?}");
}

/// Somebody else's transaction with the same number, in the same block, that would be none of a stranger's.
#[tokio::test]
async fn the_nonce_of_another_account_explains_nothing() {
    let world = World::ready().await;
    let attempt = world.prepare(&world.mint(1)).await;
    assert_eq!(attempt.drafts[0].nonce, Some(1));
    let minter = TxKind::Call(evm_address(key(MINTER).address()));
    world.transact(GUARDIAN, minter, Bytes::new()).await;
    world.node.mine(1).await;
    world.transact(GUARDIAN, minter, Bytes::new()).await;
    let stranger = TxKind::Call(evm_address(key(ADMIN).address()));
    world.transact(MINTER, stranger, Bytes::new()).await;
    world.settle().await;
    let found = world.find(&attempt).await;
    assert!(
        matches!(found, Err(FindError::Contradiction(_))),
        "{found:?}"
    );
}

/// A block that shows a transaction of ours where the stranger's is: what was signed is ours, what the block holds is not.
#[tokio::test]
async fn a_transaction_of_ours_that_was_never_in_the_block_hides_no_stranger() {
    let (world, proxy) = World::ready().await.behind_proxy().await;
    let attempt = world.sent(&world.mint(1)).await;
    let id = B256::from(*attempt.drafts[0].id.as_bytes());
    let params = (format!("{id}"),);
    let ours = world
        .node
        .rpc
        .raw_request("eth_getTransactionByHash".into(), params);
    let ours: Value = ours.await.unwrap();
    world
        .node
        .drop_transaction(attempt.drafts[0].id.as_bytes())
        .await;
    let stranger = TxKind::Call(evm_address(key(ADMIN).address()));
    world.transact(MINTER, stranger, Bytes::new()).await;
    world.settle().await;
    proxy.lie(move |request, answer| {
        let whole = request["method"] == "eth_getBlockByNumber" && request["params"][1] == true;
        let transactions = answer["result"]["transactions"].as_array().map(Vec::len);
        if whole && transactions == Some(1) {
            let place = &answer["result"]["transactions"][0];
            let mut shown = ours.clone();
            for field in ["blockHash", "blockNumber", "transactionIndex"] {
                shown[field] = place[field].clone();
            }
            answer["result"]["transactions"][0] = shown;
        }
    });
    let found = world.find(&attempt).await;
    assert!(matches!(found, Err(FindError::Unavailable(_))), "{found:?}");
    proxy.stop_lying();
    let found = world.find(&attempt).await;
    assert!(
        matches!(found, Err(FindError::Contradiction(_))),
        "{found:?}"
    );
}
