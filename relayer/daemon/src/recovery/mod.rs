//! Recovery: a relayer whose store is older than its log takes the leaves that it lost from a copy, an attester's or an auditor's.
//!
//! Nothing in the copy is believed. It must extend the store's own log and end in a checkpoint that this relayer signed; and each
//! leaf counts only with the ledger's own word for it, asked for anew. A leaf is written with the events that it stands for, in
//! the order of the log, so that journal, custody book and log come out as they were. What nobody signed for is not in the copy:
//! it is found at the ledgers when the relayer runs, or handed in again.

mod copy;
mod custody;
mod errors;
mod outbound;
mod redirected;
mod returns;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use isthmus_core::id::{Hash32, LedgerId, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::operation::Operation;
use isthmus_core::ports::{Append, Attempt, FindError, Found, Journal, Ledger, Moved};
use isthmus_core::receipt::{Finding, Receipt};
use isthmus_core::route::{RouteDocument, RouteSignature};
use isthmus_core::terms::Burn;
use isthmus_core::time::Clock;
use isthmus_core::transfer::{Event, Resolution, Transfer};
use isthmus_prooflog::leaf::{AdminSignature, Leaf};
use isthmus_store::{RouteRecord, Store, StoredRouteStatus};

use crate::engine::ports::Registry;
use crate::error_chain::chain;

pub use copy::{LogCopy, read_copy};
pub use errors::RecoveryError;

use custody::Movement;
use errors::Trouble;

/// What recovery works with.
#[derive(Debug)]
pub struct Recovery {
    /// The store to bring up to date; nobody else writes to it.
    pub store: Arc<Store>,
    /// Who is asked for receipts.
    pub ledgers: BTreeMap<LedgerId, Arc<dyn Ledger>>,
    /// Who reads serials.
    pub registries: BTreeMap<LedgerId, Arc<dyn Registry>>,
    /// Whose receipts hold the holders' mandates.
    pub receipt_keys: BTreeMap<LedgerId, [u8; 32]>,
    /// Whose signatures make a route count.
    pub route_admins: Vec<Hash32>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Burns as their ledgers have them, as far as they were looked through.
    pub burns: HashMap<TransferId, (Burn, Receipt)>,
    /// Movements that nobody ordered, as their registries have them, as far as they were looked through.
    pub moves: Vec<(LedgerId, Moved, Receipt)>,
    /// What burners want instead of what they wanted first, by commitment: no leaf has it.
    pub instructions: HashMap<Hash32, Instruction>,
}

/// What an entry of the log is made durable with.
enum Step {
    /// With these events, and what belongs to them.
    Append(Box<Append>),
    /// A movement that nobody ordered.
    Moved(Box<Movement>),
    /// A route of its own.
    Route(Box<RouteRecord>),
    /// A pause, by somebody, or the end of one.
    Pause { scope: String, by: Option<String> },
}

impl Recovery {
    /// Brings the store to the end of the copy. If it is interrupted, everything up to some leaf is durable, and calling it again
    /// goes on from there. Says how many leaves were taken over.
    pub async fn run(&mut self, copy: &LogCopy) -> Result<u64, RecoveryError> {
        copy.extends(&self.store)?;
        let start = self.store.log().size()?;
        for (index, bytes) in copy.from(start) {
            let at = |trouble| RecoveryError::at(index, trouble);
            let leaf = Leaf::parse(bytes).map_err(|e| at(Trouble::Unreadable(e.to_string())))?;
            let step = self.step(&leaf, copy).await.map_err(at)?;
            self.write(step, bytes).map_err(at)?;
        }
        copy.is_whole(&self.store)?;
        self.store.settle_restored()?;
        Ok(copy.size().saturating_sub(start))
    }

    /// What a leaf stands for.
    async fn step(&mut self, leaf: &Leaf, copy: &LogCopy) -> Result<Step, Trouble> {
        if let Leaf::Route {
            route, signatures, ..
        } = leaf
        {
            return self.route(route.clone(), signatures);
        }
        if let Leaf::Paused { scope, by, .. } = leaf {
            let (scope, by) = (scope.clone(), Some(by.clone()));
            return Ok(Step::Pause { scope, by });
        }
        if let Leaf::Resumed { scope, .. } = leaf {
            let scope = scope.clone();
            return Ok(Step::Pause { scope, by: None });
        }
        if let Leaf::Quarantined {
            transfer, finding, ..
        } = leaf
        {
            let (code, detail) = finding.split_once(": ").unwrap_or(("", finding));
            let event = Event::Quarantined(Finding {
                code: code.into(),
                detail: detail.into(),
            });
            return self.of_known(TransferId::new(transfer.0), event);
        }
        if let Leaf::Resolved {
            transfer,
            resolution,
            by,
            ..
        } = leaf
        {
            let resolution = match resolution.as_str() {
                "withdraw" => Resolution::Withdraw,
                _ => Resolution::Resume,
            };
            let by = by.clone();
            let event = Event::Resolved { resolution, by };
            return self.of_known(TransferId::new(transfer.0), event);
        }
        if let Some(append) = self.outbound(leaf).await? {
            return Ok(Step::Append(Box::new(append)));
        }
        if let Some(append) = self.returned(leaf).await? {
            return Ok(Step::Append(Box::new(append)));
        }
        if let Some(movement) = self.moved(leaf).await? {
            return Ok(Step::Moved(Box::new(movement)));
        }
        let decided = match self.decided(leaf)? {
            Some(append) => Some(append),
            None => self.redirected(leaf, copy)?,
        };
        let append = decided.ok_or_else(|| {
            Trouble::Unreadable(format!("recovery does not know {}", leaf.kind()))
        })?;
        Ok(Step::Append(Box::new(append)))
    }

