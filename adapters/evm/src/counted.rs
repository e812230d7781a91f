//! A connection to an endpoint that counts what is asked over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::http::Http;
use alloy::transports::{TransportError, TransportFut};
use tower::Service;

/// Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    http: Http<reqwest::Client>,
    calls: Arc<AtomicU64>,
}

impl Counted {
    pub(crate) fn new(http: Http<reqwest::Client>) -> Self {
        Self {
            http,
            calls: Arc::default(),
        }
    }

    /// HTTP calls made so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Service<RequestPacket> for Counted {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.http.poll_ready(context)
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.http.call(request)
    }
}
