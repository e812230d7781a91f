//! Rejections: approvers say that a proposal is not what may be done. Once so many have that it can never have its approvals, it
//! is closed for good, and its reference is free for a later one: nobody holds a reference with garbage.

use crate::sandbox::change::Change;
use crate::sandbox::decide::approval::mismatch;
use crate::sandbox::decide::{Decider, Decision};
use crate::sandbox::outcome::{Refusal, RefusalCode};
use crate::sandbox::registry::{Entry, OpenProposal};
use crate::sandbox::request::ApprovalRequest;

impl Decider<'_> {
    /// What follows from a rejection. Whether it closes the proposal, [`Decider::closing`] says. An approver's first word counts.
    pub(crate) fn rejection(&self, request: &ApprovalRequest, approver: &str) -> Decision {
        let Some(Entry::Open(open)) = self.registry.entry(&request.reference) else {
            return Decision::Recorded;
        };
        if open.digest != request.digest {
            return Decision::Refused(mismatch(request.digest, open.digest));
        }
        let names = || open.approvals.iter().chain(&open.rejections);
        if open.proposer == approver || names().any(|name| name == approver) {
            return Decision::Recorded;
        }
        Decision::Change(Box::new(Change::Rejected {
            reference: request.reference.clone(),
            approver: approver.to_owned(),
        }))
    }

    /// Closes the open proposal under `reference` if too few are left who could still approve it.
    pub(crate) fn closing(&self, reference: &str) -> Option<Change> {
        let Some(Entry::Open(open)) = self.registry.entry(reference) else {
            return None;
        };
        if self.left(open) >= self.rules.approvals_required {
            return None;
        }
        let message = "so many approvers have rejected this proposal that it can never be approved: propose what they can verify";
        let by = open.rejections.join(", ");
        Some(Change::Lapsed {
            reference: reference.to_owned(),
            refusal: Refusal::new(RefusalCode::Rejected, "proposal", by, message),
            at: self.now,
        })
    }

    /// Approvers who have approved it or still may.
    fn left(&self, open: &OpenProposal) -> usize {
        let may = |name: &&String| **name != open.proposer && !open.rejections.contains(name);
        self.rules.approvers.iter().filter(may).count()
    }
}
