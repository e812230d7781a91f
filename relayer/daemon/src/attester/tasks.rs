//! The attester's loop: pull, follow the log, examine, answer. Nothing here is worth keeping: whatever is interrupted is
//! asked again, and what must not be forgotten is in the attester's memory.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use isthmus_core::ports::StoreError;
use isthmus_core::time::Clock;
use isthmus_prooflog::note::VerifierKey;
use isthmus_store::AttesterStore;
use tracing::{Instrument, error, info, info_span, warn};

use crate::attester::doubt::Doubts;
use crate::attester::examine::{ExamineError, Examiner};
use crate::attester::follow::{FollowError, Follower};
use crate::attester::memory::Memory;
use crate::attester::own::Own;
use crate::attester::relayer::{Relayer, Task, Verdict};
use crate::crash_point::{self, Moment};
use crate::error_chain::chain;

/// Tasks examined side by side.
const AT_ONCE: usize = 8;
/// Pause after a round in which somebody did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// One attester, put together in `wire.rs` from its own configuration.
#[derive(Debug)]
pub struct Attester {
    /// Keys, gates, registries.
    pub own: Own,
    /// Memory and the log as followed; a folder of its own.
    pub store: Arc<AttesterStore>,
    /// Where tasks and leaves come from.
    pub relayer: Relayer,
    /// The log's key.
    pub log_key: VerifierKey,
}

/// Why an attester ends. It signs nothing any more; starting it again is safe, and after `Stopped` of no use.
#[derive(Debug, thiserror::Error)]
pub enum AttesterError {
    /// The log equivocated, now or in an earlier run.
    #[error("this attester has stopped for good, because the log cannot be trusted: {0}")]
    Stopped(String),
    /// The log tells a story that cannot be, or one that cannot be read or kept here.
    #[error("the log cannot be followed")]
    Log(#[source] FollowError),
    /// The disk is at fault: what was promised may not be durable.
    #[error("the attester's store failed")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for AttesterError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// Runs an attester until `shutdown` is ready.
pub async fn run(
    attester: Attester,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), AttesterError> {
    if let Some(why) = attester.store.stopped()? {
        return Err(AttesterError::Stopped(why));
    }
    let memory = Memory::new(Arc::clone(&attester.store));
    let doubts = Doubts::default();
    let mut log = Follower::open(Arc::clone(&attester.store), attester.log_key.clone())
        .map_err(AttesterError::Log)?;
    info!(leaves = log.replica().size(), "attester started");
    let mut shutdown = pin!(shutdown);
    loop {
        let round = round(&attester, (&memory, &doubts), &mut log, clock.as_ref());
        let quiet = tokio::select! {
            () = &mut shutdown => break,
            round = round => round?,
        };
        if quiet {
            continue;
        }
        tokio::select! {
            () = &mut shutdown => break,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    info!(synced_writes = attester.store.syncs(), "attester stopped");
    Ok(())
}

/// Whether a round got anywhere; if not, the next one waits a little.
async fn round(
    attester: &Attester,
    (memory, doubts): (&Memory, &Doubts),
    log: &mut Follower,
    clock: &dyn Clock,
) -> Result<bool, AttesterError> {
    let tasks = match attester.relayer.pull(log.checkpoint()?).await {
        Ok(tasks) => tasks,
        Err(status) => {
            warn!(%status, "the relayer was not reached");
            return Ok(false);
        }
    };
    // After the pull, so that the log is followed at least as far as the tasks need.
    if let Err(error) = log.advance(&attester.relayer).await {
        end(&attester.store, error)?;
        return Ok(false);
    }
    let examiner = Examiner {
        own: &attester.own,
        log,
        memory,
        doubts,
        now: clock.now(),
    };
    let answered: Vec<Result<bool, AttesterError>> = stream::iter(&tasks)
        .map(|task| {
            let span = info_span!("task", task.id = %task.id);
            serve(attester, examiner, task).instrument(span)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    // One task that cannot be decided yet must not hold up the others: whoever was answered makes room for more.
    let nothing_asked = answered.is_empty();
    answered
        .into_iter()
        .try_fold(nothing_asked, |moved, answered| Ok(moved | answered?))
}

/// Examines one task and answers it; whether it was answered.
async fn serve(
    attester: &Attester,
    examiner: Examiner<'_>,
    task: &Task,
) -> Result<bool, AttesterError> {
    let verdict = match examiner.verdict(&task.work).await {
        Ok(verdict) => verdict,
        Err(ExamineError::Undecided(error)) => {
            warn!(error = %chain(error.as_ref()), "left unanswered");
            return Ok(false);
        }
        Err(ExamineError::Store(error)) => return Err(error.into()),
        Err(ExamineError::Tree(error)) => return Err(AttesterError::Store(error.into())),
    };
    match &verdict {
        Verdict::Signed(_) => info!("signed"),
        Verdict::Approved => info!("approved"),
        Verdict::Declined(items) => {
            for item in items {
                warn!(transfer.id = %item.transfer, decline = %item.decline, "declined");
            }
        }
    }
    // What is promised is durable, nobody has heard of it.
    crash_point::reach("attester", "answer", Moment::Before);
    let taken = attester.relayer.answer(&task.id, verdict).await;
    crash_point::reach("attester", "answer", Moment::After);
    match taken {
        Ok(()) => Ok(true),
        Err(status) => {
            warn!(%status, "the answer was not taken");
            Ok(false)
        }
    }
}

/// What following the log came to: `Ok` to go on and try again, `Err` to end.
fn end(store: &AttesterStore, error: FollowError) -> Result<(), AttesterError> {
    match error {
        FollowError::Unreached(_) | FollowError::Unproven(_) => {
            warn!(error = %chain(&error), "the log was not followed");
            Ok(())
        }
        FollowError::Equivocation(why) => {
            error!(%why, "the log equivocates: this attester signs nothing any more");
            store.stop(&why)?;
            Err(AttesterError::Stopped(why))
        }
        FollowError::Story(_)
        | FollowError::Unreadable { .. }
        | FollowError::Store(_)
        | FollowError::Tree(_) => Err(AttesterError::Log(error)),
    }
}
