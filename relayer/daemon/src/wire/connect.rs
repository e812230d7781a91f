//! Connecting to ledgers at start: one that does not answer yet is waited for, a wrong one is refused at once.

use std::time::Duration;

use isthmus_core::id::LedgerId;

use crate::error_chain::chain;
use crate::wire::Ended;

/// How often a ledger that does not answer is tried.
const TRIES: u32 = 30;
/// Pause in between.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether trying again may help.
pub(crate) trait Transient: std::error::Error + Send + Sync + 'static {
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
pub(crate) async fn patiently<T, E, F>(
    ledger: &LedgerId,
    connect: impl Fn() -> F,
) -> Result<T, Ended>
where
    E: Transient,
    F: Future<Output = Result<T, E>>,
{
    let mut tries = 1;
    loop {
        match connect().await {
            Ok(connected) => return Ok(connected),
            Err(error) if !error.is_transient() => return Err(Ended::misconfigured(error)),
            Err(error) if tries >= TRIES => return Err(Ended::stopped(error)),
            Err(error) => {
                tracing::warn!(%ledger, error = %chain(&error), "not connected, trying again");
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
