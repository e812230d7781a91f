//! Examining a mint batch: all items are read for together and decided one by one; the batch is signed whole or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use isthmus_core::id::{AssetClassId, LedgerId, RouteId};
use isthmus_core::operation::MintItem;
use isthmus_core::policy::RouteStatus;
use isthmus_core::quantity::Quantity;

use crate::attester::decline::{Decline, Ground};
use crate::attester::examine::{ExamineError, Examiner, outcome_of};
use crate::attester::lock::{LoggedLock, Shelf};
use crate::attester::own::OwnGate;
use crate::attester::ports::{Record, StoredBlock};
use crate::attester::readings::{self, GateReading, RegistryReading};
use crate::attester::relayer::{Declined, Verdict};
use crate::attester::replica::LoggedRoute;
use crate::attester::reserves::Cover;
use crate::attester::route::{self, RouteFacts};
use crate::attester::verify_mint::{self, ItemFacts, MintBatch};

/// What the items of one batch share.
struct Readings {
    registries: BTreeMap<LedgerId, RegistryReading>,
    outcomes: GateReading,
    covers: HashMap<AssetClassId, Result<Cover, Decline>>,
    routes: HashMap<RouteId, Result<OwnRoute, Decline>>,
}

/// A route with what the attester's own book says of it.
struct OwnRoute {
    logged: LoggedRoute,
    signed: Result<(), Decline>,
    outstanding: Quantity,
    status: RouteStatus,
}

