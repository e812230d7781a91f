//! Appends to the proof log, against plain synced writes to the same disk.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use isthmus_core::ports::{Append, AppendError, Journal};
use isthmus_store::Store;
use serde::Serialize;

use crate::Still;

/// Size of a `MINTED` leaf.
const LEAF_BYTES: usize = 600;
/// Callers at once.
const CALLERS: [u32; 3] = [1, 16, 128];

#[derive(Debug, Serialize)]
pub(crate) struct LogReport {
    pub(crate) leaf_bytes: usize,
    pub(crate) raw_synced_writes_per_s: f64,
    pub(crate) raw_synced_writes_core_awake_per_s: f64,
    pub(crate) appends: Vec<AppendReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AppendReport {
    pub(crate) callers: u32,
    pub(crate) appends_per_s: f64,
    pub(crate) syncs_per_s: f64,
    pub(crate) appends_per_raw_sync: f64,
}

pub(crate) fn measure(folder: &Path, span: Duration) -> Result<LogReport, Box<dyn Error>> {
    let alone = raw_synced_writes(&folder.join("raw"), span)?;
    let awake = with_a_core_awake(|| raw_synced_writes(&folder.join("raw"), span))?;
    let raw = alone.max(awake);
    let store = Store::open(&folder.join("log"), "bench", Arc::new(Still))?;
    let mut appends = Vec::new();
    for callers in CALLERS {
        let syncs = store.syncs();
        let begun = Instant::now();
        let done = append_for(&store, callers, span)?;
        let seconds = begun.elapsed().as_secs_f64();
        let rate = f64::from(done) / seconds;
        appends.push(AppendReport {
            callers,
            appends_per_s: rate,
            syncs_per_s: f64::from(u32::try_from(store.syncs() - syncs)?) / seconds,
            appends_per_raw_sync: rate / raw,
        });
    }
    Ok(LogReport {
        leaf_bytes: LEAF_BYTES,
        raw_synced_writes_per_s: alone,
        raw_synced_writes_core_awake_per_s: awake,
        appends,
    })
}

fn raw_synced_writes(path: &Path, span: Duration) -> Result<f64, Box<dyn Error>> {
    let mut file = File::create(path)?;
    let bytes = [b'x'; LEAF_BYTES];
    let begun = Instant::now();
    let mut done = 0u32;
    while begun.elapsed() < span {
        file.write_all(&bytes)?;
        file.sync_data()?;
        done += 1;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}

/// Runs `measure` while another thread spins.
fn with_a_core_awake<T>(measure: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let measured = measure();
        over.store(true, Ordering::Relaxed);
        measured
    })
}

/// How many appends `callers` threads get done in `span`, each waiting for its answer.
fn append_for(store: &Store, callers: u32, span: Duration) -> Result<u32, AppendError> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|caller| scope.spawn(move || append_until_over(store, caller, span)))
            .collect();
        threads.into_iter().try_fold(0, |sum, thread| {
            let done = thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok(sum + done)
        })
    })
}

fn append_until_over(store: &Store, caller: u32, span: Duration) -> Result<u32, AppendError> {
    let begun = Instant::now();
    let mut done = 0;
    while begun.elapsed() < span {
        let leaf = format!("{caller}/{done}/{}", "x".repeat(LEAF_BYTES)).into_bytes();
        let entry = Append {
            leaves: vec![leaf],
            ..Append::default()
        };
        for answer in store.append(vec![entry]) {
            answer?;
        }
        done += 1;
    }
    Ok(done)
}
