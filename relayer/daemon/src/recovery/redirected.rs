//! `REDIRECTED`: the leaf has the burner's signature and a commitment. What it commits to is the burner's own business, in no leaf
//! and at no ledger: the burner hands it in again.

use isthmus_core::id::{Hash32, TransferId};
use isthmus_core::ports::Append;
use isthmus_core::receipt::{Lasting, Refusal};
use isthmus_core::redirection::Redirection;
use isthmus_core::transfer::{Event, Transfer};
use isthmus_prooflog::leaf::Leaf;

use super::errors::Trouble;
use super::{LogCopy, Recovery};

impl Recovery {
    /// What a redirection stands for; `None` if the leaf is of another kind. Of a burn that was given as it was burned in the end,
    /// the leaf alone is enough.
    pub(super) fn redirected(
        &self,
        leaf: &Leaf,
        copy: &LogCopy,
    ) -> Result<Option<Append>, Trouble> {
        let Leaf::Redirected {
            transfer,
            counter,
            commitment,
            signature,
            ..
        } = leaf
        else {
            return Ok(None);
        };
        let burn = self.known(TransferId::new(transfer.0))?;
        let commitment = Hash32::new(commitment.0);
        let Some(instruction) = self.instructions.get(&commitment) else {
            if copy.is_given_as_burned(*transfer) {
                return Ok(Some(Append::default()));
            }
            return Err(Trouble::Redirected {
                burn: burn.id(),
                commitment,
            });
        };
        let event = Event::Redirected(Redirection {
            counter: *counter,
            instruction: instruction.clone(),
            signature: signature.to_vec(),
        });
        Ok(Some(Self::between_attempts(&burn, event)))
    }

    /// An event that only happens while no attempt to give is under way: the leaf proves that one which the backup still has as
    /// under way has ended without effect.
    pub(super) fn between_attempts(burn: &Transfer, event: Event) -> Append {
        let ended = burn.pending().map(|_| {
            Event::Refused(Refusal {
                code: "recovered".into(),
                field: String::new(),
                value: String::new(),
                message: "it had ended when the log went on".into(),
                lasting: Lasting::Later,
            })
        });
        Append {
            transfer: Some((burn.id(), burn.length())),
            events: ended.into_iter().chain([event]).collect(),
            ..Append::default()
        }
    }
}
