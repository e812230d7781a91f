//! Status: how everything is doing, and in words what an operator should look at.

use isthmus_core::operation::{Lane, Step};
use isthmus_core::ports::{Authority, LedgerKind};
use isthmus_core::time::Timestamp;
use isthmus_proto::v1 as pb;
use isthmus_store::{Cost, DepositStanding};

use crate::config::Role;
use crate::control::error::ApiError;
use crate::control::shared::Shared;
use crate::engine::pace;

/// Transfers of a lane that are looked at.
const LOOKED_AT: usize = 20;
/// Backlog older than this is a concern.
const OLD_MS: u64 = 60_000;
/// An attester that was not heard of for so long is a concern.
const SILENT_MS: u64 = 30_000;

/// The whole status.
pub(crate) fn status(shared: &Shared) -> Result<pb::StatusResponse, ApiError> {
    let (parts, now) = (&shared.parts, shared.now());
    let paused = parts.pauses.list()?;
    let transfers = parts.store.counts()?;
    let backlog = parts.pace.backlog(pace::working(&transfers));
    let lanes = lanes(shared, now)?;
    let (ledgers, attesters) = (ledgers(shared, &paused), attesters(shared, now));
    let mut status = pb::StatusResponse {
        version: env!("CARGO_PKG_VERSION").into(),
        uptime_ms: since(now, parts.started),
        ledgers,
        transfers: transfers
            .into_iter()
            .map(|(state, count)| pb::StateCount { state, count })
            .collect(),
        lanes,
        attesters,
        paused,
        log_size: parts.store.log().size()?,
        synced_writes: parts.store.syncs(),
        concerns: Vec::new(),
        backlog: backlog.transfers,
        ended_per_minute: backlog.ended_per_minute,
        eta_ms: backlog.eta_ms,
        fees: fees(parts.store.costs()?),
    };
    status.concerns = concerns(&status, shared)?;
    Ok(status)
}

fn fees(costs: Vec<Cost>) -> Vec<pb::Fees> {
    let rendered = costs.into_iter().map(|cost| pb::Fees {
        ledger: cost.ledger,
        operation: cost.operation,
        transactions: cost.transactions,
        transfers: cost.transfers,
        gas: cost.gas,
        wei: cost.wei.to_string(),
    });
    rendered.collect()
}

fn since(now: Timestamp, then: Timestamp) -> u64 {
    now.ms().saturating_sub(then.ms())
}

fn ledgers(shared: &Shared, paused: &[String]) -> Vec<pb::LedgerStatus> {
    let handles = shared.parts.ledgers.iter();
    let rendered = handles.map(|handle| {
        let profile = handle.ledger.profile();
        let snapshot = handle.status.snapshot();
        pb::LedgerStatus {
            id: profile.id.to_string(),
            kind: match profile.kind {
                LedgerKind::Registry => "registry".into(),
                LedgerKind::Chain => "chain".into(),
            },
            problem: snapshot.problem.unwrap_or_default(),
            final_height: snapshot.final_height,
            observed_height: snapshot.observed_height,
            halted: paused.contains(&format!("ledger:{}", profile.id)),
            calls: handle.ledger.calls(),
        }
    });
    rendered.collect()
}

/// Every lane that a loop of the engine serves.
pub(crate) fn lanes_of(shared: &Shared) -> Vec<Lane> {
    let mut lanes = Vec::new();
    for handle in &shared.parts.ledgers {
        let profile = handle.ledger.profile();
        let operations = profile.operations.iter().copied().map(Step::Operation);
        let attest = (profile.authority == Authority::Signatures).then_some(Step::Attest);
        let lane = |step| Lane {
            ledger: profile.id.clone(),
            step,
        };
        lanes.extend(attest.into_iter().chain(operations).map(lane));
    }
    lanes
}

fn lanes(shared: &Shared, now: Timestamp) -> Result<Vec<pb::LaneStatus>, ApiError> {
    let lanes = lanes_of(shared);
    lanes.iter().map(|l| lane(shared, l, now)).collect()
}

/// How long the lane's transfers have stood still. Work that failed is put off again and again, so its due time says little.
fn lane(shared: &Shared, lane: &Lane, now: Timestamp) -> Result<pb::LaneStatus, ApiError> {
    let (store, recorder) = (&shared.parts.store, &shared.parts.recorder);
    let due = store.lane_backlog(lane)?.due;
    let (mut oldest_ms, mut problem, mut looked_at) = (0, String::new(), 0);
    store.waiting(lane, |waiting| {
        let stood = since(now, waiting.updated);
        if stood >= oldest_ms {
            oldest_ms = stood;
            problem = recorder.notes().last(waiting.id).unwrap_or_default();
        }
        looked_at += 1;
        Ok(looked_at < LOOKED_AT)
    })?;
    Ok(pb::LaneStatus {
        lane: lane.to_string(),
        due,
        oldest_ms,
        problem,
    })
}

