//! Pauses: what takes no new work. Durable and in the log, so that attesters stop too. Outcomes of what is in flight still
//! count, and a withdrawal or a return goes on while its route is paused: both only bring units back.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isthmus_core::id::{LedgerId, RouteId, TransferId};
use isthmus_core::operation::{Item, Operation, Work};
use isthmus_core::policy::RouteStatus;
use isthmus_core::ports::{Contradiction, StoreError};
use isthmus_core::terms::Terms;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_core::transfer::{Next, Transfer};
use isthmus_store::Store;

use crate::engine::contradiction::Stop;
use crate::engine::delay::mint_not_before;
use crate::engine::impairment;
use crate::engine::lane::{Gatekeeper, HELD_MS};
use crate::engine::leaves;

/// What a pause is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// Locks and mints of one route.
    Route(RouteId),
    /// Every intent at, or for, one ledger: set by the engine too, when the ledger contradicts itself.
    Ledger(LedgerId),
}

/// Text that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scope {0:?} is not valid: write all, route:<id> or ledger:<id>")]
pub struct InvalidScope(pub String);

impl FromStr for Scope {
    type Err = InvalidScope;
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let invalid = || InvalidScope(text.chars().take(80).collect());
        match text.split_once(':') {
            None if text == "all" => Ok(Self::All),
            Some(("route", id)) => id.parse().map(Self::Route).map_err(|_| invalid()),
            Some(("ledger", id)) => id.parse().map(Self::Ledger).map_err(|_| invalid()),
            None | Some(_) => Err(invalid()),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Route(id) => write!(f, "route:{id}"),
            Self::Ledger(id) => write!(f, "ledger:{id}"),
        }
    }
}

/// What is paused, as the store has it.
#[derive(Clone, Debug)]
pub struct Pauses {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    /// Transfers that a ledger contradicted itself about, in this process.
    noted: Arc<Mutex<HashSet<TransferId>>>,
    /// How often people have let a halted ledger go on.
    resolved: Arc<AtomicU64>,
    /// Chains that this process has not compared with what is recorded yet.
    uncompared: Arc<Mutex<BTreeSet<LedgerId>>>,
}

impl Pauses {
    /// Over a store.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            noted: Arc::default(),
            resolved: Arc::default(),
            uncompared: Arc::default(),
        }
    }

    pub(super) fn uncompared(&self) -> MutexGuard<'_, BTreeSet<LedgerId>> {
        self.uncompared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn noted(&self, transfer: TransferId) -> bool {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.contains(&transfer)
    }

    pub(super) fn note(&self, transfer: TransferId) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.insert(transfer);
    }

    /// Whether exactly this scope is paused.
    pub fn is_paused(&self, scope: &Scope) -> Result<bool, StoreError> {
        Ok(self.store.paused()?.contains(&scope.to_string()))
    }

    /// Changes whenever people let something go on: what was known about a ledger before is looked up anew.
    pub fn resolutions(&self) -> u64 {
        self.resolved.load(Ordering::SeqCst)
    }

    /// Stops new work of a scope. Pausing what is paused changes nothing and writes no leaf.
    pub fn pause(&self, scope: &Scope, by: &str) -> Result<(), StoreError> {
        let scope = scope.to_string();
        if self.store.paused()?.contains(&scope) {
            return Ok(());
        }
        let leaf = leaves::paused(scope.clone(), by.to_owned(), self.clock.now());
        self.store
            .set_paused(&scope, Some(by.to_owned()), vec![leaf])
    }

    /// Lets work of a scope go on. Resuming what runs changes nothing and writes no leaf.
    pub fn resume(&self, scope: &Scope, by: &str) -> Result<(), StoreError> {
        let scope = scope.to_string();
        if !self.store.paused()?.contains(&scope) {
            return Ok(());
        }
        self.resolved.fetch_add(1, Ordering::SeqCst);
        let leaf = leaves::resumed(scope.clone(), by.to_owned(), self.clock.now());
        self.store.set_paused(&scope, None, vec![leaf])
    }

    /// What is paused, as scopes are written.
    pub fn list(&self) -> Result<Vec<String>, StoreError> {
        self.store.paused()
    }

    /// Whether a route takes transfers: it, a ledger of it or everything may be paused.
    pub fn route_status(
        &self,
        route: &RouteId,
        ledgers: [&LedgerId; 2],
    ) -> Result<RouteStatus, StoreError> {
        let paused = self.store.paused()?;
        let stopped = paused.iter().any(|scope| {
            scope == "all"
                || *scope == format!("route:{route}")
                || ledgers.iter().any(|id| *scope == format!("ledger:{id}"))
        });
        Ok(if stopped || self.is_unsettled_copy()? {
            RouteStatus::Paused
        } else {
            RouteStatus::Active
        })
    }
}

