//! Appends to the proof log, against plain synced writes to the same disk.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Still;
use crate::figures::Figures;
use isthmus_core::ports::{Append, AppendError, Journal};
use isthmus_store::Store;

/// Size of a `MINTED` leaf.
const LEAF_BYTES: usize = 600;
/// Callers at once.
const CALLERS: [u32; 4] = [1, 16, 128, 512];

/// How long each measurement takes.
const SPAN: Duration = Duration::from_secs(5);

/// Leaves a second, durable when answered, by several numbers of callers; the best of them is the figure.
pub(crate) fn measure(
    out: &mut impl Write,
    figures: &mut Figures,
    folder: &Path,
) -> anyhow::Result<()> {
    let alone = raw_synced_writes(&folder.join("raw"), SPAN)?;
    let awake = with_a_core_awake(|| raw_synced_writes(&folder.join("raw"), SPAN))?;
    writeln!(
        out,
        "log: raw synced writes {alone:.0} /s, with a core kept awake {awake:.0} /s"
    )?;
    let store = Store::open(&folder.join("log"), "bench", Arc::new(Still))?;
    let mut best = 0f64;
    for callers in CALLERS {
        let syncs = store.syncs();
        let begun = Instant::now();
        let done = append_for(&store, callers, SPAN)?;
        let seconds = begun.elapsed().as_secs_f64();
        let rate = f64::from(done) / seconds;
        let synced = f64::from(u32::try_from(store.syncs() - syncs)?) / seconds;
        writeln!(
            out,
            "  {callers:>3} callers: {rate:>8.0} leaves/s, {synced:>5.0} syncs/s, {:.1} leaves a raw sync",
            rate / alone.max(awake)
        )?;
        best = best.max(rate);
    }
    figures.set("log_append_per_s", best);
    Ok(())
}

fn raw_synced_writes(path: &Path, span: Duration) -> anyhow::Result<f64> {
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
