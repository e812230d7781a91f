//! What a scrape reads: everything from the store at that moment, and what the observers saw last.

use std::sync::Arc;
use std::time::Duration;

use isthmus_core::operation::{Lane, Step};
use isthmus_core::ports::{LedgerKind, StoreError};
use isthmus_core::time::{Clock, Timestamp};
use isthmus_store::{Cost, Store};

use crate::control::LedgerHandle;
use crate::engine::board::Board;
use crate::proof::Checkpoints;
use crate::telemetry::{AttesterSample, FeeSample, LaneSample, LedgerSample, MetricSource, Sample};

/// The relayer's values.
#[derive(Debug)]
pub(super) struct StoreSource {
    pub(super) store: Arc<Store>,
    pub(super) board: Arc<Board>,
    pub(super) ledgers: Vec<LedgerHandle>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) checkpoints: Arc<Checkpoints>,
    pub(super) started: Timestamp,
}

impl MetricSource for StoreSource {
    fn sample(&self) -> Result<Sample, StoreError> {
        let now = self.clock.now();
        let age = |at: Timestamp| Duration::from_millis(now.ms().saturating_sub(at.ms()));
        let mut lanes = Vec::new();
        for lane in self.ledgers.iter().flat_map(lanes_of) {
            let backlog = self.store.lane_backlog(&lane)?;
            lanes.push(LaneSample {
                lane: lane.to_string(),
                due: backlog.due,
                oldest_age: backlog.oldest.map(age).unwrap_or_default(),
            });
        }
        let ledgers = self.ledgers.iter().map(|handle| {
            let seen = handle.status.snapshot();
            LedgerSample {
                ledger: handle.ledger.profile().id.to_string(),
                final_height: seen.final_height,
                observed_height: seen.observed_height,
                troubled: seen.problem.is_some(),
                findings: u64::try_from(seen.findings.len()).unwrap_or(u64::MAX),
                calls: handle.ledger.calls(),
            }
        });
        let attesters = self.board.last_seen().into_iter();
        Ok(Sample {
            unfinished: self.store.unfinished()?,
            impaired: self.impaired()?,
            paused: self.store.paused()?,
            uptime: age(self.started),
            log_lost: self.checkpoints.lost().is_some(),
            transfers: self.store.counts()?,
            lanes,
            log_size: self.store.log().size()?,
            synced_writes: self.store.syncs(),
            ledgers: ledgers.collect(),
            fees: self.store.costs()?.into_iter().map(fee).collect(),
            attesters: attesters
                .map(|(attester, at)| AttesterSample {
                    attester,
                    seen_age: age(at),
                })
                .collect(),
        })
    }
}

impl StoreSource {
    fn impaired(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let impaired = self.store.impairments()?.into_iter();
        Ok(impaired
            .map(|(pool, missing)| (pool.to_string(), missing.shortfall.grams()))
            .collect())
    }
}

fn fee(cost: Cost) -> FeeSample {
    FeeSample {
        ledger: cost.ledger,
        operation: cost.operation,
        transactions: cost.transactions,
        transfers: cost.transfers,
        gas: cost.gas,
        wei: cost.wei,
    }
}

/// The lanes of one ledger.
fn lanes_of(handle: &LedgerHandle) -> Vec<Lane> {
    let profile = handle.ledger.profile();
    let steps = profile.operations.iter().copied().map(Step::Operation);
    let attest = (profile.kind == LedgerKind::Chain).then_some(Step::Attest);
    let lane = |step| Lane {
        ledger: profile.id.clone(),
        step,
    };
    steps.chain(attest).map(lane).collect()
}
