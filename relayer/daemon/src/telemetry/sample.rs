//! What is read from the store at the moment of a scrape: a gauge that is kept up to date beside the store would drift from it.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use isthmus_core::ports::StoreError;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Name, help and value of a counter of fees.
type FeeCounter = (&'static str, &'static str, fn(&FeeSample) -> u64);

/// Takes the sample; implemented by whoever has the store.
pub trait MetricSource: Send + Sync + fmt::Debug {
    /// The values now. May read the disk.
    fn sample(&self) -> Result<Sample, StoreError>;
}

/// The values at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// How many transfers are in each state.
    pub transfers: Vec<(String, u64)>,
    /// The lanes' backlogs.
    pub lanes: Vec<LaneSample>,
    /// Leaves in the proof log.
    pub log_size: u64,
    /// Writes made durable since the process started.
    pub synced_writes: u64,
    /// How far the ledgers are.
    pub ledgers: Vec<LedgerSample>,
    /// What transactions have cost.
    pub fees: Vec<FeeSample>,
    /// When attesters last asked for work.
    pub attesters: Vec<AttesterSample>,
    /// Transfers that have not ended, by route; returns under the empty name.
    pub unfinished: Vec<(String, u64)>,
    /// Grams that impaired pools miss.
    pub impaired: Vec<(String, u64)>,
    /// What is paused.
    pub paused: Vec<String>,
    /// How long the process has run.
    pub uptime: Duration,
    /// Whether a checkpoint is known that was signed and is not in the store.
    pub log_lost: bool,
}

/// A lane's backlog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneSample {
    /// Its name.
    pub lane: String,
    /// Unfinished entries.
    pub due: u64,
    /// How long the oldest has been due; zero if none is.
    pub oldest_age: Duration,
}

/// How far a ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSample {
    /// Its id.
    pub ledger: String,
    /// Up to which height it is final.
    pub final_height: u64,
    /// Up to which height its facts were recorded.
    pub observed_height: u64,
    /// Whether it could not be observed last time.
    pub troubled: bool,
    /// Facts of it that nothing of ours explains.
    pub findings: u64,
    /// HTTP calls made to it since the process started.
    pub calls: u64,
}

/// What transactions of one kind have cost on a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeSample {
    /// Its id.
    pub ledger: String,
    /// What they were sent for.
    pub operation: String,
    /// How many there were.
    pub transactions: u64,
    /// Transfers that have their outcome from one of them.
    pub transfers: u64,
    /// Gas that they used.
    pub gas: u64,
    /// What was paid.
    pub wei: u128,
}

/// An attester's last sign of life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttesterSample {
    /// Its name.
    pub attester: String,
    /// How long ago it asked for work.
    pub seen_age: Duration,
}

