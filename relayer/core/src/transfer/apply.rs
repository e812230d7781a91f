//! The one function that changes a transfer.

use crate::operation::{Operation, OperationKind, Work};
use crate::receipt::Receipt;
use crate::serial_block;
use crate::terms::{Return, Terms};
use crate::time::Timestamp;
use crate::transfer::event::{Event, IllegalEvent};
use crate::transfer::next::Next;
use crate::transfer::state::{Resolution, State};
use crate::transfer::{Transfer, Withdrawal};

impl Transfer {
    /// A transfer from its first event: `Requested` for an outbound, `Burned` for a return.
    pub fn open(event: &Event) -> Result<Self, IllegalEvent> {
        let illegal = |reason: &str| IllegalEvent {
            state: "nothing",
            pending: "nothing",
            event: event.name(),
            reason: reason.into(),
        };
        let (terms, mandate, state) = match event {
            Event::Requested {
                terms: terms @ Terms::Outbound(outbound),
                mandate: Some(mandate),
            } => {
                let blocks = serial_block::normalise(&outbound.units)
                    .map_err(|e| illegal(&e.to_string()))?;
                if serial_block::total(&blocks) != outbound.terms.quantity_g {
                    return Err(illegal("the quantity is not the sum of the blocks (R6)"));
                }
                (terms, Some(mandate.clone()), State::Requested)
            }
            Event::Burned {
                terms: terms @ Terms::Return(back),
                receipt,
            } => {
                if receipt.operation != OperationKind::Burn
                    || receipt.quantity != back.burn.quantity
                {
                    return Err(illegal("the receipt is not of this burn"));
                }
                if back.given().checked_add(back.written_off) != Some(back.burn.quantity) {
                    return Err(illegal("the allocation is not the burned quantity (R6)"));
                }
                (terms, None, opened(back, receipt))
            }
            Event::Requested { .. }
            | Event::Burned { .. }
            | Event::Intended(_)
            | Event::Locked(_)
            | Event::Authorised(_)
            | Event::Lapsed(_)
            | Event::Refused(_)
            | Event::Given(_)
            | Event::Voided(_)
            | Event::Unlocked(_)
            | Event::WithdrawalRequested
            | Event::Instructed(_)
            | Event::Redirected(_)
            | Event::Reallocated(_)
            | Event::Quarantined(_)
            | Event::Resolved { .. } => {
                return Err(illegal(
                    "a transfer begins with requested (outbound, with a mandate) or burned (return)",
                ));
            }
        };
        Ok(Self {
            id: terms.id(),
            terms: terms.clone(),
            mandate,
            instruction: None,
            redirections: 0,
            withdrawal: Withdrawal::NotWanted,
            state,
            pending: None,
            length: 1,
        })
    }

    /// A transfer from its whole history.
    pub fn replay<'a>(
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<Option<Self>, IllegalEvent> {
        let mut events = events.into_iter();
        let Some(first) = events.next() else {
            return Ok(None);
        };
        events
            .try_fold(Self::open(first)?, |transfer, event| transfer.apply(event))
            .map(Some)
    }

    /// The transfer as it is after `event`; the only way to get a changed transfer. Pure and total.
    pub fn apply(&self, event: &Event) -> Result<Self, IllegalEvent> {
        if let State::Quarantined { at, finding } = &self.state {
            return self.apply_quarantined(at, finding, event);
        }
        let mut after = self.clone();
        after.length = self
            .length
            .checked_add(1)
            .ok_or_else(|| self.illegal(event, "its history is full"))?;
        match event {
            Event::Intended(work) => after.pending = Some(self.intend(work, event)?),
            Event::Locked(receipt) => after.locked(receipt, event)?,
            Event::Authorised(authorisation) => after.authorised(authorisation, event)?,
            Event::Lapsed(_) => after.lapsed(event)?,
            Event::Refused(refusal) => after.refused(refusal, event)?,
            Event::Given(receipt) => after.given(receipt, event)?,
            Event::Voided(receipt) => after.voided(receipt, event)?,
            Event::Unlocked(receipt) => after.unlocked(receipt, event)?,
            Event::WithdrawalRequested => after.withdraw(event)?,
            Event::Instructed(instruction) => {
                let Terms::Return(back) = &self.terms else {
                    return Err(self.illegal(event, "only a return has an instruction"));
                };
                if let (State::Taken { .. }, None, None) =
                    (&self.state, &self.instruction, &self.pending)
                {
                    instruction
                        .check(back.burn.purpose, back.burn.commitment)
                        .map_err(|e| self.illegal(event, &e.to_string()))?;
                    after.instruction = Some(instruction.clone());
                } else {
                    return Err(self.illegal(
                        event,
                        "an instruction is taken once, before anything is given",
                    ));
                }
            }
            Event::Redirected(redirection) => after.redirected(redirection, event)?,
            Event::Reallocated(allocation) => after.reallocated(allocation, event)?,
            Event::Quarantined(finding) => {
                if self.state.is_final() {
                    return Err(self.illegal(event, "it has ended"));
                }
                after.state = State::Quarantined {
                    at: Box::new(self.state.clone()),
                    finding: finding.clone(),
                };
            }
            Event::Requested { .. } | Event::Burned { .. } => {
                return Err(self.illegal(event, "it exists already"));
            }
            Event::Resolved { .. } => return Err(self.illegal(event, "it is not quarantined")),
        }
        Ok(after)
    }

