//! What a mint costs at a real node, everything included: the transaction, its calldata, the quorum's signatures.

use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use isthmus_core::id::{Address, TransferId};
use isthmus_core::operation::MintItem;
use isthmus_core::quantity::Quantity;
use isthmus_evm::contract::evm_address;
use isthmus_evm::sent::mint_batch_call;

use crate::setup::{ADMIN, DAY_MS, KEYS, class};
use crate::world::World;

/// The aim of the project at 100 mints (`docs/adr/0014`): 40 % of a Hyperlane warp mint.
const MOST_AT_100: u64 = 52_000;

/// Mints to holders who are new, under ids without zero bytes, as hashes are.
fn items(count: u64, seed: u8) -> Vec<MintItem> {
    let item = |number: u64| {
        let bytes = |salt: u8| {
            let mut bytes = [0xa0 | salt; 32];
            bytes[..8].copy_from_slice(&(0x1111_1111_1111_1111 + number).to_be_bytes());
            bytes[8] = seed;
            bytes
        };
        let mut recipient = [0xee; 20];
        recipient.copy_from_slice(&bytes(2)[..20]);
        MintItem {
            transfer: TransferId::new(bytes(1)),
            asset_class: class().id(),
            recipient: Address::new(recipient),
            quantity: Quantity::from_grams(4_250_001).unwrap(),
        }
    };
    (0..count).map(item).collect()
}

/// Gas per mint of a batch.
async fn per_mint(world: &World, count: u64, seed: u8) -> u64 {
    let batch = world.batch(items(count, seed), DAY_MS);
    let signer: PrivateKeySigner = KEYS[ADMIN].parse().unwrap();
    let provider = ProviderBuilder::new()
        .with_simple_nonce_management()
        .wallet(EthereumWallet::from(signer))
        .connect_http(world.node.url.parse().unwrap());
    let request = TransactionRequest::default()
        .with_to(evm_address(world.config.gate))
        .with_input(mint_batch_call(&batch).abi_encode())
        .with_gas_limit(12_000_000);
    let hash = *provider.send_transaction(request).await.unwrap().tx_hash();
    let before = world.minted().await;
    world.settle().await;
    let receipt = provider.get_transaction_receipt(hash).await.unwrap();
    let receipt = receipt.unwrap();
    assert!(receipt.status());
    let minted = world.minted().await - before;
    assert_eq!(u64::try_from(minted).unwrap(), count, "all of them");
    receipt.gas_used / count
}

#[tokio::test]
async fn a_mint_to_a_new_holder_costs_at_most_what_was_aimed_for() {
    let world = World::ready().await;
    // The class circulates already, as in all batches but its first.
    per_mint(&world, 1, 0x51).await;
    let mut figures = Vec::new();
    for (count, seed) in [(1, 0x52), (10, 0x53), (64, 0x54), (100, 0x55)] {
        figures.push((count, per_mint(&world, count, seed).await));
    }
    println!("gas per mint: {figures:?}");
    let (_, at_100) = figures[3];
    assert!(at_100 <= MOST_AT_100, "{figures:?}");
    assert!(figures.is_sorted_by(|a, b| a.1 > b.1), "{figures:?}");
}
