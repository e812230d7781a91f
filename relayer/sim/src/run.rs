//! One run: things go wrong for a while, then everything works and everything must end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use isthmus_prooflog::leaf::{AdminSignature, Leaf};
use isthmus_store::{RouteRecord, StoredRouteStatus};
use tokio::task::JoinSet;

use crate::attesters::Attester;
use crate::bug::Bug;
use crate::desk::Door;
use crate::disk::Disk;
use crate::holders::{APART, Holder};
use crate::misfortunes::{self, GUARANTOR};
use crate::names;
use crate::relayer::Relayer;
use crate::scenario::{Odds, Scenario};
use crate::trace::Listener;
use crate::world::{DEPTH, Shared};

/// Time between blocks.
const BLOCK_MS: u64 = 2_000;
/// Time between looks at what is under way.
const TICK_MS: u64 = 100;
/// How soon a contradiction must halt its ledger once everything else works.
const HALT_MS: u64 = 60_000;
/// How often the end is looked for.
const LOOK_MS: u64 = 1_000;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Broken rules; none is the hope.
    pub findings: Vec<String>,
    /// Hash over all events: the same for the same scenario.
    pub digest: String,
    /// How many events there were.
    pub events: u64,
    /// Calls of the relayer's ports.
    pub calls: u64,
    /// How often the relayer died.
    pub crashes: u64,
    /// How often the planned trouble did not come.
    pub plan_left: u64,
    /// How many transfers there were, by the state that they ended in.
    pub ended: std::collections::BTreeMap<&'static str, u64>,
}

/// Runs a scenario, perhaps with a planted bug.
pub fn run(scenario: &Scenario, bug: Option<Bug>, listener: Option<Listener>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(simulate(scenario, bug, listener))
}

struct Run<'a> {
    scenario: &'a Scenario,
    shared: Shared,
    disk: Arc<Mutex<Disk>>,
    door: Door,
    attesters: Vec<Attester>,
    /// What outlives relayers: blocks, the network, holders.
    outside: JoinSet<()>,
    holders: usize,
    crashes: u64,
}

async fn simulate(scenario: &Scenario, bug: Option<Bug>, listener: Option<Listener>) -> Report {
    let shared = Shared::new(scenario, bug, listener);
    let mut run = Run {
        scenario,
        disk: Arc::new(Mutex::new(Disk::new())),
        door: Door::default(),
        attesters: Vec::new(),
        outside: JoinSet::new(),
        holders: 0,
        crashes: 0,
        shared,
    };
    run.begin();
    let mut relayer = run.start();
    loop {
        relayer = match run.live(relayer).await {
            Life::Died(relayer) => run.restart(*relayer).await,
            Life::Over => break,
        };
    }
    run.report()
}

/// How a relayer's life ended.
enum Life {
    Died(Box<Relayer>),
    Over,
}

