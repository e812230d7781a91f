//! Commands: requests that may change the registry, carried out one item after the other.

use isthmus_core::time::Timestamp;
use serde::Serialize;

use crate::sandbox::change::Change;
use crate::sandbox::decide::{Decider, Decision, Rules};
use crate::sandbox::outcome::{Answered, Outcome, Refusal, RefusalCode};
use crate::sandbox::registry::{ApplyError, Registry};
use crate::sandbox::request::{
    ApprovalRequest, Correction, DepositRequest, LockRequest, SentProposal, SetStatus,
};

/// A request that may change the registry, by a caller whose role allows it.
#[derive(Debug)]
pub(crate) enum Command {
    Lock {
        caller: String,
        locks: Vec<LockRequest>,
    },
    Propose {
        proposer: String,
        proposals: Vec<SentProposal>,
    },
    Approve {
        approver: String,
        approvals: Vec<ApprovalRequest>,
    },
    Reject {
        approver: String,
        rejections: Vec<ApprovalRequest>,
    },
    Correct(Correction),
    Deposit(DepositRequest),
    SetStatus(SetStatus),
}

/// What the caller is told once everything is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The body of the answer.
    Body(String),
    /// The whole command is refused.
    Refused(Refusal),
}

/// The registry while commands are carried out, and the changes that must be on disk before anyone is answered.
pub(crate) struct Session<'a> {
    pub(crate) registry: &'a mut Registry,
    pub(crate) rules: &'a Rules,
    pub(crate) now: Timestamp,
    pub(crate) changes: Vec<Change>,
}

#[derive(Serialize)]
struct Results {
    results: Vec<Answered>,
}

impl Session<'_> {
    /// Carries a command out in memory. An error means that memory and rules disagree: nothing may be written.
    pub(crate) fn carry_out(&mut self, command: &Command) -> Result<Reply, ApplyError> {
        match command {
            Command::Lock { caller, locks } => self.each(locks, |session, lock| {
                let decision = session.decider().lock(lock, caller);
                session.settle(&lock.reference, decision)
            }),
            Command::Propose {
                proposer,
                proposals,
            } => self.each(proposals, |session, proposal| {
                let decision = session.decider().proposal(proposal, proposer);
                session.settle(&proposal.request.reference, decision)
            }),
            Command::Approve {
                approver,
                approvals,
            } => self.each(approvals, |session, approval| {
                let decision = session.decider().approval(approval, approver);
                let answer = session.settle(&approval.reference, decision)?;
                match session.decider().execution(&approval.reference) {
                    Some(change) if !matches!(answer.outcome, Outcome::Refused { .. }) => {
                        session.settle(&approval.reference, Decision::Change(Box::new(change)))
                    }
                    Some(_) | None => Ok(answer),
                }
            }),
            Command::Reject {
                approver,
                rejections,
            } => self.each(rejections, |session, rejection| {
                let decision = session.decider().rejection(rejection, approver);
                let answer = session.settle(&rejection.reference, decision)?;
                match session.decider().closing(&rejection.reference) {
                    Some(change) => {
                        session.settle(&rejection.reference, Decision::Change(Box::new(change)))
                    }
                    None => Ok(answer),
                }
            }),
            Command::Correct(correction) => self.by_itself(self.decider().correction(correction)),
            Command::Deposit(deposit) => self.by_itself(self.decider().deposit(deposit)),
            Command::SetStatus(request) => self.set_status(request),
        }
    }

    fn each<T>(
        &mut self,
        items: &[T],
        mut carry_out: impl FnMut(&mut Self, &T) -> Result<Answered, ApplyError>,
    ) -> Result<Reply, ApplyError> {
        let results = items
            .iter()
            .map(|item| carry_out(self, item))
            .collect::<Result<_, _>>()?;
        Ok(Reply::Body(body(&Results { results })))
    }

    fn decider(&self) -> Decider<'_> {
        Decider {
            registry: self.registry,
            rules: self.rules,
            now: self.now,
        }
    }

    fn settle(&mut self, reference: &str, decision: Decision) -> Result<Answered, ApplyError> {
        let outcome = match decision {
            Decision::Refused(refusal) => Outcome::Refused {
                refusal,
                digest: None,
            },
            Decision::Recorded => self.registry.outcome(reference),
            Decision::Change(change) => {
                self.apply(*change)?;
                self.registry.outcome(reference)
            }
        };
        Ok(Answered {
            reference: reference.to_owned(),
            outcome,
        })
    }

    /// Carries a change out in memory and keeps it for the disk.
    pub(crate) fn apply(&mut self, change: Change) -> Result<(), ApplyError> {
        self.registry.apply(&change, self.now)?;
        self.changes.push(change);
        Ok(())
    }

    /// What the registry, or a holder in its software, does by itself.
    fn by_itself(&mut self, decided: Result<Change, Refusal>) -> Result<Reply, ApplyError> {
        match decided {
            Err(refusal) => Ok(Reply::Refused(refusal)),
            Ok(change) => {
                self.apply(change)?;
                let sequence = self.registry.sequence();
                Ok(Reply::Body(format!(r#"{{"sequence":{sequence}}}"#)))
            }
        }
    }

    fn set_status(&mut self, request: &SetStatus) -> Result<Reply, ApplyError> {
        if !self.registry.accounts.contains_key(&request.account) {
            let (code, message) = (RefusalCode::UnknownAccount, "name an account that exists");
            return Ok(Reply::Refused(Refusal::new(
                code,
                "account",
                &request.account,
                message,
            )));
        }
        self.apply(Change::AccountStatus {
            account: request.account.clone(),
            status: request.status,
        })?;
        Ok(Reply::Body("{}".to_owned()))
    }
}

/// An answer as JSON.
pub(crate) fn body<T: Serialize>(answer: &T) -> String {
    serde_json::to_string(answer).expect("answers hold strings, numbers and lists only")
}
