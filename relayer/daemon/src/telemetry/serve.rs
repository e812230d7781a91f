//! `GET /metrics` for Prometheus and `GET /healthz` for a supervisor, over plain HTTP: nothing here is secret.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode_eof;
use tokio::net::TcpListener;

use crate::error_code::ErrorCode;
use crate::telemetry::{MetricSource, Metrics, Sample};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why metrics are not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port cannot be opened.
    #[error(
        "{}: metrics.listen {listen} cannot be used: stop the process that has it, or choose another port",
        ErrorCode::AddressInUse
    )]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server stopped.
    #[error("the metrics server stopped")]
    Stopped(#[source] std::io::Error),
}

#[derive(Clone)]
struct Shared {
    metrics: Metrics,
    source: Arc<dyn MetricSource>,
}

/// Serves until it is dropped.
pub async fn serve(
    listen: SocketAddr,
    metrics: Metrics,
    source: Arc<dyn MetricSource>,
) -> Result<(), ServeError> {
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|source| ServeError::Listen { listen, source })?;
    serve_on(listener, metrics, source).await
}

/// Serves on a port that is open already, until it is dropped.
pub async fn serve_on(
    listener: TcpListener,
    metrics: Metrics,
    source: Arc<dyn MetricSource>,
) -> Result<(), ServeError> {
    let app = Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(health))
        .with_state(Shared { metrics, source });
    axum::serve(listener, app)
        .await
        .map_err(ServeError::Stopped)
}

async fn scrape(State(shared): State<Shared>) -> Result<Response, Response> {
    let sample = sample(&shared).await?;
    let mut text = String::new();
    let written = shared
        .metrics
        .encode(&mut text)
        .and_then(|()| sample.encode(&mut text))
        .and_then(|()| encode_eof(&mut text));
    written.map_err(|_| unavailable("the metrics cannot be written"))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

async fn health(State(shared): State<Shared>) -> Result<&'static str, Response> {
    sample(&shared).await.map(|_| "ok\n")
}

/// Reads the disk, so not on the threads that serve.
async fn sample(shared: &Shared) -> Result<Sample, Response> {
    let source = Arc::clone(&shared.source);
    match tokio::task::spawn_blocking(move || source.sample()).await {
        Ok(Ok(sample)) => Ok(sample),
        Ok(Err(error)) => Err(unavailable(&error.to_string())),
        Err(error) => Err(unavailable(&error.to_string())),
    }
}

fn unavailable(why: &str) -> Response {
    let text = format!("{}: {why}\n", ErrorCode::StoreUnavailable);
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

#[cfg(test)]
mod tests;