    /// An event of a transfer; of one that the log knows nothing else of, the leaf is all there is.
    fn of_known(&self, id: TransferId, event: Event) -> Result<Step, Trouble> {
        let append = match self.store.transfer(id)? {
            Some(transfer) => Append {
                transfer: Some((id, transfer.length())),
                events: vec![event],
                ..Append::default()
            },
            None => Append::default(),
        };
        Ok(Step::Append(Box::new(append)))
    }

    fn route(
        &self,
        route: serde_json::Value,
        signatures: &[AdminSignature],
    ) -> Result<Step, Trouble> {
        let document: RouteDocument = serde_json::from_value(route)
            .map_err(|error| Trouble::Unreadable(error.to_string()))?;
        let signatures = signatures.iter().map(|signature| RouteSignature {
            key: Hash32::new(signature.key.0),
            signature: signature.signature.clone(),
        });
        let signatures: Vec<_> = signatures.collect();
        let signed = document.verify(&signatures, &self.route_admins);
        signed.map_err(|error| Trouble::Unconfirmed(error.to_string()))?;
        Ok(Step::Route(Box::new(RouteRecord {
            document,
            signatures,
            status: StoredRouteStatus::Active,
            proposed_by: "recovery".into(),
            leaf: None,
        })))
    }

    fn write(&self, step: Step, leaf: &[u8]) -> Result<(), Trouble> {
        let leaves = vec![leaf.to_vec()];
        match step {
            Step::Append(append) => {
                let append = Append { leaves, ..*append };
                let answer = self.store.append(vec![append]).pop();
                let answer = answer.ok_or_else(|| Trouble::Unconfirmed("no answer".into()))?;
                answer.map_err(|error| Trouble::Unconfirmed(chain(&error)))?;
            }
            Step::Moved(moved) => {
                let append = Append {
                    leaves,
                    ..moved.append
                };
                let named = (&moved.ledger, moved.reference.as_str());
                let (deposits, lost) = (&moved.deposits, &moved.lost);
                let written = self.store.record_moved(append, named, deposits, lost);
                written.map_err(|error| Trouble::Unconfirmed(chain(&error)))?;
            }
            Step::Route(record) => self.store.put_route(&record, Some(leaf.to_vec()))?,
            Step::Pause { scope, by } => self.store.set_paused(&scope, by, leaves)?,
        }
        Ok(())
    }

    /// A transfer that the leaf is about, which earlier leaves have opened.
    fn known(&self, id: TransferId) -> Result<Transfer, Trouble> {
        let transfer = self.store.transfer(id)?;
        transfer.ok_or_else(|| Trouble::Unconfirmed(format!("no leaf before it opens {id}")))
    }

    /// The ledger's final word about an operation, whatever came of it.
    async fn receipt(&self, operation: Operation) -> Result<Receipt, Trouble> {
        let ledger = self.ledger(operation.ledger())?;
        let what = format!("{} {}", operation.kind(), operation.reference());
        let attempt = Attempt {
            operation,
            drafts: Vec::new(),
        };
        match ledger.find(&[attempt]).await.pop() {
            Some(Ok(Found::Final(receipt))) => Ok(receipt),
            Some(Ok(Found::Unsettled { .. })) => {
                Err(Trouble::Unavailable(format!("{what} is not final yet")))
            }
            Some(Ok(Found::Absent | Found::Refused(_) | Found::Dead(_))) | None => Err(
                Trouble::Unconfirmed(format!("the ledger knows nothing of {what}")),
            ),
            Some(Err(FindError::Unavailable(error))) => {
                Err(Trouble::Unavailable(chain(error.as_ref())))
            }
            Some(Err(FindError::Contradiction(contradiction))) => {
                Err(Trouble::Unconfirmed(contradiction.to_string()))
            }
        }
    }

    fn ledger(&self, id: &LedgerId) -> Result<&Arc<dyn Ledger>, Trouble> {
        let ledger = self.ledgers.get(id);
        ledger.ok_or_else(|| Trouble::Unconfirmed(format!("ledger {id} is not configured")))
    }
}
