//! What the sandbox counts about itself: requests by call, syncs of the disk.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::sandbox::faults::Call;

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    syncs: AtomicU64,
    requests: Mutex<BTreeMap<&'static str, u64>>,
}

/// Body of `GET /v1/admin/stats`.
#[derive(Debug, Serialize)]
pub(crate) struct StatsBody {
    pub(crate) syncs: u64,
    pub(crate) requests: BTreeMap<&'static str, u64>,
    pub(crate) sequence: u64,
    pub(crate) blocks: usize,
    pub(crate) faults_waiting: u64,
}

impl Stats {
    pub(crate) fn synced(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn requested(&self, call: Call) {
        let mut requests = self.requests.lock().expect("nobody panics while counting");
        let count = requests.entry(call.as_str()).or_default();
        *count = count.saturating_add(1);
    }

    pub(crate) fn body(&self, sequence: u64, blocks: usize, faults_waiting: u64) -> StatsBody {
        StatsBody {
            syncs: self.syncs.load(Ordering::Relaxed),
            requests: self
                .requests
                .lock()
                .expect("nobody panics while counting")
                .clone(),
            sequence,
            blocks,
            faults_waiting,
        }
    }
}
