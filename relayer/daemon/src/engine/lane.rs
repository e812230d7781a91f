//! One loop per lane (ledger × operation): what is due → ask about pending work → prepare what is absent → journal the drafts
//! → send → record the answers. First submission, retry and recovery after a crash are this same code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isthmus_core::id::{DraftId, TransferId};
use isthmus_core::operation::{Lane, Operation, Work};
use isthmus_core::ports::{Append, Attempt, Authority, Draft, FindError, Found, Ledger, SendError};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, Next, Transfer};

use crate::engine::backoff::chain;
use crate::engine::board::Board;
use crate::engine::{Fatal, Recorder, settle};
use crate::telemetry::Metrics;

/// Longest sleep of an idle lane: the fallback if a wake-up is lost, and the pace at which deferred work comes due.
const IDLE: Duration = Duration::from_millis(200);

/// Serves one lane.
#[derive(Debug)]
pub struct LaneWorker {
    /// Which lane.
    pub lane: Lane,
    /// Its ledger.
    pub ledger: Arc<dyn Ledger>,
    /// Where everything is recorded.
    pub recorder: Recorder,
    /// Where approvals are asked for, on ledgers that want them.
    pub board: Arc<Board>,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether new work may begin.
    pub gatekeeper: Arc<dyn Gatekeeper>,
}

/// Decides whether new intents may begin; pending work always goes on, its outcome counts.
pub trait Gatekeeper: Send + Sync + std::fmt::Debug {
    /// Whether a transfer's next intent must wait: a pause of its route or of everything.
    fn holds(&self, transfer: &Transfer) -> bool;
}

/// A due transfer with the operation that is to be done or asked about.
struct Due {
    transfer: Transfer,
    operation: Operation,
    drafts: Vec<Draft>,
}

impl LaneWorker {
    /// Serves the lane until the journal fails.
    pub async fn run(self) -> Result<(), Fatal> {
        let mut wake = self.recorder.wake();
        loop {
            // Interest is registered before the query, so that a write in between is not missed.
            wake.borrow_and_update();
            let busy = self.round().await?;
            if !busy {
                let _timed_out = tokio::time::timeout(IDLE, wake.changed()).await;
            }
        }
    }

    /// One pass over what is due. True if something was done, so that there may be more at once.
    pub async fn round(&self) -> Result<bool, Fatal> {
        let now = self.recorder.clock().now();
        let limit = self.ledger.profile().max_batch;
        let due = self
            .recorder
            .journal()
            .due(&self.lane, now, limit)
            .map_err(Fatal)?;
        let (mut pending, mut fresh) = (Vec::new(), Vec::new());
        let mut held = Vec::new();
        for (transfer, drafts) in due {
            match transfer.next(now) {
                Next::Do(Work::Ledger(operation)) if transfer.pending().is_some() => {
                    pending.push(Due {
                        transfer,
                        operation,
                        drafts,
                    });
                }
                Next::Do(Work::Ledger(_)) if self.gatekeeper.holds(&transfer) => {
                    held.push((transfer.id(), now.plus_ms(1000)));
                }
                Next::Do(Work::Ledger(operation)) => fresh.push(Due {
                    transfer,
                    operation,
                    drafts: Vec::new(),
                }),
                Next::Do(Work::Attest { .. }) | Next::Wait(_) | Next::Done => {}
            }
        }
        self.defer(&held)?;
        let worked = !pending.is_empty() || !fresh.is_empty();
        let started = tokio::time::Instant::now();
        let absent = self.ask(pending).await?;
        let sendable = self.draft(absent, fresh).await?;
        self.send(sendable).await?;
        if worked {
            self.metrics.step(&self.lane.to_string(), started.elapsed());
        }
        Ok(worked)
    }

