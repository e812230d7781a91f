//! The composition root: the only place that knows every adapter. A new kind of ledger gets one arm in `wire/relayer.rs` and one
//! in `wire/attester.rs`.

mod attester;
mod clock;
mod connect;
mod disk;
mod gate;
mod gate_memory;
mod recover;
mod registry;
mod relayer;
mod sample;

pub use attester::run as run_attester;
pub(crate) use clock::SystemClock;
pub use recover::{Recovered, run as recover};
pub use relayer::run as run_relayer;

/// Why a process ended that was not asked to.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// It was started with a configuration that cannot be right: starting it again does not help.
    #[error("{0:#}")]
    Misconfigured(anyhow::Error),
    /// Something outside failed, a disk or a ledger. What was promised is on disk; starting it again is safe.
    #[error("{0:#}")]
    Stopped(anyhow::Error),
}

impl Ended {
    fn stopped(error: impl Into<anyhow::Error>) -> Self {
        Self::Stopped(error.into())
    }

    fn misconfigured(error: impl Into<anyhow::Error>) -> Self {
        Self::Misconfigured(error.into())
    }
}

impl From<isthmus_store::OpenError> for Ended {
    fn from(error: isthmus_store::OpenError) -> Self {
        use isthmus_store::OpenError;
        match error {
            OpenError::ForeignNetwork { .. }
            | OpenError::ForeignOwner { .. }
            | OpenError::NewerFormat { .. } => Self::misconfigured(error),
            OpenError::Unavailable { .. } => Self::stopped(error),
        }
    }
}

/// Ready when the process is asked to stop: interrupt or terminate.
async fn shutdown() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        // Without the handler the signal ends the process by itself, which is safe at any line.
        Err(_) => drop(interrupted.await),
    }
}
