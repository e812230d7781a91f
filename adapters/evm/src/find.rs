//! What became of each attempt. The gate's outcome at one final block decides; our transactions only explain why there is
//! none yet.

use std::collections::HashMap;

use isthmus_core::id::TransferId;
use isthmus_core::operation::{MintItem, Operation};
use isthmus_core::ports::{Attempt, Draft, FindError, Found};
use isthmus_core::receipt::Receipt;
use isthmus_core::time::Timestamp;

use crate::bid::{Bid, Outbid, Subject};
use crate::block_evidence::Prover;
use crate::chain::{Chain, Heads};
use crate::config::FeeLimits;
use crate::contract::transfer_word;
use crate::fate::{Fate, Fates};
use crate::receipt::{Settlement, settlement};
use crate::verdict;
use crate::views::{Answer, Outcome, outcomes};

/// One answer per attempt, in order.
pub(crate) async fn find(
    chain: &Chain,
    now: Timestamp,
    rebidding: Option<Rebidding<'_>>,
    attempts: &[Attempt],
) -> Vec<Result<Found, FindError>> {
    if attempts.is_empty() {
        return Vec::new();
    }
    let mut answers = Vec::with_capacity(attempts.len());
    match Inquiry::open(chain, now, rebidding, attempts).await {
        Ok(mut inquiry) => {
            for attempt in attempts {
                answers.push(inquiry.answer(attempt).await);
            }
        }
        Err(error) => answers.extend(attempts.iter().map(|_| Err(same(&error)))),
    }
    answers
}

/// An error that concerns every attempt of the call.
fn same(error: &FindError) -> FindError {
    match error {
        FindError::Contradiction(contradiction) => contradiction.clone().into(),
        FindError::Unavailable(source) => {
            let mut text = source.to_string();
            let mut cause = source.source();
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            FindError::Unavailable(text.into())
        }
    }
}

/// What one call has learned so far.
struct Inquiry<'a> {
    chain: &'a Chain,
    now: Timestamp,
    heads: Heads,
    /// Outcome at the final block and at the newest one.
    outcomes: HashMap<TransferId, (Answer, Answer)>,
    fates: Fates<'a>,
    prover: Prover<'a>,
    rebidding: Option<Rebidding<'a>>,
}

/// How transactions that nobody takes are replaced; whoever only reads replaces none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rebidding<'a> {
    pub(crate) outbid: &'a Outbid,
    pub(crate) limits: FeeLimits,
}

impl<'a> Inquiry<'a> {
    async fn open(
        chain: &'a Chain,
        now: Timestamp,
        rebidding: Option<Rebidding<'a>>,
        attempts: &[Attempt],
    ) -> Result<Self, FindError> {
        let heads = chain.heads().await?;
        let ids: Vec<_> = attempts.iter().map(|a| a.operation.transfer()).collect();
        let settled = outcomes(chain, &ids, heads.last_final.hash).await?;
        let newest = outcomes(chain, &ids, heads.latest.hash).await?;
        Ok(Self {
            chain,
            now,
            heads,
            outcomes: ids
                .into_iter()
                .zip(settled.into_iter().zip(newest))
                .collect(),
            fates: Fates::new(chain, heads),
            prover: Prover::new(chain),
            rebidding,
        })
    }

    async fn answer(&mut self, attempt: &Attempt) -> Result<Found, FindError> {
        let transfer = attempt.operation.transfer();
        let Some((settled, newest)) = self.outcomes.get(&transfer).copied() else {
            return self.undecided(attempt).await;
        };
        match (settled.outcome, newest.outcome) {
            (Outcome::None, Outcome::None) => self.undecided(attempt).await,
            (Outcome::None, Outcome::Minted | Outcome::Voided) => Ok(self.unsettled()),
            (Outcome::Minted | Outcome::Voided, _) => {
                let receipt = self.settled(attempt, settled.height).await?;
                Ok(Found::Final(receipt))
            }
        }
    }

    /// The gate names the block of every outcome, so it does not matter who sent what settled it.
    async fn settled(&mut self, attempt: &Attempt, height: u64) -> Result<Receipt, FindError> {
        let transfer = attempt.operation.transfer();
        if height > self.heads.last_final.number {
            return Err(self.chain.incomplete(format!(
                "it says that transfer {transfer} was settled in block {height} and that it was settled by block {}",
                self.heads.last_final.number
            )));
        }
        let found = self.prover.settled(height, transfer_word(transfer)).await?;
        let (what, proven) = found.ok_or_else(|| {
            self.chain.incomplete(format!(
                "block {height} has no event of the outcome of transfer {transfer}, though the gate names that block"
            ))
        })?;
        match settlement(self.chain, transfer, what, &proven)? {
            Settlement::Minted { item, receipt } => {
                if let Operation::Mint { item: signed, .. } = &attempt.operation {
                    self.same_item(signed, &item)?;
                }
                Ok(receipt)
            }
            Settlement::Voided { receipt } => Ok(receipt),
        }
    }

