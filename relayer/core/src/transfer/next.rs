//! The one function that decides what happens next.

use crate::operation::{Authorisation, Item, MintItem, Operation, Work, redeem};
use crate::terms::{Outbound, Terms};
use crate::time::Timestamp;
use crate::transfer::{State, Transfer, Withdrawal};

/// A batch whose deadline is nearer than this is not sent any more but signed again: two minutes, so that a transaction
/// still has time to be included.
const MINT_MARGIN_MS: u64 = 120_000;

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This. If it is already pending, its outcome is unknown: ask first, then act (R4).
    Do(Work),
    /// Nothing until somebody else acts.
    Wait(WaitingFor),
    /// Nothing, ever.
    Done,
}

/// Whose move it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingFor {
    /// The burner must disclose the instruction that the burn committed to.
    Instruction,
    /// The registry refused: the burner must redirect what is owed.
    Redirection,
    /// Two people must resolve the quarantine.
    Resolution,
}

impl Transfer {
    /// What to do now. Pure: same transfer, same time, same answer.
    pub fn next(&self, now: Timestamp) -> Next {
        if let State::Quarantined { .. } = self.state {
            return Next::Wait(WaitingFor::Resolution);
        }
        if let Some(work) = &self.pending {
            return Next::Do(work.clone());
        }
        match (&self.state, &self.terms) {
            (State::Completed { .. } | State::Returned { .. } | State::Rejected { .. }, _) => {
                Next::Done
            }
            (State::Requested, Terms::Outbound(outbound)) => self.lock(outbound),
            (State::Taken { .. }, Terms::Outbound(outbound)) => self.attest_mint(outbound),
            (State::Authorised { authorisation, .. }, Terms::Outbound(outbound)) => {
                match authorisation {
                    Authorisation::Mint(batch) if now.plus_ms(MINT_MARGIN_MS) <= batch.deadline => {
                        let (item, ledger) =
                            (self.mint_item(outbound), outbound.terms.destination.clone());
                        Next::Do(Work::Ledger(Operation::Mint {
                            item,
                            ledger,
                            batch: std::sync::Arc::clone(batch),
                        }))
                    }
                    Authorisation::Mint(_) | Authorisation::Void(_) => self.attest_mint(outbound),
                }
            }
            (State::Withdrawing { void, .. }, Terms::Outbound(outbound)) => {
                let (transfer, ledger) = (self.id, outbound.terms.destination.clone());
                Next::Do(match void {
                    None => Work::Attest {
                        ledger,
                        item: Item::Void { transfer },
                    },
                    Some(authorisation) => Work::Ledger(Operation::Void {
                        transfer,
                        ledger,
                        authorisation: authorisation.clone(),
                    }),
                })
            }
            (State::Voided { .. }, Terms::Outbound(outbound)) => {
                Next::Do(Work::Ledger(Operation::Unlock {
                    transfer: self.id,
                    ledger: outbound.terms.origin.clone(),
                    account: outbound.terms.account.clone(),
                    custody_account: outbound.custody_account.clone(),
                    units: outbound.units.clone(),
                }))
            }
            (State::Taken { .. }, Terms::Return(back)) => match &self.instruction {
                Some(instruction) => Next::Do(Work::Ledger(redeem(back, instruction))),
                None => Next::Wait(WaitingFor::Instruction),
            },
            (State::Owed { .. }, _) => Next::Wait(WaitingFor::Redirection),
            // `apply` lets no return into the states of an outbound transfer, and quarantine is answered above.
            (
                State::Requested
                | State::Authorised { .. }
                | State::Withdrawing { .. }
                | State::Voided { .. },
                Terms::Return(_),
            )
            | (State::Quarantined { .. }, _) => Next::Wait(WaitingFor::Resolution),
        }
    }

    fn lock(&self, outbound: &Outbound) -> Next {
        let (Some(mandate), Withdrawal::NotWanted) = (&self.mandate, self.withdrawal) else {
            return Next::Done;
        };
        Next::Do(Work::Ledger(Operation::Lock {
            transfer: self.id,
            ledger: outbound.terms.origin.clone(),
            account: outbound.terms.account.clone(),
            custody_account: outbound.custody_account.clone(),
            units: outbound.units.clone(),
            mandate: mandate.clone(),
        }))
    }

    fn attest_mint(&self, outbound: &Outbound) -> Next {
        Next::Do(Work::Attest {
            ledger: outbound.terms.destination.clone(),
            item: Item::Mint(self.mint_item(outbound)),
        })
    }

    pub(super) fn mint_item(&self, outbound: &Outbound) -> MintItem {
        MintItem {
            transfer: self.id,
            asset_class: outbound.terms.asset_class,
            recipient: outbound.terms.recipient,
            quantity: outbound.terms.quantity_g,
        }
    }
}
