//! What two different operators decide about a quarantined transfer. The first decision is durable and about one occasion: the
//! quarantine in the transfer's history that it was made for. A later quarantine, also with the same finding, is decided anew.

use isthmus_core::id::TransferId;
use isthmus_core::ports::{AppendError, Recorded};
use isthmus_core::receipt::Receipt;
use isthmus_core::transfer::{Event, Resolution, State, Transfer};
use isthmus_proto::v1 as pb;
use isthmus_store::{Filter, FirstDecision};

use crate::control::error::ApiError;
use crate::control::render::{event_place, resolution_name};
use crate::control::shared::{Shared, blocking, stopped};
use crate::engine::{Fatal, settle};

/// Most quarantined transfers listed.
const MOST: usize = 500;

/// Decisions about quarantined transfers, one at a time: of two operators who decide at once, one is second.
#[derive(Debug, Default)]
pub(crate) struct Decisions(tokio::sync::Mutex<()>);

impl Decisions {
    /// Takes a decision in. True if it was the second one and is carried out.
    pub(crate) async fn decide(
        &self,
        shared: &std::sync::Arc<Shared>,
        id: TransferId,
        resolution: Resolution,
        by: &str,
    ) -> Result<bool, ApiError> {
        let _deciding = self.0.lock().await;
        let (reading, decision) = (std::sync::Arc::clone(shared), resolution_name(resolution));
        let read = blocking(move || read(&reading, id)).await?;
        let first = read.waiting.filter(|first| first.by != by);
        let Some(first) = first else {
            possible(&read.transfer, resolution, [by, "a second operator"])?;
            let first = FirstDecision {
                by: by.to_owned(),
                what: decision.into(),
                occasion: read.occasion,
                at: shared.now(),
            };
            keep(shared, id, first).await?;
            return Ok(false);
        };
        if first.what != decision {
            return Err(ApiError::SecondPerson {
                subject: id.to_string(),
                reason: format!(
                    "{} decided {}: agree with each other, then decide the same",
                    first.by, first.what
                ),
            });
        }
        let event = possible(&read.transfer, resolution, [&first.by, by])?;
        // If we crash after this write the decision that is kept is about a quarantine that has ended, and counts for nothing.
        carry_out(shared, &read.transfer, event).await?;
        Ok(true)
    }
}

/// A quarantined transfer with what was decided about this quarantine.
struct Read {
    transfer: Transfer,
    occasion: u64,
    waiting: Option<FirstDecision>,
}

fn read(shared: &Shared, id: TransferId) -> Result<Read, ApiError> {
    let journal = shared.parts.recorder.journal();
    let transfer = journal.transfer(id)?.ok_or(ApiError::UnknownTransfer(id))?;
    let State::Quarantined { .. } = transfer.state() else {
        return Err(wrong_state(id, "it is not quarantined"));
    };
    let occasion = occasion(&journal.history(id)?);
    Ok(Read {
        transfer,
        occasion,
        waiting: waiting(shared, id, occasion)?,
    })
}

/// Which quarantine of a transfer is the newest: the place in its history.
fn occasion(history: &[Recorded]) -> u64 {
    let quarantined = |recorded: &&Recorded| matches!(recorded.event, Event::Quarantined(_));
    let last = history.iter().rev().find(quarantined);
    last.map_or(0, |recorded| recorded.index)
}

fn waiting(
    shared: &Shared,
    id: TransferId,
    occasion: u64,
) -> Result<Option<FirstDecision>, ApiError> {
    let kept = shared.parts.store.decision(&id.to_string())?;
    Ok(kept.filter(|decision| decision.occasion == occasion))
}

async fn keep(
    shared: &std::sync::Arc<Shared>,
    id: TransferId,
    decision: FirstDecision,
) -> Result<(), ApiError> {
    let shared = std::sync::Arc::clone(shared);
    blocking(move || {
        let kept = shared.parts.store.put_decision(&id.to_string(), &decision);
        kept.map_err(|error| stopped(&Fatal(error)))
    })
    .await
}

