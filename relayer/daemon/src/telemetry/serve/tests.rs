//! Over real HTTP, on a free port.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use isthmus_core::ports::StoreError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::*;
use crate::telemetry::{AttesterSample, FeeSample, LaneSample, LedgerSample};

/// A store that can be broken.
#[derive(Debug, Default)]
struct Fake {
    broken: AtomicBool,
}

impl MetricSource for Fake {
    fn sample(&self) -> Result<Sample, StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError("disk on fire".into()));
        }
        Ok(Sample {
            transfers: vec![("completed".into(), 12), ("requested".into(), 3)],
            lanes: vec![LaneSample {
                lane: "vcs:sandbox/lock".into(),
                due: 3,
                oldest_age: Duration::from_millis(1500),
            }],
            log_size: 40,
            synced_writes: 17,
            ledgers: vec![LedgerSample {
                ledger: "eip155:31337".into(),
                final_height: 98,
                observed_height: 97,
                troubled: true,
                findings: 2,
                calls: 34,
            }],
            fees: vec![FeeSample {
                ledger: "eip155:31337".into(),
                operation: "mint".into(),
                transactions: 3,
                transfers: 150,
                gas: 7_800_000,
                wei: 20_000_000_000_000_000_000,
            }],
            attesters: vec![AttesterSample {
                attester: "attester-1".into(),
                seen_age: Duration::from_secs(2),
            }],
            unfinished: vec![("verra-evm".into(), 3)],
            impaired: vec![("0xaa".into(), 4_000_000)],
            paused: vec!["route:verra-evm".into()],
            uptime: Duration::from_secs(90),
            log_lost: false,
        })
    }
}

struct Served {
    address: SocketAddr,
    metrics: Metrics,
    source: Arc<Fake>,
    _task: JoinSet<Result<(), ServeError>>,
}

async fn served() -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, metrics, source) = (
        listener.local_addr().unwrap(),
        Metrics::new(),
        Arc::new(Fake::default()),
    );
    let mut task = JoinSet::new();
    task.spawn(serve_on(
        listener,
        metrics.clone(),
        Arc::<Fake>::clone(&source),
    ));
    Served {
        address,
        metrics,
        source,
        _task: task,
    }
}

/// Status line, headers and body.
async fn get(served: &Served, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_scrape_has_what_was_measured_and_what_is_in_the_store() {
    let served = served().await;
    served
        .metrics
        .step("vcs:sandbox/lock", Duration::from_millis(30));
    served.metrics.found("vcs:sandbox", "final");
    served.metrics.found("vcs:sandbox", "final");
    served.metrics.sent("eip155:31337", "unknown");
    let (head, body) = get(&served, "/metrics").await;
    assert!(
        head.starts_with("HTTP/1.1 200") && head.contains("application/openmetrics-text"),
        "{head}"
    );
    for line in [
        "isthmus_transfers{state=\"completed\"} 12",
        "isthmus_transfers{state=\"requested\"} 3",
        "isthmus_lane_due{lane=\"vcs:sandbox/lock\"} 3",
        "isthmus_lane_oldest_age_seconds{lane=\"vcs:sandbox/lock\"} 1.5",
        "isthmus_step_seconds_bucket{le=\"0.025\",lane=\"vcs:sandbox/lock\"} 0",
        "isthmus_step_seconds_bucket{le=\"0.05\",lane=\"vcs:sandbox/lock\"} 1",
        "isthmus_step_seconds_count{lane=\"vcs:sandbox/lock\"} 1",
        "isthmus_found_total{ledger=\"vcs:sandbox\",outcome=\"final\"} 2",
        "isthmus_sent_total{ledger=\"eip155:31337\",outcome=\"unknown\"} 1",
        "isthmus_log_size 40",
        "isthmus_synced_writes_total 17",
        "isthmus_ledger_final_height{ledger=\"eip155:31337\"} 98",
        "isthmus_ledger_observed_height{ledger=\"eip155:31337\"} 97",
        "isthmus_attester_seen_age_seconds{attester=\"attester-1\"} 2.0",
        "isthmus_ledger_troubled{ledger=\"eip155:31337\"} 1",
        "isthmus_ledger_calls_total{ledger=\"eip155:31337\"} 34",
        "isthmus_fee_gas_total{ledger=\"eip155:31337\",operation=\"mint\"} 7800000",
        "isthmus_fee_transactions_total{ledger=\"eip155:31337\",operation=\"mint\"} 3",
        "isthmus_fee_transfers_total{ledger=\"eip155:31337\",operation=\"mint\"} 150",
        // More than 64 bits hold.
        "isthmus_fee_wei_total{ledger=\"eip155:31337\",operation=\"mint\"} 20000000000000000000.0",
        "isthmus_ledger_findings{ledger=\"eip155:31337\"} 2",
        "isthmus_pool_shortfall_grams{pool=\"0xaa\"} 4000000",
        "isthmus_unfinished{route=\"verra-evm\"} 3",
        "isthmus_paused{scope=\"route:verra-evm\"} 1",
        "isthmus_uptime_seconds 90",
        "isthmus_log_lost 0",
    ] {
        assert!(
            body.lines().any(|found| found == line),
            "no line {line} in\n{body}"
        );
    }
    assert!(
        body.ends_with("# EOF\n") && body.matches("# EOF").count() == 1,
        "{body}"
    );
}

#[tokio::test]
async fn health_follows_the_store() {
    let served = served().await;
    let (head, body) = get(&served, "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, "ok\n");
    served.source.broken.store(true, Ordering::SeqCst);
    for path in ["/healthz", "/metrics"] {
        let (head, body) = get(&served, path).await;
        assert!(head.starts_with("HTTP/1.1 503"), "{head}");
        assert_eq!(body, "ISTHMUS-0002: the store failed: disk on fire\n");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = serve(address, Metrics::new(), Arc::new(Fake::default()))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("ISTHMUS-0024")
            && text.contains(&address.to_string())
            && text.contains("choose another port"),
        "{text}"
    );
}

/// `docs/operations.md` says of every metric which question it answers: the list there is the registry, no more and no less.
#[tokio::test]
async fn the_documented_metrics_are_those_that_are_served() {
    let served = served().await;
    served.metrics.step("a", Duration::ZERO);
    served.metrics.found("a", "final");
    served.metrics.sent("a", "ok");
    let (_, body) = get(&served, "/metrics").await;
    let names = body.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let served: BTreeSet<_> = names
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let page = include_str!("../../../../../docs/operations.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `isthmus_"));
    let documented: BTreeSet<_> = rows
        .filter_map(|row| row.split(['`', '{']).next())
        .map(|name| format!("isthmus_{name}"))
        .collect();
    let documented: BTreeSet<_> = documented.iter().map(String::as_str).collect();
    assert!(!served.is_empty());
    assert_eq!(served, documented);
}
