//! A ledger in memory: a registry (immediate, movements out of custody by approval) or a chain (a mempool, blocks, a finality
//! depth). Its failures come in pairs: the same error with and without an effect.

#[cfg(test)]
mod tests;
mod world;

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use crate::id::{LedgerId, TransferId};
use crate::operation::{Operation, OperationKind};
use crate::pool::Pool;
use crate::ports::{
    Attempt, Authority, Blocks, BoxError, Costs, Cursor, Custody, Draft, Finality, FindError,
    Found, Ledger, LedgerKind, LedgerProfile, Observations, Page, PrepareError, Reserves,
    SendError, Taking,
};
use crate::quantity::Quantity;
use crate::receipt::Refusal;
use crate::terms::Burn;
use crate::time::Clock;
use world::World;

/// What goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It arrives and is answered.
    None,
    /// It never leaves; nothing happens. The answer says so.
    Unreached,
    /// It is lost on its way: the sender cannot know. It may land later, or never.
    RequestLost {
        /// When it lands after all, if it does; must be below [`FakeLedger::DOUBT_MS`].
        lands_after_ms: Option<u64>,
    },
    /// It has its effect; the answer is lost.
    AnswerLost,
    /// A definite no.
    Refused(Refusal),
    /// Not yet.
    NotBefore {
        /// For how long.
        ms: u64,
    },
}

/// Decides what goes wrong with the next call. The simulation draws from a seed here.
pub type Faults = Box<dyn FnMut(Call) -> Fault + Send>;

/// Which call of the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Preparing operations; only [`Fault::Unreached`] means anything.
    Prepare,
    /// Sending one draft.
    Send,
    /// Asking about attempts; any fault means no answer.
    Find,
    /// Observing; any fault means no answer.
    Observe,
}

/// The ledger. Clones speak to the same one, as several processes would.
#[derive(Clone)]
pub struct FakeLedger {
    profile: LedgerProfile,
    clock: Arc<dyn Clock>,
    world: Arc<Mutex<World>>,
    faults: Arc<Mutex<Faults>>,
}

impl FakeLedger {
    /// For how long after a lost request its effect may still come.
    pub const DOUBT_MS: u64 = 5_000;

    /// A registry where `quorum` approvals move units out of custody.
    pub fn registry(id: LedgerId, quorum: usize, clock: Arc<dyn Clock>) -> Self {
        use OperationKind::{Lock, Release, Retire, Unlock};
        let profile = LedgerProfile {
            id,
            kind: LedgerKind::Registry,
            operations: vec![Lock, Unlock, Release, Retire],
            taking: Taking::Submitted,
            authority: Authority::Approvals,
            custody: Custody::Omnibus,
            finality: Finality::Immediate,
            granularity: Quantity::from_tonnes(1).unwrap(),
            max_batch: 128,
        };
        Self::new(profile, quorum, clock)
    }

    /// A chain whose facts are final `depth` blocks below the head.
    pub fn chain(id: LedgerId, depth: NonZeroU64, clock: Arc<dyn Clock>) -> Self {
        let profile = LedgerProfile {
            id,
            kind: LedgerKind::Chain,
            operations: vec![OperationKind::Mint, OperationKind::Void],
            taking: Taking::Observed,
            authority: Authority::Signatures,
            custody: Custody::Omnibus,
            finality: Finality::Depth(depth),
            granularity: Quantity::from_grams(1).unwrap(),
            max_batch: 128,
        };
        Self::new(profile, 0, clock)
    }

    fn new(profile: LedgerProfile, quorum: usize, clock: Arc<dyn Clock>) -> Self {
        let world = World::new(&profile, quorum);
        Self {
            profile,
            clock,
            world: Arc::new(Mutex::new(world)),
            faults: Arc::new(Mutex::new(Box::new(|_| Fault::None))),
        }
    }

