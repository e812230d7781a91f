//! Doing once more what a chain has taken back, the way everything is done: ask about all that was ever sent for it, journal what
//! is sent now, send it, conclude nothing. A crash on any line leaves the pause, and with it the next examination, which begins by
//! asking again.

use std::collections::{BTreeMap, BTreeSet};

use isthmus_core::id::{AssetClassId, DraftId};
use isthmus_core::operation::Lane;
use isthmus_core::ports::{Attempt, BoxError, Draft, FindError, Found};
use isthmus_store::SentAgain;

use crate::engine::Fatal;
use crate::engine::examination::outcome::{Outcome, Signatures};
use crate::engine::examination::{Examination, ExaminationError, Loss};
use crate::error_chain::chain;

/// What is to be sent for an outcome.
struct Delivery<'o> {
    outcome: &'o Outcome,
    draft: Draft,
}

impl Examination<'_> {
    /// Sends again what nothing is under way for, and says of all of it that it is missing. The gate does it at most once, whoever
    /// else sends it.
    pub(super) async fn again(&self, vanished: &[&Outcome]) -> Result<Vec<Loss>, ExaminationError> {
        let (vanished, unsigned): (Vec<&Outcome>, Vec<&Outcome>) = vanished
            .iter()
            .partition(|outcome| outcome.signatures != Signatures::Lost);
        let unsigned = unsigned.into_iter().map(|outcome| {
            let gone = "what was signed for it is not in this store, so it cannot be sent again";
            outcome.lost(gone.into())
        });
        let mut losses: Vec<Loss> = unsigned.collect();
        if vanished.is_empty() {
            return Ok(losses);
        }
        let attempts = vanished.iter().map(|outcome| self.attempt(outcome));
        let attempts = attempts.collect::<Result<Vec<_>, _>>()?;
        let answers = self.ledger.find(&attempts).await;
        let mut absent = Vec::new();
        for ((outcome, attempt), answer) in vanished.into_iter().zip(attempts).zip(answers) {
            match answer {
                Ok(Found::Absent) => absent.push((outcome, attempt)),
                // None of its drafts can land: it takes another one.
                Ok(Found::Dead(_)) => absent.push((outcome, outcome.attempt(vec![]))),
                Ok(there) => losses.extend(outcome.compared(&there)),
                Err(FindError::Unavailable(error)) => return Err(ExaminationError::Ledger(error)),
                // About one of its drafts, or it would have been said before there was any: people decide whether to go on.
                Err(FindError::Contradiction(contradiction)) => {
                    losses.push(outcome.lost(contradiction.to_string()));
                }
            }
        }
        losses.extend(self.deliver(absent).await?);
        Ok(losses)
    }

    /// All that was ever sent for an outcome, and what the last examinations were about to send.
    fn attempt(&self, outcome: &Outcome) -> Result<Attempt, ExaminationError> {
        let mut drafts = match outcome.intent {
            Some(intent) => self.store.drafts_of(outcome.transfer(), intent)?,
            None => Vec::new(),
        };
        drafts.extend(self.store.drafts_of(outcome.transfer(), outcome.event)?);
        Ok(outcome.attempt(drafts))
    }

    async fn deliver(&self, absent: Vec<(&Outcome, Attempt)>) -> Result<Vec<Loss>, Fatal> {
        let now = self.recorder.clock().now();
        let (mut losses, mut deliveries) = (Vec::new(), Vec::new());
        let (mut fresh, mut classes) = (Vec::new(), BTreeSet::new());
        for (outcome, attempt) in absent {
            if let Signatures::Kept(Some(until)) = outcome.signatures
                && until <= now
            {
                losses.push(outcome.lost(format!(
                    "what was signed counted until {} and cannot be sent again",
                    until.s()
                )));
            } else if let Err(error) = self.ensure_class(outcome, &mut classes).await {
                losses.push(unsent(outcome, error.as_ref()));
            } else if let Some(draft) = attempt.sendable(now).cloned() {
                deliveries.push(Delivery { outcome, draft });
            } else {
                fresh.push(outcome);
            }
        }
        let operations: Vec<_> = fresh.iter().map(|o| o.operation.clone()).collect();
        let prepared = match operations.as_slice() {
            [] => Vec::new(),
            operations => self.ledger.prepare(operations).await,
        };
        for (outcome, draft) in fresh.into_iter().zip(prepared) {
            match draft {
                Ok(draft) => deliveries.push(Delivery { outcome, draft }),
                Err(error) => losses.push(unsent(outcome, &error)),
            }
        }
        // Until here nothing has left but class profiles, which anybody may register at any time. If we crash before this write
        // the nonces are given out again. From it on a draft may be sent: whoever asks next, asks about it first (R4, R5).
        self.journal(&deliveries)?;
        losses.extend(self.send(deliveries).await);
        Ok(losses)
    }

    /// A class that vanished with its mints would have them skipped. Its registration goes ahead of them in the same account.
    async fn ensure_class(
        &self,
        outcome: &Outcome,
        known: &mut BTreeSet<AssetClassId>,
    ) -> Result<(), BoxError> {
        let terms = outcome.terms();
        let id = terms.asset_class();
        if !outcome.is_mint() || known.contains(&id) {
            return Ok(());
        }
        let class = self.classes.of(&terms).await?;
        self.gate.ensure_class(id, &class).await?;
        known.insert(id);
        Ok(())
    }

    fn journal(&self, deliveries: &[Delivery<'_>]) -> Result<(), Fatal> {
        let mut lanes: Vec<(Lane, Vec<SentAgain>)> = Vec::new();
        for Delivery { outcome, draft } in deliveries {
            let (lane, sent) = (
                outcome.lane(),
                SentAgain {
                    transfer: outcome.transfer(),
                    event: outcome.event,
                    draft: draft.clone(),
                },
            );
            match lanes.iter_mut().find(|(known, _)| *known == lane) {
                Some((_, again)) => again.push(sent),
                None => lanes.push((lane, vec![sent])),
            }
        }
        for (lane, again) in lanes {
            self.store.send_again(&lane, again).map_err(Fatal)?;
        }
        Ok(())
    }

    /// Sends what the journal holds; those of one batch share a draft.
    async fn send(&self, deliveries: Vec<Delivery<'_>>) -> Vec<Loss> {
        let mut drafts: BTreeMap<DraftId, (Draft, Vec<&Outcome>)> = BTreeMap::new();
        for Delivery { outcome, draft } in deliveries {
            let entry = drafts.entry(draft.id);
            let (_, served) = entry.or_insert_with(|| (draft, Vec::new()));
            served.push(outcome);
        }
        let (drafts, served): (Vec<_>, Vec<_>) = drafts.into_values().unzip();
        let answers = self.ledger.send(&drafts).await;
        let mut losses = Vec::new();
        for (served, answer) in served.into_iter().zip(answers) {
            losses.extend(served.into_iter().map(|outcome| match &answer {
                Ok(()) => outcome.lost("it was sent again: resume once it is final".into()),
                // Whatever it says, the next examination asks what became of it.
                Err(error) => unsent(outcome, error),
            }));
        }
        losses
    }
}

fn unsent(outcome: &Outcome, error: &(dyn std::error::Error + 'static)) -> Loss {
    outcome.lost(format!("it could not be sent again yet: {}", chain(error)))
}
