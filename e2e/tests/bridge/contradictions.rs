//! A chain takes back what was final. Its pools halt, everything else goes on, two people look, and nobody's units are silently
//! gone or there twice.

use std::sync::Arc;
use std::time::Duration;

use isthmus_core::id::TransferId;
use isthmus_core::ports::Cursor;
use isthmus_core::route::RouteDocument;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_e2e::devnet::parties::{ALPHA, BETA};
use isthmus_e2e::devnet::second_chain::SecondChain;
use isthmus_e2e::devnet::{CHAIN, Devnet, FINALITY_DEPTH, Options, Redemption};
use isthmus_store::Store;

use crate::halts::{halted, restart_attesters, resume_as_two, resume_once_mended, status};
use crate::world::{TONNE_G, World, serial};

/// How deep a chain is rewritten here: what was final for a while is gone.
const DEEP: u64 = FINALITY_DEPTH + 20;

struct TwoChains {
    world: World,
    second: SecondChain,
    /// To the second chain.
    other_route: RouteDocument,
}

impl TwoChains {
    async fn start() -> Self {
        let devnet = Devnet::prepare(Options::default()).await.unwrap();
        let second = devnet.second_chain().await.unwrap();
        devnet.start_relayer().await.unwrap();
        for attester in &devnet.attesters {
            attester.start().unwrap();
        }
        let route = devnet.route_document("verra-evm").unwrap();
        let other_route = second.route_like(&route, "verra-evm-2").unwrap();
        devnet.activate_route(&route).await.unwrap();
        devnet.activate_route(&other_route).await.unwrap();
        let world = World { devnet, route };
        Self {
            world,
            second,
            other_route,
        }
    }

    /// A whole transfer to the second chain, while the first one stands.
    async fn the_other_chain_goes_on(&self, from: u64, to: u64) {
        let (devnet, serial) = (&self.world.devnet, serial(from, to));
        let alice = self.world.alice();
        let terms = devnet.terms(&self.other_route, ALPHA, &serial, alice).await;
        let terms = terms.unwrap();
        let id = devnet.admit(&terms).await.unwrap();
        devnet.wait_for(id, "completed").await.unwrap();
        let grams = self.second.chain.balance_g(alice, terms.asset_class).await;
        assert!(grams.unwrap() >= (to - from + 1) * TONNE_G);
    }

    /// Nothing new is taken to the first chain.
    async fn the_first_chain_takes_nothing(&self, from: u64, to: u64) {
        let terms = self.world.terms(from, to).await;
        let order = self.world.devnet.order(&terms).unwrap();
        let refusal = self.world.devnet.submit(order).await.unwrap().unwrap_err();
        assert_eq!(refusal.code, "paused", "{refusal:?}");
    }

    /// Buries what is there, then replaces the newest blocks by empty ones.
    async fn rewrite_the_first_chain(&self) {
        let chain = &self.world.devnet.chain;
        chain.stop_blocks().await.unwrap();
        chain.reorg(DEEP).await.unwrap();
        chain.mine(1).await.unwrap();
    }

    /// Mints and kills the relayer, until it has recorded a mint and no cursor that is past it. No block is made after that.
    async fn minted_above_the_cursor(&self) -> Uncovered {
        let devnet = &self.world.devnet;
        for from in [0, 4, 8, 12, 16, 20] {
            let (id, class) = self.world.minted(from, from + 3).await;
            devnet.relayer.kill9().unwrap();
            devnet.chain.stop_blocks().await.unwrap();
            let block = devnet.chain.settled_in(id).await.unwrap().unwrap();
            let cursor = stored_cursor(devnet);
            if cursor.height < block {
                return Uncovered {
                    id,
                    class,
                    block,
                    cursor,
                    tonnes: from + 4,
                };
            }
            devnet.chain.resume_blocks().await.unwrap();
            devnet.start_relayer().await.unwrap();
        }
        panic!("the cursor was past every one of six mints");
    }

    /// Older blocks than what follows, which no test takes back.
    async fn settle(&self) {
        self.world.devnet.chain.mine(2 * DEEP).await.unwrap();
    }
}

