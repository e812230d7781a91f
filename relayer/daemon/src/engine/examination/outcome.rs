//! An outcome as the journal has it, with what it takes to do it again.

use std::sync::Arc;

use isthmus_core::id::TransferId;
use isthmus_core::operation::{
    Authorisation, Lane, MintItem, Operation, OperationKind, Step, Work,
};
use isthmus_core::ports::{Attempt, Draft, Found, Recorded};
use isthmus_core::receipt::Receipt;
use isthmus_core::terms::{Outbound, OutboundTerms, Terms};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Event;

use crate::engine::examination::Loss;

/// A mint or void that was recorded as final.
pub(super) struct Outcome {
    outbound: Outbound,
    receipt: Receipt,
    /// The event that recorded it: what is sent again for it is kept there.
    pub(super) event: u64,
    /// The event that intended it; none if somebody else sent what was signed.
    pub(super) intent: Option<u64>,
    pub(super) operation: Operation,
    pub(super) signatures: Signatures,
}

/// Whether it can be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signatures {
    /// They are in the journal, and count until then, or for ever.
    Kept(Option<Timestamp>),
    /// Somebody else sent what was signed before the journal had it, or the journal was recovered from a log.
    Lost,
}

impl Outcome {
    /// The outcome that the journal has for an outbound transfer, with the authorisation that led to it if it has that too.
    pub(super) fn recorded(outbound: &Outbound, history: &[Recorded]) -> Option<Self> {
        let mut newest_first = history.iter().rev();
        let (event, receipt) = newest_first.find_map(|recorded| {
            if let Event::Given(receipt) | Event::Voided(receipt) = &recorded.event {
                return Some((recorded.index, receipt));
            }
            None
        })?;
        let kind = receipt.operation;
        let intent = newest_first.clone().find_map(|recorded| {
            let Event::Intended(Work::Ledger(operation)) = &recorded.event else {
                return None;
            };
            (operation.kind() == kind).then_some(recorded.index)
        });
        let authorised = newest_first.find_map(|recorded| {
            let Event::Authorised(authorisation) = &recorded.event else {
                return None;
            };
            let signed = signed(&outbound.terms, authorisation);
            (signed.0.kind() == kind).then_some(signed)
        });
        let (operation, signatures) = if let Some((operation, until)) = authorised {
            (operation, Signatures::Kept(until))
        } else {
            let terms = &outbound.terms;
            let inquiry = Operation::inquiry(terms.id(), terms.destination.clone());
            (inquiry, Signatures::Lost)
        };
        Some(Self {
            outbound: outbound.clone(),
            receipt: receipt.clone(),
            event,
            intent,
            operation,
            signatures,
        })
    }

    pub(super) fn transfer(&self) -> TransferId {
        self.operation.transfer()
    }

    pub(super) fn terms(&self) -> Terms {
        Terms::Outbound(self.outbound.clone())
    }

    /// Where it queued, and where its nonces are counted.
    pub(super) fn lane(&self) -> Lane {
        Lane {
            ledger: self.operation.ledger().clone(),
            step: Step::Operation(self.receipt.operation),
        }
    }

    pub(super) fn is_mint(&self) -> bool {
        self.receipt.operation == OperationKind::Mint
    }

    pub(super) fn attempt(&self, drafts: Vec<Draft>) -> Attempt {
        Attempt {
            operation: self.operation.clone(),
            drafts,
        }
    }

    /// What is missing, if the gate has an outcome, or may have one soon.
    pub(super) fn compared(&self, found: &Found) -> Option<Loss> {
        match found {
            Found::Final(receipt) if receipt.operation == self.receipt.operation => None,
            Found::Final(receipt) => {
                Some(self.lost(format!("there is a {} instead", receipt.operation)))
            }
            Found::Unsettled { .. } => {
                Some(self.lost("it was sent again and is under way, not final yet".into()))
            }
            Found::Absent => Some(self.lost("nothing of it is under way".into())),
            Found::Refused(refusal) | Found::Dead(refusal) => {
                Some(self.lost(format!("it cannot be done again: {refusal}")))
            }
        }
    }

    pub(super) fn lost(&self, remedy: String) -> Loss {
        Loss {
            transfer: self.transfer(),
            quantity: self.outbound.terms.quantity_g,
            what: self.receipt.operation,
            remedy,
        }
    }
}

/// What was signed, as an operation, and until when it counts.
fn signed(terms: &OutboundTerms, authorisation: &Authorisation) -> (Operation, Option<Timestamp>) {
    let (transfer, ledger) = (terms.id(), terms.destination.clone());
    match authorisation {
        Authorisation::Mint(batch) => {
            let item = MintItem {
                transfer,
                asset_class: terms.asset_class,
                recipient: terms.recipient,
                quantity: terms.quantity_g,
            };
            let (batch, until) = (Arc::clone(batch), Some(batch.deadline));
            let mint = Operation::Mint {
                item,
                ledger,
                batch,
            };
            (mint, until)
        }
        Authorisation::Void(void) => {
            let void = Operation::Void {
                transfer,
                ledger,
                authorisation: void.clone(),
            };
            (void, None)
        }
    }
}
