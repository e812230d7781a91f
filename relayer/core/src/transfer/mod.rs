//! The transfer: what is (`state`), what may be (`pending`), and the two functions that everything else serves:
//! [`Transfer::apply`] says what a fact does, [`Transfer::next`] decides what happens next.

mod apply;
#[cfg(test)]
mod catalogue;
mod event;
mod facts;
mod next;
mod parts;
mod state;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;

pub use event::{Event, IllegalEvent};
pub use next::{Next, WaitingFor};
pub use parts::Parts;
pub use state::{Resolution, State};

use crate::id::TransferId;
use crate::instruction::Instruction;
use crate::mandate::Mandate;
use crate::operation::{Lane, Work};
use crate::quantity::Quantity;
use crate::terms::Terms;
use crate::time::Timestamp;

/// One movement of units, rebuilt by applying its journal's events in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    id: TransferId,
    terms: Terms,
    mandate: Option<Mandate>,
    instruction: Option<Instruction>,
    redirections: u64,
    withdrawal: Withdrawal,
    state: State,
    pending: Option<Work>,
    length: u64,
}

/// Whether the holder wants the transfer undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawal {
    /// No: complete it.
    NotWanted,
    /// Yes, as soon as the lock's outcome is known.
    Wanted,
}

impl Transfer {
    /// The identity.
    pub fn id(&self) -> TransferId {
        self.id
    }

    /// What was agreed.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The holder's signature over the TransferId; a return has none, its burn is the holder's act.
    pub fn mandate(&self) -> Option<&Mandate> {
        self.mandate.as_ref()
    }

    /// What the burner wants at the origin, once disclosed.
    pub fn instruction(&self) -> Option<&Instruction> {
        self.instruction.as_ref()
    }

    /// The counter of the last redirection; 0 if the burn's own instruction counts.
    pub fn redirections(&self) -> u64 {
        self.redirections
    }

    /// Whether the holder wants it undone.
    pub fn withdrawal(&self) -> Withdrawal {
        self.withdrawal
    }

    /// What is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What may be: intended, outcome unknown.
    pub fn pending(&self) -> Option<&Work> {
        self.pending.as_ref()
    }

    /// Number of events so far; what compare-and-append compares.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How much moves.
    pub fn quantity(&self) -> Quantity {
        self.terms.quantity()
    }

    /// Where its next work queues, if there is any to do.
    pub fn lane(&self, now: Timestamp) -> Option<Lane> {
        match self.next(now) {
            Next::Do(work) => Some(work.lane()),
            Next::Wait(_) | Next::Done => None,
        }
    }
}
