//! One thing that goes wrong at one step, on purpose: the cells of the failure matrix.

use crate::port::network::Passage;
use crate::world::SETTLE_MS;

/// A step of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Locking at the registry.
    Lock,
    /// Asking attesters to sign.
    Attest,
    /// Minting at the gate.
    Mint,
    /// Voiding at the gate.
    Void,
    /// Unlocking at the registry.
    Unlock,
    /// Releasing at the registry.
    Release,
    /// Retiring at the registry.
    Retire,
    /// Observing burns.
    Observe,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Lock,
        Self::Attest,
        Self::Mint,
        Self::Void,
        Self::Unlock,
        Self::Release,
        Self::Retire,
        Self::Observe,
    ];
}

/// What goes wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A definite no.
    Refused,
    /// It never left, and the caller knows.
    Unreached,
    /// It was done, and the caller cannot know.
    UnknownApplied,
    /// It was not done, and the caller cannot know.
    UnknownNotApplied,
    /// It was done later, and the caller cannot know.
    Late,
    /// It arrives twice.
    Repeated,
    /// A part of it is done, and the caller cannot know which.
    Partial,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Refused,
        Self::Unreached,
        Self::UnknownApplied,
        Self::UnknownNotApplied,
        Self::Late,
        Self::Repeated,
        Self::Partial,
    ];
}

/// Trouble that is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where.
    pub step: Step,
    /// What.
    pub trouble: Trouble,
    /// How often it still happens.
    pub left: u64,
}

impl Plan {
    /// What happens at a step now, if anything is planned for it.
    pub fn meets(&mut self, step: Step) -> Option<Trouble> {
        if self.step != step || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(self.trouble)
    }
}

impl From<Trouble> for Passage {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused => Self::RefusedForNow,
            Trouble::Unreached => Self::Unreached,
            Trouble::UnknownApplied => Self::AnswerLost,
            Trouble::UnknownNotApplied => Self::Lost,
            Trouble::Late => Self::Late(SETTLE_MS / 2),
            Trouble::Repeated => Self::Arrives {
                again_ms: Some(SETTLE_MS / 2),
            },
            Trouble::Partial => Self::Partial,
        }
    }
}
