//! The composition root: the only place that knows every adapter. A new kind of ledger gets one arm in `wire/relayer.rs` and one
//! in `wire/attester.rs`.

mod attester;
mod clock;
mod connect;
mod gate;
mod registry;
mod relayer;
mod sample;

pub use attester::run as run_attester;
pub use relayer::run as run_relayer;

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