/// Everybody with the role, also those who never called.
fn attesters(shared: &Shared, now: Timestamp) -> Vec<pb::AttesterStatus> {
    let seen = shared.parts.board.last_seen();
    let people = shared.parts.access.people();
    let rendered = people
        .identities
        .iter()
        .filter(|identity| identity.roles.contains(&Role::Attester))
        .map(|identity| {
            let last = seen.iter().find(|(name, _)| *name == identity.name);
            pb::AttesterStatus {
                name: identity.name.clone(),
                // 0 means never: a moment ago is at least 1.
                last_seen_ms: last.map_or(0, |(_, at)| since(now, *at).max(1)),
            }
        });
    rendered.collect()
}

fn concerns(status: &pb::StatusResponse, shared: &Shared) -> Result<Vec<String>, ApiError> {
    let mut concerns = Vec::new();
    if let Some(failure) = shared.parts.store.failure() {
        concerns.push(format!(
            "the disk: {failure}: nothing is done any more, reading goes on; make room or mend it, the process then ends by itself so that it is started again"
        ));
    }
    if let Some(lost) = shared.parts.checkpoints.lost() {
        concerns.push(format!(
            "the log: {lost}: nothing is signed; take it from an attester (isthmus attester-log), stop, and run isthmus recover"
        ));
    }
    if let Some(copy) = shared.parts.store.restored()? {
        let (size, taken) = (copy.log_size, copy.taken.s());
        concerns.push(format!(
            "the store is a copy of {size} leaves, taken at {taken}: nothing begins and nothing is signed until every configured attester has called and its log is in this one; or stop, and run isthmus recover"
        ));
    }
    for ledger in &status.ledgers {
        if !ledger.problem.is_empty() {
            concerns.push(format!("ledger {}: {}", ledger.id, ledger.problem));
        }
    }
    for handle in &shared.parts.ledgers {
        let id = &handle.ledger.profile().id;
        let findings = handle.status.snapshot().findings;
        concerns.extend(
            findings
                .iter()
                .map(|finding| format!("ledger {id}: {finding}")),
        );
    }
    concerns.extend(of_custody(shared)?);
    for lane in status.lanes.iter().filter(|lane| lane.oldest_ms > OLD_MS) {
        let (due, seconds) = (lane.due, lane.oldest_ms / 1000);
        let report = if lane.problem.is_empty() {
            "nothing was reported".to_owned()
        } else {
            format!("last report: {}", lane.problem)
        };
        concerns.push(format!(
            "lane {}: {due} waiting, the oldest for {seconds} s; {report}",
            lane.lane
        ));
    }
    let declined = shared.parts.board.declined(LOOKED_AT).into_iter();
    concerns.extend(declined.map(|(transfer, said)| {
        format!("transfer {transfer}: attesters do not approve it at the registry; {said}")
    }));
    for attester in &status.attesters {
        if attester.last_seen_ms == 0 && status.uptime_ms > SILENT_MS {
            concerns.push(format!("attester {} has not called yet", attester.name));
        } else if attester.last_seen_ms > SILENT_MS {
            let seconds = attester.last_seen_ms / 1000;
            concerns.push(format!(
                "attester {} has not called for {seconds} s",
                attester.name
            ));
        }
    }
    let paused = shared.parts.store.pause_reasons()?.into_iter();
    concerns.extend(paused.map(|(scope, by)| format!("{scope} is paused by {by}")));
    let quarantined = status.transfers.iter().find(|c| c.state == "quarantined");
    if let Some(count) = quarantined.map(|c| c.count).filter(|count| *count > 0) {
        concerns.push(format!(
            "{count} quarantined: see `isthmus quarantine list`, two operators must decide"
        ));
    }
    Ok(concerns)
}

/// What pools miss and what lies in custody for nobody, from the store: it concerns people until it is mended, and no restart
/// forgets it.
fn of_custody(shared: &Shared) -> Result<Vec<String>, ApiError> {
    let store = &shared.parts.store;
    let mut concerns = Vec::new();
    for (pool, known) in store.impairments()?.into_iter().take(LOOKED_AT) {
        let stops = match known.decided {
            None => "mints and redemptions of its class stop",
            Some(_) => "burns get their part of what is left, mints of its class stop",
        };
        let missing = known.shortfall;
        concerns.push(format!(
            "pool {pool} misses {missing}: {stops}; see `isthmus impairment list`"
        ));
    }
    let deposits = store.deposits()?.into_iter();
    let open = deposits.filter(|record| record.standing == DepositStanding::Open);
    concerns.extend(open.take(LOOKED_AT).map(|record| {
        let (id, sender) = (record.deposit.id(), &record.deposit.sender);
        let quantity = record.deposit.quantity();
        format!(
            "deposit {id}: {quantity} from account {sender} lie in custody and no lock explains them: `isthmus deposit return` gives them back"
        )
    }));
    Ok(concerns)
}