/// A recorded mint above the stored cursor.
struct Uncovered {
    id: TransferId,
    class: isthmus_core::id::AssetClassId,
    block: u64,
    cursor: Cursor,
    /// Minted with it and before it.
    tonnes: u64,
}

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_s(1_780_000_000)
    }
}

/// How far the relayer, which does not run, will say that it has observed the first chain.
fn stored_cursor(devnet: &Devnet) -> Cursor {
    let store = Store::open(&devnet.relayer_data(), "devnet", Arc::new(Noon)).unwrap();
    let cursor = store.cursor(&CHAIN.parse().unwrap()).unwrap();
    cursor.expect("it has observed for a while")
}

#[tokio::test]
async fn mints_that_vanish_beyond_the_depth_are_sent_again_once_two_people_have_looked() {
    let chains = TwoChains::start().await;
    let devnet = &chains.world.devnet;
    // The first mint of its class: the class vanishes with it.
    chains.settle().await;
    let (id, class) = chains.world.minted(10, 19).await;
    assert_eq!(chains.world.balance_t(0, class).await, 10);

    chains.rewrite_the_first_chain().await;
    assert_eq!(devnet.chain.mints_of(id).await.unwrap(), 0, "it is gone");
    let why = halted(devnet).await;
    assert!(why.contains("contradicts what is final"), "{why}");
    assert!(why.contains(&devnet.chain.url), "{why}");
    chains.the_first_chain_takes_nothing(30, 39).await;
    chains.the_other_chain_goes_on(100, 109).await;
    is_mended(&chains, id).await;
    assert_eq!(chains.world.balance_t(0, class).await, 10);

    // The same while the relayer is down: the stored hash tells.
    chains.settle().await;
    let (id, _) = chains.world.minted(40, 49).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    devnet.relayer.kill9().unwrap();
    devnet.chain.mine(4).await.unwrap();
    chains.rewrite_the_first_chain().await;
    devnet.start_relayer().await.unwrap();
    let why = halted(devnet).await;
    assert!(why.contains("contradicts what is final"), "{why}");
    chains.the_other_chain_goes_on(110, 119).await;
    is_mended(&chains, id).await;
    assert_eq!(chains.world.balance_t(0, class).await, 20);

    chains.world.minted(50, 59).await;
    assert_eq!(chains.world.supply_t(class).await, 30);
    // Both pools have their units in the same account.
    let pools = devnet.reserves().await.unwrap();
    let locked: u64 = pools.iter().map(|pool| pool.locked_g).sum();
    assert_eq!(pools.len(), 2);
    for pool in &pools {
        assert!(pool.holds, "{pool:?}");
        assert_eq!(pool.locked_g, pool.circulating_g, "{pool:?}");
        assert_eq!(pool.custody_observed_g, Some(locked), "{pool:?}");
    }
}

/// The stored cursor is some blocks old, and where it was: only what was recorded since says that something is gone.
#[tokio::test]
async fn a_mint_that_vanished_above_the_stored_cursor_while_the_relayer_was_down_halts_its_start() {
    let chains = TwoChains::start().await;
    let devnet = &chains.world.devnet;
    // The class is known at the gate long before: what registers it is not what is to vanish.
    chains.world.minted(50, 54).await;
    chains.settle().await;
    let Uncovered {
        id,
        class,
        block,
        cursor,
        tonnes,
    } = chains.minted_above_the_cursor().await;
    let depth = devnet.chain.height().await.unwrap() - block + 1;
    assert!(depth > FINALITY_DEPTH, "{block} was not final");
    devnet.chain.reorg(depth).await.unwrap();
    devnet.chain.mine(2).await.unwrap();
    let observed = devnet.chain.block_json(cursor.height).await.unwrap();
    let observed = observed["hash"].as_str().unwrap();
    assert_eq!(observed, cursor.block.unwrap().to_string(), "it stands");
    assert_eq!(devnet.chain.mints_of(id).await.unwrap(), 0, "it is gone");
    devnet.start_relayer().await.unwrap();
    let why = halted(devnet).await;
    assert!(why.contains("contradicts what is final"), "{why}");
    chains.the_first_chain_takes_nothing(30, 39).await;
    chains.the_other_chain_goes_on(100, 109).await;
    is_mended(&chains, id).await;
    assert_eq!(chains.world.balance_t(0, class).await, 5 + tonnes);

    // What people have decided about is not found again.
    devnet.relayer.kill9().unwrap();
    devnet.start_relayer().await.unwrap();
    chains.world.minted(40, 49).await;
    assert_eq!(status(devnet).await.paused, Vec::<String>::new());
}