    /// Asks what became of pending work, records what is known, returns what is absent.
    async fn ask(&self, pending: Vec<Due>) -> Result<Vec<Due>, Fatal> {
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        let attempts: Vec<_> = pending
            .iter()
            .map(|due| Attempt {
                operation: due.operation.clone(),
                drafts: due.drafts.clone(),
            })
            .collect();
        let answers = self.ledger.find(&attempts).await;
        let now = self.recorder.clock().now();
        let (mut absent, mut facts, mut later) = (Vec::new(), Vec::new(), Vec::new());
        for (due, answer) in pending.into_iter().zip(answers) {
            self.metrics
                .found(self.lane.ledger.as_str(), outcome_name(&answer));
            match answer {
                Ok(Found::Absent) => absent.push(due),
                Ok(Found::Unsettled { recheck_at }) => {
                    self.ask_for_approval(&due);
                    later.push((due.transfer.id(), recheck_at));
                }
                Ok(Found::Final(receipt)) => {
                    self.board.remove(&due.operation.reference());
                    match settle::fact(receipt) {
                        Some(event) => facts.push(settle::append(&due.transfer, event, now)),
                        None => later.push(self.failed(
                            due.transfer.id(),
                            now,
                            "the receipt is of another kind of operation".into(),
                        )),
                    }
                }
                Ok(Found::Refused(refusal)) => {
                    self.board.remove(&due.operation.reference());
                    facts.push(self.refused(&due, refusal, now));
                }
                Ok(Found::Dead(refusal)) => {
                    // A later proposal under the same reference has to be approved anew.
                    self.board.remove(&due.operation.reference());
                    let event = settle::dead(&due.operation, refusal);
                    facts.push(settle::append(&due.transfer, event, now));
                }
                Err(FindError::Unavailable(error)) => {
                    later.push(self.failed(due.transfer.id(), now, chain(error.as_ref())));
                }
                Err(FindError::Contradiction(contradiction)) => {
                    let code = crate::error_code::ErrorCode::LedgerContradiction
                        .code()
                        .into();
                    let finding = isthmus_core::receipt::Finding {
                        code,
                        detail: contradiction.to_string(),
                    };
                    self.recorder.quarantine(due.transfer.id(), finding).await?;
                }
            }
        }
        self.recorder.settle(facts).await?;
        self.defer(&later)?;
        Ok(absent)
    }

    /// Prepares what is absent and journals the drafts with the intents. If we crash after this write, the next start finds
    /// pending work with drafts, asks, and sends the same bytes.
    async fn draft(&self, absent: Vec<Due>, fresh: Vec<Due>) -> Result<Vec<Draft>, Fatal> {
        let now = self.recorder.clock().now();
        let mut sendable = BTreeMap::new();
        let mut to_prepare = fresh;
        for due in absent {
            let attempt = Attempt {
                operation: due.operation.clone(),
                drafts: due.drafts.clone(),
            };
            match attempt.sendable(now) {
                Some(draft) => drop(sendable.insert(draft.id, draft.clone())),
                None => to_prepare.push(due),
            }
        }
        if !to_prepare.is_empty() {
            let operations: Vec<_> = to_prepare.iter().map(|due| due.operation.clone()).collect();
            let prepared = self.ledger.prepare(&operations).await;
            let (mut appends, mut drafts, mut later) = (Vec::new(), Vec::new(), Vec::new());
            for (due, result) in to_prepare.into_iter().zip(prepared) {
                match result {
                    Ok(draft) => {
                        let intent = match due.transfer.pending() {
                            Some(_) => None,
                            None => Some(Event::Intended(Work::Ledger(due.operation))),
                        };
                        appends.push(Append {
                            transfer: Some((due.transfer.id(), due.transfer.length())),
                            events: intent.into_iter().collect(),
                            drafts: vec![draft.clone()],
                            ..Append::default()
                        });
                        drafts.push(draft);
                    }
                    Err(error) => later.push(self.failed(due.transfer.id(), now, chain(&error))),
                }
            }
            self.defer(&later)?;
            for (draft, answer) in drafts.into_iter().zip(self.recorder.record(appends).await?) {
                match answer {
                    Ok(_) => drop(sendable.insert(draft.id, draft)),
                    // Somebody wrote first (a withdrawal, say): the next round decides anew. The draft was never sent.
                    Err(error) => {
                        tracing::debug!(lane = %self.lane, error = %error, "intent not recorded");
                    }
                }
            }
        }
        Ok(sendable.into_values().collect())
    }

