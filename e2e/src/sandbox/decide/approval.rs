//! Approvals: by credential, each approver once, never the proposer, and only of the digest that the approver read.

use isthmus_core::id::Hash32;

use crate::sandbox::change::Change;
use crate::sandbox::decide::{Decider, Decision};
use crate::sandbox::outcome::{Refusal, RefusalCode};
use crate::sandbox::registry::Entry;
use crate::sandbox::request::ApprovalRequest;

impl Decider<'_> {
    /// What follows from an approval. Whether it was the last one needed, [`Decider::execution`] says.
    pub(crate) fn approval(&self, request: &ApprovalRequest, approver: &str) -> Decision {
        let (digest, open) = match self.registry.entry(&request.reference) {
            None | Some(Entry::Lapsed { .. }) => return Decision::Recorded,
            Some(Entry::Executed(executed)) => (executed.digest, None),
            Some(Entry::Open(open)) => (open.digest, Some(open)),
        };
        if digest != request.digest {
            return Decision::Refused(mismatch(request.digest, digest));
        }
        match open {
            Some(open) if open.proposer == approver => {
                let message = "whoever proposes cannot approve: somebody else must";
                let code = RefusalCode::ProposerCannotApprove;
                Decision::Refused(Refusal::new(code, "approver", approver, message))
            }
            Some(open) if open.rejections.iter().any(|name| name == approver) => {
                let message = "you have rejected this proposal: an approver's first word counts";
                let refusal = Refusal::new(RefusalCode::Rejected, "approver", approver, message);
                Decision::Refused(refusal)
            }
            Some(open) if !open.approvals.iter().any(|name| name == approver) => {
                Decision::Change(Box::new(Change::Approved {
                    reference: request.reference.clone(),
                    approver: approver.to_owned(),
                }))
            }
            Some(_) | None => Decision::Recorded,
        }
    }
}

pub(super) fn mismatch(given: Hash32, recorded: Hash32) -> Refusal {
    let message = format!(
        "the digest recorded is {recorded}: query the proposal again, and approve only what you have checked"
    );
    Refusal::new(RefusalCode::DigestMismatch, "digest", given, message)
}
