//! What the relayer may write, send and forget: its journal, its log and its drafts, held against both ledgers.

use alloy::primitives::B256;
use isthmus_core::id::{DraftId, TransferId};
use isthmus_core::operation::{OperationKind, Work};
use isthmus_core::ports::{Cursor, Draft, Journal};
use isthmus_core::receipt::Receipt;
use isthmus_core::transfer::{Event, State, Transfer};
use isthmus_prooflog::book::{BurnEnd, LockEnd};
use isthmus_prooflog::leaf::Leaf;

use super::Oracle;
use crate::ledger::books::{Books, Record};
use crate::ledger::chain::{Chain, Outcome};
use crate::port::{chain as chain_port, registry};

impl Oracle {
    /// The journal has taken events of a transfer.
    pub fn recorded(
        &mut self,
        transfer: &Transfer,
        events: &[Event],
        drafts: &[Draft],
        books: &Books,
        chain: &Chain,
    ) {
        self.drafts.extend(drafts.iter().map(|draft| draft.id));
        let id = transfer.id();
        for event in events {
            match event {
                Event::Intended(Work::Ledger(operation)) => {
                    let ids = [
                        registry::draft_id(operation),
                        chain_port::draft_id(operation),
                    ];
                    self.intended.extend(ids.into_iter().flatten());
                }
                Event::Locked(receipt) | Event::Unlocked(receipt) => {
                    self.proved(id, receipt, books);
                }
                Event::Given(receipt) if receipt.operation == OperationKind::Mint => {
                    self.settled(id, Outcome::Minted, chain);
                }
                Event::Given(receipt) => self.proved(id, receipt, books),
                Event::Voided(_) => self.settled(id, Outcome::Voided, chain),
                Event::Quarantined(finding)
                    if self.excuses.is_empty() && !self.is_for_people(transfer) =>
                {
                    let (code, detail) = (&finding.code, &finding.detail);
                    self.found(format!("{id} was quarantined for nothing: {code} {detail}"));
                }
                _ => {}
            }
        }
        self.transfers.insert(id, transfer.clone());
    }

    /// R5: success needs evidence that is true.
    fn proved(&mut self, id: TransferId, receipt: &Receipt, books: &Books) {
        let reference = match receipt.operation {
            OperationKind::Unlock => format!("unlock:{id}"),
            _ => id.to_string(),
        };
        let true_one = matches!(
            books.records.get(&reference),
            Some(Record::Executed { receipt: done, .. }) if **done == *receipt
        );
        if !true_one {
            let kind = receipt.operation;
            self.found(format!("R5: {kind} of {id} is recorded and did not happen"));
        }
    }

    fn settled(&mut self, id: TransferId, expected: Outcome, chain: &Chain) {
        let (outcome, ..) = chain.outcome(id, chain.final_height());
        if outcome != expected && self.excuses.is_empty() {
            self.found(format!(
                "R5: {id} is recorded as {expected:?}, and the gate says {outcome:?} finally"
            ));
        }
    }

    /// The log has another leaf.
    pub fn logged(&mut self, bytes: &[u8]) {
        let applied = Leaf::parse(bytes)
            .map_err(|error| error.to_string())
            .and_then(|leaf| self.log.apply(&leaf).map_err(|error| error.to_string()));
        if let Err(error) = applied {
            self.found(format!("the log contradicts itself: {error}"));
        }
    }

    /// The log says what the journal says, after each write.
    pub fn agrees(&mut self, transfer: &Transfer) {
        let id = B256::from(*transfer.id().as_bytes());
        let lock = self.log.lock(&id).map(|story| story.end);
        let burn = self.log.burn(&id).map(|story| story.end);
        let state = match transfer.state() {
            State::Quarantined { at, .. } => at.as_ref(),
            state => state,
        };
        let agrees = match state {
            State::Requested | State::Rejected { .. } => lock.is_none() && burn.is_none(),
            State::Taken { .. } => {
                lock == Some(LockEnd::Open) || burn.is_some_and(|end| end == BurnEnd::Open)
            }
            State::Authorised { .. } | State::Withdrawing { .. } => lock == Some(LockEnd::Open),
            State::Voided { .. } => lock == Some(LockEnd::Voided),
            State::Returned { .. } => lock == Some(LockEnd::Unlocked),
            State::Owed { .. } => burn.is_some(),
            State::Completed { .. } => {
                lock == Some(LockEnd::Minted)
                    || matches!(burn, Some(BurnEnd::Released | BurnEnd::Retired))
            }
            State::Quarantined { .. } => true,
        };
        if !agrees {
            let name = transfer.state().name();
            self.found(format!(
                "the journal says {name} of {id}, the log {lock:?} {burn:?}"
            ));
        }
    }

    /// No cursor passes a burn that is not recorded.
    pub fn cursor(&mut self, cursor: &Cursor, chain: &Chain, journal: &dyn Journal) {
        for (height, _, burn) in chain.burns(cursor.height.min(chain.final_height())) {
            let known = journal.transfer(burn.id()).is_ok_and(|t| t.is_some());
            if !known && self.excuses.is_empty() {
                let (number, at) = (burn.number, cursor.height);
                self.found(format!(
                    "the cursor is at {at}, and burn {number} of block {height} is not recorded"
                ));
                return;
            }
        }
    }

    /// A restart has everything that was acknowledged.
    pub fn reopened(&mut self, journal: &dyn Journal) {
        let lost = self.transfers.iter().find_map(|(id, before)| {
            let after = journal.transfer(*id).ok().flatten();
            let length = after.map_or(0, |after| after.length());
            (length < before.length()).then(|| (*id, before.length(), length))
        });
        if let Some((id, before, after)) = lost {
            self.found(format!(
                "{id} had {before} events that were acknowledged, after the crash it has {after}"
            ));
        }
    }

    /// The relayer sends a draft for these operations.
    pub fn sends(&mut self, draft: DraftId, operations: &[String]) {
        if !self.intended.contains(&draft) {
            self.found(format!("R5: draft {draft} is sent, and nobody intends it"));
        }
        if !self.drafts.contains(&draft) {
            self.found(format!("R5: draft {draft} is sent and not in the journal"));
        }
        let unasked = |operation: &String| self.asked.get(operation) == Some(&false);
        if !operations.is_empty() && operations.iter().all(unasked) {
            let what = operations.join(", ");
            self.found(format!("R4: {what} is sent again without asking"));
        }
        for operation in operations {
            self.asked.insert(operation.clone(), false);
        }
    }

    /// The relayer has learned what became of an operation.
    pub fn answered(&mut self, operation: &str) {
        if let Some(asked) = self.asked.get_mut(operation) {
            *asked = true;
        }
    }
}
