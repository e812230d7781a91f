//! What became of each attempt. The gate's outcome at one final block decides; our transactions only explain why there is
//! none yet.

use std::collections::HashMap;

use isthmus_core::id::TransferId;
use isthmus_core::operation::{MintItem, Operation};
use isthmus_core::ports::{Attempt, FindError, Found};
use isthmus_core::receipt::Receipt;
use isthmus_core::time::Timestamp;

use crate::block_evidence::{EventKey, Prover};
use crate::chain::{Chain, Heads};
use crate::fate::{Fate, Fates};
use crate::locate::{self, Place};
use crate::receipt::{Settlement, settlement};
use crate::verdict;
use crate::views::{Outcome, outcomes};

/// Most events in one search of the logs; nodes bound the number of topics.
const KEYS_PER_SEARCH: usize = 100;

/// One answer per attempt, in order.
pub(crate) async fn find(
    chain: &Chain,
    now: Timestamp,
    attempts: &[Attempt],
) -> Vec<Result<Found, FindError>> {
    if attempts.is_empty() {
        return Vec::new();
    }
    let mut answers = Vec::with_capacity(attempts.len());
    match Inquiry::open(chain, now, attempts).await {
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
    outcomes: HashMap<TransferId, (Outcome, Outcome)>,
    fates: Fates<'a>,
    places: HashMap<TransferId, Place>,
    prover: Prover<'a>,
}

impl<'a> Inquiry<'a> {
    async fn open(
        chain: &'a Chain,
        now: Timestamp,
        attempts: &[Attempt],
    ) -> Result<Self, FindError> {
        let heads = chain.heads().await?;
        let ids: Vec<_> = attempts.iter().map(|a| a.operation.transfer()).collect();
        let settled = outcomes(chain, &ids, heads.last_final.hash).await?;
        let newest = outcomes(chain, &ids, heads.latest.hash).await?;
        let mut inquiry = Self {
            chain,
            now,
            heads,
            outcomes: ids
                .into_iter()
                .zip(settled.into_iter().zip(newest))
                .collect(),
            fates: Fates::new(chain, heads),
            places: HashMap::new(),
            prover: Prover::new(chain),
        };
        inquiry.locate(attempts).await?;
        Ok(inquiry)
    }

    /// Finds the event of every final outcome, in as few questions as possible.
    async fn locate(&mut self, attempts: &[Attempt]) -> Result<(), FindError> {
        let mut missing = HashMap::new();
        for attempt in attempts {
            let transfer = attempt.operation.transfer();
            let outcome = self.outcome(transfer).0;
            let Some(key) = locate::outcome_key(transfer, outcome) else {
                continue;
            };
            match self.place_in_drafts(attempt, key).await {
                Some(place) => drop(self.places.insert(transfer, place)),
                None => drop(missing.insert(key.subject, (transfer, key))),
            }
        }
        let missing: Vec<_> = missing.into_values().collect();
        for part in missing.chunks(KEYS_PER_SEARCH) {
            let keys: Vec<_> = part.iter().map(|(_, key)| *key).collect();
            let up_to = self.heads.last_final.number;
            for place in locate::in_logs(self.chain, &keys, up_to).await? {
                let transfer = TransferId::new(place.key.subject.0);
                self.places.insert(transfer, place);
            }
        }
        Ok(())
    }

    /// Trouble with one of our drafts does not matter here: the outcome is final whoever sent it, and the logs have it too.
    async fn place_in_drafts(&mut self, attempt: &Attempt, key: EventKey) -> Option<Place> {
        for draft in attempt.drafts.iter().rev() {
            if let Ok(Fate::Final(receipt)) = self.fates.of(draft).await
                && let Some(place) = locate::in_transaction(self.chain, &receipt, key)
            {
                return Some(place);
            }
        }
        None
    }

    fn outcome(&self, transfer: TransferId) -> (Outcome, Outcome) {
        let none = (Outcome::None, Outcome::None);
        self.outcomes.get(&transfer).copied().unwrap_or(none)
    }

    async fn answer(&mut self, attempt: &Attempt) -> Result<Found, FindError> {
        let transfer = attempt.operation.transfer();
        match self.outcome(transfer) {
            (Outcome::None, Outcome::None) => self.undecided(attempt).await,
            (Outcome::None, Outcome::Minted | Outcome::Voided) => Ok(self.unsettled()),
            (Outcome::Minted | Outcome::Voided, _) => self.settled(attempt).await.map(Found::Final),
        }
    }

    async fn settled(&mut self, attempt: &Attempt) -> Result<Receipt, FindError> {
        let transfer = attempt.operation.transfer();
        let place = *self.places.get(&transfer).ok_or_else(|| {
            self.chain.incomplete(format!(
                "it has no event of the outcome of transfer {transfer} from block {} on: is gate_height right?",
                self.chain.gate_height
            ))
        })?;
        let proven = self
            .prover
            .prove(place.block, place.transaction, place.key)
            .await?;
        if proven.block.number > self.heads.last_final.number {
            return Err(self.chain.incomplete(format!(
                "it says that transfer {transfer} was settled in block {} and that it was settled by block {}",
                proven.block.number, self.heads.last_final.number
            )));
        }
        match settlement(self.chain, &proven)? {
            Settlement::Minted {
                asset_class,
                recipient,
                receipt,
            } => {
                if let Operation::Mint { item, .. } = &attempt.operation {
                    let minted = MintItem {
                        transfer,
                        asset_class,
                        recipient,
                        quantity: receipt.quantity,
                    };
                    self.same_item(item, &minted)?;
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
            let fate = self.fates.of(draft).await?;
            under_way |= matches!(fate, Fate::UnderWay);
            newest.get_or_insert((draft, fate));
        }
        if under_way && !lapsed {
            return Ok(self.unsettled());
        }
        match newest {
            Some((draft, Fate::Final(receipt))) => {
                verdict::of_final(self.chain, &attempt.operation, draft, &receipt).await
            }
            Some((draft, Fate::Superseded)) => Ok(verdict::superseded(draft)),
            Some((_, Fate::Unsent | Fate::UnderWay)) | None => Ok(match deadline {
                Some(at) if lapsed => verdict::deadline_passed(at),
                // Too late to send it, too early to say that no block can hold it.
                Some(at) if self.now >= at => self.unsettled(),
                Some(_) | None => Found::Absent,
            }),
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
