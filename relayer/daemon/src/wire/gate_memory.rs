//! What a gate said at one final block, so that every question about that block is asked once. Attesters ask about everything
//! that is logged and not minted yet, batch after batch; within one block the answers cannot differ.
//!
//! Nothing is believed for longer than its block, but for outcomes and burns: once final they stand for ever.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use isthmus_core::id::{AssetClassId, TransferId};
use isthmus_core::quantity::Quantity;
use isthmus_core::terms::Burn;

use crate::attester::ports::{Burns, Outcome, SignerSet};

/// Answers of one gate.
#[derive(Debug, Default)]
pub(super) struct GateMemory(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    block: u64,
    outcomes: HashMap<TransferId, Outcome>,
    supplies: HashMap<AssetClassId, Quantity>,
    signers: Option<SignerSet>,
    /// By the gate's number; a final burn never changes.
    burns: HashMap<u64, Burn>,
}

/// Most burns remembered; more are asked for again.
const MOST_BURNS: usize = 10_000;

impl GateMemory {
    /// Those of `transfers` that must be asked about.
    pub(super) fn unknown(&self, transfers: &[TransferId]) -> Vec<TransferId> {
        let answers = self.lock();
        let unknown = |id: &&TransferId| !answers.outcomes.contains_key(*id);
        transfers.iter().filter(unknown).copied().collect()
    }

    /// Takes in what was said at `block`, when only `unknown` was asked; the outcomes of all `transfers` at that block, if they
    /// are known now. What an older block said is forgotten then, and has to be asked again.
    pub(super) fn learn(
        &self,
        block: u64,
        (unknown, said): (&[TransferId], Vec<Outcome>),
        transfers: &[TransferId],
    ) -> Option<Vec<Outcome>> {
        let mut answers = self.lock();
        if answers.block < block {
            answers.advance(block, transfers);
        } else if answers.block > block {
            // Another question was faster: this answer is of the past.
            return None;
        }
        answers.outcomes.extend(unknown.iter().copied().zip(said));
        let known = transfers.iter().map(|id| answers.outcomes.get(id).copied());
        known.collect()
    }

    pub(super) fn supply(&self, class: AssetClassId, block: u64) -> Option<Quantity> {
        let answers = self.lock();
        let supply = answers.supplies.get(&class).copied();
        supply.filter(|_| answers.block == block)
    }

    pub(super) fn keep_supply(&self, class: AssetClassId, block: u64, supply: Quantity) {
        let mut answers = self.lock();
        if answers.block == block {
            answers.supplies.insert(class, supply);
        }
    }

    /// The signers, if `block` is the one that is remembered.
    pub(super) fn signers(&self, block: u64) -> Option<SignerSet> {
        let answers = self.lock();
        answers.signers.clone().filter(|_| answers.block == block)
    }

    pub(super) fn keep_signers(&self, block: u64, signers: &SignerSet) {
        let mut answers = self.lock();
        if answers.block < block {
            answers.advance(block, &[]);
        }
        if answers.block == block {
            answers.signers = Some(signers.clone());
        }
    }

    /// Those of these burns that are known, and the numbers of those that must be asked about.
    pub(super) fn burns(&self, numbers: &BTreeSet<u64>) -> (Burns, Vec<u64>) {
        let answers = self.lock();
        let (mut known, mut unknown) = (Burns::new(), Vec::new());
        for number in numbers {
            match answers.burns.get(number) {
                Some(burn) => {
                    known.insert(*number, Ok(Some(burn.clone())));
                }
                None => unknown.push(*number),
            }
        }
        (known, unknown)
    }

    /// Keeps a burn that is final: an approval that is asked for again does not have it proved again.
    pub(super) fn keep_burn(&self, burn: &Burn) {
        let mut answers = self.lock();
        if answers.burns.len() >= MOST_BURNS {
            answers.burns.clear();
        }
        answers.burns.insert(burn.number, burn.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        // A panic leaves some answers out, which are asked for again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    fn advance(&mut self, block: u64, wanted: &[TransferId]) {
        self.block = block;
        self.supplies.clear();
        self.signers = None;
        let stands = |id: &TransferId| match self.outcomes.get(id) {
            Some(outcome @ (Outcome::Minted | Outcome::Voided)) => Some((*id, *outcome)),
            Some(Outcome::None) | None => None,
        };
        // Only what is asked about: memory does not grow with the history.
        self.outcomes = wanted.iter().filter_map(stands).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> TransferId {
        TransferId::new([number; 32])
    }

    #[test]
    fn what_is_open_is_asked_again_at_the_next_block_and_what_is_settled_is_not() {
        let memory = GateMemory::default();
        let both = [id(1), id(2)];
        assert_eq!(memory.unknown(&both), both);
        let said = vec![Outcome::Minted, Outcome::None];
        let answer = memory.learn(7, (&both, said.clone()), &both);
        assert_eq!(answer, Some(said.clone()));
        assert!(memory.unknown(&both).is_empty());
        assert_eq!(memory.learn(7, (&[], vec![]), &both), Some(said));
        assert_eq!(
            memory.learn(8, (&[], vec![]), &both),
            None,
            "2 is open at 7, not known at 8"
        );
        assert_eq!(memory.unknown(&both), [id(2)]);
        let answer = memory.learn(8, (&[id(2)], vec![Outcome::Voided]), &both);
        assert_eq!(answer, Some(vec![Outcome::Minted, Outcome::Voided]));
        assert_eq!(
            memory.learn(7, (&[id(3)], vec![Outcome::None]), &[id(3)]),
            None
        );
    }

    #[test]
    fn supply_and_signers_are_of_one_block() {
        let memory = GateMemory::default();
        let (class, supply) = (AssetClassId::new([1; 32]), Quantity::ZERO);
        let signers = SignerSet {
            epoch: 1,
            members: vec![],
        };
        memory.keep_signers(7, &signers);
        memory.keep_supply(class, 7, supply);
        assert_eq!(memory.supply(class, 7), Some(supply));
        assert_eq!(memory.signers(7), Some(signers));
        assert_eq!((memory.supply(class, 8), memory.signers(8)), (None, None));
        memory.learn(8, (&[], vec![]), &[]);
        assert_eq!((memory.supply(class, 7), memory.signers(8)), (None, None));
    }
}
