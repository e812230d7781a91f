//! The one writer: takes every command that waits, carries them out in memory, writes all their changes with one sync, then
//! answers all. It never lingers: the next group forms while this one syncs.
//!
//! Readers are locked out until the sync is done, so nobody ever sees what a crash could still undo.

use std::io;
use std::sync::Arc;

use isthmus_core::time::Clock;
use tokio::sync::{RwLock, mpsc, oneshot};

use crate::sandbox::change::Change;
use crate::sandbox::change_file::ChangeFile;
use crate::sandbox::command::{Command, Reply, Session};
use crate::sandbox::decide::Rules;
use crate::sandbox::idempotency::{Claim, Recall, Remembered};
use crate::sandbox::registry::{ApplyError, Registry};
use crate::sandbox::stats::Stats;

/// Most commands in one write; bounds how long readers wait.
const MAX_GROUP: usize = 64;

/// A command and who waits for its answer.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) command: Command,
    pub(crate) claim: Option<Claim>,
    pub(crate) reply: oneshot::Sender<JobReply>,
}

/// The answer to a job.
#[derive(Debug)]
pub(crate) enum JobReply {
    Done(Reply),
    /// The idempotency key was used with another body.
    KeyMismatch,
}

/// Why the writer stopped. Nobody knows what is on disk, so the process must end; the next start finds out.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The disk.
    #[error("changes could not be written")]
    Disk(#[from] io::Error),
    /// A decision that the state does not allow.
    #[error("a decided change could not be carried out")]
    Apply(#[from] ApplyError),
}

/// Owns the file of changes.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) registry: Arc<RwLock<Registry>>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) file: ChangeFile,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) idempotency_ttl_ms: u64,
}

impl Writer {
    /// Serves until every sender is gone. Blocks; give it a thread of its own.
    pub(crate) fn run(mut self, mut jobs: mpsc::Receiver<Job>) -> Result<(), WriterError> {
        while let Some(first) = jobs.blocking_recv() {
            let mut group = vec![first];
            while group.len() < MAX_GROUP {
                match jobs.try_recv() {
                    Ok(job) => group.push(job),
                    Err(_) => break,
                }
            }
            for (reply, answer) in self.write(group)? {
                // A caller that hung up finds its outcome by reference.
                drop(reply.send(answer));
            }
        }
        Ok(())
    }

    /// If we crash before the sync, no one was answered and the next start has all of the line or nothing of it.
    fn write(
        &mut self,
        group: Vec<Job>,
    ) -> Result<Vec<(oneshot::Sender<JobReply>, JobReply)>, WriterError> {
        let mut registry = self.registry.blocking_write();
        let mut session = Session {
            registry: &mut registry,
            rules: &self.rules,
            now: self.clock.now(),
            changes: Vec::new(),
        };
        let mut answers = Vec::with_capacity(group.len());
        for job in group {
            let answer = carry_out(&mut session, &job, self.idempotency_ttl_ms)?;
            answers.push((job.reply, answer));
        }
        let changes = session.changes;
        if !changes.is_empty() {
            self.file.append(changes)?;
            self.stats.synced();
        }
        Ok(answers)
    }
}

fn carry_out(session: &mut Session<'_>, job: &Job, ttl_ms: u64) -> Result<JobReply, ApplyError> {
    let Some(claim) = &job.claim else {
        return Ok(JobReply::Done(session.carry_out(&job.command)?));
    };
    match session.registry.answers.recall(claim, session.now) {
        Recall::Same(body) => return Ok(JobReply::Done(Reply::Body(body))),
        Recall::Different => return Ok(JobReply::KeyMismatch),
        Recall::New => {}
    }
    let reply = session.carry_out(&job.command)?;
    if let Reply::Body(body) = &reply {
        session.apply(Change::Answered {
            answer: Remembered {
                principal: claim.principal.clone(),
                key: claim.key.clone(),
                digest: claim.digest,
                body: body.clone(),
                expires: session.now.plus_ms(ttl_ms),
            },
        })?;
    }
    Ok(JobReply::Done(reply))
}
