//! What a transfer's journal contributes to its bundle: for every leaf the ledger's own evidence, and what the quorum signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes};
use isthmus_core::id::TransferId;
use isthmus_core::jcs;
use isthmus_core::operation::{Authorisation, OperationKind, SignedBatch, SignedVoid};
use isthmus_core::ports::{Journal, Recorded, StoreError};
use isthmus_core::receipt::Receipt;
use isthmus_core::terms::Terms;
use isthmus_core::transfer::{Event, Transfer};
use isthmus_prooflog::evm_evidence::{EvmEvidence, GateEvent};
use isthmus_prooflog::gate::{BatchHead, Item, MintAuthorisation, VoidAuthorisation};
use isthmus_prooflog::leaf::{Grams, Leaf};
use isthmus_store::Store;

use crate::proof::bundle::AssembleError;

/// A transfer's history, as evidence.
pub(super) struct Past<'a> {
    transfer: &'a Transfer,
    receipts: Vec<Receipt>,
    batch: Option<Arc<SignedBatch>>,
    void: Option<SignedVoid>,
}

impl<'a> Past<'a> {
    /// Takes receipts and the last authorisation of each kind out of the history.
    pub(super) fn new(transfer: &'a Transfer, history: Vec<Recorded>) -> Self {
        let mut past = Self {
            transfer,
            receipts: Vec::new(),
            batch: None,
            void: None,
        };
        for recorded in history {
            match recorded.event {
                Event::Burned { receipt, .. }
                | Event::Locked(receipt)
                | Event::Given(receipt)
                | Event::Voided(receipt)
                | Event::Unlocked(receipt) => past.receipts.push(receipt),
                Event::Authorised(Authorisation::Mint(batch)) => past.batch = Some(batch),
                Event::Authorised(Authorisation::Void(void)) => past.void = Some(void),
                Event::Requested { .. }
                | Event::Intended(_)
                | Event::Lapsed(_)
                | Event::Refused(_)
                | Event::WithdrawalRequested
                | Event::Instructed(_)
                | Event::Redirected(_)
                | Event::Reallocated(_)
                | Event::Quarantined(_)
                | Event::Resolved { .. } => {}
            }
        }
        past
    }

    /// A transfer that was withdrawn while a batch of several was being signed may be minted by it and has no record of it: the
    /// others in the batch have, and the event names them.
    pub(super) fn complete(mut self, store: &Store) -> Result<Self, StoreError> {
        let minted = self
            .receipts
            .iter()
            .find(|receipt| receipt.operation == OperationKind::Mint);
        let (None, Some(minted)) = (&self.batch, minted) else {
            return Ok(self);
        };
        let evidence = EvmEvidence::parse(minted.evidence.bytes());
        for event in evidence.and_then(|e| e.events()).unwrap_or_default() {
            let GateEvent::Minted { transfer, .. } = event else {
                continue;
            };
            let batch = self.signed_with(store, TransferId::new(transfer.0))?;
            if batch.is_some() {
                self.batch = batch;
                break;
            }
        }
        Ok(self)
    }

    /// The batch in the history of `other` that has this transfer's item as well.
    fn signed_with(
        &self,
        store: &Store,
        other: TransferId,
    ) -> Result<Option<Arc<SignedBatch>>, StoreError> {
        let mine = self.transfer.id();
        let authorised = store.history(other)?.into_iter().rev();
        Ok(authorised
            .filter_map(|recorded| {
                if let Event::Authorised(Authorisation::Mint(batch)) = recorded.event {
                    Some(batch)
                } else {
                    None
                }
            })
            .find(|batch| batch.items.iter().any(|item| item.transfer == mine)))
    }