type Labels = [(&'static str, String); 1];
type Counts = Family<Labels, Gauge<u64, AtomicU64>>;
type Seconds = Family<Labels, Gauge<f64, AtomicU64>>;
type ByOperation = [(&'static str, String); 2];

impl Sample {
    /// Writes it in the `OpenMetrics` text format, without the end mark.
    pub(super) fn encode(&self, out: &mut String) -> fmt::Result {
        let mut page = Page(Registry::default());
        let states = self.transfers.iter().map(|(state, count)| (state, *count));
        page.counts("isthmus_transfers", "Transfers by state", "state", states);
        page.lanes(&self.lanes);
        page.ledgers(&self.ledgers);
        page.fees(&self.fees);
        let seen = self.attesters.iter().map(|a| (&a.attester, a.seen_age));
        let help = "How long ago an attester asked for work";
        page.seconds("isthmus_attester_seen_age_seconds", help, "attester", seen);
        let routes = self.unfinished.iter().map(|(route, count)| (route, *count));
        let help = "Transfers that have not ended, by route; returns have none";
        page.counts("isthmus_unfinished", help, "route", routes);
        let impaired = self.impaired.iter().map(|(pool, grams)| (pool, *grams));
        let help = "Grams that a pool misses because the registry took units away";
        page.counts("isthmus_pool_shortfall_grams", help, "pool", impaired);
        let paused = self.paused.iter().map(|scope| (scope, 1));
        page.counts(
            "isthmus_paused",
            "1 for each scope that is paused",
            "scope",
            paused,
        );
        page.one(
            "isthmus_uptime_seconds",
            "How long the process has run",
            self.uptime.as_secs(),
        );
        let help = "1 if a checkpoint was signed once that the store does not have";
        page.one("isthmus_log_lost", help, u64::from(self.log_lost));
        let log_size = Gauge::<u64, AtomicU64>::default();
        log_size.set(self.log_size);
        page.0
            .register("isthmus_log_size", "Leaves in the proof log", log_size);
        let synced = Counter::<u64>::default();
        synced.inc_by(self.synced_writes);
        let help = "Writes made durable since the start";
        page.0.register("isthmus_synced_writes", help, synced);
        encode_registry(out, &page.0)
    }
}

/// A registry that lives for one scrape.
struct Page(Registry);

impl Page {
    fn lanes(&mut self, lanes: &[LaneSample]) {
        let due = lanes.iter().map(|lane| (&lane.lane, lane.due));
        self.counts(
            "isthmus_lane_due",
            "Unfinished entries of a lane",
            "lane",
            due,
        );
        let oldest = lanes.iter().map(|lane| (&lane.lane, lane.oldest_age));
        let help = "How long the oldest entry of a lane has been due";
        self.seconds("isthmus_lane_oldest_age_seconds", help, "lane", oldest);
    }

    fn ledgers(&mut self, ledgers: &[LedgerSample]) {
        let heights = ledgers.iter().map(|l| (&l.ledger, l.final_height));
        let help = "Height up to which a ledger is final";
        self.counts("isthmus_ledger_final_height", help, "ledger", heights);
        let heights = ledgers.iter().map(|l| (&l.ledger, l.observed_height));
        let help = "Height up to which a ledger's facts are recorded";
        self.counts("isthmus_ledger_observed_height", help, "ledger", heights);
        let troubled = ledgers.iter().map(|l| (&l.ledger, u64::from(l.troubled)));
        let help = "1 if a ledger could not be observed last time";
        self.counts("isthmus_ledger_troubled", help, "ledger", troubled);
        let findings = ledgers.iter().map(|l| (&l.ledger, l.findings));
        let help = "Facts of a ledger that nothing of ours explains, since the start";
        self.counts("isthmus_ledger_findings", help, "ledger", findings);
        let calls = Family::<Labels, Counter>::default();
        for ledger in ledgers {
            let series = [("ledger", ledger.ledger.clone())];
            calls.get_or_create(&series).inc_by(ledger.calls);
        }
        let help = "HTTP calls made to a ledger, since the start";
        self.0.register("isthmus_ledger_calls", help, calls);
    }

    /// Counters: no restart takes anything from them.
    fn fees(&mut self, fees: &[FeeSample]) {
        let labels = |fee: &FeeSample| -> ByOperation {
            [
                ("ledger", fee.ledger.clone()),
                ("operation", fee.operation.clone()),
            ]
        };
        let whole: [FeeCounter; 3] = [
            (
                "isthmus_fee_gas",
                "Gas used by our final transactions",
                |fee| fee.gas,
            ),
            (
                "isthmus_fee_transactions",
                "Final transactions whose fee we paid",
                |fee| fee.transactions,
            ),
            (
                "isthmus_fee_transfers",
                "Transfers that have their outcome from a transaction of ours",
                |fee| fee.transfers,
            ),
        ];
        for (name, help, value) in whole {
            let family = Family::<ByOperation, Counter>::default();
            for fee in fees {
                family.get_or_create(&labels(fee)).inc_by(value(fee));
            }
            self.0.register(name, help, family);
        }
        let wei = Family::<ByOperation, Counter<f64, AtomicU64>>::default();
        for fee in fees {
            wei.get_or_create(&labels(fee)).inc_by(rounded(fee.wei));
        }
        let help = "Fees paid for our final transactions, in the smallest unit of the chain's coin";
        self.0.register("isthmus_fee_wei", help, wei);
    }

    fn one(&mut self, name: &str, help: &str, value: u64) {
        let gauge = Gauge::<u64, AtomicU64>::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }

    fn counts<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl Iterator<Item = (&'a String, u64)>,
    ) {
        let family = Counts::default();
        for (value, count) in values {
            family.get_or_create(&[(label, value.clone())]).set(count);
        }
        self.0.register(name, help, family);
    }

    fn seconds<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl Iterator<Item = (&'a String, Duration)>,
    ) {
        let family = Seconds::default();
        for (value, age) in values {
            family
                .get_or_create(&[(label, value.clone())])
                .set(age.as_secs_f64());
        }
        self.0.register(name, help, family);
    }
}

/// What a metric can hold of a number that may have more digits: the first fifteen.
fn rounded(wei: u128) -> f64 {
    wei.to_string().parse().unwrap_or(f64::INFINITY)
}
