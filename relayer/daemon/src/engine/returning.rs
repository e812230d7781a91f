//! Deposits on their way back: what an operator ordered is proposed at the registry, approved by the attesters, and recorded
//! when the registry says that it is done. The order is durable, and the proposal's bytes follow from it: after a crash the
//! registry is asked what became of it before anything is proposed again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isthmus_core::id::TransferId;
use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::ports::{Attempt, Draft, Found, Ledger};
use isthmus_core::receipt::Receipt;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_store::{DepositRecord, DepositStanding, Store};

use crate::engine::backoff::Notes;
use crate::engine::board::Board;
use crate::engine::pause::Pauses;
use crate::engine::watch::LedgerWatch;
use crate::engine::{Fatal, leaves};
use crate::error_chain::chain;

/// Pause between looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Returns the deposits of one registry.
#[derive(Debug)]
pub struct Returner {
    /// The registry.
    pub ledger: Arc<dyn Ledger>,
    /// Deposits.
    pub store: Arc<Store>,
    /// Where approvals are asked for.
    pub board: Arc<Board>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For status.
    pub watch: Arc<LedgerWatch>,
    /// What is paused.
    pub pauses: Pauses,
}

/// How far a return is.
enum Step {
    /// It is on its way, or done.
    On,
    /// Why it is not.
    Stuck(String),
}

/// What was tried in this process: what does not get on is tried ever more seldom.
#[derive(Default)]
struct Tried {
    notes: Notes,
    not_before: BTreeMap<TransferId, Timestamp>,
}

impl Returner {
    /// Returns what is to be returned until the journal fails.
    pub async fn run(self) -> Result<(), Fatal> {
        let mut tried = Tried::default();
        loop {
            self.round(&mut tried).await?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn round(&self, tried: &mut Tried) -> Result<(), Fatal> {
        for record in self.store.deposits().map_err(Fatal)? {
            let here = record.deposit.ledger == self.ledger.profile().id;
            let (id, now) = (record.deposit.id(), self.clock.now());
            let later = tried.not_before.get(&id).is_some_and(|at| *at > now);
            if !here || later || record.standing != DepositStanding::Returning {
                continue;
            }
            match self.further(record).await? {
                Step::On => {
                    tried.notes.moved(id);
                    tried.not_before.remove(&id);
                }
                Step::Stuck(why) => {
                    let finding = format!("deposit {id} is not returned: {why}");
                    let at = tried.notes.failed(id, now, why);
                    tried.not_before.insert(id, at);
                    self.watch.finding(finding);
                }
            }
        }
        Ok(())
    }

    /// One step: ask, and propose what the registry does not have. What is under way counts during a pause too; nothing is
    /// proposed, and no approval asked for.
    async fn further(&self, record: DepositRecord) -> Result<Step, Fatal> {
        let operation = record.deposit.give_back();
        let prepared = self.ledger.prepare(std::slice::from_ref(&operation)).await;
        let drafts: Vec<Draft> = match prepared.into_iter().next() {
            Some(Ok(draft)) => vec![draft],
            Some(Err(error)) => return Ok(Step::Stuck(chain(&error))),
            None => return Ok(Step::On),
        };
        let attempt = Attempt {
            operation: operation.clone(),
            drafts: drafts.clone(),
        };
        let found = match self.ledger.find(&[attempt]).await.pop() {
            Some(Ok(found)) => found,
            Some(Err(error)) => return Ok(Step::Stuck(chain(&error))),
            None => return Ok(Step::Stuck("the registry did not answer".into())),
        };
        if let Found::Final(receipt) = found {
            return if receipt.operation == OperationKind::ReturnDeposit {
                self.returned(&record, &operation, &receipt)
            } else {
                Ok(Step::Stuck("the answer is of something else".into()))
            };
        }
        if self.pauses.stops(&record.deposit.ledger).map_err(Fatal)? {
            self.board.remove(&operation.reference());
            let why = format!("{} is paused", record.deposit.ledger);
            return Ok(Step::Stuck(why));
        }
        match found {
            Found::Final(_) | Found::Unsettled { .. } => {
                self.board.post_approval(&operation, None);
                Ok(Step::On)
            }
            Found::Absent => Ok(match self.ledger.send(&drafts).await.pop() {
                Some(Ok(())) | None => Step::On,
                Some(Err(error)) => Step::Stuck(chain(&error)),
            }),
            Found::Refused(refusal) | Found::Dead(refusal) => {
                self.board.remove(&operation.reference());
                // A closed proposal does not come back by itself: it is proposed anew, more seldom each time.
                let sent = self.ledger.send(&drafts).await.pop();
                let again = match sent {
                    Some(Ok(())) => "proposed again",
                    Some(Err(_)) | None => "not proposed again",
                };
                Ok(Step::Stuck(format!("{refusal}; {again}")))
            }
        }
    }

    fn returned(
        &self,
        record: &DepositRecord,
        operation: &Operation,
        receipt: &Receipt,
    ) -> Result<Step, Fatal> {
        self.board.remove(&operation.reference());
        let now = self.clock.now();
        let leaf = leaves::deposit_returned(&record.deposit, receipt, now);
        let returned = DepositRecord {
            standing: DepositStanding::Returned,
            at: now,
            ..record.clone()
        };
        // If the registry took some of it meanwhile, it is looked at again as it is now.
        self.store
            .change_deposit(record, &returned, vec![leaf])
            .map_err(Fatal)?;
        Ok(Step::On)
    }
}

#[cfg(test)]
mod tests;
