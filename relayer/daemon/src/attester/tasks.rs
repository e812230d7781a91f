//! The attester's loop: pull, follow the log, examine, answer. Nothing here is worth keeping: whatever is interrupted is
//! asked again, and what must not be forgotten is in the attester's memory.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, future, stream};
use isthmus_core::id::LedgerId;
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
use crate::attester::relayer::{Approval, Asked, Relayer, Task, Verdict};
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
    /// The gate says that it minted under another log. If that is true, it is met again at every start.
    #[error(
        "the gate does not vouch for the log: {0}. If this attester's node lies, mend that and start it again; if it does not, two histories were signed with the log's key"
    )]
    OtherLog(String),
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
    let (approvals, others) = by_registry(&tasks);
    let serving = stream::iter(others)
        .map(|task| {
            let span = info_span!("task", task.id = %task.id);
            serve(attester, examiner, task).instrument(span)
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>();
    // A registry that hangs holds up neither signatures nor the approvals at another one.
    let approving = approvals
        .into_iter()
        .map(|(ledger, asked)| approve(attester, examiner, ledger, asked));
    let (mut answered, approved) = future::join(serving, future::join_all(approving)).await;
    answered.extend(approved.into_iter().flatten());
    // One task that cannot be decided yet must not hold up the others: whoever was answered makes room for more.
    let nothing_asked = answered.is_empty();
    answered
        .into_iter()
        .try_fold(nothing_asked, |moved, answered| Ok(moved | answered?))
}

/// A task that asks for an approval, with what it asks.
type ToApprove<'a> = (&'a Task, &'a Approval);

/// Approvals, which are examined together by registry, and everything else.
fn by_registry(tasks: &[Task]) -> (BTreeMap<&LedgerId, Vec<ToApprove<'_>>>, Vec<&Task>) {
    let mut approvals: BTreeMap<&LedgerId, Vec<ToApprove<'_>>> = BTreeMap::new();
    let mut others = Vec::new();
    for task in tasks {
        match &task.work {
            Asked::Approval(asked) => {
                let here = approvals.entry(&asked.ledger).or_default();
                here.push((task, asked));
            }
            Asked::Mint(_) | Asked::Void(_) | Asked::Unreadable(_) => others.push(task),
        }
    }
    (approvals, others)
}

/// Examines what is to be approved at one registry and answers it; whether each was answered.
async fn approve(
    attester: &Attester,
    examiner: Examiner<'_>,
    ledger: &LedgerId,
    asked: Vec<ToApprove<'_>>,
) -> Vec<Result<bool, AttesterError>> {
    let approvals: Vec<&Approval> = asked.iter().map(|(_, approval)| *approval).collect();
    let answers = match examiner.approvals(ledger, &approvals).await {
        Ok(answers) => answers,
        Err(error) => return vec![unexamined(error)],
    };
    stream::iter(asked.into_iter().zip(answers))
        .map(|((task, _), answer)| {
            let span = info_span!("task", task.id = %task.id);
            let answered = async move {
                match answer {
                    Ok(verdict) => hand_in(attester, task, verdict).await,
                    Err(error) => unexamined(ExamineError::Undecided(error)),
                }
            };
            answered.instrument(span)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Examines one task and answers it; whether it was answered.
async fn serve(
    attester: &Attester,
    examiner: Examiner<'_>,
    task: &Task,
) -> Result<bool, AttesterError> {
    match examiner.verdict(&task.work).await {
        Ok(verdict) => hand_in(attester, task, verdict).await,
        Err(error) => unexamined(error),
    }
}

/// What follows when there is no verdict: the task is left unanswered and asked again, or this attester ends.
fn unexamined(error: ExamineError) -> Result<bool, AttesterError> {
    match error {
        ExamineError::Undecided(error) => {
            warn!(error = %chain(error.as_ref()), "left unanswered");
            Ok(false)
        }
        ExamineError::Store(error) => Err(error.into()),
        ExamineError::Tree(error) => Err(AttesterError::Store(error.into())),
        ExamineError::Forked(why) => {
            // Kept nowhere, unlike two signed histories: one false answer of a node must not cost an attester. A fork is met again.
            error!(%why, "the gate minted under another log: this attester signs nothing");
            Err(AttesterError::OtherLog(why))
        }
    }
}

/// Hands an answer in; whether it was taken.
async fn hand_in(
    attester: &Attester,
    task: &Task,
    verdict: Verdict,
) -> Result<bool, AttesterError> {
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
        FollowError::Equivocation(why) => Err(equivocated(store, why)?),
        FollowError::Story(_)
        | FollowError::Unreadable { .. }
        | FollowError::Store(_)
        | FollowError::Tree(_) => Err(AttesterError::Log(error)),
    }
}

/// There are two logs under one key: this attester stops for good, and after a restart too.
fn equivocated(store: &AttesterStore, why: String) -> Result<AttesterError, StoreError> {
    error!(%why, "the log equivocates: this attester signs nothing any more");
    store.stop(&why)?;
    Ok(AttesterError::Stopped(why))
}
