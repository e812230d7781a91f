//! When the disk takes no more writes: work stops, reading goes on, and the process ends once the disk is well again, so that
//! its supervisor starts it again from what is durable.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use isthmus_store::Store;
use tokio::signal::unix::{SignalKind, signal};

/// How often the store is looked at, and a sick disk tried.
const EVERY: Duration = Duration::from_secs(1);
/// What must fit before work is tried again; RocksDB needs some room to open.
const ROOM: usize = 4 * 1024 * 1024;

/// A service manager's limit on file sizes (`RLIMIT_FSIZE`) is a full disk, and no reason to die: with a handler for its signal
/// the write that hits it fails like any other.
pub(super) fn survive_size_limits() -> std::io::Result<()> {
    /// `SIGXFSZ`, which tokio has no name for.
    const FILE_SIZE_EXCEEDED: i32 = 25;
    // Handlers stay when the receiver is dropped.
    signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED)).map(drop)
}

/// Resolves once a write of the store has failed.
pub(super) async fn failed(store: &Store) {
    while store.failure().is_none() {
        tokio::time::sleep(EVERY).await;
    }
}

/// Resolves once the folder takes writes again. Nothing of the trial is left.
pub(super) async fn well_again(folder: &Path) {
    loop {
        tokio::time::sleep(EVERY).await;
        let trial = folder.join("trial-write");
        match tokio::task::spawn_blocking(move || write(&trial)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::warn!(%error, "the disk takes no writes yet"),
            Err(error) => tracing::warn!(%error, "the disk could not be tried"),
        }
    }
}

fn write(trial: &Path) -> std::io::Result<()> {
    let written = std::fs::File::create(trial).and_then(|mut file| {
        file.write_all(&vec![0; ROOM])?;
        file.sync_all()
    });
    let removed = std::fs::remove_file(trial);
    written.and(removed)
}
