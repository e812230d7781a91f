//! Collecting a quorum's signatures: mints in batches, voids one by one. A batch without a quorum is formed again without the items
//! that so many declined that they cannot have one, else without those that somebody declined who would have signed the rest. These then
//! go each by itself, so every round is smaller than the one before it.

mod collect;
mod crowd;
mod flight;
mod live;
mod outcome;
mod sign;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use isthmus_core::id::TransferId;
use isthmus_core::operation::{Authorisation, Lane, MintItem, SignedBatch, Work};
use isthmus_core::ports::{Append, Draft, Ledger};
use isthmus_core::receipt::{Finding, Lasting};
use isthmus_core::transfer::{Event, Next, Transfer};
use tokio::time::Instant;

use crate::engine::attest::collect::Refused;
use crate::engine::attest::crowd::{Crowd, Hold};
use crate::engine::attest::flight::{Flight, Mints, apart, flights};
use crate::engine::attest::live::Sky;
use crate::engine::board::{Board, Share};
use crate::engine::classes::Classes;
use crate::engine::lane::Gatekeeper;
use crate::engine::ports::Gate;
use crate::engine::{Fatal, Recorder};
use crate::error_chain::chain;
use crate::error_code::ErrorCode;
use crate::proof::Checkpoints;
use crate::telemetry::Metrics;

/// Most batches and voids that wait for signatures at a time, beside those of live work.
const MOST_FLIGHTS: usize = 16;
/// Longest sleep: the fallback if a wake-up is lost.
const IDLE: Duration = Duration::from_millis(200);
/// What is asked for is not due again before its flight has ended, or it would be read again at every look.
const FLIGHT_MS: u64 = 12_000;

/// Collects signatures for one gate.
#[derive(Debug)]
pub struct Collector {
    /// Which lane.
    pub lane: Lane,
    /// The chain; as many items go into one batch as fit into one of its transactions.
    pub ledger: Arc<dyn Ledger>,
    /// The gate.
    pub gate: Arc<dyn Gate>,
    /// Where everything is recorded.
    pub recorder: Recorder,
    /// Where attesters are asked.
    pub board: Arc<Board>,
    /// The signed log that batches name.
    pub checkpoints: Arc<Checkpoints>,
    /// Class profiles, for registration at the gate.
    pub classes: Arc<Classes>,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether new work may begin.
    pub gatekeeper: Arc<dyn Gatekeeper>,
}

impl Collector {
    /// Serves the lane until the journal fails.
    pub async fn run(self) -> Result<(), Fatal> {
        let mut wake = self.recorder.wake();
        let mut flights = FuturesUnordered::new();
        let (mut sky, mut crowd) = (Sky::default(), Crowd::default());
        // What was asked for when the last run ended is asked for again at once.
        let mut ahead_ms = FLIGHT_MS;
        loop {
            // Interest is registered before the query, so that a write in between is not missed.
            wake.look();
            let hold = self.hold(&mut crowd).await;
            for flight in self.take_live(&mut sky, hold).await? {
                sky.rise(&flight.ids(), Share::Live);
                flights.push(self.fly(flight, Share::Live));
            }
            if sky.room() > 0 && hold == Hold::Off {
                for flight in self.take(&sky.ids, sky.room(), ahead_ms).await? {
                    sky.rise(&flight.ids(), Share::Backlog);
                    flights.push(self.fly(flight, Share::Backlog));
                }
                ahead_ms = 0;
            }
            tokio::select! {
                // In this order, so that the simulation's seed alone decides what happens.
                biased;
                Some(landed) = flights.next(), if !flights.is_empty() => {
                    let (ids, share) = landed?;
                    sky.land(&ids, share);
                }
                _ = tokio::time::timeout(IDLE, wake.changed()) => {}
            }
        }
    }

    /// What is due and not under way, what waits longest first.
    async fn take(
        &self,
        flying: &HashSet<TransferId>,
        most: usize,
        ahead_ms: u64,
    ) -> Result<Vec<Flight>, Fatal> {
        let now = self.recorder.clock().now();
        let limit = self.ledger.profile().max_batch * most;
        let journal = self.recorder.journal();
        let until = now.plus_ms(ahead_ms);
        let mut due = journal.due(&self.lane, until, limit).map_err(Fatal)?;
        if due
            .iter()
            .all(|(transfer, _)| flying.contains(&transfer.id()))
            && !due.is_empty()
        {
            // What is under way for long hides what is behind it.
            let more = limit + flying.len();
            due = journal.due(&self.lane, until, more).map_err(Fatal)?;
        }
        due.retain(|(transfer, _)| !flying.contains(&transfer.id()));
        let ready = self.begin(due, limit).await?;
        Ok(flights(ready, most, self.ledger.profile().max_batch))
    }

