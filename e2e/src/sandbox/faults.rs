//! Faults on demand: what a registry does to its callers on a bad day, made to happen at a chosen call.
//!
//! `POST /v1/admin/faults` with role `admin` replaces all faults by its body, a JSON list; `[]` makes everything well again:
//!
//! ```json
//! [{"operation":"lock","fault":"timeout_after_applying","times":1,"reference":"0x…"},
//!  {"operation":"query","fault":"latency_ms","ms":300,"times":10},
//!  {"operation":"query","fault":"stale_read","ms":5000,"times":3}]
//! ```
//!
//! | fault | what happens |
//! |---|---|
//! | `latency_ms` | the call is carried out `ms` later |
//! | `error_5xx` | nothing is carried out, the answer is 503 |
//! | `timeout_before` | nothing is carried out, the connection hangs (`hang_ms` of the configuration) and is dropped |
//! | `timeout_after_applying` | the call is carried out, durably, then the connection hangs and is dropped |
//! | `crash_before` | nothing is carried out, the process is killed with -9 |
//! | `crash_after_applying` | the call is carried out, durably, then the process is killed with -9 |
//! | `stale_read` | `query` and `movements` only: nothing that changed within the last `ms` is seen |
//!
//! `operation` is a [`Call`]; `times` calls are hit, the first matching fault is used up first; with `reference` only calls that
//! name it are hit. Faults are forgotten when the process ends.

use std::sync::Mutex;

use serde::Deserialize;

/// Calls of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `GET /v1/info`.
    Info,
    /// `GET /v1/accounts/{id}`.
    Account,
    /// `POST /v1/blocks/search`.
    Search,
    /// `POST /v1/locks`.
    Lock,
    /// `POST /v1/proposals`.
    Propose,
    /// `POST /v1/approvals`.
    Approve,
    /// `POST /v1/rejections`.
    Reject,
    /// `POST /v1/operations/query`.
    Query,
    /// `GET /v1/movements`.
    Movements,
    /// Anything under `/v1/admin`; never hit by a fault.
    Admin,
}

impl Call {
    /// The name in faults and counters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Account => "account",
            Self::Search => "search",
            Self::Lock => "lock",
            Self::Propose => "propose",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Query => "query",
            Self::Movements => "movements",
            Self::Admin => "admin",
        }
    }
}

/// A fault as it is ordered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    operation: Call,
    fault: Kind,
    #[serde(default)]
    ms: Option<u64>,
    times: u64,
    #[serde(default)]
    reference: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Kind {
    #[serde(rename = "latency_ms")]
    Latency,
    #[serde(rename = "error_5xx")]
    Error,
    #[serde(rename = "timeout_before")]
    TimeoutBefore,
    #[serde(rename = "timeout_after_applying")]
    TimeoutAfterApplying,
    #[serde(rename = "crash_before")]
    CrashBefore,
    #[serde(rename = "crash_after_applying")]
    CrashAfterApplying,
    #[serde(rename = "stale_read")]
    StaleRead,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    LatencyMs(u64),
    Error,
    TimeoutBefore,
    TimeoutAfterApplying,
    CrashBefore,
    CrashAfterApplying,
    /// Changes of the last milliseconds are not seen.
    StaleMs(u64),
}

/// An order that cannot be carried out.
#[derive(Debug, thiserror::Error)]
#[error("fault {index}: {problem}")]
pub(crate) struct InvalidOrder {
    pub(crate) index: usize,
    pub(crate) problem: &'static str,
}

/// Faults that wait for their calls.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Mutex<Vec<(Order, Fault)>>,
}

impl Faults {
    /// Replaces all faults.
    pub(crate) fn set(&self, orders: Vec<Order>) -> Result<(), InvalidOrder> {
        let read = |(index, order): (usize, Order)| {
            let fault = order
                .fault()
                .map_err(|problem| InvalidOrder { index, problem })?;
            Ok((order, fault))
        };
        let waiting = orders
            .into_iter()
            .enumerate()
            .map(read)
            .collect::<Result<_, _>>()?;
        *self
            .waiting
            .lock()
            .expect("nobody panics while setting faults") = waiting;
        Ok(())
    }

    /// Calls that are still to be hit, so that a test can tell that its faults happened.
    pub(crate) fn waiting(&self) -> u64 {
        let waiting = self
            .waiting
            .lock()
            .expect("nobody panics while counting faults");
        waiting
            .iter()
            .fold(0, |sum, (order, _)| sum.saturating_add(order.times))
    }

    /// The fault that hits this call, used up once.
    pub(crate) fn take<'a>(
        &self,
        call: Call,
        mut references: impl Iterator<Item = &'a str>,
    ) -> Option<Fault> {
        let mut waiting = self
            .waiting
            .lock()
            .expect("nobody panics while taking faults");
        if waiting.is_empty() {
            return None;
        }
        let references: Vec<&str> = references.by_ref().collect();
        let (order, fault) = waiting.iter_mut().find(|(order, _)| {
            let named = order.reference.as_deref();
            order.operation == call
                && order.times > 0
                && named.is_none_or(|r| references.contains(&r))
        })?;
        order.times = order.times.saturating_sub(1);
        let fault = *fault;
        waiting.retain(|(order, _)| order.times > 0);
        Some(fault)
    }
}

impl Order {
    fn fault(&self) -> Result<Fault, &'static str> {
        match (self.fault, self.ms) {
            (Kind::Latency, Some(ms)) => Ok(Fault::LatencyMs(ms)),
            (Kind::StaleRead, Some(ms)) => match self.operation {
                Call::Query | Call::Movements => Ok(Fault::StaleMs(ms)),
                Call::Info
                | Call::Account
                | Call::Search
                | Call::Lock
                | Call::Propose
                | Call::Approve
                | Call::Reject
                | Call::Admin => Err("stale_read works on query and movements only"),
            },
            (Kind::Latency | Kind::StaleRead, None) => Err("say how long with ms"),
            (_, Some(_)) => {
                Err("leave ms out: hang_ms of the configuration says how long connections hang")
            }
            (Kind::Error, None) => Ok(Fault::Error),
            (Kind::TimeoutBefore, None) => Ok(Fault::TimeoutBefore),
            (Kind::TimeoutAfterApplying, None) => Ok(Fault::TimeoutAfterApplying),
            (Kind::CrashBefore, None) => Ok(Fault::CrashBefore),
            (Kind::CrashAfterApplying, None) => Ok(Fault::CrashAfterApplying),
        }
    }
}