    /// The gate must have minted what was signed; anything else means that a quorum signed two items for one transfer.
    fn same_item(&self, signed: &MintItem, minted: &MintItem) -> Result<(), FindError> {
        if signed == minted {
            return Ok(());
        }
        Err(self.chain.contradiction(format!(
            "the gate minted {minted:?}, but what was signed is {signed:?}"
        )))
    }

    /// The gate has no outcome, neither finally nor now.
    async fn undecided(&mut self, attempt: &Attempt) -> Result<Found, FindError> {
        let deadline = deadline(attempt);
        let lapsed = deadline.is_some_and(|at| at.s() < self.heads.last_final.timestamp);
        let mut under_way = false;
        let mut newest = None;
        for draft in attempt.drafts.iter().rev() {
            let fate = match (self.fates.of(draft).await, deadline) {
                // What became of it needs state that nodes drop after a while. Nothing of it can take effect any more.
                (Err(FindError::Unavailable(_)), Some(at)) if lapsed => {
                    return Ok(verdict::deadline_passed(at));
                }
                (fate, _) => fate?,
            };
            under_way |= matches!(fate, Fate::UnderWay | Fate::Waiting);
            newest.get_or_insert((draft, fate));
        }
        if !lapsed && self.is_outbid(attempt, newest.as_ref()) {
            return Ok(Found::Absent);
        }
        if under_way && !lapsed {
            return Ok(self.unsettled());
        }
        match newest {
            Some((draft, Fate::Final(receipt))) => {
                let operation = &attempt.operation;
                let at = (self.now, lapsed);
                let found = verdict::of_final(self.chain, operation, draft, &receipt, at).await?;
                Ok(self.by_deadline(found, deadline))
            }
            Some((draft, Fate::Superseded)) => Ok(verdict::superseded(draft)),
            Some((_, Fate::Unsent | Fate::UnderWay | Fate::Waiting)) | None => Ok(match deadline {
                Some(at) if lapsed => verdict::deadline_passed(at),
                // Too late to send it, too early to say that no block can hold it.
                Some(at) if self.now >= at => self.unsettled(),
                Some(_) | None => Found::Absent,
            }),
        }
    }

    /// Whether the newest draft had its time and another at the same nonce is to take its place: no block takes it at its price,
    /// or no node has it. `prepare` then raises the offer.
    fn is_outbid(&self, attempt: &Attempt, newest: Option<&(&Draft, Fate)>) -> bool {
        let (Some(rebidding), Some((draft, fate))) = (self.rebidding, newest) else {
            return false;
        };
        let (Some(subject), Some(bid)) = (Subject::of(&attempt.operation), Bid::of(draft)) else {
            return false;
        };
        if draft.expires.is_none_or(|expires| self.now < expires) {
            return false;
        }
        match fate {
            Fate::Waiting => {
                let base = self.heads.latest.base_fee_wei;
                let raised = bid.fees.raised(base, rebidding.limits);
                if !bid.fees.is_below(base) || raised.is_none() {
                    return false;
                }
            }
            Fate::Unsent => {}
            Fate::Final(_) | Fate::UnderWay | Fate::Superseded => return false,
        }
        rebidding.outbid.note(subject, bid);
        matches!(fate, Fate::Waiting)
    }

    /// A wait that is longer than its batch counts is looked at when that is over.
    fn by_deadline(&self, found: Found, deadline: Option<Timestamp>) -> Found {
        match (found, deadline) {
            (Found::Unsettled { recheck_at }, Some(deadline)) => {
                let soon = self.now.plus_ms(self.chain.block_time_ms);
                let recheck_at = recheck_at.min(deadline.max(soon));
                Found::Unsettled { recheck_at }
            }
            (found, _) => found,
        }
    }

    fn unsettled(&self) -> Found {
        Found::Unsettled {
            recheck_at: self.now.plus_ms(self.chain.block_time_ms),
        }
    }
}

/// Last moment at which any authorisation of the attempt counts; a void's has no end.
fn deadline(attempt: &Attempt) -> Option<Timestamp> {
    match &attempt.operation {
        Operation::Mint { batch, .. } => attempt
            .drafts
            .iter()
            .filter_map(|draft| draft.expires)
            .chain([batch.deadline])
            .max(),
        Operation::Lock { .. }
        | Operation::Unlock { .. }
        | Operation::Void { .. }
        | Operation::Release { .. }
        | Operation::Retire { .. }
        | Operation::ReturnDeposit { .. }
        | Operation::Approve { .. } => None,
    }
}