    /// In quarantine facts still count and intents do not: the state below moves, the finding stays.
    fn apply_quarantined(
        &self,
        at: &State,
        finding: &crate::receipt::Finding,
        event: &Event,
    ) -> Result<Self, IllegalEvent> {
        let below = Self {
            state: at.clone(),
            ..self.clone()
        };
        match event {
            Event::Intended(_)
            | Event::Quarantined(_)
            | Event::Requested { .. }
            | Event::Burned { .. } => Err(self.illegal(event, "it is quarantined")),
            Event::Resolved { resolution, by } => {
                if by[0] == by[1] {
                    return Err(self.illegal(event, "two different people must resolve it"));
                }
                match resolution {
                    // The pending work stays: its outcome is still unknown and is asked for first (R4).
                    Resolution::Resume => Ok(Self {
                        length: self
                            .length
                            .checked_add(1)
                            .ok_or_else(|| self.illegal(event, "its history is full"))?,
                        ..below
                    }),
                    Resolution::Withdraw => below.apply(&Event::WithdrawalRequested),
                }
            }
            Event::Locked(_)
            | Event::Authorised(_)
            | Event::Lapsed(_)
            | Event::Refused(_)
            | Event::Given(_)
            | Event::Voided(_)
            | Event::Unlocked(_)
            | Event::WithdrawalRequested
            | Event::Instructed(_)
            | Event::Redirected(_)
            | Event::Reallocated(_) => {
                let mut after = below.apply(event)?;
                if !after.state.is_final() {
                    after.state = State::Quarantined {
                        at: Box::new(after.state),
                        finding: finding.clone(),
                    };
                }
                Ok(after)
            }
        }
    }

    /// An intent is legal exactly if it is what `next` decides at some time: the deadline is the only thing in `next` that
    /// depends on time, so both ends of time are asked.
    fn intend(&self, work: &Work, event: &Event) -> Result<Work, IllegalEvent> {
        if self.pending.is_some() {
            return Err(self.illegal(event, "the outcome of earlier work is not known yet (R4)"));
        }
        let decided = [Timestamp::from_ms(0), Timestamp::from_ms(u64::MAX)].map(|at| self.next(at));
        if decided.contains(&Next::Do(work.clone())) {
            Ok(work.clone())
        } else {
            Err(self.illegal(event, "it is not what comes next"))
        }
    }

    pub(super) fn pending_kind(&self) -> Option<OperationKind> {
        match &self.pending {
            Some(Work::Ledger(operation)) => Some(Operation::kind(operation)),
            Some(Work::Attest { .. }) | None => None,
        }
    }

    pub(super) fn illegal(&self, event: &Event, reason: &str) -> IllegalEvent {
        let pending = match &self.pending {
            None => "nothing",
            Some(work) => work.lane().step.as_str(),
        };
        IllegalEvent {
            state: self.state.name(),
            pending,
            event: event.name(),
            reason: reason.into(),
        }
    }
}

/// A burn that gets nothing, because all of it is written off, ends with itself.
fn opened(back: &Return, burned: &Receipt) -> State {
    let take = burned.clone();
    if back.allocation.is_empty() {
        let give = burned.clone();
        State::Completed { take, give }
    } else {
        State::Taken { take }
    }
}
