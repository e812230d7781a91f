//! What follows for one proposal from what was read: pure, but for the question whether it was approved before.

use isthmus_core::id::Hash32;
use isthmus_core::ports::{BoxError, StoreError};

use crate::attester::decline::{Decline, Ground};
use crate::attester::examine::facts::Facts;
use crate::attester::examine::outcome_of;
use crate::attester::examine::subject::{Logged, Redemption, Subject, Unlock};
use crate::attester::memory::Memory;
use crate::attester::own::OwnRegistry;
use crate::attester::ports::Record;
use crate::attester::proposal::Allowed;
use crate::attester::relayer::Verdict;
use crate::attester::verify_deposit::{self, LoggedDeposit, ReturnFacts};
use crate::attester::verify_pool;
use crate::attester::verify_redemption::{self, Backing, RedemptionFacts};
use crate::attester::verify_redirect::Counter;
use crate::attester::verify_unlock::{self, UnlockFacts};

/// The verdict on one proposal, or why there is none yet.
pub type Answer = Result<Verdict, BoxError>;

/// What to approve, for which of the burner's instructions if for one, or why not.
type Approvable = Result<(Allowed, Option<Counter>), Decline>;

/// What follows for one proposal.
#[derive(Debug)]
pub(super) enum Step {
    /// This, and nothing else is to be done.
    Answer(Answer),
    /// It is to be rejected, because of this.
    Reject(Hash32, Decline),
    /// It is to be approved.
    Approve(Allowed, Option<Counter>),
}

/// A proposal with everything that decides about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub(super) registry: &'a OwnRegistry,
    pub(super) subject: &'a Subject<'a>,
    pub(super) facts: &'a Facts<'a>,
}

impl<'a> Case<'a> {
    pub(super) fn step(self, memory: &Memory) -> Result<Step, StoreError> {
        let reference = &self.subject.asked.reference;
        let (digest, proposed) = match self.facts.record(reference) {
            Some(record @ Record::Proposed { digest, .. }) => (*digest, record),
            // We approved and then crashed, or our answer was lost.
            Some(Record::Executed { .. }) if memory.has_approved(reference)? => {
                return Ok(Step::Answer(Ok(Verdict::Approved)));
            }
            Some(Record::Executed { .. }) => {
                let reason = format!("the registry has executed {reference}");
                return Ok(self.declined(Decline::new(Ground::Done, reason)));
            }
            Some(Record::Refused(refusal)) => {
                let decline = Decline::new(Ground::ProposalRefused, refusal.to_string());
                return Ok(self.declined(decline));
            }
            Some(Record::Absent) | None => {
                let reason = format!("nothing is proposed under {reference}");
                let decline = Decline::new(Ground::NotProposed, reason);
                return Ok(self.declined(
                    self.subject
                        .logged
                        .as_ref()
                        .err()
                        .cloned()
                        .unwrap_or(decline),
                ));
            }
        };
        Ok(match self.decide(proposed) {
            Ok(Ok((allowed, instruction))) => Step::Approve(allowed, instruction),
            // Whoever proposed it would hold the reference with it. Also what this attester approved, or promised to, when it was the
            // thing: units may have been taken away since. An approval that reached the registry stays, because there a first word
            // counts; one that did not must not keep the proposal open for ever.
            Ok(Err(decline)) if decline.ground == Ground::OtherProposal => {
                Step::Reject(digest, decline)
            }
            Ok(Err(decline)) => self.declined(decline),
            Err(error) => Step::Answer(Err(error)),
        })
    }

    pub(super) fn declined(self, decline: Decline) -> Step {
        Step::Answer(Ok(Verdict::declined(self.subject.asked.transfer, decline)))
    }

    /// Decides about what is proposed, by everything but the attester's memory.
    fn decide(self, proposed: &Record) -> Result<Approvable, BoxError> {
        match &self.subject.logged {
            Ok(Logged::Unlock(unlock)) => self.unlock(unlock, proposed),
            Ok(Logged::Redemption(redemption)) => self.redemption(redemption, proposed),
            Ok(Logged::Deposit(deposit)) => self.deposit(deposit, proposed),
            Err(decline) => Ok(Err(decline.clone())),
        }
    }

    fn unlock(self, unlock: &Unlock<'_>, proposed: &Record) -> Result<Approvable, BoxError> {
        let id = unlock.lock.id();
        let outcomes = &self.facts.at_gate(unlock.gate)?.outcomes;
        let locked = self.record(&id.to_string())?;
        Ok(outcome_of(outcomes, id).and_then(|outcome| {
            let checked = verify_unlock::check(&UnlockFacts {
                lock: &unlock.lock,
                outcome,
                locked,
                receipt_key: &self.registry.receipt_key,
                proposed,
            });
            checked.map(|allowed| (allowed, None))
        }))
    }

    fn redemption(
        self,
        redemption: &Redemption<'_>,
        proposed: &Record,
    ) -> Result<Approvable, BoxError> {
        let (burn, receipt_key) = (&redemption.burn, &self.registry.receipt_key);
        for story in &redemption.taken {
            let record = self.record(&story.reference)?;
            if let Err(decline) = verify_pool::was_taken(story, record, &burn.pool, receipt_key) {
                return Ok(Err(decline));
            }
        }
        let said = self.facts.at_gate(redemption.gate)?;
        let burned = match said.burns.get(&burn.number) {
            Some(Ok(burned)) => burned.as_ref(),
            Some(Err(error)) => return Err(error.to_string().into()),
            None => return Err(format!("the gate was not asked about burn {}", burn.number).into()),
        };
        let mut deposits = Vec::with_capacity(redemption.deposits.len());
        for deposit in &redemption.deposits {
            deposits.push((deposit.clone(), self.record(&deposit.reference)?.clone()));
        }
        let mut backing = Vec::with_capacity(redemption.locks.len());
        for lock in &redemption.locks {
            let record = self.record(&lock.id().to_string())?;
            match outcome_of(&said.outcomes, lock.id()) {
                Ok(outcome) => backing.push(Backing {
                    lock,
                    record,
                    outcome,
                }),
                Err(decline) => return Ok(Err(decline)),
            }
        }
        Ok(self.facts.stored(&burn.allocation).and_then(|stored| {
            let checked = verify_redemption::check(&RedemptionFacts {
                logged: burn,
                burned,
                backing: &backing,
                deposits: &deposits,
                instruction: &self.subject.asked.instruction,
                receipt_key,
                proposed,
                stored: &stored,
            });
            checked.map(|(allowed, counter)| (allowed, Some(counter)))
        }))
    }

    fn deposit(self, deposit: &LoggedDeposit, proposed: &Record) -> Result<Approvable, BoxError> {
        let record = self.record(&deposit.reference)?;
        Ok(self.facts.stored(&deposit.units).and_then(|stored| {
            let checked = verify_deposit::check(&ReturnFacts {
                deposit,
                record,
                receipt_key: &self.registry.receipt_key,
                proposed,
                stored: &stored,
            });
            checked.map(|allowed| (allowed, None))
        }))
    }

    fn record(self, reference: &str) -> Result<&'a Record, BoxError> {
        let unread = || BoxError::from(format!("the registry was not asked about {reference}"));
        self.facts.record(reference).ok_or_else(unread)
    }
}
