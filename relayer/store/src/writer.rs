//! The coalescing writer: one thread, one synced write for all that waits. It never lingers when idle: the next batch forms
//! while the current one syncs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use isthmus_core::id::TransferId;
use isthmus_core::ports::{Append, AppendError, Appended, StoreError};
use isthmus_core::time::{Clock, Timestamp};
use rocksdb::WriteOptions;

use crate::columns::Column;
use crate::commit::{Change, Committer};
use crate::disk::Disk;
use crate::overlay::{Overlay, failed};

/// Jobs that may wait; more block their callers, which bounds memory.
const QUEUE: usize = 1024;
/// Entries that one write takes at most.
const MOST_ENTRIES: usize = 4096;

type Answers = Vec<Result<Appended, AppendError>>;

enum Job {
    Append {
        batch: Vec<Append>,
        answer: SyncSender<Answers>,
    },
    Change {
        change: Change,
        entry: Box<Append>,
        answer: SyncSender<Answers>,
    },
    /// What a crash may take back: written with the next synced write, or alone without a sync.
    Defer {
        entries: Vec<(TransferId, Timestamp)>,
        answer: SyncSender<Answers>,
    },
}

/// Handle to the writer thread; dropping the last one ends it after what waits is written.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    syncs: Arc<AtomicU64>,
    failure: Arc<OnceLock<String>>,
}

impl Writer {
    pub(crate) fn start(db: Arc<Disk>, clock: Arc<dyn Clock>) -> Self {
        let (jobs, queue) = sync_channel(QUEUE);
        let syncs = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&syncs);
        let failure = Arc::new(OnceLock::new());
        let failed = Arc::clone(&failure);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&db, clock.as_ref(), &queue, (&counter, &failed)));
        // Without its writer the store answers every append with an error, which stops the process.
        Self {
            jobs: Some(jobs),
            thread: thread.ok(),
            syncs,
            failure,
        }
    }

    pub(crate) fn append(&self, batch: Vec<Append>) -> Answers {
        let entries = batch.len();
        self.submit(|answer| Job::Append { batch, answer }, entries)
    }

    /// Writes one entry together with a change that is computed at the moment of writing.
    pub(crate) fn change(&self, change: Change, entry: Append) -> Result<Appended, AppendError> {
        let mut answers = self.submit(
            |answer| Job::Change {
                change,
                entry: Box::new(entry),
                answer,
            },
            1,
        );
        answers.pop().unwrap_or_else(|| Err(stopped().into()))
    }

    /// Puts work off.
    pub(crate) fn defer(&self, entries: Vec<(TransferId, Timestamp)>) -> Result<(), StoreError> {
        match self
            .submit(|answer| Job::Defer { entries, answer }, 1)
            .pop()
        {
            Some(Ok(_)) => Ok(()),
            Some(Err(AppendError::Store(error))) => Err(error),
            Some(Err(_)) | None => Err(stopped()),
        }
    }

    fn submit(&self, job: impl FnOnce(SyncSender<Answers>) -> Job, entries: usize) -> Answers {
        let (answer, answers) = sync_channel(1);
        let sent = self
            .jobs
            .as_ref()
            .is_some_and(|jobs| jobs.send(job(answer)).is_ok());
        let received = if sent { answers.recv().ok() } else { None };
        received.unwrap_or_else(|| (0..entries).map(|_| Err(stopped().into())).collect())
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own hook; there is nothing left to write.
            let _joined = thread.join();
        }
    }
}

fn stopped() -> StoreError {
    StoreError("the writer has stopped after an earlier failure".into())
}

fn run(
    db: &Arc<Disk>,
    clock: &dyn Clock,
    queue: &Receiver<Job>,
    (syncs, failure): (&AtomicU64, &OnceLock<String>),
) {
    let mut committer = Committer::new(Arc::clone(db));
    while let Ok(first) = queue.recv() {
        committer.evict();
        let mut overlay = Overlay::new(db);
        let mut waiting = Vec::new();
        let mut entries = 0;
        let mut durable = false;
        let mut next = Some(first);
        while let Some(job) = next {
            durable |= !matches!(job, Job::Defer { .. });
            let (answers, answer) = stage(&mut committer, &mut overlay, clock, job);
            entries += answers.len();
            waiting.push((answers, answer));
            next = if entries < MOST_ENTRIES {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        let written = committer
            .seal(&mut overlay)
            .and_then(|()| write(db, overlay, durable));
        match written {
            Ok(synced) => {
                syncs.fetch_add(u64::from(synced), Ordering::Relaxed);
                for (answers, answer) in waiting {
                    // A caller that went away does not need its answer; what it wrote is durable.
                    let _gone = answer.send(answers);
                }
            }
            Err(error) => {
                // Whether it is on disk is unknown. Nothing may be appended on top of a guess: this thread ends, every later
                // append fails, and the process starts again from the disk.
                let _first = failure.set(error.0.clone());
                for (answers, answer) in waiting {
                    let _gone = answer.send(
                        answers
                            .iter()
                            .map(|_| Err(StoreError(error.0.clone()).into()))
                            .collect(),
                    );
                }
                return;
            }
        }
    }
}

/// Stages one job; its answers are given only once the write is durable.
fn stage(
    committer: &mut Committer,
    overlay: &mut Overlay<'_>,
    clock: &dyn Clock,
    job: Job,
) -> (Answers, SyncSender<Answers>) {
    match job {
        Job::Append { batch, answer } => {
            let answers = batch
                .into_iter()
                .map(|entry| committer.stage(overlay, &entry, clock.now(), None))
                .collect();
            (answers, answer)
        }
        Job::Change {
            change,
            entry,
            answer,
        } => {
            let staged = committer.stage(overlay, &entry, clock.now(), Some(change));
            (vec![staged], answer)
        }
        Job::Defer { entries, answer } => {
            let nothing = Appended {
                transfer: None,
                first_leaf: None,
            };
            let deferred = committer.defer(overlay, &entries, clock.now());
            if deferred.is_err() {
                overlay.reject();
            }
            (vec![deferred.map(|()| nothing).map_err(Into::into)], answer)
        }
    }
}

/// Writes what was staged, if anything was; true if it was synced.
fn write(db: &Disk, overlay: Overlay<'_>, durable: bool) -> Result<bool, StoreError> {
    let due = overlay.put_keys(Column::Due);
    let batch = overlay.into_write()?;
    if batch.is_empty() {
        return Ok(false);
    }
    let mut options = WriteOptions::default();
    options.set_sync(durable);
    db.write_opt(batch, &options).map_err(failed)?;
    db.fronts.written(&due);
    Ok(durable)
}