/// It does not go on without the mint, which is sent again and is there once.
async fn is_mended(chains: &TwoChains, id: TransferId) {
    let devnet = &chains.world.devnet;
    let refusal = resume_as_two(devnet, false).await.unwrap_err();
    assert!(refusal.message().contains(&id.to_string()), "{refusal:?}");
    assert!(refusal.message().contains("sent again"), "{refusal:?}");
    let why = halted(devnet).await;
    assert!(why.contains(&id.to_string()), "{why}");
    devnet.chain.resume_blocks().await.unwrap();
    resume_once_mended(devnet).await;
    restart_attesters(devnet);
    assert_eq!(devnet.chain.mints_of(id).await.unwrap(), 1);
    let state = devnet
        .transfer(id)
        .await
        .unwrap()
        .unwrap()
        .transfer
        .unwrap()
        .state;
    assert_eq!(state, "completed");
}

#[tokio::test]
async fn burns_that_vanish_beyond_the_depth_are_stopped_or_known_as_a_shortfall() {
    let chains = TwoChains::start().await;
    let (world, devnet) = (&chains.world, &chains.world.devnet);
    let (_, class) = world.minted(0, 9).await;
    chains.settle().await;
    let given = world.burn_for(class, 3, BETA).await;
    devnet.instruct(given.id, &given.instruction).await.unwrap();
    devnet.wait_for(given.id, "completed").await.unwrap();
    let waiting = world.burn_for(class, 2, BETA).await;

    chains.rewrite_the_first_chain().await;
    assert_eq!(devnet.chain.burns().await.unwrap(), 0, "both are gone");
    halted(devnet).await;
    chains.the_other_chain_goes_on(100, 109).await;

    // What was given is missing in the pool, and that does not go away.
    for _ in 0..2 {
        let refusal = resume_as_two(devnet, false).await.unwrap_err();
        assert!(
            refusal.message().contains(&given.id.to_string()),
            "{refusal:?}"
        );
        assert!(refusal.message().contains("short"), "{refusal:?}");
    }
    let why = halted(devnet).await;
    assert!(why.contains(&given.id.to_string()), "{why}");
    // What was not given is stopped.
    let stopped = devnet
        .transfer(waiting.id)
        .await
        .unwrap()
        .unwrap()
        .transfer
        .unwrap();
    assert_eq!(stopped.state, "quarantined");
    devnet.chain.resume_blocks().await.unwrap();

    assert_eq!(
        resume_as_two(devnet, true).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(world.supply_t(class).await, 10, "more than is locked");
    assert_eq!(world.custody_t().await, 7 + 10);
    restart_attesters(devnet);
    // The attesters do not let the shortfall grow: nothing is minted in this class.
    let id = devnet.admit(&world.terms(30, 39).await).await.unwrap();
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(devnet.chain.mints_of(id).await.unwrap(), 0);
    let note = devnet
        .transfer(id)
        .await
        .unwrap()
        .unwrap()
        .transfer
        .unwrap()
        .note;
    assert!(note.contains("10 t circulates"), "{note}");
    let state = status(devnet).await;
    assert!(
        !state.paused.iter().any(|scope| scope.contains("31337")),
        "{state:?}"
    );
}

impl World {
    /// A burn that the relayer has seen final, its originals for an account.
    async fn burn_for(
        &self,
        class: isthmus_core::id::AssetClassId,
        tonnes: u64,
        account: &str,
    ) -> Redemption {
        let release = Redemption::release_to(account).unwrap();
        let burn = self
            .devnet
            .burn(self.wallet(0), class, tonnes * TONNE_G, release);
        let burn = burn.await.unwrap();
        self.devnet.wait_for(burn.id, "taken").await.unwrap();
        burn
    }
}
