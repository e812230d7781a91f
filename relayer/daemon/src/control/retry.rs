//! Retry by filter: what was put off is due now. It jumps no queue and skips no rule: a pause, a delay and an unknown outcome
//! are met again by the same code as always.

use std::collections::BTreeSet;

use isthmus_core::id::TransferId;
use isthmus_core::operation::Lane;
use isthmus_core::ports::Journal as _;
use isthmus_core::time::Timestamp;
use isthmus_proto::v1 as pb;
use isthmus_store::Waiting;

use crate::control::concerns::lanes_of;
use crate::control::error::{ApiError, FieldProblem};
use crate::control::shared::{Shared, stopped};
use crate::control::{known, parse};
use crate::engine::Fatal;

/// Most moved in one write.
const PAGE: usize = 1000;
/// Most ids in one request.
const MOST_IDS: usize = 1000;

/// Which work is to be tried again.
#[derive(Debug)]
pub(crate) struct Chosen {
    lanes: Vec<Lane>,
    state: Option<String>,
    route: Option<String>,
    ids: Option<BTreeSet<TransferId>>,
    unchanged_since: Timestamp,
    dry_run: bool,
}

/// The filter, or what is wrong with it.
pub(crate) fn parse(asked: &pb::RetryRequest, shared: &Shared) -> Result<Chosen, ApiError> {
    let state = parse::state(&asked.state)?;
    let route = match asked.route.as_str() {
        "" => None,
        text => Some(known::route(shared, "route", text)?.to_string()),
    };
    let lanes = lanes_of(shared);
    let names: Vec<_> = lanes.iter().map(ToString::to_string).collect();
    if !asked.lane.is_empty() && !names.contains(&asked.lane) {
        let remedy = format!("one of {}", names.join(", "));
        return Err(FieldProblem::new("lane", asked.lane.clone(), remedy).into());
    }
    if !asked.ledger.is_empty() {
        known::ledger(shared, "ledger", &asked.ledger)?;
    }
    let wanted = |lane: &Lane| {
        (asked.lane.is_empty() || lane.to_string() == asked.lane)
            && (asked.ledger.is_empty() || lane.ledger.as_str() == asked.ledger)
    };
    let before = shared.now().ms().saturating_sub(asked.older_than_ms);
    Ok(Chosen {
        lanes: lanes.into_iter().filter(wanted).collect(),
        state,
        route,
        ids: ids(&asked.ids, shared)?,
        unchanged_since: Timestamp::from_ms(before),
        dry_run: asked.dry_run,
    })
}

fn ids(texts: &[String], shared: &Shared) -> Result<Option<BTreeSet<TransferId>>, ApiError> {
    if texts.len() > MOST_IDS {
        let found = format!("{} ids", texts.len());
        let remedy = format!("at most {MOST_IDS} at a time");
        return Err(FieldProblem::new("ids", found, remedy).into());
    }
    let ids = texts.iter().map(|text| parse::id("ids", text));
    let ids: BTreeSet<_> = ids.collect::<Result<_, _>>()?;
    for id in &ids {
        if shared.parts.store.transfer(*id)?.is_none() {
            return Err(ApiError::UnknownTransfer(*id));
        }
    }
    Ok(Some(ids).filter(|ids| !ids.is_empty()))
}

impl Chosen {
    fn takes(&self, waiting: &Waiting) -> bool {
        let is = |asked: &Option<String>, found: &str| {
            asked.as_deref().is_none_or(|asked| asked == found)
        };
        is(&self.state, &waiting.state)
            && is(&self.route, &waiting.route)
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&waiting.id))
            && waiting.updated <= self.unchanged_since
    }
}

/// Moves what was chosen, in writes of bounded size; says how many there were.
pub(crate) fn retry(shared: &Shared, chosen: &Chosen) -> Result<pb::RetryResponse, ApiError> {
    let now = shared.now();
    let mut answer = pb::RetryResponse::default();
    let mut page = Vec::new();
    for lane in &chosen.lanes {
        shared.parts.store.waiting(lane, |waiting| {
            if !chosen.takes(&waiting) {
                return Ok(true);
            }
            if waiting.due <= now {
                answer.due_already += 1;
                return Ok(true);
            }
            answer.matched += 1;
            if !chosen.dry_run {
                page.push((waiting.id, now));
            }
            if page.len() >= PAGE {
                answer.moved += move_up(shared, &mut page)?;
            }
            Ok(true)
        })?;
    }
    answer.moved += move_up(shared, &mut page)?;
    Ok(answer)
}

fn move_up(
    shared: &Shared,
    page: &mut Vec<(TransferId, Timestamp)>,
) -> Result<u64, isthmus_core::ports::StoreError> {
    let recorder = &shared.parts.recorder;
    recorder.journal().defer(page).map_err(|error| {
        let text = error.0.clone();
        let _said = stopped(&Fatal(error));
        isthmus_core::ports::StoreError(text)
    })?;
    let moved = page.len();
    // Whoever asks has mended something: pauses start small again.
    for (id, _) in page.drain(..) {
        recorder.notes().moved(id);
    }
    Ok(u64::try_from(moved).unwrap_or(u64::MAX))
}
