//! What all services share, and how they end.

use std::sync::Arc;

use isthmus_core::time::Timestamp;
use tokio::sync::watch;

use crate::control::Services;
use crate::control::error::ApiError;
use crate::engine::Fatal;
use crate::error_chain::chain;

/// The services' parts, with the switch that ends them.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) parts: Services,
    /// True once no new answer should be waited for.
    pub(crate) closing: watch::Receiver<bool>,
}

impl Shared {
    pub(crate) fn new(parts: Services, closing: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self { parts, closing })
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.parts.recorder.clock().now()
    }

    /// Resolves when the server is told to end.
    pub(crate) async fn closed(&self) {
        let mut closing = self.closing.clone();
        // An error means that the server is gone, which is the same.
        let _gone = closing.wait_for(|closing| *closing).await;
    }
}

/// Runs what reads or writes the disk at length off the threads that serve connections.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::Bug(error.to_string())),
    }
}

/// The journal failed: nothing is written any more, what only reads goes on.
pub(crate) fn stopped(fatal: &Fatal) -> ApiError {
    let text = chain(fatal);
    tracing::error!(error = %text, "a request could not be written");
    ApiError::Stopping(text)
}
