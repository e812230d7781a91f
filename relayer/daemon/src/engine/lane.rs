//! One loop per lane (ledger × operation): what is due → ask about pending work → prepare what is absent → journal the drafts
//! → send → record the answers. First submission, retry and recovery after a crash are this same code.

mod deliver;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use isthmus_core::id::TransferId;
use isthmus_core::operation::{Lane, Operation, OperationKind, Work};
use isthmus_core::ports::{
    Append, Attempt, Authority, Contradiction, Draft, Finality, FindError, Found, Ledger, Spent,
    StoreError,
};
use isthmus_core::receipt::{Finding, Lasting, Receipt, Refusal};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, Next, Transfer, Withdrawal};

use crate::engine::board::Board;
use crate::engine::contradiction::Stop;
use crate::engine::watch::LedgerWatch;
use crate::engine::{Fatal, Recorder, page, settle, spent};
use crate::error_chain::chain;
use crate::error_code::ErrorCode;
use crate::telemetry::Metrics;

/// Longest sleep of an idle lane: the fallback if a wake-up is lost, and the pace at which deferred work comes due.
const IDLE: Duration = Duration::from_millis(200);

/// How much earlier than planned work is looked at when more has become final: longer than any adapter plans ahead for it.
const LOOK_AHEAD_MS: u64 = 2000;

/// By how much sooner than planned news may come that is meant.
const NEWS_EARLY_MS: u64 = 250;

/// The longest wait for finality that is planned for: a rhythm that was wrong must not hide an answer for long.
const MOST_SENT_MS: u64 = 60_000;

/// Most rounds in a row that look ahead after one piece of news, while more is due than fits into one.
const ROUNDS_AHEAD: usize = 16;

/// How soon a transfer that a pause holds is looked at again.
pub(super) const HELD_MS: u64 = 1000;

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
    /// Tells when more has become final.
    pub watch: Arc<LedgerWatch>,
}

/// Decides whether new intents may begin; pending work always goes on, its outcome counts.
pub trait Gatekeeper: Send + Sync + std::fmt::Debug {
    /// Whether a transfer's next intent must wait: a pause of its route or of everything.
    fn holds(&self, transfer: &Transfer) -> bool;

    /// When a transfer whose next intent must wait is looked at again; `None` if it need not wait.
    fn held_until(&self, transfer: &Transfer, now: Timestamp) -> Option<Timestamp> {
        self.holds(transfer).then(|| now.plus_ms(HELD_MS))
    }

    /// A ledger contradicts itself: it has to stop.
    fn ledger_contradicted(&self, _: &Contradiction) -> Result<(), StoreError> {
        Ok(())
    }

    /// A ledger contradicts itself about a transfer: what has to stop.
    fn contradicted(&self, _: TransferId, _: &Contradiction) -> Result<Stop, StoreError> {
        Ok(Stop::Transfer)
    }
}

/// A due transfer with the operation that is to be done or asked about.
struct Due {
    transfer: Transfer,
    operation: Operation,
    drafts: Vec<Draft>,
}

/// How a round went.
struct Round {
    /// Something was done, so that there may be more at once.
    busy: bool,
    /// There was more than it took.
    full: bool,
}

impl LaneWorker {
    /// Serves the lane until the journal fails.
    pub async fn run(self) -> Result<(), Fatal> {
        let mut wake = self.recorder.wake();
        let mut heads = self.watch.heads();
        // What was under way when the last run ended need not wait until it would have been asked about.
        let mut first_ms = Some(MOST_SENT_MS + LOOK_AHEAD_MS);
        let mut ahead = 0;
        loop {
            // Interest is registered before the query, so that a write in between is not missed.
            wake.look();
            let news_ms = if ahead > 0 { LOOK_AHEAD_MS } else { 0 };
            let ahead_ms = first_ms.take().unwrap_or(news_ms);
            let Round { busy, full } = self.round(ahead_ms).await?;
            let mut newer = heads.passed();
            if !busy && !newer {
                let news = async {
                    tokio::select! {
                        biased;
                        () = heads.changed() => true,
                        () = wake.changed() => false,
                    }
                };
                newer = tokio::time::timeout(IDLE, news).await.unwrap_or(false);
            }
            ahead = match (newer, full) {
                (true, _) => ROUNDS_AHEAD,
                (false, true) => ahead.saturating_sub(1),
                (false, false) => 0,
            };
        }
    }

    /// One pass over what is due, or is due in the next moment, live work by itself before everything else.
    async fn round(&self, ahead_ms: u64) -> Result<Round, Fatal> {
        let journal = self.recorder.journal();
        let most = self.ledger.profile().max_batch;
        let (now, live) = (self.recorder.clock().now(), self.recorder.live());
        let waited_for = live.of(&self.lane, now);
        let mut worked = false;
        if !waited_for.is_empty() {
            let due = journal.due_of(&self.lane, now.plus_ms(ahead_ms), &waited_for);
            worked = self.pass(due.map_err(Fatal)?, most).await?;
        }
        let now = self.recorder.clock().now();
        let limit = if live.is_any(now) {
            page::short(most)
        } else {
            page::size(most)
        };
        let due = page::of(journal, &self.lane, now.plus_ms(ahead_ms), limit)?;
        let full = due.len() >= limit;
        Ok(Round {
            busy: self.pass(due, limit).await? || worked,
            full,
        })
    }