    /// Sends what the journal holds. Only a definite no is concluded here; everything else is asked about in the next round.
    async fn send(&self, drafts: Vec<Draft>) -> Result<(), Fatal> {
        if drafts.is_empty() {
            return Ok(());
        }
        let answers = self.ledger.send(&drafts).await;
        for (draft, answer) in drafts.iter().zip(answers) {
            self.metrics
                .sent(self.lane.ledger.as_str(), send_name(&answer));
            if let Err(error) = answer {
                tracing::info!(lane = %self.lane, draft = %draft.id, error = %chain(&error), "send");
                self.unsent(draft.id, error).await?;
            }
        }
        Ok(())
    }

    async fn unsent(&self, draft: DraftId, error: SendError) -> Result<(), Fatal> {
        let now = self.recorder.clock().now();
        let due = self
            .recorder
            .journal()
            .due(&self.lane, now, self.ledger.profile().max_batch)
            .map_err(Fatal)?;
        let concerned = due
            .into_iter()
            .filter(|(_, drafts)| drafts.iter().any(|d| d.id == draft));
        let (mut facts, mut later) = (Vec::new(), Vec::new());
        for (transfer, drafts) in concerned {
            match &error {
                SendError::Refused(refusal) => {
                    if let Next::Do(Work::Ledger(operation)) = transfer.next(now) {
                        facts.push(self.refused(
                            &Due {
                                transfer,
                                operation,
                                drafts,
                            },
                            refusal.clone(),
                            now,
                        ));
                    }
                }
                SendError::NotBefore(at) => later.push((transfer.id(), *at)),
                SendError::Unreached(_) | SendError::Unknown(_) => {
                    later.push(self.failed(transfer.id(), now, chain(&error)));
                }
            }
        }
        self.recorder.settle(facts).await?;
        self.defer(&later)
    }

    /// A refusal for now is looked at again after a pause; one for ever ends the operation.
    fn refused(
        &self,
        due: &Due,
        refusal: isthmus_core::receipt::Refusal,
        now: Timestamp,
    ) -> Append {
        let retry = match refusal.lasting {
            isthmus_core::receipt::Lasting::Later => Some(self.recorder.notes().failed(
                due.transfer.id(),
                now,
                refusal.to_string(),
            )),
            isthmus_core::receipt::Lasting::Never => None,
        };
        Append {
            due: retry,
            ..settle::append(&due.transfer, Event::Refused(refusal), now)
        }
    }

    fn ask_for_approval(&self, due: &Due) {
        if self.ledger.profile().authority == Authority::Approvals {
            self.board
                .post_approval(&due.operation, due.transfer.instruction());
        }
    }

    fn failed(&self, id: TransferId, now: Timestamp, text: String) -> (TransferId, Timestamp) {
        (id, self.recorder.notes().failed(id, now, text))
    }

    fn defer(&self, later: &[(TransferId, Timestamp)]) -> Result<(), Fatal> {
        if later.is_empty() {
            Ok(())
        } else {
            self.recorder.journal().defer(later).map_err(Fatal)
        }
    }
}

fn outcome_name(answer: &Result<Found, FindError>) -> &'static str {
    match answer {
        Ok(Found::Absent) => "absent",
        Ok(Found::Unsettled { .. }) => "unsettled",
        Ok(Found::Final(_)) => "final",
        Ok(Found::Refused(_)) => "refused",
        Ok(Found::Dead(_)) => "dead",
        Err(FindError::Unavailable(_)) => "unavailable",
        Err(FindError::Contradiction(_)) => "contradiction",
    }
}

fn send_name(answer: &Result<(), SendError>) -> &'static str {
    match answer {
        Ok(()) => "sent",
        Err(SendError::Refused(_)) => "refused",
        Err(SendError::NotBefore(_)) => "not_before",
        Err(SendError::Unreached(_)) => "unreached",
        Err(SendError::Unknown(_)) => "unknown",
    }
}
