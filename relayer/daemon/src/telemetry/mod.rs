//! Telemetry: what the process says about itself, on stderr and to Prometheus. Never a secret, and nothing that decides
//! anything reads it back.

mod logs;
mod metrics;
mod sample;
mod serve;

pub use logs::{InitError, LogFilter, init};
pub use metrics::Metrics;
pub use sample::{AttesterSample, FeeSample, LaneSample, LedgerSample, MetricSource, Sample};
pub use serve::{ServeError, serve, serve_on};
