//! One world for all processes of a run: both ledgers, the network between, what was observed of the relayer, and chance.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use isthmus_core::receipt::Refusal;
use isthmus_core::time::{Clock, Timestamp};
use tokio::sync::Notify;

use crate::bug::Bug;
use crate::clock::SimClock;
use crate::dice::Dice;
use crate::ledger::books::Books;
use crate::ledger::chain::{Chain, Transaction};
use crate::ledger::entries::Entry;
use crate::names;
use crate::oracle::Oracle;
use crate::scenario::{Odds, Scenario};
use crate::trace::{Listener, Trace};
use crate::trouble::{Plan, Step, Trouble};

/// Blocks below the newest one that are not final.
pub const DEPTH: u64 = 3;
/// Longest that a request may be under way.
pub const SETTLE_MS: u64 = 8_000;

/// A request on its way to a ledger.
#[derive(Clone, Debug)]
pub enum Message {
    /// To the registry, under a name.
    Registry {
        /// What.
        entry: Entry,
        /// With whose credentials.
        by: String,
    },
    /// To the chain.
    Chain(Transaction),
}

/// Everything there is.
#[derive(Debug)]
pub struct World {
    /// The registry.
    pub books: Arc<Books>,
    /// The chain.
    pub chain: Arc<Chain>,
    /// What happened.
    pub trace: Trace,
    /// Who watches.
    pub oracle: Oracle,
    /// Chance of what goes wrong.
    pub dice: Dice,
    /// How often what goes wrong now.
    pub odds: Odds,
    /// What the relayer under test does wrong on purpose.
    pub bug: Option<Bug>,
    in_flight: BTreeMap<(Timestamp, u64), Message>,
    sent: u64,
    /// Calls of ports so far.
    pub calls: u64,
    crash_at: Option<u64>,
    die_at_next: Option<&'static str>,
    /// What goes wrong on purpose.
    pub plan: Option<Plan>,
    /// The relayer has died and is not cleared away yet.
    pub crashed: bool,
}

/// The world as every task holds it. Never locked across an await.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The time.
    pub clock: Arc<SimClock>,
    world: Arc<Mutex<World>>,
    /// Rings when the relayer dies or a rule is broken.
    pub alarm: Arc<Notify>,
}

impl Shared {
    /// The world of a scenario, on the runtime of its run.
    pub fn new(scenario: &Scenario, bug: Option<Bug>, listener: Option<Listener>) -> Self {
        let clock = Arc::new(SimClock::start());
        let world = World {
            books: Arc::default(),
            chain: Arc::new(Chain::new(DEPTH, clock.now())),
            trace: Trace::new(listener),
            oracle: Oracle::default(),
            dice: Dice::new(scenario.seed, "faults"),
            odds: scenario.odds,
            bug,
            in_flight: BTreeMap::new(),
            sent: 0,
            calls: 0,
            crash_at: scenario.crash_at,
            die_at_next: None,
            plan: scenario.plan,
            crashed: false,
        };
        Self {
            clock,
            world: Arc::new(Mutex::new(world)),
            alarm: Arc::new(Notify::new()),
        }
    }

    /// The world. What is found wrong in it rings the alarm when the guard goes.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// One event, without a change of a ledger.
    pub fn say(&self, text: &str) {
        let at = self.clock.elapsed_ms();
        self.world().trace.say(at, text);
    }

    /// Something happened to a ledger or to the journal: every rule is checked.
    pub fn fact(&self, text: &str) {
        let at = self.clock.elapsed_ms();
        let mut world = self.world();
        world.trace.say(at, text);
        world.check();
        let broken = world.oracle.is_broken();
        drop(world);
        if broken {
            self.alarm.notify_one();
        }
    }

