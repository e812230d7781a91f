//! A transfer taken apart, for stores that keep it as it is now beside its events.

use crate::id::TransferId;
use crate::instruction::Instruction;
use crate::mandate::Mandate;
use crate::operation::Work;
use crate::terms::Terms;
use crate::transfer::{State, Transfer, Withdrawal};

/// What the getters of [`Transfer`] answer, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The identity; what `terms` hash to unless the allocation of a return has changed since.
    pub id: TransferId,
    /// What was agreed.
    pub terms: Terms,
    /// The holder's signature.
    pub mandate: Option<Mandate>,
    /// What the burner wants.
    pub instruction: Option<Instruction>,
    /// The counter of the last redirection.
    pub redirections: u64,
    /// Whether the holder wants it undone.
    pub withdrawal: Withdrawal,
    /// What is.
    pub state: State,
    /// What may be.
    pub pending: Option<Work>,
    /// Number of events so far.
    pub length: u64,
}

impl Transfer {
    /// A transfer that was taken apart before. Checks nothing: only for parts that a store wrote down from a transfer which its
    /// events had led to, in the same write as the events.
    pub fn from_parts(parts: Parts) -> Self {
        Self {
            id: parts.id,
            terms: parts.terms,
            mandate: parts.mandate,
            instruction: parts.instruction,
            redirections: parts.redirections,
            withdrawal: parts.withdrawal,
            state: parts.state,
            pending: parts.pending,
            length: parts.length,
        }
    }
}
