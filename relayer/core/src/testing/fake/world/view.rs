//! What the fake ledger says when asked.

use crate::operation::{Operation, OperationKind};
use crate::ports::{
    Attempt, Cursor, Fact, Found, LedgerKind, Observations, Observed, Page, Reserves,
};
use crate::quantity::Quantity;
use crate::receipt::{Evidence, EvidenceKind, Lasting, Position, Receipt};
use crate::serial_block::{self, SerialBlock};
use crate::testing::fake::world::{RECHECK_MS, World, no, subject};
use crate::testing::sample;
use crate::time::Timestamp;

impl World {
    pub(super) fn receipt(
        &self,
        operation: OperationKind,
        quantity: Quantity,
        units: &[SerialBlock],
        at: Timestamp,
    ) -> Receipt {
        let (position, kind) = match self.kind {
            LedgerKind::Registry => (
                Position::Registry {
                    sequence: self.height,
                },
                EvidenceKind::RegistryReceipt,
            ),
            LedgerKind::Chain => {
                let position = Position::Chain {
                    height: self.height,
                    block: sample::hash(self.height),
                    transaction: sample::hash(self.effects),
                };
                (position, EvidenceKind::EvmReceipt)
            }
        };
        Receipt {
            operation,
            quantity,
            units: units.to_vec(),
            at,
            position,
            certificate: (operation == OperationKind::Retire)
                .then(|| format!("CERT-{}", self.height)),
            evidence: Evidence::new(kind, format!("{operation} at {}", self.height).into_bytes()),
        }
    }

    pub(in crate::testing::fake) fn find(&self, attempt: &Attempt, now: Timestamp) -> Found {
        let subject = subject(&attempt.operation);
        let recheck = |recheck_at| Found::Unsettled { recheck_at };
        if let Some(done) = self.done.get(&subject) {
            return if self.height >= done.height + self.depth {
                Found::Final(done.receipt.clone())
            } else {
                recheck(now.plus_ms(RECHECK_MS))
            };
        }
        if self.proposals.contains_key(&subject) || self.waiting.contains(&attempt.operation) {
            return recheck(now.plus_ms(RECHECK_MS));
        }
        let doubts = attempt.draft_ids().filter_map(|id| self.doubts.get(&id));
        if let Some(until) = doubts.filter(|until| now < **until).max() {
            return recheck(*until);
        }
        match &attempt.operation {
            Operation::Mint { batch, .. } if batch.deadline < now => {
                Found::Dead(no("expired", Lasting::Later))
            }
            Operation::Mint { .. }
            | Operation::Lock { .. }
            | Operation::Unlock { .. }
            | Operation::Void { .. }
            | Operation::Release { .. }
            | Operation::Retire { .. }
            | Operation::ReturnDeposit { .. }
            | Operation::Approve { .. } => Found::Absent,
        }
    }

    /// Whole heights only, so that a cursor never stands inside one; at least one height however many facts it has.
    pub(in crate::testing::fake) fn observe(&self, from: &Cursor, limit: usize) -> Observations {
        let head = self.height.saturating_sub(self.depth);
        let mut next = from.clone();
        let mut facts: Vec<Observed> = Vec::new();
        for height in from.height + 1..=head {
            let here = self.facts.iter().filter(|(at, _)| *at == height);
            let here: Vec<_> = here.map(|(_, observed)| observed.clone()).collect();
            if !facts.is_empty() && facts.len() + here.len() > limit {
                break;
            }
            for observed in &here {
                if let Fact::Burned(burn) = &observed.fact {
                    next.last_number = burn.number;
                }
            }
            facts.extend(here);
            next.height = height;
            next.block = (self.kind == LedgerKind::Chain).then(|| sample::hash(height));
        }
        Observations { facts, next, head }
    }

    pub(in crate::testing::fake) fn reserves(&self, page: Page) -> Reserves {
        let total = match self.kind {
            LedgerKind::Registry => serial_block::total(&self.custody),
            LedgerKind::Chain => Quantity::from_grams(self.supply_g).unwrap_or(Quantity::MAX),
        };
        let units = self.custody.iter().skip(page.offset).take(page.limit);
        Reserves {
            total,
            units: units.cloned().collect(),
            as_of: self.height,
        }
    }
}
