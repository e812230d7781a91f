//! What a ledger may do: every movement and every effect is held against what people signed and what the other ledger says.

use isthmus_core::id::TransferId;
use isthmus_core::instruction::{Instruction, Purpose};
use isthmus_core::operation::OperationKind;
use isthmus_core::serial_block::{self, SerialBlock};

use super::Oracle;
use crate::ledger::books::{Books, Movement, RELAYER, Record};
use crate::ledger::chain::{Chain, Effect, Outcome};
use crate::names;

impl Oracle {
    /// The registry has moved units.
    pub fn moved(&mut self, movement: &Movement, books: &Books, chain: &Chain) {
        let reference = &movement.reference;
        let id = reference.strip_prefix("unlock:").unwrap_or(reference);
        let Ok(id) = id.parse::<TransferId>() else {
            self.found(format!(
                "R5: the registry executed {reference:?}, which nobody intended"
            ));
            return;
        };
        if movement.kind != OperationKind::Lock {
            let approvals = &movement.approvals;
            if approvals.len() < names::QUORUM || approvals.contains(RELAYER) {
                self.found(format!("R11: {reference} was approved by {approvals:?}"));
            }
        }
        match movement.kind {
            OperationKind::Lock => self.locked(id, movement),
            OperationKind::Unlock => self.unlocked(id, movement, books, chain),
            OperationKind::Release | OperationKind::Retire => self.given(id, movement, chain),
            kind => self.found(format!("a registry does not {kind}")),
        }
    }

    fn locked(&mut self, id: TransferId, movement: &Movement) {
        let Some(terms) = self.orders.get(&id) else {
            return self.found(format!("{id} was locked, and no holder signed it"));
        };
        let agreed = terms
            .units
            .iter()
            .filter_map(|serial| names::numbers(serial));
        let agreed: Vec<_> = agreed
            .map(|(first, last)| names::block(first, last))
            .collect();
        let quantity = serial_block::total(&movement.units);
        if sorted(&agreed) != sorted(&movement.units) || quantity != terms.quantity_g {
            self.found(format!("R6: {id} locked other units than its terms name"));
        }
    }

    fn unlocked(&mut self, id: TransferId, movement: &Movement, books: &Books, chain: &Chain) {
        let (outcome, ..) = chain.outcome(id, chain.final_height());
        if outcome != Outcome::Voided && self.excuses.is_empty() {
            self.found(format!(
                "R3: {id} was unlocked, and the gate says {outcome:?}"
            ));
        }
        let Some(Record::Executed {
            receipt, payload, ..
        }) = books.records.get(&id.to_string())
        else {
            return self.found(format!("R1: {id} was unlocked and never locked"));
        };
        if sorted(&receipt.units) != sorted(&movement.units) || payload.account != movement.account
        {
            self.found(format!("{id} was unlocked otherwise than it was locked"));
        }
    }

    fn given(&mut self, id: TransferId, movement: &Movement, chain: &Chain) {
        let burn = chain
            .burns(chain.final_height())
            .find(|(_, _, burn)| burn.id() == id)
            .map(|(_, _, burn)| burn.clone());
        let Some(burn) = burn else {
            if self.excuses.is_empty() {
                self.found(format!("R1: {id} was given back, and nothing was burned"));
            }
            return;
        };
        let retired = movement.kind == OperationKind::Retire;
        if (burn.purpose == Purpose::Retire) != retired {
            self.found(format!("{id} was burned for another purpose"));
        }
        if serial_block::total(&movement.units) != burn.quantity {
            self.found(format!(
                "R10: burn {} was given another quantity",
                burn.number
            ));
        }
        let story = self
            .log
            .burn(&alloy::primitives::B256::from(*id.as_bytes()));
        let allocated: Vec<_> = story
            .iter()
            .flat_map(|story| &story.allocation)
            .filter_map(|block| names::numbers(&block.to_string()))
            .map(|(first, last)| names::block(first, last))
            .collect();
        if sorted(&allocated) != sorted(&movement.units) {
            self.found(format!(
                "burn {} was given units that are not its",
                burn.number
            ));
        }
        if let Some(Instruction::Release { account, .. }) = self.instructions.get(&burn.commitment)
            && movement.account.as_deref() != Some(account.as_str())
        {
            self.found(format!(
                "burn {} was released to another account",
                burn.number
            ));
        }
    }

    /// A transaction has had an effect, in the newest block.
    pub fn took_effect(&mut self, effect: &Effect, books: &Books) {
        let Effect::Minted(item) = effect else {
            return;
        };
        let id = item.transfer;
        let locked = matches!(
            books.records.get(&id.to_string()),
            Some(Record::Executed { .. })
        );
        let back = books.records.get(&format!("unlock:{id}"));
        let Some(terms) = self.orders.get(&id) else {
            return self.found(format!("{id} was minted, and no holder signed it"));
        };
        let finding = if !locked {
            format!("R1: {id} was minted and not locked")
        } else if matches!(back, Some(Record::Executed { .. })) {
            format!("R3: {id} was minted after its unlock")
        } else if item.asset_class != terms.asset_class {
            format!("R9: {id} was minted as another class")
        } else if item.quantity != terms.quantity_g || item.recipient != terms.recipient {
            format!("R6: {id} was minted otherwise than its terms say")
        } else {
            return;
        };
        self.found(finding);
    }
}

fn sorted(units: &[SerialBlock]) -> Vec<SerialBlock> {
    serial_block::normalise(units).unwrap_or_default()
}
