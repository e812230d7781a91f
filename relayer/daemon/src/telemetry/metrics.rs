//! What the engine measures as it goes: steps and the ledgers' answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Label names and values of one series.
type Labels = Vec<(&'static str, String)>;

/// From a local write to a chain that hardly answers.
const STEP_SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];

/// Counters and histograms of one process; clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    step: Family<Labels, Histogram, fn() -> Histogram>,
    found: Family<Labels, Counter>,
    sent: Family<Labels, Counter>,
}

impl Metrics {
    /// Everything at zero.
    pub fn new() -> Self {
        let step: Family<Labels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(STEP_SECONDS));
        let (found, sent) = (Family::default(), Family::default());
        let mut registry = Registry::default();
        registry.register(
            "isthmus_step_seconds",
            "How long one round of a lane took, when there was work",
            step.clone(),
        );
        registry.register(
            "isthmus_found",
            "What ledgers answered when asked what became of an operation",
            found.clone(),
        );
        registry.register(
            "isthmus_sent",
            "What ledgers answered when a draft was sent",
            sent.clone(),
        );
        Self {
            registry: Arc::new(registry),
            step,
            found,
            sent,
        }
    }

    /// One round of a lane with work.
    pub fn step(&self, lane: &str, elapsed: Duration) {
        self.step
            .get_or_create(&vec![("lane", lane.into())])
            .observe(elapsed.as_secs_f64());
    }

    /// What a ledger said became of an operation.
    pub fn found(&self, ledger: &str, outcome: &str) {
        self.found.get_or_create(&answer(ledger, outcome)).inc();
    }

    /// What a ledger said to a draft.
    pub fn sent(&self, ledger: &str, outcome: &str) {
        self.sent.get_or_create(&answer(ledger, outcome)).inc();
    }

    /// Writes them in the `OpenMetrics` text format, without the end mark.
    pub(super) fn encode(&self, out: &mut String) -> fmt::Result {
        encode_registry(out, &self.registry)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn answer(ledger: &str, outcome: &str) -> Labels {
    vec![("ledger", ledger.into()), ("outcome", outcome.into())]
}