    /// Time passes.
    pub async fn pause(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// The relayer calls a port: it may die here. True if it has died, now or before.
    pub fn strike(&self, port: &str) -> bool {
        let mut world = self.world();
        world.calls += 1;
        let odds = world.odds.crash;
        let planned = world.die_at_next == Some(port);
        let now = planned || world.crash_at == Some(world.calls) || world.dice.chance(odds);
        if planned {
            world.die_at_next = None;
        }
        if now && !world.crashed {
            world.crashed = true;
            let text = format!("relayer dies at {port}");
            let at = self.clock.elapsed_ms();
            world.trace.say(at, &text);
            self.alarm.notify_one();
        }
        world.crashed
    }

    /// The relayer calls a port; if it dies here it never comes back.
    pub async fn reach(&self, port: &str) {
        if self.strike(port) {
            std::future::pending::<()>().await;
        }
    }

    /// How long a call takes, and whether it takes long.
    pub async fn travel(&self) {
        let ms = {
            let mut world = self.world();
            let slow = world.odds.slow;
            if world.dice.chance(slow) {
                world.dice.within(500, 5_000)
            } else {
                world.dice.within(1, 40)
            }
        };
        self.pause(ms).await;
    }

    /// A request arrives.
    pub fn deliver(&self, message: Message) -> Result<(), Refusal> {
        let now = self.now();
        let (answer, events) = self.world().deliver(message, now);
        for event in events {
            self.fact(&event);
        }
        answer
    }

    /// A request will arrive later.
    pub fn later(&self, message: Message, ms: u64) {
        let at = self.now().plus_ms(ms);
        let mut world = self.world();
        world.sent += 1;
        let key = (at, world.sent);
        world.in_flight.insert(key, message);
    }

    /// Everything that was under way until now arrives.
    pub fn deliver_due(&self) {
        let now = self.now();
        loop {
            let message = {
                let mut world = self.world();
                match world.in_flight.first_key_value() {
                    Some(((at, _), _)) if *at <= now => world.in_flight.pop_first(),
                    Some(_) | None => None,
                }
            };
            let Some((_, message)) = message else { return };
            let _nobody_hears = self.deliver(message);
        }
    }

    /// A block, and what is in it.
    pub fn mine(&self) {
        let now = self.now();
        let events = self.world().mine(now);
        for event in events {
            self.fact(&event);
        }
    }

    /// The newest blocks go, and others come, one more than went.
    pub fn reorganise(&self, blocks: u64) {
        {
            let mut world = self.world();
            let World {
                chain, dice, odds, ..
            } = &mut *world;
            Arc::make_mut(chain).drop_blocks(blocks, odds.forgotten, dice);
        }
        self.say(&format!("chain loses {blocks} blocks"));
        for _ in 0..=blocks {
            self.mine();
        }
    }
}

impl World {
    /// The gate's next call does nothing.
    pub fn refuse_next(&mut self) {
        Arc::make_mut(&mut self.chain).refuse_next += 1;
    }

    /// The relayer dies the next time it gets there.
    pub fn die_at_next(&mut self, port: &'static str) {
        self.die_at_next = Some(port);
    }

    /// What is planned to go wrong at a step, now.
    pub fn planned(&mut self, step: Step) -> Option<Trouble> {
        self.plan.as_mut().and_then(|plan| plan.meets(step))
    }

    fn check(&mut self) {
        self.oracle.check(&self.books, &self.chain);
    }

    fn deliver(&mut self, message: Message, now: Timestamp) -> (Result<(), Refusal>, Vec<String>) {
        match message {
            Message::Registry { entry, by } => {
                let before = self.books.movements.len();
                let answer = Arc::make_mut(&mut self.books).receive(&entry, &by, now);
                let mut events = Vec::new();
                for movement in self.books.movements.iter().skip(before) {
                    let (reference, kind) = (&movement.reference, movement.kind);
                    self.oracle.moved(movement, &self.books, &self.chain);
                    events.push(format!("registry {kind} {reference}"));
                }
                if let Err(refusal) = &answer {
                    events.push(format!("registry refuses {by}: {}", refusal.code));
                }
                (answer, events)
            }
            Message::Chain(transaction) => {
                Arc::make_mut(&mut self.chain).receive(transaction);
                (Ok(()), Vec::new())
            }
        }
    }

    fn mine(&mut self, now: Timestamp) -> Vec<String> {
        Arc::make_mut(&mut self.chain).mine(now, self.odds.left_out, &mut self.dice);
        let head = self.chain.head();
        let mut events = Vec::new();
        let Some(block) = self.chain.block(head) else {
            return events;
        };
        for (transaction, effects) in &block.transactions {
            for effect in effects {
                self.oracle.took_effect(effect, &self.books);
                let id = names::short(&transaction.id);
                events.push(format!("block {head} {id} {}", brief(effect)));
            }
        }
        events
    }
}

fn brief(effect: &crate::ledger::chain::Effect) -> String {
    use crate::ledger::chain::Effect;
    match effect {
        Effect::Minted(item) => format!("mints {} {}", names::short(&item.transfer), item.quantity),
        Effect::Voided(transfer) => format!("voids {}", names::short(transfer)),
        Effect::Burned(burn) => format!("burns {} as number {}", burn.quantity, burn.number),
        Effect::Nothing(why) => format!("does nothing: {why}"),
    }
}
