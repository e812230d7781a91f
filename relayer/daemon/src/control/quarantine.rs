//! What two different operators decide about a quarantined transfer. The first decision is remembered, in memory: after a
//! restart it is given again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use isthmus_core::id::TransferId;
use isthmus_core::ports::AppendError;
use isthmus_core::receipt::Finding;
use isthmus_core::transfer::{Event, Resolution, State, Transfer};
use isthmus_proto::v1 as pb;
use isthmus_store::Filter;

use crate::control::error::ApiError;
use crate::control::render::resolution_name;
use crate::control::shared::Shared;
use crate::engine::settle;

/// Most quarantined transfers listed.
const MOST: usize = 500;

/// First decisions that wait for a second.
#[derive(Debug, Default)]
pub(crate) struct Decisions(Mutex<HashMap<TransferId, Decision>>);

/// Who decided what about which finding.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decision {
    by: String,
    resolution: Resolution,
    finding: Finding,
}

impl Decisions {
    /// Takes a decision in. True if it was the second one and is carried out.
    pub(crate) async fn decide(
        &self,
        shared: &Shared,
        id: TransferId,
        resolution: Resolution,
        by: &str,
    ) -> Result<bool, ApiError> {
        let transfer = shared.parts.recorder.journal().transfer(id)?;
        let transfer = transfer.ok_or(ApiError::UnknownTransfer(id))?;
        let State::Quarantined { finding, .. } = transfer.state() else {
            return Err(wrong_state(id, "it is not quarantined"));
        };
        let decision = Decision {
            by: by.to_owned(),
            resolution,
            finding: finding.clone(),
        };
        let Some(first) = self.second(id, decision)? else {
            possible(&transfer, resolution, [by, "a second operator"])?;
            return Ok(false);
        };
        let event = possible(&transfer, resolution, [&first, by])?;
        carry_out(shared, &transfer, event).await?;
        self.lock().remove(&id);
        Ok(true)
    }

    /// Who decided the same before, if somebody else did. Otherwise this is the first decision, and remembered: it takes the
    /// place of an earlier one by the same person or about another finding.
    fn second(&self, id: TransferId, now: Decision) -> Result<Option<String>, ApiError> {
        let mut decisions = self.lock();
        match decisions.get(&id) {
            Some(first) if first.by != now.by && first.finding == now.finding => {
                if first.resolution == now.resolution {
                    return Ok(Some(first.by.clone()));
                }
                let (name, by) = (resolution_name(first.resolution), &first.by);
                Err(ApiError::SecondPerson {
                    subject: id.to_string(),
                    reason: format!(
                        "{by} decided {name}: agree with each other, then decide the same"
                    ),
                })
            }
            Some(_) | None => {
                decisions.insert(id, now);
                Ok(None)
            }
        }
    }

    /// What was decided first, in words.
    fn first(&self, id: TransferId, finding: &Finding) -> String {
        let decisions = self.lock();
        let decision = decisions.get(&id).filter(|d| d.finding == *finding);
        decision.map_or_else(String::new, |d| {
            format!("{} by {}", resolution_name(d.resolution), d.by)
        })
    }

    /// Quarantined transfers, newest first.
    pub(crate) fn list(&self, shared: &Shared) -> Result<Vec<pb::QuarantinedTransfer>, ApiError> {
        let filter = Filter {
            state: Some("quarantined".into()),
            route: None,
        };
        let mut listed = Vec::new();
        for entry in shared.parts.store.list(&filter, None, MOST)? {
            let transfer = shared.parts.recorder.journal().transfer(entry.id)?;
            // It may have ended since it was listed.
            if let Some(State::Quarantined { at, finding }) = transfer.as_ref().map(Transfer::state)
            {
                listed.push(pb::QuarantinedTransfer {
                    id: entry.id.to_string(),
                    at: at.name().into(),
                    code: finding.code.clone(),
                    detail: finding.detail.clone(),
                    first_decision: self.first(entry.id, finding),
                });
            }
        }
        Ok(listed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TransferId, Decision>> {
        // Entries are put in and taken out whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    let recorded = recorded.map_err(|fatal| shared.stop(fatal))?;
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
