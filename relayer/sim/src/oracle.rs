//! Who watches: the rules that must never break, checked after every event against both ledgers, the journal and the log.

mod ledgers;
mod records;

use std::collections::{BTreeMap, BTreeSet};

use isthmus_core::id::{DraftId, Hash32, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::terms::{OutboundTerms, Terms};
use isthmus_core::transfer::{State, Transfer};
use isthmus_prooflog::book::Book;

use crate::ledger::chain::Outcome;
use crate::ledger::{Books, Chain};

/// What was observed of a run so far, and what was found wrong.
#[derive(Debug, Default)]
pub struct Oracle {
    /// Broken rules, first one first.
    findings: Vec<String>,
    /// What holders signed, by TransferId.
    pub orders: BTreeMap<TransferId, OutboundTerms>,
    /// What burners want, by commitment.
    pub instructions: BTreeMap<Hash32, Instruction>,
    /// Transfers as they are durable.
    pub transfers: BTreeMap<TransferId, Transfer>,
    /// Drafts that are durable.
    drafts: BTreeSet<DraftId>,
    /// Drafts of operations that were ever intended.
    intended: BTreeSet<DraftId>,
    /// What was sent, by operation, and whether its fate was asked for since.
    asked: BTreeMap<String, bool>,
    /// The log, replayed.
    pub log: Book,
    /// What the registry has taken away and nobody has made good, in grams.
    pub taken_g: u64,
    /// Which units the registry has taken away.
    pub taken: Vec<SerialBlock>,
    /// Why things may be wrong that otherwise must not: what the scenario did that no relayer can help.
    pub excuses: Vec<&'static str>,
}

impl Oracle {
    /// A rule is broken.
    pub fn found(&mut self, finding: String) {
        if self.findings.len() < 20 {
            self.findings.push(finding);
        }
    }

    /// Whether a rule is broken.
    pub fn is_broken(&self) -> bool {
        !self.findings.is_empty()
    }

    /// What is broken.
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// Checks what must hold at every instant.
    pub fn check(&mut self, books: &Books, chain: &Chain) {
        let locked_g = books.locked_t() * isthmus_core::quantity::GRAMS_PER_TONNE;
        let supply_g = chain.supply_g(chain.head());
        if supply_g > locked_g + self.taken_g && self.excuses.is_empty() {
            self.found(format!(
                "R1: {supply_g} g circulate and {locked_g} g are locked"
            ));
        }
        self.check_rejected(books);
        let wrong = self.log.pools().find_map(|(pool, book)| {
            let totals = &book.totals;
            (!totals.holds()).then(|| format!("the log's pool {pool} does not add up: {totals:?}"))
        });
        if let Some(wrong) = wrong {
            self.found(wrong);
        }
    }

    /// Nothing that was declared never to have happened has happened.
    fn check_rejected(&mut self, books: &Books) {
        use crate::ledger::books::Record;
        let happened = |(id, transfer): (&TransferId, &Transfer)| {
            let rejected = matches!(transfer.state(), State::Rejected { .. });
            // Looked up by text, which is slow: only for those few.
            let locked = || {
                let record = books.records.get(&id.to_string());
                matches!(record, Some(Record::Executed { .. }))
            };
            (rejected && locked()).then_some(*id)
        };
        if let Some(id) = self.transfers.iter().find_map(happened) {
            self.found(format!("R4: {id} is rejected, and its units are locked"));
        }
    }
}

impl Oracle {
    /// What has not ended and should have, by id and state. A lock that lost units and was voided ends with people: it must be
    /// quarantined, and say so.
    pub fn unended(&self) -> Vec<String> {
        let open = self.transfers.values();
        open.filter(|transfer| !transfer.state().is_final() && !self.is_for_people(transfer))
            .map(|transfer| format!("{} {}", transfer.id(), transfer.state().name()))
            .collect()
    }

    /// Quarantined with a reason: voided, and the finding names each unit that the registry took away from it.
    fn is_for_people(&self, transfer: &Transfer) -> bool {
        let (State::Quarantined { at, finding }, Terms::Outbound(outbound)) =
            (transfer.state(), transfer.terms())
        else {
            return false;
        };
        let shares = |taken: &&SerialBlock| outbound.units.iter().any(|u| taken.intersects(u));
        let mut lost = self.taken.iter().filter(shares).peekable();
        matches!(**at, State::Voided { .. })
            && lost.peek().is_some()
            && lost.all(|taken| finding.detail.contains(&taken.to_string()))
    }

    /// Whether something is recorded that the chain does not have any more.
    pub fn is_undone(&self, chain: &Chain) -> bool {
        let last = chain.final_height();
        self.transfers
            .values()
            .any(|transfer| match transfer.terms() {
                Terms::Outbound(_) => {
                    let minted = transfer.state().name() == "completed";
                    minted && chain.outcome(transfer.id(), last).0 != Outcome::Minted
                }
                Terms::Return(back) => !chain.burns(last).any(|(_, _, burn)| *burn == back.burn),
            })
    }

    /// Everything has ended: the log is what the ledgers say, and nothing is left in between.
    pub fn ended(&mut self, books: &Books, chain: &Chain) {
        let locked_g = books.locked_t() * isthmus_core::quantity::GRAMS_PER_TONNE;
        let supply_g = chain.supply_g(chain.head());
        let mut sums = isthmus_prooflog::book::Totals::default();
        for (_, pool) in self.log.pools() {
            sums.locked_g += pool.totals.locked_g;
            sums.circulating_g += pool.totals.circulating_g;
            sums.pending_g += pool.totals.pending_g;
            sums.owed_g += pool.totals.owed_g;
            sums.unattributed_g += pool.totals.unattributed_g;
            sums.shortfall_g += pool.totals.shortfall_g;
        }
        let agree = sums.locked_g == locked_g
            && sums.circulating_g == supply_g
            && (sums.pending_g == 0 || self.transfers.values().any(|t| self.is_for_people(t)))
            && sums.owed_g == 0
            && sums.unattributed_g == 0
            && sums.shortfall_g == 0;
        if !agree && self.excuses.is_empty() {
            self.found(format!(
                "at the end {locked_g} g are locked and {supply_g} g circulate, the log says {sums:?}"
            ));
        }
    }
}
