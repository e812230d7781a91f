//! What each kind of fact makes of a transfer. The events are those of [`Transfer::apply`], which calls these.

use crate::instruction::Instruction;
use crate::operation::{Authorisation, Item, OperationKind, Work, redemption};
use crate::receipt::{Lasting, Receipt, Refusal};
use crate::redirection::Redirection;
use crate::serial_block::{self, SerialBlock};
use crate::terms::Terms;
use crate::transfer::event::{Event, IllegalEvent};
use crate::transfer::state::State;
use crate::transfer::{Transfer, Withdrawal};

impl Transfer {
    pub(super) fn locked(&mut self, receipt: &Receipt, event: &Event) -> Result<(), IllegalEvent> {
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

    pub(super) fn authorised(
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

    /// The item is to be signed again; what it is does not change.
    pub(super) fn lapsed(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        self.state = match &self.state {
            State::Authorised { take, .. } => State::Taken { take: take.clone() },
            State::Withdrawing {
                take,
                void: Some(_),
            } => State::Withdrawing {
                take: take.clone(),
                void: None,
            },
            State::Requested
            | State::Taken { .. }
            | State::Withdrawing { void: None, .. }
            | State::Voided { .. }
            | State::Owed { .. }
            | State::Completed { .. }
            | State::Returned { .. }
            | State::Rejected { .. }
            | State::Quarantined { .. } => {
                return Err(self.illegal(event, "only an authorisation can lapse"));
            }
        };
        self.pending = None;
        Ok(())
    }

    pub(super) fn refused(&mut self, refusal: &Refusal, event: &Event) -> Result<(), IllegalEvent> {
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

    pub(super) fn given(&mut self, receipt: &Receipt, event: &Event) -> Result<(), IllegalEvent> {
        let expected = match &self.terms {
            Terms::Outbound(outbound) => outbound.terms.quantity_g,
            Terms::Return(back) => back.given(),
        };
        if receipt.quantity != expected {
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
                // What an earlier instruction asked for may have been carried out: the registry says so, and it counts.
                let redirected = self.instruction.as_ref().map(Instruction::purpose);
                let wanted = [Some(back.burn.purpose), redirected];
                if !wanted
                    .into_iter()
                    .flatten()
                    .any(|purpose| receipt.operation == redemption(purpose))
                {
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

    pub(super) fn voided(&mut self, receipt: &Receipt, event: &Event) -> Result<(), IllegalEvent> {
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

    pub(super) fn unlocked(
        &mut self,
        receipt: &Receipt,
        event: &Event,
    ) -> Result<(), IllegalEvent> {
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

    /// Only between attempts: an open proposal may still be carried out, and only its end says that it will not be (R4).
    pub(super) fn redirected(
        &mut self,
        redirection: &Redirection,
        event: &Event,
    ) -> Result<(), IllegalEvent> {
        let take = self.between_attempts(event)?;
        if redirection.counter <= self.redirections {
            let reason = format!(
                "counter {} is not above {}, the highest so far",
                redirection.counter, self.redirections
            );
            return Err(self.illegal(event, &reason));
        }
        redirection
            .instruction
            .well_formed()
            .map_err(|e| self.illegal(event, &e.to_string()))?;
        self.redirections = redirection.counter;
        self.instruction = Some(redirection.instruction.clone());
        self.state = State::Taken { take };
        Ok(())
    }

    pub(super) fn reallocated(
        &mut self,
        allocation: &[SerialBlock],
        event: &Event,
    ) -> Result<(), IllegalEvent> {
        let take = self.between_attempts(event)?;
        let Terms::Return(back) = &mut self.terms else {
            return Err(self.illegal(event, "a burn cannot be undone, only redirected"));
        };
        let disjoint = serial_block::normalise(allocation).is_ok();
        if !disjoint || serial_block::total(allocation) != back.given() {
            return Err(self.illegal(event, "the new allocation is not as much as the old (R6)"));
        }
        back.allocation = allocation.to_vec();
        self.state = State::Taken { take };
        Ok(())
    }

    /// The burn, while nothing is given for it and no attempt to give is under way.
    fn between_attempts(&self, event: &Event) -> Result<Receipt, IllegalEvent> {
        let Terms::Return(_) = &self.terms else {
            return Err(self.illegal(event, "only a return is redirected"));
        };
        if self.pending.is_some() {
            let reason = "the outcome of earlier work is not known yet (R4)";
            return Err(self.illegal(event, reason));
        }
        match &self.state {
            State::Taken { take } | State::Owed { take, .. } => Ok(take.clone()),
            State::Requested
            | State::Authorised { .. }
            | State::Withdrawing { .. }
            | State::Voided { .. }
            | State::Completed { .. }
            | State::Returned { .. }
            | State::Rejected { .. }
            | State::Quarantined { .. } => Err(self.illegal(event, "it has ended")),
        }
    }

    pub(super) fn withdraw(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        let Terms::Outbound(_) = &self.terms else {
            return Err(self.illegal(event, "a burn cannot be undone, only redirected"));
        };
        match &self.state {
            State::Requested if self.pending.is_none() => {
                self.state = State::Rejected {
                    reason: Refusal::withdrawn(),
                };
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
            State::Withdrawing { .. }
            | State::Voided { .. }
            | State::Owed { .. }
            | State::Completed { .. }
            | State::Returned { .. }
            | State::Rejected { .. }
            | State::Quarantined { .. } => {
                return Err(self.illegal(event, "it is already being withdrawn or has ended"));
            }
        }
        Ok(())
    }
}
