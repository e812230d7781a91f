//! What becomes of one call.

use crate::trouble::Step;
use crate::world::{SETTLE_MS, World};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It arrives and is answered; perhaps it arrives once more, so much later.
    Arrives {
        /// How much later.
        again_ms: Option<u64>,
    },
    /// It never leaves, and the caller knows.
    Unreached,
    /// It never arrives, and the caller cannot know.
    Lost,
    /// It arrives so much later, and the caller cannot know.
    Late(u64),
    /// It arrives, and the answer is lost.
    AnswerLost,
    /// Of a list the first part arrives, and the answer is lost.
    Partial,
    /// The ledger has a bad moment.
    RefusedForNow,
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// It is answered.
    Answered,
    /// It is answered from the past.
    Stale,
    /// It is not answered.
    Unanswered,
}

impl World {
    /// What becomes of the next request of a step.
    pub fn passage(&mut self, step: Option<Step>) -> Passage {
        if let Some(trouble) = step.and_then(|step| self.planned(step)) {
            return trouble.into();
        }
        let odds = self.odds;
        // Everything that is late has arrived before anybody may think that it never will.
        let late = self.dice.within(100, SETTLE_MS / 2);
        let cases = [
            (odds.unreached, Passage::Unreached),
            (odds.lost, Passage::Lost),
            (odds.late, Passage::Late(late)),
            (odds.answer_lost, Passage::AnswerLost),
            (odds.partial, Passage::Partial),
            (odds.refused_for_now, Passage::RefusedForNow),
        ];
        let case =
            |(permille, passage): &(u64, Passage)| self.dice.chance(*permille).then_some(*passage);
        let found = cases.iter().find_map(case);
        found.unwrap_or_else(|| Passage::Arrives {
            again_ms: self.dice.chance(odds.twice).then_some(late),
        })
    }

    /// What becomes of the next question.
    pub fn question(&mut self) -> Question {
        let odds = self.odds;
        if self.dice.chance(odds.unanswered) {
            Question::Unanswered
        } else if self.dice.chance(odds.stale) {
            Question::Stale
        } else {
            Question::Answered
        }
    }
}