    /// From now on `faults` decides what goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap() = faults;
    }

    /// These befall the next sends, one each; after them all is well.
    pub fn fail_sends(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut faults: VecDeque<_> = faults.into_iter().collect();
        self.set_faults(Box::new(move |call| match call {
            Call::Send => faults.pop_front().unwrap_or(Fault::None),
            Call::Prepare | Call::Find | Call::Observe => Fault::None,
        }));
    }

    /// One attester's yes to what is proposed under a reference.
    pub fn approve(&self, reference: &str) {
        self.world().approve(reference, self.clock.now());
    }

    /// What waits for approvals.
    pub fn proposed(&self) -> Vec<Operation> {
        self.world().proposed()
    }

    /// From now on the ledger refuses a transfer's operations.
    pub fn refuse(&self, transfer: TransferId, refusal: Refusal) {
        self.world().refuse(transfer, refusal);
    }

    /// Blocks are mined; the first takes all that waits.
    pub fn mine(&self, blocks: u64) {
        self.world().mine(blocks, self.clock.now());
    }

    /// A holder burns; the fact stands in the next block.
    pub fn burn(&self, burn: Burn) {
        self.world().burn(burn, self.clock.now());
    }

    /// How many operations had an effect so far.
    pub fn effects(&self) -> u64 {
        self.world().effects
    }

    fn fault(&self, call: Call) -> Fault {
        (self.faults.lock().unwrap())(call)
    }

    /// The world after everything under way that has landed by now.
    fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap();
        world.catch_up(self.clock.now());
        world
    }

    fn send_one(&self, draft: &Draft) -> Result<(), SendError> {
        let now = self.clock.now();
        let fault = self.fault(Call::Send);
        let mut world = self.world();
        let lost = |what: &str| SendError::Unknown(error(what));
        let refused = |world: &World, refusal| {
            if world.in_doubt(&draft.id, now) {
                Err(lost("refused, but an earlier send may still land"))
            } else {
                Err(SendError::Refused(refusal))
            }
        };
        match fault {
            Fault::None => match world.carry_out(&draft.id, now) {
                Ok(()) => Ok(()),
                Err(refusal) => refused(&world, refusal),
            },
            Fault::Unreached => Err(SendError::Unreached(error("no route to host"))),
            Fault::RequestLost { lands_after_ms } => {
                world.doubt(draft.id, now.plus_ms(Self::DOUBT_MS));
                if let Some(ms) = lands_after_ms {
                    world.land_later(draft.id, now.plus_ms(ms));
                }
                Err(lost("timed out"))
            }
            Fault::AnswerLost => {
                world.doubt(draft.id, now.plus_ms(Self::DOUBT_MS));
                let _nobody_hears = world.carry_out(&draft.id, now);
                Err(lost("connection reset"))
            }
            Fault::Refused(refusal) => refused(&world, refusal),
            Fault::NotBefore { ms } => Err(SendError::NotBefore(now.plus_ms(ms))),
        }
    }
}

fn error(what: &str) -> BoxError {
    what.to_owned().into()
}

impl fmt::Debug for FakeLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeLedger({})", self.profile.id)
    }
}

impl Blocks for FakeLedger {}

impl Costs for FakeLedger {}

#[async_trait]
impl Ledger for FakeLedger {
    fn profile(&self) -> &LedgerProfile {
        &self.profile
    }

    async fn prepare(&self, operations: &[Operation]) -> Vec<Result<Draft, PrepareError>> {
        let reached = self.fault(Call::Prepare) == Fault::None;
        let one = |operation: &Operation| {
            if !self.profile.operations.contains(&operation.kind())
                || *operation.ledger() != self.profile.id
            {
                let why = format!("{} is not offered by {}", operation.kind(), self.profile.id);
                return Err(PrepareError::Unsupported(why));
            }
            if reached {
                Ok(self.world().draft(operation))
            } else {
                Err(PrepareError::Unreached(error("no route to host")))
            }
        };
        operations.iter().map(one).collect()
    }

    async fn send(&self, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
        drafts.iter().map(|draft| self.send_one(draft)).collect()
    }

    async fn find(&self, attempts: &[Attempt]) -> Vec<Result<Found, FindError>> {
        let now = self.clock.now();
        let reached = self.fault(Call::Find) == Fault::None;
        let world = self.world();
        let one = |attempt: &Attempt| {
            if reached {
                Ok(world.find(attempt, now))
            } else {
                Err(FindError::Unavailable(error("timed out")))
            }
        };
        attempts.iter().map(one).collect()
    }

    async fn observe(&self, from: &Cursor, limit: usize) -> Result<Observations, FindError> {
        if self.fault(Call::Observe) == Fault::None {
            Ok(self.world().observe(from, limit))
        } else {
            Err(FindError::Unavailable(error("timed out")))
        }
    }

    async fn reserves(&self, _pool: &Pool, page: Page) -> Result<Reserves, FindError> {
        Ok(self.world().reserves(page))
    }
}