    /// What is due, once round: ask, prepare, send.
    async fn pass(&self, due: Vec<(Transfer, Vec<Draft>)>, limit: usize) -> Result<bool, Fatal> {
        let now = self.recorder.clock().now();
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
        let deliveries = self.draft(now, absent, fresh).await?;
        self.send(deliveries).await?;
        if worked {
            self.metrics.step(&self.lane.to_string(), started.elapsed());
        }
        // A page full of what is held hides what is not: go on at once, it is put off now.
        Ok(worked || held.len() >= limit)
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
                // The holder has changed their mind, and nothing was locked: it is not sent again.
                Ok(Found::Absent) if is_unwanted_lock(&due) => {
                    facts.push(settle::append(
                        &due.transfer,
                        Event::Refused(Refusal::withdrawn()),
                        now,
                    ));
                }
                Ok(Found::Absent) => absent.push(due),
                Ok(Found::Unsettled { recheck_at }) => {
                    self.ask_for_approval(&due);
                    later.push((due.transfer.id(), self.not_ahead_of(recheck_at)));
                }
                Ok(Found::Final(receipt)) => match self.happened(&due, receipt, now) {
                    Ok(append) => facts.push(append),
                    Err(put_off) => later.push(put_off),
                },
                Ok(Found::Refused(refusal)) => {
                    self.board.remove(&due.operation.reference());
                    facts.push(self.refused(&due, refusal, now));
                }
                Ok(Found::Dead(refusal)) => {
                    // A later proposal under the same reference has to be approved anew.
                    self.board.remove(&due.operation.reference());
                    facts.push(self.dead(&due, refusal, now));
                }
                Err(FindError::Unavailable(error)) => {
                    // It may be blocked by what somebody else has proposed: attesters who look at that reject it.
                    self.ask_for_approval(&due);
                    later.push(self.failed(due.transfer.id(), now, chain(error.as_ref())));
                }
                Err(FindError::Contradiction(contradiction)) => {
                    let id = due.transfer.id();
                    let stop = self.gatekeeper.contradicted(id, &contradiction);
                    match stop.map_err(Fatal)? {
                        Stop::Ledger => later.push(self.failed(id, now, contradiction.to_string())),
                        Stop::Transfer => {
                            let finding = contradiction_finding(&contradiction);
                            self.recorder.quarantine(id, finding).await?;
                        }
                    }
                }
            }
        }
        self.recorder.settle(facts).await?;
        self.defer(&later)?;
        Ok(absent)
    }

    /// What a final receipt adds to the journal, or when it is asked for again because it is of another kind of operation.
    fn happened(
        &self,
        due: &Due,
        receipt: Receipt,
        now: Timestamp,
    ) -> Result<Append, (TransferId, Timestamp)> {
        self.board.remove(&due.operation.reference());
        let spent = self.spent(due, Some(&receipt));
        let Some(event) = settle::fact(receipt) else {
            let other = "the receipt is of another kind of operation";
            return Err(self.failed(due.transfer.id(), now, other.into()));
        };
        Ok(Append {
            spent,
            ..settle::append(&due.transfer, event, now)
        })
    }

    /// What can never land is decided anew after a pause: a gate that skips it now may do so again.
    fn dead(&self, due: &Due, refusal: Refusal, now: Timestamp) -> Append {
        let (_, again) = self.failed(due.transfer.id(), now, refusal.to_string());
        let event = settle::dead(&due.operation, refusal);
        Append {
            due: Some(again),
            spent: self.spent(due, None),
            ..settle::append(&due.transfer, event, now)
        }
    }

    /// A refusal for now is looked at again after a pause; one for ever ends the operation.
    fn refused(&self, due: &Due, refusal: Refusal, now: Timestamp) -> Append {
        let retry = match refusal.lasting {
            Lasting::Later => Some(self.recorder.notes().failed(
                due.transfer.id(),
                now,
                refusal.to_string(),
            )),
            Lasting::Never => None,
        };
        Append {
            due: retry,
            spent: self.spent(due, None),
            ..settle::append(&due.transfer, Event::Refused(refusal), now)
        }
    }

    fn spent(&self, due: &Due, outcome: Option<&Receipt>) -> Vec<Spent> {
        let sent = (due.operation.kind(), due.drafts.as_slice());
        spent::spent(self.ledger.as_ref(), sent, outcome)
    }

    /// Nobody approves a lock: it is the holder's own wish.
    fn ask_for_approval(&self, due: &Due) {
        let is_lock = due.operation.kind() == OperationKind::Lock;
        if !is_lock && self.ledger.profile().authority == Authority::Approvals {
            self.board
                .post_approval(&due.operation, due.transfer.instruction());
        }
    }

    /// When what may be looked at again from `at` on is due: the next news looks ahead, and would look at it once a round until then.
    pub(super) fn not_ahead_of(&self, at: Timestamp) -> Timestamp {
        match self.ledger.profile().finality {
            Finality::Immediate => at,
            Finality::Depth(_) | Finality::FinalizedTag => {
                at.plus_ms(LOOK_AHEAD_MS - NEWS_EARLY_MS)
            }
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

/// Why a transfer about which its ledger contradicts itself needs people.
pub(super) fn contradiction_finding(contradiction: &Contradiction) -> Finding {
    Finding {
        code: ErrorCode::LedgerContradiction.code().into(),
        detail: contradiction.to_string(),
    }
}

fn is_unwanted_lock(due: &Due) -> bool {
    due.transfer.withdrawal() == Withdrawal::Wanted && due.operation.kind() == OperationKind::Lock
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
