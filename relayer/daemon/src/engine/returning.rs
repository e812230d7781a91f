//! Deposits on their way back: what an operator ordered is proposed at the registry, approved by the attesters, and recorded
//! when the registry says that it is done. The order is durable, and the proposal's bytes follow from it: after a crash the
//! registry is asked what became of it before anything is proposed again.

use std::sync::Arc;
use std::time::Duration;

use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Attempt, Draft, Found, Ledger};
use isthmus_core::time::Clock;
use isthmus_store::{DepositRecord, DepositStanding, Store};

use crate::engine::board::Board;
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
}

impl Returner {
    /// Returns what is to be returned until the journal fails.
    pub async fn run(self) -> Result<(), Fatal> {
        loop {
            for record in self.store.deposits().map_err(Fatal)? {
                let here = record.deposit.ledger == self.ledger.profile().id;
                if here && record.standing == DepositStanding::Returning {
                    self.further(record).await?;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One step: ask, and propose what the registry does not have.
    async fn further(&self, record: DepositRecord) -> Result<(), Fatal> {
        let operation = record.deposit.give_back();
        let prepared = self.ledger.prepare(std::slice::from_ref(&operation)).await;
        let drafts: Vec<Draft> = match prepared.into_iter().next() {
            Some(Ok(draft)) => vec![draft],
            Some(Err(error)) => return self.note(&record, &chain(&error)),
            None => return Ok(()),
        };
        let attempt = Attempt {
            operation: operation.clone(),
            drafts: drafts.clone(),
        };
        match self.ledger.find(&[attempt]).await.pop() {
            Some(Ok(Found::Final(receipt)))
                if receipt.operation == OperationKind::ReturnDeposit =>
            {
                self.board.remove(&operation.reference());
                let now = self.clock.now();
                let leaf = leaves::deposit_returned(&record.deposit, &receipt, now);
                let returned = DepositRecord {
                    standing: DepositStanding::Returned,
                    at: now,
                    ..record
                };
                self.store.set_deposit(&returned, vec![leaf]).map_err(Fatal)
            }
            Some(Ok(Found::Final(_))) | None => {
                self.note(&record, "the answer is of something else")
            }
            Some(Ok(Found::Unsettled { .. })) => {
                self.board.post_approval(&operation, None);
                Ok(())
            }
            Some(Ok(Found::Absent)) => match self.ledger.send(&drafts).await.pop() {
                Some(Ok(())) | None => Ok(()),
                Some(Err(error)) => self.note(&record, &chain(&error)),
            },
            Some(Ok(Found::Refused(refusal) | Found::Dead(refusal))) => {
                self.board.remove(&operation.reference());
                // A closed proposal does not come back by itself: the next round proposes anew, if the registry takes it.
                let sent = self.ledger.send(&drafts).await.pop();
                match sent {
                    Some(Ok(())) => Ok(()),
                    Some(Err(_)) | None => self.note(&record, &refusal.to_string()),
                }
            }
            Some(Err(error)) => self.note(&record, &chain(&error)),
        }
    }

    #[allow(clippy::unnecessary_wraps, reason = "every step answers alike")]
    fn note(&self, record: &DepositRecord, why: &str) -> Result<(), Fatal> {
        let finding = format!("deposit {} is not returned: {why}", record.deposit.id());
        self.watch.finding(finding);
        Ok(())
    }
}
