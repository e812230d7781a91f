//! Proposals: movements out of custody, checked when they are made and again when they are carried out.

use isthmus_core::id::TransferId;
use isthmus_core::serial_block::SerialBlock;

use crate::sandbox::change::Change;
use crate::sandbox::decide::units::{self, Place};
use crate::sandbox::decide::{Decider, Decision, reference_used};
use crate::sandbox::outcome::{Refusal, RefusalCode};
use crate::sandbox::receipt::Payload;
use crate::sandbox::registry::{Entry, OpenProposal};
use crate::sandbox::request::{ProposalRequest, ProposedMovement, SentProposal};

impl Decider<'_> {
    /// What follows from a proposal. One under a lapsed reference is taken like a new one.
    pub(crate) fn proposal(&self, proposal: &SentProposal, proposer: &str) -> Decision {
        let reference = &proposal.request.reference;
        match self.registry.entry(reference) {
            Some(Entry::Open(open)) if open.digest == proposal.digest() => {
                return Decision::Recorded;
            }
            Some(Entry::Open(_)) => {
                return Decision::Refused(reference_used(reference, "a different open proposal"));
            }
            Some(Entry::Executed(done)) if done.digest == proposal.digest() => {
                return Decision::Recorded;
            }
            Some(Entry::Executed(_)) => {
                return Decision::Refused(reference_used(reference, "another movement"));
            }
            Some(Entry::Lapsed { .. }) | None => {}
        }
        let checked = shape(&proposal.request).and_then(|()| self.movable(&proposal.request));
        match checked {
            Ok(_) => Decision::Change(Box::new(Change::Proposed {
                proposal: proposal.sent.clone(),
                proposer: proposer.to_owned(),
                at: self.now,
            })),
            Err(refusal) => Decision::Refused(refusal),
        }
    }

    /// Carries the open proposal under `reference` out, once it has its approvals: it is executed, or it lapses.
    pub(crate) fn execution(&self, reference: &str) -> Option<Change> {
        let Some(Entry::Open(open)) = self.registry.entry(reference) else {
            return None;
        };
        if open.approvals.len() < self.rules.approvals_required {
            return None;
        }
        let reference = reference.to_owned();
        Some(match self.movable(&open.proposal.request) {
            Ok(blocks) => {
                let receipt = self.rules.signer.sign(self.payload(open, &blocks));
                Change::Executed { reference, receipt }
            }
            Err(refusal) => Change::Lapsed {
                reference,
                refusal,
                at: self.now,
            },
        })
    }

    /// The units, if they may move now.
    fn movable(&self, request: &ProposalRequest) -> Result<Vec<SerialBlock>, Refusal> {
        self.custody_account(&request.custody_account)?;
        if let Some(to_account) = &request.to_account {
            self.open_account("to_account", to_account)?;
        }
        let blocks = units::parse(&request.units)?;
        self.lie_at(&blocks, Place::LockedIn(&request.custody_account))?;
        Ok(blocks)
    }

    fn payload(&self, open: &OpenProposal, blocks: &[SerialBlock]) -> Payload {
        let request = &open.proposal.request;
        let sequence = self.next_sequence();
        let certificate = match request.movement {
            ProposedMovement::Retire => Some(format!("RC-{sequence:06}")),
            ProposedMovement::Release | ProposedMovement::Unlock | ProposedMovement::Return => None,
        };
        Payload {
            account: request.to_account.clone(),
            at_ms: self.now,
            beneficiary: request.beneficiary.clone(),
            certificate,
            custody_account: request.custody_account.clone(),
            mandate: None,
            movement: request.movement.into(),
            quantity_t: units::tonnes(blocks),
            reason: request.reason.clone(),
            reference: request.reference.clone(),
            registry: self.rules.registry.clone(),
            sequence,
            units: units::merged(blocks),
            v: 1,
        }
    }
}

/// That the reference and the optional fields fit the movement (`docs/protocol.md` §5).
fn shape(request: &ProposalRequest) -> Result<(), Refusal> {
    let malformed = |field, value: &str, message: &str| {
        Err(Refusal::new(RefusalCode::Malformed, field, value, message))
    };
    let returned = request.reference.strip_prefix("return:");
    if (request.movement == ProposedMovement::Return) != returned.is_some() {
        let message = "write `return:` and the reference of the deposit, for a return only";
        return malformed("reference", &request.reference, message);
    }
    let id = match request.movement {
        ProposedMovement::Return => None,
        ProposedMovement::Unlock => request.reference.strip_prefix("unlock:"),
        ProposedMovement::Release | ProposedMovement::Retire => Some(request.reference.as_str()),
    };
    let named = id.and_then(|id| id.parse::<TransferId>().ok()).is_some();
    if !named && returned.is_none() {
        let message = "write the TransferId as 0x and 64 lower-case hex digits, after `unlock:` for an unlock only";
        return malformed("reference", &request.reference, message);
    }
    match (request.movement, &request.to_account) {
        (ProposedMovement::Retire, Some(to)) => {
            return malformed(
                "to_account",
                to.as_str(),
                "leave it out: retired units go to nobody",
            );
        }
        (ProposedMovement::Release | ProposedMovement::Unlock | ProposedMovement::Return, None) => {
            return malformed("to_account", "", "name the account that receives the units");
        }
        (ProposedMovement::Retire, None)
        | (
            ProposedMovement::Release | ProposedMovement::Unlock | ProposedMovement::Return,
            Some(_),
        ) => {}
    }
    let claim = request.beneficiary.as_ref().or(request.reason.as_ref());
    if let (
        ProposedMovement::Release | ProposedMovement::Unlock | ProposedMovement::Return,
        Some(text),
    ) = (request.movement, claim)
    {
        return malformed(
            "beneficiary",
            text,
            "leave beneficiary and reason out: they belong to a retirement",
        );
    }
    Ok(())
}