impl Run<'_> {
    fn begin(&mut self) {
        for holder in 0..self.scenario.transfers {
            let first = holder * APART + 1;
            let mut world = self.shared.world();
            let books = Arc::make_mut(&mut world.books);
            books.issue(first, first + 99, names::account(holder));
            drop(world);
            let one = Holder::new(holder, self.scenario, &self.shared, &self.door);
            self.outside.spawn(one.bring());
            self.holders += 1;
        }
        for holder in 0..self.scenario.burns.min(self.scenario.transfers) {
            let mut one = Holder::new(holder, self.scenario, &self.shared, &self.door);
            one.dice = crate::dice::Dice::new(self.scenario.seed, &format!("burner {holder}"));
            let give_up = self.scenario.safety_ms + 60_000;
            self.outside.spawn(one.take_back(give_up));
            self.holders += 1;
        }
        self.misfortunes();
        self.outside.spawn(blocks(self.shared.clone()));
        self.outside.spawn(network(self.shared.clone()));
    }

    fn misfortunes(&mut self) {
        let shared = || self.shared.clone();
        if let Some(at_ms) = self.scenario.correction_at_ms {
            let first = GUARANTOR * APART + 1;
            let mut world = self.shared.world();
            let books = Arc::make_mut(&mut world.books);
            books.issue(first, first + 9, names::account(GUARANTOR));
            drop(world);
            let correction = misfortunes::correction(shared(), at_ms, self.scenario.clone());
            self.outside.spawn(correction);
            self.holders += 1;
        }
        if let Some(at_ms) = self.scenario.deep_reorg_at_ms {
            let reorganisation = misfortunes::deep_reorganisation(shared(), at_ms);
            self.outside.spawn(reorganisation);
            self.holders += 1;
        }
    }

    fn start(&mut self) -> Relayer {
        let mut relayer = Relayer::start(&self.shared, &self.disk, &self.door);
        if relayer
            .store
            .active_route(&names::route().id)
            .unwrap()
            .is_none()
        {
            let (record, leaf) = route(self.shared.now().ms());
            relayer.store.put_route(&record, Some(leaf)).unwrap();
        }
        if self.attesters.is_empty() {
            let new = |number| Attester::new(number, &self.shared, &relayer.checkpoints);
            self.attesters = (0..names::ATTESTERS).map(new).collect();
        }
        relayer.reached_by(&self.attesters);
        relayer
    }

    /// Until the relayer dies, a rule is broken or everything has ended.
    async fn live(&mut self, mut relayer: Relayer) -> Life {
        loop {
            let look = tokio::time::sleep(Duration::from_millis(LOOK_MS));
            tokio::select! {
                biased;
                () = self.shared.alarm.notified() => {}
                ended = relayer.tasks.join_next() => self.fell(ended),
                Some(ended) = self.outside.join_next() => {
                    self.holders -= usize::from(ended.is_ok());
                    if let Err(error) = ended {
                        self.shared.world().oracle.found(format!("a holder's task: {error}"));
                    }
                }
                () = look => {}
            }
            if self.shared.world().oracle.is_broken() || self.is_over(&relayer) {
                relayer.kill(&self.door).await;
                return Life::Over;
            }
            if self.shared.world().crashed {
                return Life::Died(Box::new(relayer));
            }
        }
    }

    /// A task of the relayer has ended: it died, or that is a bug.
    fn fell(
        &self,
        ended: Option<Result<Result<(), isthmus::engine::Fatal>, tokio::task::JoinError>>,
    ) {
        let mut world = self.shared.world();
        if world.crashed {
            return;
        }
        let text = match ended {
            Some(Ok(Err(fatal))) => format!(
                "the relayer stopped: {}",
                isthmus::error_chain::chain(&fatal)
            ),
            Some(Err(error)) => format!("a task of the relayer panicked: {error}"),
            Some(Ok(Ok(()))) | None => "a task of the relayer ended".into(),
        };
        world.oracle.found(text);
    }

    async fn restart(&mut self, relayer: Relayer) -> Relayer {
        relayer.tap.catch_up();
        relayer.kill(&self.door).await;
        self.crashes += 1;
        let (lost, wait) = {
            let mut world = self.shared.world();
            let lost = self.disk.lock().unwrap().crash(&mut world.dice);
            world.crashed = false;
            (lost, world.dice.within(200, 4_000))
        };
        self.shared
            .say(&format!("restart in {wait} ms, {lost} bytes lost"));
        self.shared.pause(wait).await;
        self.start()
    }

    fn is_over(&mut self, relayer: &Relayer) -> bool {
        let elapsed = self.shared.clock.elapsed_ms();
        if elapsed < self.scenario.safety_ms {
            return false;
        }
        let mut world = self.shared.world();
        if world.odds != Odds::CALM {
            world.odds = Odds::CALM;
            let at = self.shared.clock.elapsed_ms();
            world.trace.say(at, "from here on everything works");
        }
        if !world.oracle.excuses.is_empty() {
            // What two people decide about it is not simulated: it must halt, and say why.
            let scope = format!("ledger:{}", names::chain());
            let paused = relayer.store.paused().unwrap();
            let over = elapsed > self.scenario.safety_ms + HALT_MS;
            let undone = world.oracle.is_undone(&world.chain);
            if over && undone && !paused.contains(&scope) {
                let finding = "the chain rewrote what was final, and nothing halts";
                world.oracle.found(finding.into());
            }
            return over;
        }
        let unended = world.oracle.unended();
        if self.holders == 0 && unended.is_empty() {
            let (books, chain) = (Arc::clone(&world.books), Arc::clone(&world.chain));
            world.oracle.ended(&books, &chain);
            return true;
        }
        if elapsed > self.scenario.safety_ms + self.scenario.liveness_ms {
            let holders = self.holders;
            let all = unended.join(", ");
            world.oracle.found(format!(
                "not everything has ended: {holders} holders, {all}"
            ));
            return true;
        }
        false
    }

    fn report(mut self) -> Report {
        self.outside.abort_all();
        let world = self.shared.world();
        let mut ended = std::collections::BTreeMap::new();
        for transfer in world.oracle.transfers.values() {
            *ended.entry(transfer.state().name()).or_default() += 1;
        }
        Report {
            findings: world.oracle.findings().to_vec(),
            digest: world.trace.digest(),
            events: world.trace.events(),
            calls: world.calls,
            crashes: self.crashes,
            plan_left: world.plan.map_or(0, |plan| plan.left),
            ended,
        }
    }
}

fn route(at_ms: u64) -> (RouteRecord, Vec<u8>) {
    let signatures = names::route_signatures();
    let leaf = Leaf::Route {
        at_ms,
        v: 1,
        route: serde_json::to_value(names::route()).unwrap(),
        signatures: signatures
            .iter()
            .map(|signature| AdminSignature {
                key: (*signature.key.as_bytes()).into(),
                signature: signature.signature.clone(),
            })
            .collect(),
    };
    let record = RouteRecord {
        document: names::route(),
        signatures,
        status: StoredRouteStatus::Active,
        proposed_by: "admin-1".into(),
        leaf: None,
    };
    (record, leaf.to_bytes())
}

/// Blocks come, and go.
async fn blocks(shared: Shared) {
    loop {
        shared.pause(BLOCK_MS).await;
        shared.mine();
        let deep = {
            let mut world = shared.world();
            let odds = world.odds.reorg;
            world
                .dice
                .chance(odds)
                .then(|| world.dice.within(1, DEPTH - 1))
        };
        if let Some(blocks) = deep {
            shared.reorganise(blocks);
        }
        let jump = {
            let mut world = shared.world();
            let odds = world.odds.jump;
            world
                .dice
                .chance(odds)
                .then(|| world.dice.within(3_600_000, 4_000_000))
        };
        if let Some(ms) = jump {
            shared.clock.jump(ms);
            shared.say("the clock jumps");
        }
    }
}

/// What is under way arrives.
async fn network(shared: Shared) {
    loop {
        shared.pause(TICK_MS).await;
        shared.deliver_due();
    }
}
