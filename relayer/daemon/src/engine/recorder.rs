//! The one way into the journal: everything the engine learns or intends passes here, and every state change is announced
//! here, once.

use std::sync::Arc;

use isthmus_core::id::TransferId;
use isthmus_core::operation::Work;
use isthmus_core::ports::{Append, AppendError, Appended, Journal, StoreError};
use isthmus_core::receipt::Finding;
use isthmus_core::transfer::{Event, Transfer};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::broadcast;

use crate::crash_point::{self, Moment};
use crate::engine::backoff::Notes;
use crate::engine::leaves;
use crate::engine::live::Live;
use crate::engine::wake::{Wake, Writes};
use crate::error_chain::chain;
use isthmus_core::time::Clock;

/// How many changes a slow watcher may fall behind before it has to read the transfer again.
const WATCH_BACKLOG: usize = 4096;

/// The journal failed: the outcome of the write is unknown, so the process must stop and start again from the disk.
#[derive(Debug, thiserror::Error)]
#[error("the journal failed, stopping")]
pub struct Fatal(#[source] pub StoreError);

/// What an append says, for announcing it once it is durable.
struct Change {
    events: String,
    pace: Pace,
}

/// Whether a transfer gets anywhere. What goes round in circles keeps its count of failures, so that its pauses grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Forward,
    InCircles,
}

impl Change {
    fn of(append: &Append) -> Self {
        let names: Vec<_> = append.events.iter().map(Event::name).collect();
        let circles = |event: &Event| match event {
            Event::Intended(_) | Event::Authorised(_) | Event::Lapsed(_) | Event::Refused(_) => {
                true
            }
            Event::Requested { .. }
            | Event::Burned { .. }
            | Event::Locked(_)
            | Event::Given(_)
            | Event::Voided(_)
            | Event::Unlocked(_)
            | Event::WithdrawalRequested
            | Event::Instructed(_)
            | Event::Redirected(_)
            | Event::Reallocated(_)
            | Event::Quarantined(_)
            | Event::Resolved { .. } => false,
        };
        Self {
            events: names.join(","),
            pace: if append.events.iter().all(circles) {
                Pace::InCircles
            } else {
                Pace::Forward
            },
        }
    }
}

/// Writes to the journal, announces what changed.
#[derive(Clone)]
pub struct Recorder {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    notes: Arc<Notes>,
    live: Arc<Live>,
    changed: broadcast::Sender<TransferId>,
    writes: Writes,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// Over a journal.
    pub fn new(journal: Arc<dyn Journal>, clock: Arc<dyn Clock>) -> Self {
        let (changed, _) = broadcast::channel(WATCH_BACKLOG);
        Self {
            journal,
            clock,
            notes: Arc::default(),
            live: Arc::default(),
            changed,
            writes: Writes::default(),
        }
    }

    /// The journal, for reading.
    pub fn journal(&self) -> &dyn Journal {
        self.journal.as_ref()
    }

    /// The time.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Attempts and last reports.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What somebody waits for.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Ids of transfers as they change.
    pub fn watch(&self) -> broadcast::Receiver<TransferId> {
        self.changed.subscribe()
    }

    /// Ticks with every write: what a lane waits for. Subscribe before reading what is due, so that no wake-up is lost.
    pub fn wake(&self) -> Wake {
        self.writes.subscribe()
    }

