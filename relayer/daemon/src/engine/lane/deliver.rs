//! The second half of a lane's round: what is absent is prepared, journalled and sent.

use std::collections::BTreeMap;
use std::time::Duration;

use isthmus_core::id::{DraftId, TransferId};
use isthmus_core::operation::Work;
use isthmus_core::ports::{Append, Attempt, Draft, Finality, SendError};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Event;

use crate::engine::Fatal;
use crate::engine::lane::{Due, LOOK_AHEAD_MS, LaneWorker, MOST_SENT_MS};
use crate::error_chain::chain;

/// How soon what was sent to a chain is asked about if nothing is known of its rhythm: it has nothing to say before its next block.
const SENT_MS: u64 = 500;
/// How much sooner than by its rhythm: to look once in vain is better than to look a block late.
const EARLY_MS: u64 = 50;

/// A draft that the journal holds, with those who are to be served by it.
pub(super) struct Delivery {
    draft: Draft,
    served: Vec<Due>,
}

/// Drafts to send; those of one id are one.
#[derive(Default)]
pub(super) struct Deliveries(BTreeMap<DraftId, Delivery>);

impl Deliveries {
    fn add(&mut self, draft: Draft, due: Due) {
        let delivery = self.0.entry(draft.id).or_insert_with(|| Delivery {
            draft,
            served: Vec::new(),
        });
        delivery.served.push(due);
    }
}

impl LaneWorker {
    /// Prepares what is absent and journals the drafts with the intents. If we crash after this write, the next start finds
    /// pending work with drafts, asks, and sends the same bytes. `now` is from before the ledger was asked: what has expired by
    /// then, the ledger has seen expired as well, and has it replaced where it stands. Judged later, a draft that expired while
    /// the ledger answered would get another nonce each time.
    pub(super) async fn draft(
        &self,
        now: Timestamp,
        absent: Vec<Due>,
        fresh: Vec<Due>,
    ) -> Result<Deliveries, Fatal> {
        let mut deliveries = Deliveries::default();
        let mut to_prepare = fresh;
        for due in absent {
            let attempt = Attempt {
                operation: due.operation.clone(),
                drafts: due.drafts.clone(),
            };
            match attempt.sendable(now).cloned() {
                Some(draft) => deliveries.add(draft, due),
                None => to_prepare.push(due),
            }
        }
        if to_prepare.is_empty() {
            return Ok(deliveries);
        }
        let operations: Vec<_> = to_prepare.iter().map(|due| due.operation.clone()).collect();
        let prepared = self.ledger.prepare(&operations).await;
        let (mut appends, mut drafted, mut later) = (Vec::new(), Vec::new(), Vec::new());
        for (due, result) in to_prepare.into_iter().zip(prepared) {
            match result {
                Ok(draft) => {
                    appends.push(intent(&due, &draft));
                    drafted.push((draft, due));
                }
                Err(error) => later.push(self.failed(due.transfer.id(), now, chain(&error))),
            }
        }
        self.defer(&later)?;
        for ((draft, due), answer) in drafted
            .into_iter()
            .zip(self.recorder.record(appends).await?)
        {
            match answer.map(|appended| appended.transfer) {
                Ok(transfer) => {
                    let transfer = transfer.unwrap_or_else(|| due.transfer.clone());
                    deliveries.add(draft, Due { transfer, ..due });
                }
                // Somebody wrote first (a withdrawal, say): the next round decides anew. The draft was never sent.
                Err(error) => {
                    tracing::debug!(lane = %self.lane, error = %error, "intent not recorded");
                }
            }
        }
        Ok(deliveries)
    }

    /// Sends what the journal holds. Only a definite no is concluded here; everything else is asked about in the next round.
    pub(super) async fn send(&self, deliveries: Deliveries) -> Result<(), Fatal> {
        if deliveries.0.is_empty() {
            return Ok(());
        }
        let (drafts, served): (Vec<_>, Vec<_>) = deliveries
            .0
            .into_values()
            .map(|delivery| (delivery.draft, delivery.served))
            .unzip();
        let answers = self.ledger.send(&drafts).await;
        let now = self.recorder.clock().now();
        let (mut facts, mut later) = (Vec::new(), Vec::new());
        for ((draft, served), answer) in drafts.iter().zip(served).zip(answers) {
            self.metrics
                .sent(self.lane.ledger.as_str(), send_name(&answer));
            let Err(error) = answer else {
                later.extend(self.after_sending(&served, now));
                continue;
            };
            let text = chain(&error);
            tracing::info!(lane = %self.lane, draft = %draft.id, error = %text, "send");
            for due in served {
                let id = due.transfer.id();
                match &error {
                    SendError::Refused(refusal) => {
                        self.board.remove(&due.operation.reference());
                        facts.push(self.refused(&due, refusal.clone(), now));
                    }
                    SendError::NotBefore(at) => later.push((id, self.not_ahead_of(*at))),
                    SendError::Unreached(_) | SendError::Unknown(_) => {
                        later.push(self.failed(id, now, text.clone()));
                    }
                }
            }
        }
        self.recorder.settle(facts).await?;
        self.defer(&later)
    }
}

impl LaneWorker {
    /// When those whose draft was taken are asked about. What is sent now is in the next block at the earliest: when that one is
    /// final, its news looks ahead to them, and no earlier one does.
    fn after_sending(&self, served: &[Due], now: Timestamp) -> Vec<(TransferId, Timestamp)> {
        let after_ms = match (self.ledger.profile().finality, self.watch.interval()) {
            (Finality::Immediate, _) => return Vec::new(),
            (Finality::Depth(blocks), Some(interval)) => until_final_ms(blocks.get(), interval),
            (Finality::Depth(_), None) | (Finality::FinalizedTag, _) => SENT_MS,
        };
        let again = now.plus_ms(after_ms);
        served
            .iter()
            .map(|due| (due.transfer.id(), again))
            .collect()
    }
}

fn until_final_ms(blocks: u64, interval: Duration) -> u64 {
    let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    let final_ms = interval_ms.saturating_mul(blocks).min(MOST_SENT_MS);
    final_ms
        .saturating_add(LOOK_AHEAD_MS)
        .saturating_sub(EARLY_MS)
}

fn intent(due: &Due, draft: &Draft) -> Append {
    let intended = match due.transfer.pending() {
        Some(_) => None,
        None => Some(Event::Intended(Work::Ledger(due.operation.clone()))),
    };
    Append {
        transfer: Some((due.transfer.id(), due.transfer.length())),
        events: intended.into_iter().collect(),
        drafts: vec![draft.clone()],
        ..Append::default()
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

#[cfg(test)]
mod tests;