    /// Makes the intent of what is due durable, of `most` at most: from here on a signature may exist (point of no return).
    async fn begin(
        &self,
        due: Vec<(Transfer, Vec<Draft>)>,
        most: usize,
    ) -> Result<Vec<Transfer>, Fatal> {
        let now = self.recorder.clock().now();
        let (mut ready, mut fresh, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for (transfer, _) in due {
            match transfer.next(now) {
                Next::Do(Work::Attest { .. }) if transfer.pending().is_some() => {
                    ready.push(transfer);
                }
                Next::Do(work @ Work::Attest { .. }) => {
                    match self.gatekeeper.held_until(&transfer, now) {
                        Some(until) => held.push((transfer.id(), until)),
                        None => fresh.push(Append {
                            transfer: Some((transfer.id(), transfer.length())),
                            events: vec![Event::Intended(work)],
                            due: Some(now.plus_ms(FLIGHT_MS)),
                            ..Append::default()
                        }),
                    }
                }
                Next::Do(Work::Ledger(_)) | Next::Wait(_) | Next::Done => {}
            }
        }
        self.defer(&held)?;
        fresh.truncate(most.saturating_sub(ready.len()));
        for answer in self.recorder.record(fresh).await? {
            // Somebody wrote first (a withdrawal, say): the next round decides anew.
            ready.extend(answer.ok().and_then(|appended| appended.transfer));
        }
        Ok(ready)
    }

    /// Flies until every transfer in it is settled, deferred or quarantined; returns whose they were.
    async fn fly(&self, flight: Flight, share: Share) -> Result<(Vec<TransferId>, Share), Fatal> {
        let ids = flight.ids();
        let started = Instant::now();
        match flight {
            Flight::Mints(items) => self.mints(items, share).await?,
            Flight::Void(transfer) => self.void(*transfer).await?,
        }
        self.metrics.step(&self.lane.to_string(), started.elapsed());
        Ok((ids, share))
    }

    async fn mints(&self, items: Mints, share: Share) -> Result<(), Fatal> {
        let mut rounds = vec![self.askable(items).await?];
        while let Some(items) = rounds.pop() {
            if items.is_empty() {
                continue;
            }
            let refused = match self.mint_batch(&items, share).await {
                Ok(batch) => {
                    self.authorised(&items, &batch).await?;
                    continue;
                }
                Err(refused) => refused,
            };
            let (declined, clean) = apart(items, &refused);
            if declined.is_empty() {
                self.put_all_off(&clean, &refused)?;
            } else if clean.is_empty() && declined.len() == 1 {
                self.declined(declined, &refused).await?;
            } else {
                // One attester's no does not count for more than its vote: each goes again by itself.
                rounds.extend(declined.into_iter().map(|item| vec![item]));
                if !clean.is_empty() {
                    rounds.push(clean);
                }
            }
        }
        Ok(())
    }

    /// Those that have no outcome at the gate and whose class it knows, or will know in time. The others do not hold them up.
    async fn askable(
        &self,
        items: Vec<(Transfer, MintItem)>,
    ) -> Result<Vec<(Transfer, MintItem)>, Fatal> {
        let transfers: Vec<_> = items.iter().map(|(transfer, _)| transfer).collect();
        let open = self.open(&transfers).await?;
        let mut askable = Vec::with_capacity(items.len());
        for (transfer, item) in items {
            if !open.contains(&transfer.id()) {
                continue;
            }
            match self.register_class(&transfer, &item).await {
                Ok(()) => askable.push((transfer, item)),
                Err(error) => self.put_off(&transfer, chain(error.as_ref()))?,
            }
        }
        Ok(askable)
    }

    async fn authorised(
        &self,
        items: &[(Transfer, MintItem)],
        batch: &SignedBatch,
    ) -> Result<(), Fatal> {
        let batch = Arc::new(batch.clone());
        let appends = items.iter().map(|(transfer, _)| Append {
            transfer: Some((transfer.id(), transfer.length())),
            events: vec![Event::Authorised(Authorisation::Mint(Arc::clone(&batch)))],
            batches: vec![Arc::clone(&batch)],
            ..Append::default()
        });
        self.recorder.settle(appends.collect()).await
    }

    async fn void(&self, transfer: Transfer) -> Result<(), Fatal> {
        if self.open(&[&transfer]).await?.is_empty() {
            return Ok(());
        }
        match self.signed_void(transfer.id()).await {
            Ok(void) => {
                let append = Append {
                    transfer: Some((transfer.id(), transfer.length())),
                    events: vec![Event::Authorised(Authorisation::Void(void))],
                    ..Append::default()
                };
                self.recorder.settle(vec![append]).await
            }
            Err(refused) => self.put_off(&transfer, refused.to_string()),
        }
    }

    fn put_all_off(&self, items: &[(Transfer, MintItem)], refused: &Refused) -> Result<(), Fatal> {
        for (transfer, _) in items {
            self.put_off(transfer, refused.to_string())?;
        }
        Ok(())
    }

    fn put_off(&self, transfer: &Transfer, why: String) -> Result<(), Fatal> {
        let now = self.recorder.clock().now();
        let again = self.recorder.notes().failed(transfer.id(), now, why);
        self.defer(&[(transfer.id(), again)])
    }

    /// A transfer that went by itself and has no quorum: later, or, if so many say never that there cannot be one, a finding.
    /// Where they say that the gate has its answer already, the next round asks the gate.
    async fn declined(
        &self,
        items: Vec<(Transfer, MintItem)>,
        refused: &Refused,
    ) -> Result<(), Fatal> {
        let hopeless = refused.lasting() == Lasting::Never && !refused.says_settled();
        if !hopeless {
            return self.put_all_off(&items, refused);
        }
        for (transfer, _) in items {
            let finding = Finding {
                code: ErrorCode::AttestersDeclined.code().into(),
                detail: refused.to_string(),
            };
            self.recorder.quarantine(transfer.id(), finding).await?;
        }
        Ok(())
    }

    fn defer(&self, later: &[(TransferId, isthmus_core::time::Timestamp)]) -> Result<(), Fatal> {
        if later.is_empty() {
            return Ok(());
        }
        self.recorder.journal().defer(later).map_err(Fatal)
    }
}
