//! Accounts, keys and everything else that is the same in every test.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{Address, Hash32, LedgerId, TransferId};
use isthmus_core::operation::MintItem;
use isthmus_core::ports::Cursor;
use isthmus_core::quantity::Quantity;
use isthmus_core::testing::sample;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_evm::deploy::{GateParameters, ROTATION_DELAY_S, ROTATION_GRACE_S, deploy_gate};
use isthmus_evm::{ChainFinality, EvmConfig, FeeLimits, Sender, Senders, SigningKey, eip712};

use crate::node::Node;

pub(crate) const CHAIN_ID: u64 = 31337;
pub(crate) const DEPTH: u64 = 2;
/// A day: long enough for every test that is not about deadlines.
pub(crate) const DAY_MS: u64 = 86_400_000;

/// anvil's well-known accounts, which it funds.
pub(crate) const KEYS: [&str; 8] = [
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
];

/// Where observing starts.
pub(crate) const START: Cursor = Cursor {
    height: 0,
    block: None,
    last_number: 0,
};

pub(crate) fn key(index: usize) -> SigningKey {
    let mut bytes = [0; 32];
    hex::decode_to_slice(&KEYS[index][2..], &mut bytes).unwrap();
    SigningKey::from_bytes(&bytes).unwrap()
}

pub(crate) const ADMIN: usize = 0;
pub(crate) const HOLDER: usize = 1;
pub(crate) const MINTER: usize = 2;
pub(crate) const VOIDER: usize = 3;
pub(crate) const ATTESTERS: [usize; 3] = [4, 5, 6];
pub(crate) const GUARDIAN: usize = 7;

/// Time that moves when told to.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn at(ms: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(ms)))
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) fn class() -> AssetClass {
    sample::class()
}

pub(crate) fn config(url: &str, gate: Address) -> EvmConfig {
    EvmConfig {
        ledger: LedgerId::try_from(format!("eip155:{CHAIN_ID}")).unwrap(),
        rpc_urls: vec![url.into()],
        rpc_quorum: None,
        stall_ms: 3_600_000,
        gate,
        gate_height: 0,
        finality: ChainFinality::Depth(NonZeroU64::new(DEPTH).unwrap()),
        log_range_limit: NonZeroU64::new(3).unwrap(),
        request_timeout_ms: 5_000,
        block_time_ms: 1_000,
        fees: FeeLimits {
            max_fee_per_gas_wei: 100_000_000_000,
            priority_fee_per_gas_wei: 1_000_000_000,
        },
    }
}

pub(crate) fn senders() -> Senders {
    senders_from(0, 0)
}

/// With the nonces that a journal gives.
pub(crate) fn senders_from(mint_nonce: u64, void_nonce: u64) -> Senders {
    let sender = |index, next_nonce| Sender {
        key: key(index),
        next_nonce,
    };
    Senders {
        mint: sender(MINTER, mint_nonce),
        void: sender(VOIDER, void_nonce),
    }
}

pub(crate) fn parameters() -> GateParameters {
    GateParameters {
        admin: key(ADMIN).address(),
        guardian: key(GUARDIAN).address(),
        signers: attesters(&ATTESTERS)
            .iter()
            .map(SigningKey::address)
            .collect(),
        threshold: 2,
        redemption_step: Quantity::from_tonnes(1).unwrap(),
        default_cap: Quantity::from_tonnes(1000).unwrap(),
        rotation_delay_s: ROTATION_DELAY_S,
        rotation_grace_s: ROTATION_GRACE_S,
    }
}

pub(crate) async fn deploy(node: &Node) -> Address {
    // The deployment waits for its blocks, so somebody must make them.
    let mining = async {
        loop {
            node.mine(1).await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let (deployer, parameters) = (key(ADMIN), parameters());
    tokio::select! {
        gate = deploy_gate(&node.url, &deployer, &parameters) => gate.unwrap(),
        () = mining => unreachable!("it mines for ever"),
    }
}

pub(crate) fn item(number: u8) -> MintItem {
    MintItem {
        transfer: TransferId::new([number; 32]),
        asset_class: class().id(),
        recipient: key(HOLDER).address(),
        quantity: Quantity::from_tonnes(u64::from(number)).unwrap(),
    }
}

/// Keys of attesters, as the gate wants their signatures: ascending by address.
pub(crate) fn attesters(indices: &[usize]) -> Vec<SigningKey> {
    let mut signers: Vec<_> = indices.iter().map(|index| key(*index)).collect();
    signers.sort_by_key(SigningKey::address);
    signers
}

pub(crate) fn sign(digest: Hash32, indices: &[usize]) -> Vec<Vec<u8>> {
    let signers = attesters(indices);
    let signature = |signer: &SigningKey| eip712::sign(digest, signer).to_vec();
    signers.iter().map(signature).collect()
}