    /// Adds the files behind a leaf. Answers with the log size that attesters signed, if they signed one.
    pub(super) fn files_for(
        &self,
        leaf: &Leaf,
        files: &mut BTreeMap<String, Vec<u8>>,
    ) -> Result<Option<u64>, AssembleError> {
        let (path, operation) = match leaf {
            Leaf::Locked { .. } => ("origin/lock.jws", OperationKind::Lock),
            Leaf::Unlocked { .. } => ("origin/unlock.jws", OperationKind::Unlock),
            Leaf::Released { .. } => ("origin/release.jws", OperationKind::Release),
            Leaf::Retired { .. } => ("origin/retire.jws", OperationKind::Retire),
            Leaf::Minted { .. } => ("destination/mint.json", OperationKind::Mint),
            Leaf::Voided { .. } => ("destination/void.json", OperationKind::Void),
            Leaf::Burned { .. } => ("destination/burn.json", OperationKind::Burn),
            Leaf::Route { .. }
            | Leaf::Owed { .. }
            | Leaf::Redirected { .. }
            | Leaf::Reallocated { .. }
            | Leaf::Impaired { .. }
            | Leaf::Cured { .. }
            | Leaf::ProRata { .. }
            | Leaf::Deposited { .. }
            | Leaf::DepositReturned { .. }
            | Leaf::Quarantined { .. }
            | Leaf::Resolved { .. }
            | Leaf::Paused { .. }
            | Leaf::Resumed { .. } => return Ok(None),
        };
        let receipt = self.receipts.iter().find(|r| r.operation == operation);
        let receipt = receipt.ok_or_else(|| self.missing(path))?;
        files.insert(path.to_owned(), receipt.evidence.bytes().to_vec());
        match operation {
            OperationKind::Mint => {
                let batch = self.batch.as_deref().ok_or_else(|| self.lost())?;
                files.insert("auth/mint.json".into(), jcs::bytes(&self.mint(batch)?));
                Ok(Some(batch.log.size))
            }
            OperationKind::Void => {
                let void = self.void.as_ref().ok_or_else(|| self.lost())?;
                files.insert("auth/void.json".into(), jcs::bytes(&self.void(void)?));
                Ok(None)
            }
            OperationKind::Lock
            | OperationKind::Unlock
            | OperationKind::Burn
            | OperationKind::Release
            | OperationKind::Retire
            | OperationKind::ReturnDeposit
            | OperationKind::Approve => Ok(None),
        }
    }

    fn mint(&self, batch: &SignedBatch) -> Result<MintAuthorisation, AssembleError> {
        let (chain_id, gate) = self.gate()?;
        let items = batch.items.iter().map(|item| Item {
            asset_class: B256::from(*item.asset_class.as_bytes()),
            quantity_g: Grams(item.quantity.grams()),
            recipient: Address::from(*item.recipient.as_bytes()),
            transfer: B256::from(*item.transfer.as_bytes()),
        });
        Ok(MintAuthorisation {
            batch: BatchHead {
                deadline: batch.deadline.s(),
                epoch: batch.epoch,
                log_root: B256::from(*batch.log.root.as_bytes()),
                log_size: batch.log.size,
            },
            chain_id,
            gate,
            items: items.collect(),
            signatures: batch.signatures.iter().cloned().map(Bytes::from).collect(),
            v: 1,
        })
    }

    fn void(&self, void: &SignedVoid) -> Result<VoidAuthorisation, AssembleError> {
        let (chain_id, gate) = self.gate()?;
        Ok(VoidAuthorisation {
            chain_id,
            epoch: void.epoch,
            gate,
            signatures: void.signatures.iter().cloned().map(Bytes::from).collect(),
            transfer: B256::from(*self.transfer.id().as_bytes()),
            v: 1,
        })
    }

    /// The gate that the terms name; the id of its chain is the reference part of its CAIP-2 id.
    fn gate(&self) -> Result<(u64, Address), AssembleError> {
        let gate = match self.transfer.terms() {
            Terms::Outbound(outbound) => outbound.terms.gate,
            Terms::Return(back) => back.burn.gate,
        };
        let destination = self.transfer.terms().destination().as_str();
        let chain_id = destination
            .strip_prefix("eip155:")
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| self.missing("the destination is no eip155 chain"))?;
        Ok((chain_id, Address::from(*gate.as_bytes())))
    }

    fn lost(&self) -> AssembleError {
        AssembleError::Lost(self.transfer.id())
    }

    fn missing(&self, what: &str) -> AssembleError {
        AssembleError::Incomplete {
            transfer: self.transfer.id(),
            missing: what.to_owned(),
        }
    }
}
