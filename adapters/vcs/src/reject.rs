//! Rejecting a proposal: an approver says that it is not what may be done. It takes nothing out of custody and promises nothing, so it
//! needs no draft: it is said again whenever the same is found again.

use isthmus_core::id::Hash32;
use isthmus_core::ports::FindError;
use serde_json::json;

use crate::api::CallError;
use crate::bodies::{Outcome, Results};
use crate::ledger::{VcsLedger, unavailable};

impl VcsLedger {
    /// Says no to the proposal of this digest. Saying it again changes nothing, and nothing is said of another proposal. A registry
    /// that does not take rejections keeps the proposal open.
    pub async fn reject(&self, reference: &str, digest: Hash32) -> Result<(), FindError> {
        let body = json!({"rejections": [{"reference": reference, "digest": digest}]});
        let called: Result<Results, CallError> = self.api().post("/v1/rejections", &body).await;
        let results = match called {
            Ok(answer) => answer.results,
            Err(CallError::Rejected(rejection)) if matches!(rejection.status, 404 | 405) => {
                return Ok(());
            }
            Err(error) => return Err(unavailable(error)),
        };
        match results.into_iter().next().map(|answered| answered.outcome) {
            Some(Outcome::Absent | Outcome::Proposed { .. } | Outcome::Executed { .. }) => Ok(()),
            // Closed by this rejection or an earlier one.
            Some(Outcome::Refused {
                digest: Some(closed),
                ..
            }) if closed == digest => Ok(()),
            Some(Outcome::Refused { refusal, .. }) => {
                let text = format!("{}: {}", refusal.code, refusal.message);
                Err(FindError::Unavailable(text.into()))
            }
            None => Err(FindError::Unavailable(
                "the registry gave no answer to a rejection".into(),
            )),
        }
    }
}
