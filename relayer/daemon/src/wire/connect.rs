//! Connecting to ledgers at start: one that does not answer yet is waited for, a wrong one is refused at once.

use std::time::Duration;

use isthmus_core::id::LedgerId;

use crate::engine::backoff::chain;

/// How often a ledger that does not answer is tried.
const TRIES: u32 = 30;
/// Pause in between.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether trying again may help.
pub(crate) trait Transient: std::error::Error + 'static {
    /// Nobody answered; what answers may still be right.
    fn is_transient(&self) -> bool;
}

impl Transient for isthmus_vcs::ConnectError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Unreached { .. })
    }
}

impl Transient for isthmus_evm::ConnectError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// Connects, again as long as nobody answers.
pub(crate) async fn patiently<T, E, F>(ledger: &LedgerId, connect: impl Fn() -> F) -> Result<T, E>
where
    E: Transient,
    F: Future<Output = Result<T, E>>,
{
    for _ in 1..TRIES {
        match connect().await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%ledger, error = %chain(&error), "not connected, trying again");
                tokio::time::sleep(PAUSE).await;
            }
            connected_or_wrong => return connected_or_wrong,
        }
    }
    connect().await
}