impl Examiner<'_> {
    pub(super) async fn mint(&self, batch: &MintBatch) -> Result<Verdict, ExamineError> {
        let gate = match self.own.gate(&batch.ledger, batch.gate) {
            Ok(gate) => gate,
            Err(decline) => return Ok(whole(batch, &decline)),
        };
        let followed = self.log.root(batch.log.size)?;
        let signers = gate.view.signers().await?;
        let about_batch = verify_mint::check_batch(batch, followed, self.now)
            .and_then(|()| self.own.is_signer(batch.epoch, &signers));
        if let Err(decline) = about_batch {
            return Ok(whole(batch, &decline));
        }
        let mut answers = self.mint_items(batch, gate).await?;
        if answers.iter().all(Result::is_ok) {
            // If we crash after this write nothing was signed, and the same items may be signed again.
            answers = self.memory.mints(&batch.items)?;
        }
        if answers.iter().all(Result::is_ok) {
            let digest = batch.digest(gate.chain_id);
            return Ok(Verdict::Signed(self.own.sign(digest)));
        }
        let declined = batch
            .items
            .iter()
            .zip(answers)
            .filter_map(|(item, answer)| {
                answer.err().map(|decline| Declined {
                    transfer: item.transfer.to_string(),
                    decline,
                })
            });
        Ok(Verdict::Declined(declined.collect()))
    }

    /// One answer per item, by everything but the attester's memory.
    async fn mint_items(
        &self,
        batch: &MintBatch,
        gate: &OwnGate,
    ) -> Result<Vec<Result<(), Decline>>, ExamineError> {
        let replica = self.log.replica();
        let locks: Vec<Result<LoggedLock, Decline>> = batch
            .items
            .iter()
            .map(|item| LoggedLock::read(replica, item.transfer, batch.log.size))
            .collect();
        let logged: Vec<&LoggedLock> = locks.iter().flatten().collect();
        let readings = self.read(gate, &logged).await?;
        self.undoubted(gate, &readings)?;
        let registries = readings.registries.iter();
        let shelves = registries.map(|(id, registry)| (id, Shelf::of(&registry.stored)));
        let shelves: BTreeMap<_, _> = shelves.collect();
        let decide = |(item, lock): (&MintItem, &Result<LoggedLock, Decline>)| {
            let lock = lock.as_ref().map_err(Clone::clone)?;
            let of_origin = shelves.get(&lock.terms.origin);
            let stored = of_origin.map_or_else(Vec::new, |shelf| shelf.about(lock));
            self.mint_item(batch, item, (lock, &stored), &readings)
        };
        Ok(batch.items.iter().zip(&locks).map(decide).collect())
    }

    /// The log was followed before; then the gate is read, and custody last (see [`Cover`]).
    async fn read(&self, gate: &OwnGate, locks: &[&LoggedLock]) -> Result<Readings, ExamineError> {
        let (own, replica) = (self.own, self.log.replica());
        let classes: BTreeSet<_> = locks.iter().map(|lock| lock.terms.asset_class).collect();
        let mut transfers = readings::live(replica, gate, &classes);
        transfers.extend(locks.iter().map(|lock| lock.id()));
        let outcomes = GateReading::of(gate, transfers).await?;
        let registries = readings::registries(own, locks).await?;
        let mut covers = HashMap::new();
        for class in classes {
            let cover = readings::cover(own, replica, gate, class, &outcomes).await?;
            covers.insert(class, cover);
        }
        let mut routes = HashMap::new();
        for id in locks.iter().map(|lock| &lock.terms.route) {
            if !routes.contains_key(id) {
                routes.insert(id.clone(), self.route(id));
            }
        }
        Ok(Readings {
            registries,
            outcomes,
            covers,
            routes,
        })
    }

    /// That what circulates is accounted for, or has not been for so long that this is an answer.
    fn undoubted(&self, gate: &OwnGate, readings: &Readings) -> Result<(), ExamineError> {
        for (class, cover) in &readings.covers {
            let accounted = cover.as_ref().map_or(true, Cover::is_accounted);
            if !(self.doubts).settled(gate.address, *class, accounted, self.now) {
                let text = format!("more of class {class} circulates than the log accounts for");
                return Err(ExamineError::Undecided(text.into()));
            }
        }
        Ok(())
    }

    fn route(&self, id: &RouteId) -> Result<OwnRoute, Decline> {
        let replica = self.log.replica();
        let logged = replica.route(id)?;
        let status = if replica.is_paused(&logged.document) {
            RouteStatus::Paused
        } else {
            RouteStatus::Active
        };
        Ok(OwnRoute {
            signed: route::signed(&logged, &self.own.route_admins),
            logged,
            outstanding: replica.outstanding(id),
            status,
        })
    }

    fn mint_item(
        &self,
        batch: &MintBatch,
        item: &MintItem,
        (lock, stored): (&LoggedLock, &[StoredBlock]),
        readings: &Readings,
    ) -> Result<(), Decline> {
        let terms = &lock.terms;
        let registry = readings
            .registries
            .get(&terms.origin)
            .ok_or_else(|| unread(Ground::ForeignLedger, &terms.origin))?;
        let route = readings
            .routes
            .get(&terms.route)
            .ok_or_else(|| unread(Ground::NoRoute, &terms.route))?
            .as_ref()
            .map_err(Clone::clone)?;
        let cover = readings
            .covers
            .get(&terms.asset_class)
            .ok_or_else(|| unread(Ground::ReservesShort, &terms.asset_class))?
            .clone()?;
        let facts = ItemFacts {
            lock,
            route: RouteFacts {
                route: &route.logged,
                signed: route.signed.clone(),
                // The book counts this lock too.
                outstanding: route
                    .outstanding
                    .checked_sub(terms.quantity_g)
                    .unwrap_or(Quantity::ZERO),
                status: route.status.clone(),
            },
            record: registry.records.get(&lock.id()).unwrap_or(&Record::Absent),
            receipt_key: &registry.receipt_key,
            holder: registry.holders.get(&terms.account).copied().flatten(),
            stored,
            outcome: outcome_of(&readings.outcomes, lock.id())?,
            cover,
        };
        verify_mint::check_item(batch, item, &facts, self.now)
    }
}

/// The same no to every item.
fn whole(batch: &MintBatch, decline: &Decline) -> Verdict {
    let declined = batch.items.iter().map(|item| Declined {
        transfer: item.transfer.to_string(),
        decline: decline.clone(),
    });
    Verdict::Declined(declined.collect())
}

fn unread(ground: Ground, what: &dyn std::fmt::Display) -> Decline {
    Decline::new(ground, format!("{what} is not configured or was not read"))
}