/// Quarantined transfers, newest first: what was found, what ledgers have confirmed, who decided what.
pub(crate) fn list(shared: &Shared) -> Result<Vec<pb::QuarantinedTransfer>, ApiError> {
    let filter = Filter {
        state: Some("quarantined".into()),
        route: None,
    };
    let mut listed = Vec::new();
    for entry in shared.parts.store.list(&filter, None, MOST)? {
        let journal = shared.parts.recorder.journal();
        let transfer = journal.transfer(entry.id)?;
        let history = journal.history(entry.id)?;
        // It may have ended since it was listed.
        if let Some(transfer) = transfer {
            listed.extend(quarantined(shared, &transfer, &history)?);
        }
    }
    Ok(listed)
}

fn quarantined(
    shared: &Shared,
    transfer: &Transfer,
    history: &[Recorded],
) -> Result<Option<pb::QuarantinedTransfer>, ApiError> {
    let State::Quarantined { at, finding } = transfer.state() else {
        return Ok(None);
    };
    let occasion = occasion(history);
    let first = waiting(shared, transfer.id(), occasion)?;
    let since = history.iter().find(|recorded| recorded.index == occasion);
    let rendered = crate::control::render::transfer(shared, transfer)?;
    Ok(Some(pb::QuarantinedTransfer {
        id: transfer.id().to_string(),
        at: at.name().into(),
        code: finding.code.clone(),
        detail: finding.detail.clone(),
        first_decision: first.map_or_else(String::new, |d| format!("{} by {}", d.what, d.by)),
        quarantined_at_ms: since.map_or(0, |recorded| recorded.at.ms()),
        kind: rendered.kind,
        route: rendered.route,
        quantity_g: rendered.quantity_g,
        evidence: history.iter().filter_map(evidence).collect(),
        decided: history.iter().filter_map(decided).collect(),
    }))
}

/// What a ledger has confirmed: where, and the digest of the evidence that is kept.
fn evidence(recorded: &Recorded) -> Option<String> {
    let receipt: &Receipt = match &recorded.event {
        Event::Burned { receipt, .. }
        | Event::Locked(receipt)
        | Event::Given(receipt)
        | Event::Voided(receipt)
        | Event::Unlocked(receipt) => receipt,
        Event::Requested { .. }
        | Event::Intended(_)
        | Event::Authorised(_)
        | Event::Lapsed(_)
        | Event::Refused(_)
        | Event::WithdrawalRequested
        | Event::Instructed(_)
        | Event::Redirected(_)
        | Event::Reallocated(_)
        | Event::Quarantined(_)
        | Event::Resolved { .. } => return None,
    };
    Some(format!(
        "{}: {} sha256 {}",
        event_place(receipt),
        receipt.evidence.kind().as_str(),
        receipt.evidence.sha256()
    ))
}

fn decided(recorded: &Recorded) -> Option<String> {
    if let Event::Resolved { resolution, by } = &recorded.event {
        let (name, [first, second]) = (resolution_name(*resolution), by);
        return Some(format!("{name} by {first} and {second}"));
    }
    None
}

/// The event, if the state machine allows it: what cannot be carried out is not worth a second person's time.
fn possible(transfer: &Transfer, resolution: Resolution, by: [&str; 2]) -> Result<Event, ApiError> {
    let event = Event::Resolved {
        resolution,
        by: by.map(str::to_owned),
    };
    match transfer.apply(&event) {
        Ok(_) => Ok(event),
        Err(illegal) => Err(wrong_state(transfer.id(), &illegal.reason)),
    }
}

async fn carry_out(shared: &Shared, transfer: &Transfer, event: Event) -> Result<(), ApiError> {
    let append = settle::append(transfer, event, shared.now());
    let recorded = shared.parts.recorder.record(vec![append]).await;
    let recorded = recorded.map_err(|fatal| stopped(&fatal))?;
    match recorded.into_iter().next() {
        Some(Ok(_)) => Ok(()),
        Some(Err(AppendError::Conflict { id, .. })) => Err(ApiError::Contended(id)),
        Some(Err(error)) => Err(wrong_state(transfer.id(), &error.to_string())),
        None => Err(ApiError::Bug("an append got no answer".into())),
    }
}

fn wrong_state(id: TransferId, reason: &str) -> ApiError {
    ApiError::WrongState {
        subject: id.to_string(),
        reason: reason.to_owned(),
    }
}
