//! A devnet with an active route, and what tests ask of it again and again.

use isthmus_core::id::{Address, AssetClassId, TransferId};
use isthmus_core::route::RouteDocument;
use isthmus_core::terms::OutboundTerms;
use isthmus_e2e::devnet::keys::EvmKey;
use isthmus_e2e::devnet::parties::ALPHA;
use isthmus_e2e::devnet::{Devnet, Options};

/// 425 t of project 1340, vintage 2020, held by account 1001: the example of `docs/protocol.md`.
const BLOCK: (u64, u64) = (941_467_007, 941_467_431);

/// Part of the block, counted in tonnes from its first unit, both ends included.
pub(crate) fn serial(from: u64, to: u64) -> String {
    let (first, last) = (BLOCK.0 + from, BLOCK.0 + to);
    assert!(last <= BLOCK.1, "the block has 425 t");
    format!("19385-{first}-{last}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1")
}

pub(crate) const TONNE_G: u64 = 1_000_000;

/// What a reference of a movement out of custody that undoes a lock looks like.
pub(crate) fn unlock_reference(id: TransferId) -> String {
    format!("unlock:{id}")
}

pub(crate) struct World {
    pub(crate) devnet: Devnet,
    pub(crate) route: RouteDocument,
}

impl World {
    /// With the route `verra-evm`.
    pub(crate) async fn start() -> Self {
        let devnet = Devnet::start(Options::default()).await.unwrap();
        let route = devnet.route_document("verra-evm").unwrap();
        devnet.activate_route(&route).await.unwrap();
        Self { devnet, route }
    }

    pub(crate) fn wallet(&self, index: usize) -> &EvmKey {
        &self.devnet.parties.wallets[index]
    }

    pub(crate) fn alice(&self) -> Address {
        self.wallet(0).address()
    }

    /// Terms of account 1001 for part of the block, to the first wallet.
    pub(crate) async fn terms(&self, from: u64, to: u64) -> OutboundTerms {
        let serial = serial(from, to);
        let terms = self.devnet.terms(&self.route, ALPHA, &serial, self.alice());
        terms.await.unwrap()
    }

    /// A transfer of part of the block, completed.
    pub(crate) async fn minted(&self, from: u64, to: u64) -> (TransferId, AssetClassId) {
        let terms = self.terms(from, to).await;
        let id = self.devnet.admit(&terms).await.unwrap();
        self.devnet.wait_for(id, "completed").await.unwrap();
        (id, terms.asset_class)
    }

    pub(crate) async fn balance_t(&self, wallet: usize, class: AssetClassId) -> u64 {
        let holder = self.wallet(wallet).address();
        let grams = self.devnet.chain.balance_g(holder, class).await.unwrap();
        assert_eq!(grams % TONNE_G, 0, "{grams} g");
        grams / TONNE_G
    }

    pub(crate) async fn supply_t(&self, class: AssetClassId) -> u64 {
        let grams = self.devnet.chain.supply_g(class).await.unwrap();
        assert_eq!(grams % TONNE_G, 0, "{grams} g");
        grams / TONNE_G
    }

    pub(crate) async fn custody_t(&self) -> u64 {
        self.devnet.registry.custody_t().await.unwrap()
    }

    pub(crate) async fn movements_of(&self, reference: impl ToString) -> usize {
        let reference = reference.to_string();
        let count = self.devnet.registry.movements_of(&reference).await;
        count.unwrap()
    }

    /// The account and state of every unit of a serial, which must be the same for all.
    pub(crate) async fn lies(&self, serial: &str) -> (String, String) {
        let blocks = self.devnet.registry.blocks(serial).await.unwrap();
        let mut places: Vec<_> = blocks.into_iter().map(|b| (b.account, b.state)).collect();
        places.dedup();
        assert_eq!(places.len(), 1, "{serial} lies in {places:?}");
        places.remove(0)
    }

    /// Every pool's identity holds, and the ledgers agree with the log.
    pub(crate) async fn assert_reserves_hold(&self) {
        // What the ledgers say is read at a final block, which may be two blocks behind the log.
        let mut pools = self.devnet.reserves().await.unwrap();
        for _ in 0..100 {
            let agree = |p: &isthmus_proto::v1::PoolReserves| {
                p.custody_observed_g == Some(p.locked_g)
                    && p.supply_observed_g == Some(p.circulating_g)
            };
            if pools.iter().all(agree) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            pools = self.devnet.reserves().await.unwrap();
        }
        for pool in &pools {
            assert!(pool.holds, "{pool:?}");
            assert_eq!(pool.custody_observed_g, Some(pool.locked_g), "{pool:?}");
            assert_eq!(pool.supply_observed_g, Some(pool.circulating_g), "{pool:?}");
        }
    }
}
