//! The gate is asked before attesters are (R4): a mint may have landed that nobody waits for any more, because its holder
//! withdrew, or because a batch that was given up was sent by somebody else.

use std::collections::HashSet;

use isthmus_core::id::TransferId;
use isthmus_core::operation::{Operation, OperationKind, SignedVoid};
use isthmus_core::ports::{Append, Attempt, Contradiction, FindError, Found};
use isthmus_core::transfer::Transfer;

use crate::engine::attest::Collector;
use crate::engine::contradiction::Stop;
use crate::engine::lane::contradiction_finding;
use crate::engine::{Fatal, settle, spent};
use crate::error_chain::chain;

impl Collector {
    /// Which of these the gate has no outcome for. What it has is recorded; what it may have soon is put off.
    pub(super) async fn open(&self, transfers: &[&Transfer]) -> Result<HashSet<TransferId>, Fatal> {
        let attempts: Vec<_> = transfers
            .iter()
            .map(|transfer| self.question(transfer))
            .collect();
        let answers = self.ledger.find(&attempts).await;
        let now = self.recorder.clock().now();
        let (mut open, mut facts, mut later) = (HashSet::new(), Vec::new(), Vec::new());
        for (transfer, answer) in transfers.iter().zip(answers) {
            match answer {
                Ok(Found::Absent | Found::Refused(_) | Found::Dead(_)) => {
                    open.insert(transfer.id());
                }
                Ok(Found::Final(receipt)) => {
                    let nothing_sent = (OperationKind::Mint, [].as_slice());
                    let spent = spent::spent(self.ledger.as_ref(), nothing_sent, Some(&receipt));
                    let fact = settle::fact(receipt);
                    facts.extend(fact.map(|event| Append {
                        spent,
                        ..settle::append(transfer, event, now)
                    }));
                }
                Ok(Found::Unsettled { recheck_at }) => later.push((transfer.id(), recheck_at)),
                Err(FindError::Unavailable(error)) => {
                    self.put_off(transfer, chain(error.as_ref()))?;
                }
                Err(FindError::Contradiction(contradiction)) => {
                    match self.contradicted(transfer.id(), &contradiction)? {
                        Stop::Ledger => self.put_off(transfer, contradiction.to_string())?,
                        Stop::Transfer => {
                            let finding = contradiction_finding(&contradiction);
                            self.recorder.quarantine(transfer.id(), finding).await?;
                        }
                    }
                }
            }
        }
        self.recorder.settle(facts).await?;
        self.defer(&later)?;
        Ok(open)
    }

    fn contradicted(&self, id: TransferId, contradiction: &Contradiction) -> Result<Stop, Fatal> {
        let stop = self.gatekeeper.contradicted(id, contradiction);
        stop.map_err(Fatal)
    }

    /// Asks for the outcome of a transfer, whichever it is: nothing is sent for it.
    fn question(&self, transfer: &Transfer) -> Attempt {
        Attempt {
            operation: Operation::Void {
                transfer: transfer.id(),
                ledger: self.lane.ledger.clone(),
                authorisation: SignedVoid {
                    epoch: 0,
                    signatures: Vec::new(),
                },
            },
            drafts: Vec::new(),
        }
    }
}
