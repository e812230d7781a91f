//! From a task to a verdict: read for oneself, decide, remember, and only then sign or approve.

mod approval;
mod decide;
mod facts;
mod mint;
mod subject;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future;
use isthmus_core::id::{Address, LedgerId, TransferId};
use isthmus_core::ports::{BoxError, FindError, StoreError};
use isthmus_core::time::Timestamp;
use isthmus_prooflog::tree::TreeError;
use tokio::time::timeout;

use crate::attester::decline::{Decline, Ground};
use crate::attester::doubt::Doubts;
use crate::attester::follow::Follower;
use crate::attester::lock::LoggedLock;
use crate::attester::memory::Memory;
use crate::attester::own::{Own, OwnGate};
use crate::attester::ports::Outcome;
use crate::attester::readings::GateReading;
use crate::attester::relayer::{Asked, Verdict};
use crate::attester::verify_void::{self, Void};
use crate::attester::witness::WitnessError;

pub use approval::Answer;

/// How long a gate that a task is not about may take to answer.
const MOMENT: Duration = Duration::from_secs(1);

/// Why there is no verdict, by what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// A ledger did not answer, or contradicts itself: leave the task unanswered and look again later.
    #[error("the task cannot be decided now")]
    Undecided(#[source] BoxError),
    /// The store failed: stop the process.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored log does not make a tree: stop the process.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// There is another log under the same key, or the node lies: end, and keep nothing of it.
    #[error("{0}")]
    Forked(String),
}

impl From<FindError> for ExamineError {
    fn from(error: FindError) -> Self {
        Self::Undecided(error.into())
    }
}

/// Everything that examining a task needs.
#[derive(Clone, Copy, Debug)]
pub struct Examiner<'a> {
    /// Keys, gates, registries.
    pub own: &'a Own,
    /// The log as followed.
    pub log: &'a Follower,
    /// The promises.
    pub memory: &'a Memory,
    /// What does not add up, and since when.
    pub doubts: &'a Doubts,
    /// The time.
    pub now: Timestamp,
}

impl Examiner<'_> {
    /// The verdict on what a task asks.
    pub async fn verdict(&self, asked: &Asked) -> Result<Verdict, ExamineError> {
        self.vouched(|gate| is_about(asked, gate)).await?;
        match asked {
            Asked::Mint(batch) => self.mint(batch).await,
            Asked::Void(void) => self.void(void).await,
            Asked::Approval(approval) => {
                let mut answers = self.approvals(&approval.ledger, &[approval]).await?;
                let answer = answers
                    .pop()
                    .unwrap_or_else(|| Err("it was not examined".into()));
                answer.map_err(ExamineError::Undecided)
            }
            Asked::Unreadable(declined) => Ok(Verdict::Declined(declined.clone())),
        }
    }

    /// That every gate vouches for the log. One that does not answer stops only what is asked about it.
    async fn vouched(&self, is_asked: impl Fn(&OwnGate) -> bool) -> Result<(), ExamineError> {
        let looks = self.own.gates.iter().map(|gate| async {
            let look = self.log.is_witnessed(gate, self.now);
            if is_asked(gate) {
                look.await
            } else {
                timeout(MOMENT, look).await.unwrap_or(Ok(()))
            }
        });
        let looked = future::join_all(looks).await;
        for (gate, looked) in self.own.gates.iter().zip(looked) {
            match looked {
                Err(WitnessError::Unanswered(error)) if is_asked(gate) => return Err(error.into()),
                Ok(()) | Err(WitnessError::Unanswered(_)) => {}
                Err(error @ WitnessError::Behind { .. }) => {
                    return Err(ExamineError::Undecided(error.into()));
                }
                Err(error @ WitnessError::Forked { .. }) => {
                    return Err(ExamineError::Forked(error.to_string()));
                }
                Err(WitnessError::Store(error)) => return Err(error.into()),
                Err(WitnessError::Tree(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn void(&self, void: &Void) -> Result<Verdict, ExamineError> {
        let no = |decline| Ok(Verdict::declined(void.transfer, decline));
        let replica = self.log.replica();
        let gate = match self.own.gate(&void.ledger, void.gate) {
            Ok(gate) => gate,
            Err(decline) => return no(decline),
        };
        let lock = match LoggedLock::read(replica, void.transfer, replica.size()) {
            Ok(lock) => lock,
            Err(decline) => return no(decline),
        };
        let signers = gate.view.signers().await?;
        let outcomes = GateReading::of(gate, BTreeSet::from([void.transfer])).await?;
        let checked = outcome_of(&outcomes, void.transfer)
            .and_then(|outcome| verify_void::check(void, &lock, outcome))
            .and_then(|()| self.own.is_signer(void.epoch, &signers));
        if let Err(decline) = checked {
            return no(decline);
        }
        // If we crash after this write no void was signed, but no mint will be either: the void is asked for again.
        self.memory.void(void.transfer)?;
        Ok(Verdict::Signed(self.own.sign(void.digest(gate.chain_id))))
    }
}

/// Whether what is asked is for this gate to carry out.
fn is_about(asked: &Asked, gate: &OwnGate) -> bool {
    let at =
        |ledger: &LedgerId, address: Address| gate.ledger == *ledger && gate.address == address;
    match asked {
        Asked::Mint(batch) => at(&batch.ledger, batch.gate),
        Asked::Void(void) => at(&void.ledger, void.gate),
        Asked::Approval(_) | Asked::Unreadable(_) => false,
    }
}

/// What the gate said of one transfer; a node that left it out has not said that it may be minted.
fn outcome_of(gate: &GateReading, transfer: TransferId) -> Result<Outcome, Decline> {
    gate.outcomes.get(&transfer).copied().ok_or_else(|| {
        let reason = format!("the node gave no outcome of {transfer}");
        Decline::new(Ground::LogBehind, reason)
    })
}
