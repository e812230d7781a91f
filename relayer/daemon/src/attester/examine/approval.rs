//! Examining proposals at a registry, and approving them through the `Ledger` port with the attester's own credentials. What one pull
//! brought is read for together, promised in one write and approved in one call; each proposal is decided by itself.

use std::collections::HashSet;

use isthmus_core::id::{Hash32, LedgerId};
use isthmus_core::operation::Operation;
use isthmus_core::ports::{BoxError, SendError, StoreError};

use crate::attester::decline::{Decline, Ground};
use crate::attester::examine::decide::{Case, Step};
use crate::attester::examine::facts::{Facts, unanswered};
use crate::attester::examine::subject::Subject;
use crate::attester::examine::{ExamineError, Examiner};
use crate::attester::memory::Promise;
use crate::attester::own::OwnRegistry;
use crate::attester::ports::Record;
use crate::attester::relayer::{Approval, Verdict};
use crate::error_chain::chain;

pub use crate::attester::examine::decide::Answer;

/// Most references that are asked about at a time, unless one proposal alone needs more: bounds what is held of receipts.
const MOST_REFERENCES: usize = 2_000;

impl Examiner<'_> {
    /// The answers to what is asked about one registry, in order. What one proposal is, or a gate does not answer about it, says
    /// nothing about the others.
    pub async fn approvals(
        &self,
        ledger: &LedgerId,
        asked: &[&Approval],
    ) -> Result<Vec<Answer>, ExamineError> {
        self.vouched(|_| false).await?;
        let registry = match self.own.registry(ledger) {
            Ok(registry) => registry,
            Err(decline) => {
                let no = |asked: &&Approval| Ok(Verdict::declined(asked.transfer, decline.clone()));
                return Ok(asked.iter().map(no).collect());
            }
        };
        let subjects: Vec<_> = asked
            .iter()
            .map(|one| self.subject(registry, one))
            .collect();
        let mut rest = subjects.as_slice();
        let mut answers = Vec::with_capacity(asked.len());
        while !rest.is_empty() {
            let (part, after) = rest.split_at(together(rest));
            answers.extend(self.part(registry, part).await?);
            rest = after;
        }
        Ok(answers)
    }

    async fn part(
        &self,
        registry: &OwnRegistry,
        subjects: &[Subject<'_>],
    ) -> Result<Vec<Answer>, StoreError> {
        let facts = match Facts::read(registry, subjects).await {
            Ok(facts) => facts,
            Err(error) => {
                let text = chain(&error);
                return Ok(subjects.iter().map(|_| Err(text.clone().into())).collect());
            }
        };
        self.memory.closed(&closed(subjects, &facts))?;
        let mut steps = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let case = Case {
                registry,
                subject,
                facts: &facts,
            };
            steps.push(case.step(self.memory)?);
        }
        self.promise(subjects, &mut steps)?;
        // From here on what is to be approved is durable.
        self.approve(registry, subjects, &mut steps).await;
        let mut answers = Vec::with_capacity(subjects.len());
        for (subject, step) in subjects.iter().zip(steps) {
            answers.push(match step {
                Step::Answer(answer) => answer,
                Step::Reject(digest, no) => {
                    let reference = &subject.asked.reference;
                    if self.doubts.is_still_wrong(reference, digest, self.now) {
                        reject(registry, subject.asked, digest, no).await
                    } else {
                        Err(
                            format!("once more with a newer log, before it is rejected: {no}")
                                .into(),
                        )
                    }
                }
                Step::Approve(..) => Err(unanswered(&registry.id, "an approval").into()),
            });
        }
        Ok(answers)
    }

    /// Promises what is to be approved, all in one write. If we crash after it, these proposals may be approved again and no others
    /// under their references.
    fn promise(&self, subjects: &[Subject<'_>], steps: &mut [Step]) -> Result<(), StoreError> {
        let to_approve = |(subject, step): (&'_ Subject<'_>, &Step)| match step {
            Step::Approve(allowed, instruction) => Some(Promise {
                reference: subject.asked.reference.clone(),
                allowed: *allowed,
                instruction: *instruction,
            }),
            Step::Answer(_) | Step::Reject(..) => None,
        };
        let promises: Vec<Promise> = subjects
            .iter()
            .zip(&*steps)
            .filter_map(to_approve)
            .collect();
        let mut answers = self.memory.approvals(&promises)?.into_iter();
        for (subject, step) in subjects.iter().zip(steps) {
            if let Step::Approve(..) = step {
                *step = match answers.next() {
                    Some(Ok(())) => continue,
                    Some(Err(no)) => {
                        Step::Answer(Ok(Verdict::declined(subject.asked.transfer, no)))
                    }
                    // What is not promised is not approved.
                    None => Step::Answer(Err("it was not promised".into())),
                };
            }
        }
        Ok(())
    }

    /// Approves what is promised. Only what the registry took for certain is answered as approved; whatever else happened, the task
    /// is examined again and the approval sent again, which has no further effect (R4).
    async fn approve(&self, registry: &OwnRegistry, subjects: &[Subject<'_>], steps: &mut [Step]) {
        let (mut waiting, mut operations) = (Vec::new(), Vec::new());
        for (subject, step) in subjects.iter().zip(steps) {
            if let Step::Approve(allowed, _) = step {
                operations.push(Operation::Approve {
                    transfer: subject.asked.transfer,
                    ledger: registry.id.clone(),
                    reference: subject.asked.reference.clone(),
                    digest: allowed.digest,
                });
                waiting.push((subject.asked, step));
            }
        }
        if operations.is_empty() {
            return;
        }
        let prepared = registry.ledger.prepare(&operations).await;
        let (mut drafts, mut sent) = (Vec::new(), Vec::new());
        for ((asked, step), draft) in waiting.into_iter().zip(prepared) {
            match draft {
                Ok(draft) => {
                    drafts.push(draft);
                    sent.push((asked, step));
                }
                Err(error) => *step = Step::Answer(Err(chain(&error).into())),
            }
        }
        let answers = registry.ledger.send(&drafts).await;
        for ((asked, step), answer) in sent.into_iter().zip(answers) {
            *step = Step::Answer(approved(asked, answer));
        }
    }
}

/// What the registry's answer to an approval means.
fn approved(asked: &Approval, answer: Result<(), SendError>) -> Answer {
    match answer {
        Ok(()) => Ok(Verdict::Approved),
        Err(SendError::Refused(refusal)) => {
            let decline = Decline::new(Ground::ProposalRefused, refusal.to_string());
            Ok(Verdict::declined(asked.transfer, decline))
        }
        Err(
            error @ (SendError::NotBefore(_) | SendError::Unreached(_) | SendError::Unknown(_)),
        ) => Err(error.into()),
    }
}

/// Says no to what is proposed instead of the only thing that may be: whoever proposed it would hold the reference with it.
async fn reject(
    registry: &OwnRegistry,
    asked: &Approval,
    digest: Hash32,
    decline: Decline,
) -> Answer {
    let rejected = registry.view.reject(&asked.reference, digest).await;
    match rejected {
        Ok(()) => Ok(Verdict::declined(asked.transfer, decline)),
        Err(error) => Err(BoxError::from(error)),
    }
}

/// References under which nothing is open or done.
fn closed<'a>(subjects: &'a [Subject<'_>], facts: &Facts<'_>) -> Vec<&'a str> {
    let references = subjects.iter().map(|one| one.asked.reference.as_str());
    references
        .filter(|reference| match facts.record(reference) {
            Some(Record::Absent | Record::Refused(_)) => true,
            Some(Record::Proposed { .. } | Record::Executed { .. }) | None => false,
        })
        .collect()
}

/// How many of these are examined together, at least one: never two of one reference, since what was promised for the first decides
/// about the second.
fn together(subjects: &[Subject<'_>]) -> usize {
    let (mut names, mut references) = (HashSet::new(), 0_usize);
    for (place, subject) in subjects.iter().enumerate() {
        references = references.saturating_add(subject.references().len());
        let is_new = names.insert(subject.asked.reference.as_str());
        if place > 0 && (!is_new || references > MOST_REFERENCES) {
            return place;
        }
    }
    subjects.len()
}
