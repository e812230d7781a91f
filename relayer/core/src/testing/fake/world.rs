//! What is true on the fake ledger, and what is under way to it.

mod view;

use std::collections::BTreeMap;

use crate::id::{DraftId, TransferId};
use crate::jcs;
use crate::operation::{Operation, OperationKind};
use crate::ports::{Draft, Fact, Finality, LedgerKind, LedgerProfile, Observed};
use crate::quantity::Quantity;
use crate::receipt::{Lasting, Receipt, Refusal};
use crate::serial_block::{self, SerialBlock};
use crate::terms::Burn;
use crate::testing::sample;
use crate::time::Timestamp;

/// How soon to look again at what is under way.
const RECHECK_MS: u64 = 1_000;

/// What was done, and since which height.
struct Done {
    receipt: Receipt,
    height: u64,
}

pub(super) struct World {
    kind: LedgerKind,
    depth: u64,
    quorum: usize,
    /// Block height of a chain, number of changes of a registry.
    height: u64,
    drafts: BTreeMap<DraftId, Vec<Operation>>,
    under_way: Vec<(Timestamp, DraftId)>,
    doubts: BTreeMap<DraftId, Timestamp>,
    waiting: Vec<Operation>,
    /// A registry's by reference, with approvals so far.
    proposals: BTreeMap<String, (Operation, usize)>,
    done: BTreeMap<String, Done>,
    refusals: BTreeMap<TransferId, Refusal>,
    custody: Vec<SerialBlock>,
    retired: Vec<SerialBlock>,
    supply_g: u64,
    facts: Vec<(u64, Observed)>,
    pub(super) effects: u64,
}

/// What makes an operation unique on the ledger: a registry's reference; on a chain one outcome per transfer.
fn subject(operation: &Operation) -> String {
    operation.reference()
}

fn units(operation: &Operation) -> &[SerialBlock] {
    match operation {
        Operation::Lock { units, .. }
        | Operation::Unlock { units, .. }
        | Operation::Release { units, .. }
        | Operation::Retire { units, .. }
        | Operation::ReturnDeposit { units, .. } => units,
        Operation::Mint { .. } | Operation::Void { .. } | Operation::Approve { .. } => &[],
    }
}

fn no(code: &str, lasting: Lasting) -> Refusal {
    Refusal {
        code: code.into(),
        ..sample::refusal(lasting)
    }
}

impl World {
    pub(super) fn new(profile: &LedgerProfile, quorum: usize) -> Self {
        Self {
            kind: profile.kind,
            depth: match profile.finality {
                Finality::Depth(depth) => depth.get(),
                Finality::Immediate | Finality::FinalizedTag => 0,
            },
            quorum,
            height: 0,
            drafts: BTreeMap::new(),
            under_way: Vec::new(),
            doubts: BTreeMap::new(),
            waiting: Vec::new(),
            proposals: BTreeMap::new(),
            done: BTreeMap::new(),
            refusals: BTreeMap::new(),
            custody: Vec::new(),
            retired: Vec::new(),
            supply_g: 0,
            facts: Vec::new(),
            effects: 0,
        }
    }

    /// The same operation gives the same draft; the mints of one batch share one.
    pub(super) fn draft(&mut self, operation: &Operation) -> Draft {
        let (name, expires) = match operation {
            Operation::Mint { batch, .. } => (batch.id.to_string(), Some(batch.deadline)),
            Operation::Lock { .. }
            | Operation::Unlock { .. }
            | Operation::Void { .. }
            | Operation::Release { .. }
            | Operation::Retire { .. }
            | Operation::ReturnDeposit { .. }
            | Operation::Approve { .. } => (
                format!("{}/{}", operation.kind(), operation.reference()),
                None,
            ),
        };
        let id = DraftId::new(jcs::digest(&name));
        let meant = self.drafts.entry(id).or_default();
        if !meant.contains(operation) {
            meant.push(operation.clone());
        }
        Draft {
            id,
            bytes: name.into_bytes(),
            nonce: None,
            expires,
        }
    }

    pub(super) fn doubt(&mut self, draft: DraftId, until: Timestamp) {
        self.doubts.insert(draft, until);
    }

    pub(super) fn in_doubt(&self, draft: &DraftId, now: Timestamp) -> bool {
        self.doubts.get(draft).is_some_and(|until| now < *until)
    }

    pub(super) fn land_later(&mut self, draft: DraftId, at: Timestamp) {
        self.under_way.push((at, draft));
    }

    /// Lets everything land that was under way until now.
    pub(super) fn catch_up(&mut self, now: Timestamp) {
        let (landed, still) = std::mem::take(&mut self.under_way)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.under_way = still;
        let landed: Vec<(Timestamp, DraftId)> = landed;
        for (at, draft) in landed {
            let _nobody_hears = self.carry_out(&draft, at);
        }
    }

