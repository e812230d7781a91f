//! The one function that changes a transfer.

use crate::operation::{Authorisation, Item, Operation, OperationKind, Work};
use crate::receipt::{Lasting, Receipt, Refusal};
use crate::serial_block;
use crate::terms::Terms;
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
                if serial_block::total(&back.allocation) != back.burn.quantity {
                    return Err(illegal("the allocation is not the burned quantity (R6)"));
                }
                (
                    terms,
                    None,
                    State::Taken {
                        take: receipt.clone(),
                    },
                )
            }
            _ => {
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
            Event::Lapsed(_) => match &self.state {
                State::Authorised { take, .. } => {
                    after.state = State::Taken { take: take.clone() };
                    after.pending = None;
                }
                State::Withdrawing {
                    take,
                    void: Some(_),
                } => {
                    after.state = State::Withdrawing {
                        take: take.clone(),
                        void: None,
                    };
                    after.pending = None;
                }
                _ => return Err(self.illegal(event, "only an authorisation can lapse")),
            },
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
            | Event::Instructed(_) => {
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

    fn locked(&mut self, receipt: &Receipt, event: &Event) -> Result<(), IllegalEvent> {
        let Terms::Outbound(outbound) = &self.terms else {
            return Err(self.illegal(event, "a return has no lock"));
        };
        if self.pending_kind() != Some(OperationKind::Lock) {
            return Err(self.illegal(event, "no lock was intended (R5)"));
        }
        let moved = serial_block::normalise(&receipt.units)
            .map_err(|e| self.illegal(event, &e.to_string()))?;
        let agreed = serial_block::normalise(&outbound.units)
            .map_err(|e| self.illegal(event, &e.to_string()))?;
        if moved != agreed
            || receipt.quantity != outbound.terms.quantity_g
            || receipt.operation != OperationKind::Lock
        {
            return Err(self.illegal(
                event,
                "the registry locked other units than the terms name (R6)",
            ));
        }
        self.pending = None;
        self.state = match self.withdrawal {
            Withdrawal::NotWanted => State::Taken {
                take: receipt.clone(),
            },
            Withdrawal::Wanted => State::Withdrawing {
                take: receipt.clone(),
                void: None,
            },
        };
        Ok(())
    }

    fn authorised(
        &mut self,
        authorisation: &Authorisation,
        event: &Event,
    ) -> Result<(), IllegalEvent> {
        let Terms::Outbound(outbound) = &self.terms else {
            return Err(self.illegal(event, "a return is approved at the registry"));
        };
        let Some(Work::Attest { item, .. }) = &self.pending else {
            return Err(self.illegal(event, "nobody was asked (R5)"));
        };
        let state = match (&self.state, item, authorisation) {
            (
                State::Taken { take } | State::Authorised { take, .. },
                Item::Mint(_),
                Authorisation::Mint(batch),
            ) => {
                if !batch.items.contains(&self.mint_item(outbound)) {
                    return Err(self.illegal(event, "the batch does not contain exactly this item"));
                }
                State::Authorised {
                    take: take.clone(),
                    authorisation: authorisation.clone(),
                }
            }
            (State::Withdrawing { take, .. }, Item::Void { .. }, Authorisation::Void(void)) => {
                State::Withdrawing {
                    take: take.clone(),
                    void: Some(void.clone()),
                }
            }
            _ => return Err(self.illegal(event, "that is not what the quorum was asked")),
        };
        self.state = state;
        self.pending = None;
        Ok(())
    }

    fn refused(&mut self, refusal: &Refusal, event: &Event) -> Result<(), IllegalEvent> {
        let state = match (self.pending_kind(), &self.state, refusal.lasting) {
            // Locks are refused before anything moves, so a refused lock ends the transfer either way.
            (Some(OperationKind::Lock), State::Requested, _) => State::Rejected {
                reason: refusal.clone(),
            },
            (Some(OperationKind::Mint), State::Authorised { take, .. }, Lasting::Never) => {
                State::Withdrawing {
                    take: take.clone(),
                    void: None,
                }
            }
            (
                Some(OperationKind::Release | OperationKind::Retire),
                State::Taken { take },
                Lasting::Never,
            ) => State::Owed {
                take: take.clone(),
                refusal: refusal.clone(),
            },
            // The same operation may pass later: the intent is closed and decided anew.
            (Some(_), state, Lasting::Later) => state.clone(),
            _ => return Err(self.illegal(event, "nothing that can be refused is pending")),
        };
        self.state = state;
        self.pending = None;
        Ok(())
    }

    fn given(&mut self, receipt: &Receipt, event: &Event) -> Result<(), IllegalEvent> {
        if receipt.quantity != self.quantity() {
            return Err(self.illegal(event, "another quantity was given than taken"));
        }
        let take = match (&self.terms, &self.state, receipt.operation) {
            // A mint may land in any of these: the batch was out in the world from the first signature on.
            (
                Terms::Outbound(_),
                State::Taken { take }
                | State::Authorised { take, .. }
                | State::Withdrawing { take, .. },
                OperationKind::Mint,
            ) => take.clone(),
            (
                Terms::Return(back),
                State::Taken { take } | State::Owed { take, .. },
                OperationKind::Release | OperationKind::Retire,
            ) => {
                if receipt.operation != crate::operation::redemption(back.burn.purpose) {
                    return Err(self.illegal(event, "it was burned for another purpose"));
                }
                let moved = serial_block::normalise(&receipt.units)
                    .map_err(|e| self.illegal(event, &e.to_string()))?;
                let allocated = serial_block::normalise(&back.allocation)
                    .map_err(|e| self.illegal(event, &e.to_string()))?;
                if moved != allocated {
                    return Err(self.illegal(event, "other units were given than allocated"));
                }
                take.clone()
            }
            _ => {
                return Err(self.illegal(
                    event,
                    "nothing was taken for it (R1), or it has ended (R10)",
                ));
            }
        };
        self.state = State::Completed {
            take,
            give: receipt.clone(),
        };
        self.pending = None;
        Ok(())
    }

    fn voided(&mut self, receipt: &Receipt, event: &Event) -> Result<(), IllegalEvent> {
        let (Terms::Outbound(_), State::Withdrawing { take, .. }, OperationKind::Void) =
            (&self.terms, &self.state, receipt.operation)
        else {
            return Err(self.illegal(event, "it is not being withdrawn"));
        };
        self.state = State::Voided {
            take: take.clone(),
            void: receipt.clone(),
        };
        self.pending = None;
        Ok(())
    }

    fn unlocked(&mut self, receipt: &Receipt, event: &Event) -> Result<(), IllegalEvent> {
        let (State::Voided { take, .. }, OperationKind::Unlock) = (&self.state, receipt.operation)
        else {
            return Err(self.illegal(event, "the gate has not said Voided, finally (R3)"));
        };
        let units = |blocks| {
            serial_block::normalise(blocks).map_err(|e| self.illegal(event, &e.to_string()))
        };
        if receipt.quantity != self.quantity() || units(&receipt.units)? != units(&take.units)? {
            return Err(self.illegal(event, "other units were unlocked than locked (R6)"));
        }
        self.state = State::Returned {
            take: take.clone(),
            undo: receipt.clone(),
        };
        self.pending = None;
        Ok(())
    }

    fn withdraw(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        let Terms::Outbound(_) = &self.terms else {
            return Err(self.illegal(event, "a burn cannot be undone, only redirected"));
        };
        match &self.state {
            State::Requested if self.pending.is_none() => {
                let reason = Refusal {
                    code: "withdrawn".into(),
                    field: String::new(),
                    value: String::new(),
                    message: "withdrawn by the holder before anything was locked".into(),
                    lasting: Lasting::Never,
                };
                self.state = State::Rejected { reason };
            }
            // The lock may have happened: find out first, then undo it.
            State::Requested => self.withdrawal = Withdrawal::Wanted,
            // Mint or attest in flight may still land; only the gate's answer to `Void` decides (R3).
            State::Taken { take } | State::Authorised { take, .. } => {
                self.state = State::Withdrawing {
                    take: take.clone(),
                    void: None,
                };
                self.withdrawal = Withdrawal::Wanted;
                self.pending = None;
            }
            _ => return Err(self.illegal(event, "it is already being withdrawn or has ended")),
        }
        Ok(())
    }

    fn pending_kind(&self) -> Option<OperationKind> {
        match &self.pending {
            Some(Work::Ledger(operation)) => Some(Operation::kind(operation)),
            Some(Work::Attest { .. }) | None => None,
        }
    }

    fn illegal(&self, event: &Event, reason: &str) -> IllegalEvent {
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