    /// Writes a batch durably. Entries fail one by one; only the disk fails them all.
    pub async fn record(
        &self,
        batch: Vec<Append>,
    ) -> Result<Vec<Result<Appended, AppendError>>, Fatal> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let changes: Vec<_> = batch.iter().map(Change::of).collect();
        visit(&changes, Moment::Before);
        let answers = self.append(batch).await?;
        visit(&changes, Moment::After);
        let mut checked = Vec::with_capacity(answers.len());
        for (answer, change) in answers.into_iter().zip(changes) {
            match answer {
                Ok(appended) => {
                    if let Some(transfer) = &appended.transfer {
                        self.announce(transfer, &change);
                    }
                    checked.push(Ok(appended));
                }
                Err(AppendError::Store(error)) => return Err(Fatal(error)),
                Err(other) => checked.push(Err(other)),
            }
        }
        self.writes.tick();
        Ok(checked)
    }

    /// On a runtime of one thread nothing else could run meanwhile, and the simulation's order must not depend on a second one.
    async fn append(
        &self,
        batch: Vec<Append>,
    ) -> Result<Vec<Result<Appended, AppendError>>, Fatal> {
        if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
            return Ok(self.journal.append(batch));
        }
        let journal = Arc::clone(&self.journal);
        tokio::task::spawn_blocking(move || journal.append(batch))
            .await
            .map_err(|e| Fatal(StoreError(format!("the writer's caller ended: {e}"))))
    }

    /// Records what became of a transfer's work. A fact that cannot be true of it quarantines it and nothing else; somebody
    /// else's earlier write is left to the next round, which decides anew.
    pub async fn settle(&self, batch: Vec<Append>) -> Result<(), Fatal> {
        let ids: Vec<_> = batch.iter().map(|a| a.transfer.map(|(id, _)| id)).collect();
        let mut findings = Vec::new();
        for (id, answer) in ids.into_iter().zip(self.record(batch).await?) {
            match (id, answer) {
                (_, Ok(_) | Err(AppendError::Conflict { .. })) | (None, Err(_)) => {}
                (Some(id), Err(error)) => findings.push((id, chain(&error))),
            }
        }
        for (id, detail) in findings {
            self.quarantine(
                id,
                Finding {
                    code: crate::error_code::ErrorCode::ContradictoryFact
                        .code()
                        .into(),
                    detail,
                },
            )
            .await?;
        }
        Ok(())
    }

    /// Stops a transfer's intents until two people have looked.
    pub async fn quarantine(&self, id: TransferId, finding: Finding) -> Result<(), Fatal> {
        tracing::error!(transfer.id = %id, code = %finding.code, detail = %finding.detail, "quarantined");
        let Some(transfer) = self.journal.transfer(id).map_err(Fatal)? else {
            return Ok(());
        };
        let event = Event::Quarantined(finding);
        let append = Append {
            transfer: Some((id, transfer.length())),
            leaves: leaves::of(&transfer, &event, self.clock.now()),
            events: vec![event],
            ..Append::default()
        };
        // A conflict or an ended transfer: it moved by itself meanwhile, and the next contradiction will be found again.
        self.record(vec![append]).await.map(drop)
    }

    fn announce(&self, transfer: &Transfer, change: &Change) {
        if change.pace == Pace::Forward || transfer.state().is_final() {
            self.notes.moved(transfer.id());
        }
        self.live.moved(transfer, self.clock.now());
        let events = change.events.as_str();
        let lane = transfer.pending().map(Work::lane);
        let span = tracing::info_span!(
            "transfer",
            transfer.id = %transfer.id(),
            step = lane.as_ref().map_or("", |lane| lane.step.as_str()),
            ledger.id = lane.as_ref().map_or("", |lane| lane.ledger.as_str()),
        );
        span.in_scope(|| {
            tracing::info!(state = transfer.state().name(), events, "transfer changed");
        });
        // Nobody watching is fine.
        let _nobody = self.changed.send(transfer.id());
    }
}

/// Where a test may have the process killed: around the write of each event.
fn visit(changes: &[Change], moment: Moment) {
    if crash_point::is_armed() {
        for change in changes {
            crash_point::reach("journal", &change.events, moment);
        }
    }
}

#[cfg(test)]
mod tests {
    use isthmus_core::operation::OperationKind;
    use isthmus_core::testing::sample;
    use isthmus_core::time::Timestamp;
    use isthmus_core::transfer::Next;
    use isthmus_store::Store;

    use super::*;

    #[derive(Debug)]
    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_s(1_780_000_000)
        }
    }

    /// Otherwise a registry that refuses for now is asked twice a second for ever, and the journal grows as fast.
    #[tokio::test]
    async fn pauses_grow_until_a_transfer_gets_somewhere() {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(Noon);
        let store = Store::open(folder.path(), "test", Arc::clone(&clock)).unwrap();
        let recorder = Recorder::new(Arc::new(store), clock);
        let outbound = sample::outbound(1, &[sample::block(1, 10)]);
        let id = outbound.terms.id();
        let record = async |length: u64, event: Event| {
            let append = Append {
                transfer: Some((id, length)),
                events: vec![event],
                ..Append::default()
            };
            let mut answers = recorder.record(vec![append]).await.unwrap();
            answers.remove(0).unwrap().transfer.unwrap()
        };
        let now = recorder.clock().now();
        let pause_ms = || recorder.notes().failed(id, now, "no".into()).ms() - now.ms();

        let requested = record(0, sample::requested(&outbound)).await;
        let Next::Do(lock) = requested.next(now) else {
            panic!("nothing to do");
        };
        assert_eq!(pause_ms(), 500);
        record(1, Event::Intended(lock)).await;
        assert_eq!(pause_ms(), 1000, "an intent is no progress");
        assert_eq!(recorder.notes().last(id).as_deref(), Some("no"));
        let locked = sample::receipt(
            OperationKind::Lock,
            outbound.terms.quantity_g,
            &outbound.units,
        );
        record(2, Event::Locked(locked)).await;
        assert_eq!(pause_ms(), 500, "a lock is");
    }
}