    pub(super) fn carry_out(&mut self, draft: &DraftId, now: Timestamp) -> Result<(), Refusal> {
        let operations = self.drafts.get(draft).cloned().unwrap_or_default();
        operations
            .iter()
            .try_for_each(|operation| self.accept(operation, now))
    }

    fn accept(&mut self, operation: &Operation, now: Timestamp) -> Result<(), Refusal> {
        let subject = subject(operation);
        if self.done.contains_key(&subject) || self.waiting.contains(operation) {
            return Ok(());
        }
        if let Some(refusal) = self.refusals.get(&operation.transfer()) {
            return Err(refusal.clone());
        }
        match operation {
            Operation::Mint { .. } | Operation::Void { .. } => self.waiting.push(operation.clone()),
            Operation::Lock { units, .. } => {
                let taken = |unit: &SerialBlock| {
                    let mut held = self.custody.iter().chain(&self.retired);
                    held.any(|block| block.intersects(unit))
                };
                if units.iter().any(taken) {
                    return Err(no("not_held", Lasting::Never));
                }
                self.execute(operation, now);
            }
            Operation::Unlock { units, .. }
            | Operation::Release { units, .. }
            | Operation::Retire { units, .. }
            | Operation::ReturnDeposit { units, .. } => {
                let here =
                    |unit: &SerialBlock| self.custody.iter().any(|block| block.contains(unit));
                if !units.iter().all(here) {
                    return Err(no("not_in_custody", Lasting::Later));
                }
                self.proposals
                    .entry(subject)
                    .or_insert_with(|| (operation.clone(), 0));
            }
            Operation::Approve { .. } => return Err(no("not_offered", Lasting::Never)),
        }
        Ok(())
    }

    pub(super) fn proposed(&self) -> Vec<Operation> {
        let proposals = self.proposals.values();
        proposals.map(|(operation, _)| operation.clone()).collect()
    }

    pub(super) fn approve(&mut self, reference: &str, now: Timestamp) {
        let Some((operation, yes)) = self.proposals.get_mut(reference) else {
            return;
        };
        *yes += 1;
        if *yes >= self.quorum {
            let operation = operation.clone();
            self.proposals.remove(reference);
            self.execute(&operation, now);
        }
    }

    pub(super) fn refuse(&mut self, transfer: TransferId, refusal: Refusal) {
        self.refusals.insert(transfer, refusal);
    }

    pub(super) fn mine(&mut self, blocks: u64, now: Timestamp) {
        if blocks == 0 {
            return;
        }
        self.height += 1;
        for operation in std::mem::take(&mut self.waiting) {
            let expired =
                matches!(&operation, Operation::Mint { batch, .. } if batch.deadline < now);
            // One outcome per transfer, and the first stands.
            if !expired && !self.done.contains_key(&subject(&operation)) {
                self.execute(&operation, now);
            }
        }
        self.height += blocks - 1;
    }

    pub(super) fn burn(&mut self, burn: Burn, now: Timestamp) {
        self.supply_g = self.supply_g.saturating_sub(burn.quantity.grams());
        let receipt = self.receipt(OperationKind::Burn, burn.quantity, &[], now);
        let fact = Fact::Burned(burn);
        self.facts
            .push((self.height + 1, Observed { fact, receipt }));
    }

    fn execute(&mut self, operation: &Operation, now: Timestamp) {
        let moved = units(operation);
        let quantity = match operation {
            Operation::Mint { item, .. } => item.quantity,
            Operation::Void { .. } => Quantity::ZERO,
            Operation::Lock { .. }
            | Operation::Unlock { .. }
            | Operation::Release { .. }
            | Operation::Retire { .. }
            | Operation::ReturnDeposit { .. }
            | Operation::Approve { .. } => serial_block::total(moved),
        };
        match operation.kind() {
            OperationKind::Lock => self.custody.extend(moved.iter().cloned()),
            OperationKind::Unlock | OperationKind::Release | OperationKind::ReturnDeposit => {
                self.take_out(moved);
            }
            OperationKind::Retire => {
                self.take_out(moved);
                self.retired.extend(moved.iter().cloned());
            }
            OperationKind::Mint => self.supply_g += quantity.grams(),
            OperationKind::Void | OperationKind::Burn | OperationKind::Approve => {}
        }
        if self.kind == LedgerKind::Registry {
            self.height += 1;
        }
        self.effects += 1;
        let receipt = self.receipt(operation.kind(), quantity, moved, now);
        let height = self.height;
        self.done
            .insert(subject(operation), Done { receipt, height });
    }

    /// Takes units out of custody, splitting the blocks that they lie in.
    fn take_out(&mut self, moved: &[SerialBlock]) {
        for unit in moved {
            let Some(place) = self.custody.iter().position(|block| block.contains(unit)) else {
                continue;
            };
            let block = self.custody.swap_remove(place);
            let part = |first, last| {
                SerialBlock::new(block.space().clone(), first, last, block.series().clone()).ok()
            };
            self.custody.extend(part(block.first(), unit.first() - 1));
            self.custody.extend(part(unit.last() + 1, block.last()));
        }
    }
}