impl Pauses {
    /// Whether a ledger, or everything, is paused.
    pub fn stops(&self, ledger: &LedgerId) -> Result<bool, StoreError> {
        let paused = self.store.paused()?;
        Ok(paused.iter().any(|scope| match scope.parse::<Scope>() {
            Ok(Scope::Route(_)) => false,
            Ok(Scope::Ledger(id)) => id == *ledger,
            // A scope that this version cannot read stops everything: the safe side.
            Ok(Scope::All) | Err(_) => true,
        }))
    }
}

impl Gatekeeper for Pauses {
    fn ledger_contradicted(&self, contradiction: &Contradiction) -> Result<(), StoreError> {
        self.halt(contradiction)
    }

    fn held_until(&self, transfer: &Transfer, now: Timestamp) -> Option<Timestamp> {
        if self.holds(transfer) {
            return Some(now.plus_ms(HELD_MS));
        }
        if !is_advance(transfer) {
            return None;
        }
        // Without knowing whether it is delayed it does not begin.
        match mint_not_before(&self.store, transfer) {
            Ok(delayed) => delayed.filter(|until| *until > now),
            Err(_) => Some(now.plus_ms(HELD_MS)),
        }
    }

    fn contradicted(
        &self,
        transfer: TransferId,
        contradiction: &Contradiction,
    ) -> Result<Stop, StoreError> {
        self.halt_for(transfer, contradiction)
    }

    fn holds(&self, transfer: &Transfer) -> bool {
        if self.is_uncompared(transfer.terms()) || impairment::holds(&self.store, transfer) {
            return true;
        }
        let Ok(paused) = self.store.paused() else {
            // Without knowing what is paused nothing new begins.
            return true;
        };
        if paused.is_empty() {
            return false;
        }
        let terms = transfer.terms();
        let stops = |scope: &String| match scope.parse::<Scope>() {
            Ok(Scope::Route(id)) => is_of_route(terms, &id) && is_advance(transfer),
            Ok(Scope::Ledger(id)) => *terms.origin() == id || *terms.destination() == id,
            // A scope that this version cannot read stops everything: the safe side.
            Ok(Scope::All) | Err(_) => true,
        };
        paused.iter().any(stops)
    }
}

fn is_of_route(terms: &Terms, route: &RouteId) -> bool {
    match terms {
        Terms::Outbound(outbound) => outbound.terms.route == *route,
        Terms::Return(_) => false,
    }
}

/// Whether its next work brings units over: a lock, a mint, or asking for a mint.
pub(super) fn is_advance(transfer: &Transfer) -> bool {
    match transfer.next(Timestamp::from_ms(0)) {
        Next::Do(Work::Attest { item, .. }) => matches!(item, Item::Mint(_)),
        Next::Do(Work::Ledger(operation)) => {
            matches!(operation, Operation::Lock { .. } | Operation::Mint { .. })
        }
        Next::Wait(_) | Next::Done => false,
    }
}
