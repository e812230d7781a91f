//! Looking again at what a chain said, before two people let it go on after a contradiction: every recorded mint, void and burn
//! is compared with what is final now, the newest first. What vanished and can be done again is sent again (`again`).

mod again;
mod outcome;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use isthmus_core::id::TransferId;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, BoxError, Cursor, Fact, FindError, Found, Ledger, StoreError};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Finding;
use isthmus_core::terms::{Burn, Return, Terms};
use isthmus_core::transfer::{State, Transfer};
use isthmus_store::{Filter, Store};

use crate::engine::classes::Classes;
use crate::engine::examination::outcome::Outcome;
use crate::engine::ports::Gate;
use crate::engine::{Fatal, Recorder};
use crate::error_code::ErrorCode;

/// Transfers in one page. When a page of the ledger's transfers is where it was, so are the older ones.
const PAGE: usize = 256;
/// From the first block on, without a hash that would have to be there.
const START: Cursor = Cursor {
    height: 0,
    block: None,
    last_number: 0,
};

/// Compares one chain with the journal.
#[derive(Clone, Copy, Debug)]
pub struct Examination<'a> {
    /// The chain.
    pub ledger: &'a dyn Ledger,
    /// Its gate: what vanished with the mints of a class may be that class.
    pub gate: &'a dyn Gate,
    /// Class profiles.
    pub classes: &'a Classes,
    /// What was recorded, and where quarantines are.
    pub recorder: &'a Recorder,
    /// Lists.
    pub store: &'a Store,
}

/// Something recorded as final that is not there any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    transfer: TransferId,
    quantity: Quantity,
    what: OperationKind,
    remedy: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} of {} by transfer {} is not on the chain any more: {}",
            self.what, self.quantity, self.transfer, self.remedy
        )
    }
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum ExaminationError {
    /// The chain did not answer, or contradicts itself still.
    #[error("the ledger cannot be compared with the journal yet")]
    Ledger(#[source] BoxError),
    /// The store.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

impl From<StoreError> for ExaminationError {
    fn from(error: StoreError) -> Self {
        Self::Fatal(Fatal(error))
    }
}

impl From<FindError> for ExaminationError {
    fn from(error: FindError) -> Self {
        Self::Ledger(Box::new(error))
    }
}

impl Examination<'_> {
    /// Takes the chain as it is now and says what of the journal is not there. Returns whose burn vanished before anything was
    /// given for it are quarantined at once, everything else is the caller's to decide.
    pub async fn run(&self) -> Result<Vec<Loss>, ExaminationError> {
        // What the adapter remembers as final no longer counts. That accepts nothing: a crash on any line here changes nothing, and
        // what strangers did is known to nobody yet.
        self.ledger.look_anew();
        let burns = self.burns().await?;
        let (mut losses, mut before) = (Vec::new(), None);
        loop {
            let listed = self.store.list(&Filter::default(), before, PAGE)?;
            let Some(last) = listed.last() else {
                return Ok(losses);
            };
            before = Some(last.serial);
            let mut outcomes = Vec::new();
            for entry in &listed {
                let journal = self.recorder.journal();
                let Some(transfer) = journal.transfer(entry.id)? else {
                    continue;
                };
                let id = &self.ledger.profile().id;
                match transfer.terms() {
                    Terms::Return(back) if back.burn.ledger == *id => {
                        let found = burns.get(&transfer.id());
                        self.burn(&transfer, back, found, &mut losses).await?;
                    }
                    Terms::Outbound(outbound) if outbound.terms.destination == *id => {
                        let history = journal.history(entry.id)?;
                        outcomes.extend(Outcome::recorded(outbound, &history));
                    }
                    Terms::Return(_) | Terms::Outbound(_) => {}
                }
            }
            // To the end: a mint may be much younger than its transfer's admission, and a backlog may lie before it.
            self.outcomes(outcomes, &mut losses).await?;
        }
    }

    /// Two people take the chain as it is now. The observer reads everything again: burns of the new history that nobody has seen
    /// among it. If we crash here the pause is still there, and all is looked at again.
    pub async fn accept(&self) -> Result<(), Fatal> {
        let append = Append {
            cursor: Some((self.ledger.profile().id.clone(), START)),
            ..Append::default()
        };
        self.recorder.record(vec![append]).await?;
        self.ledger.accept();
        Ok(())
    }

    async fn burns(&self) -> Result<HashMap<TransferId, Burn>, FindError> {
        let (mut burns, mut cursor) = (HashMap::new(), START);
        loop {
            let page = self.ledger.observe(&cursor, PAGE).await?;
            for observed in page.facts {
                if let Fact::Burned(burn) = observed.fact {
                    burns.insert(burn.id(), burn);
                }
            }
            if page.next.height >= page.head || page.next == cursor {
                return Ok(burns);
            }
            cursor = page.next;
        }
    }

    /// What became of one burn.
    async fn burn(
        &self,
        transfer: &Transfer,
        back: &Return,
        found: Option<&Burn>,
        losses: &mut Vec<Loss>,
    ) -> Result<(), Fatal> {
        if found.is_some_and(|burn| *burn == back.burn) {
            return Ok(());
        }
        let (id, burn) = (transfer.id(), &back.burn);
        let instead = match found {
            Some(other) => format!(
                "burn {} is now of {} by {}",
                other.number, other.quantity, other.holder
            ),
            None => format!("there is no burn {}", burn.number),
        };
        match transfer.state() {
            State::Completed { .. } => losses.push(Loss {
                transfer: id,
                quantity: burn.quantity,
                what: OperationKind::Burn,
                remedy: format!(
                    "{instead}, and the originals were given: the pool is short of that, mints of its class stop until it is covered"
                ),
            }),
            State::Quarantined { .. } => {}
            State::Requested
            | State::Taken { .. }
            | State::Authorised { .. }
            | State::Withdrawing { .. }
            | State::Voided { .. }
            | State::Owed { .. }
            | State::Returned { .. }
            | State::Rejected { .. } => {
                let finding = Finding {
                    code: ErrorCode::LedgerContradiction.code().into(),
                    detail: format!("its burn vanished after it was final: {instead}"),
                };
                self.recorder.quarantine(id, finding).await?;
            }
        }
        Ok(())
    }

    /// What became of recorded outcomes.
    async fn outcomes(
        &self,
        outcomes: Vec<Outcome>,
        losses: &mut Vec<Loss>,
    ) -> Result<(), ExaminationError> {
        for part in outcomes.chunks(self.ledger.profile().max_batch) {
            let attempts: Vec<_> = part.iter().map(|outcome| outcome.attempt(vec![])).collect();
            let answers = self.ledger.find(&attempts).await;
            let mut vanished = Vec::new();
            for (outcome, answer) in part.iter().zip(answers) {
                match answer? {
                    Found::Absent | Found::Refused(_) | Found::Dead(_) => vanished.push(outcome),
                    there @ (Found::Final(_) | Found::Unsettled { .. }) => {
                        losses.extend(outcome.compared(&there));
                    }
                }
            }
            losses.extend(self.again(&vanished).await?);
        }
        Ok(())
    }
}
