//! From operations to signed transactions: one per signed batch, one per void. Nothing is sent here.
//!
//! The engine journals what this returns before it sends it. If it stops in between, the nonces are given out again after the
//! restart; if it goes on without one of the drafts, `lane` fills the gap when the next one is sent.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::PoisonError;

use alloy::primitives::{B256, Bytes};
use alloy::sol_types::SolCall;
use isthmus_core::id::{BatchId, DraftId};
use isthmus_core::operation::{MintItem, Operation, SignedBatch, SignedVoid};
use isthmus_core::ports::{Attempt, BoxError, Draft, FindError, Found, PrepareError};
use isthmus_core::time::Timestamp;

use crate::contract::{Gate, core_address, transfer_word};
use crate::eip712::mint_batch_digest;
use crate::lane::{Account, Fees, Unsigned, fees};
use crate::ledger::{EvmLedger, Lanes, MAX_BATCH};
use crate::sent::mint_batch_call;

/// Gas for a batch besides its items: the call itself and the batch's own checks.
const BATCH_GAS: u64 = 120_000;
/// Gas for one item: what the gate sets aside for its self-call, and the calldata and loop around it.
const ITEM_GAS: u64 = 190_000;
/// Gas for one signature: calldata and recovery.
const SIGNATURE_GAS: u64 = 12_000;
/// Gas for a void besides its signatures.
const VOID_GAS: u64 = 150_000;

/// What one call of `prepare` knows: asked once, used for all its drafts.
struct Desk<'a> {
    ledger: &'a EvmLedger,
    lanes: &'a Lanes,
    fees: Fees,
    mint_nonce: u64,
    void_nonce: u64,
}

/// One answer per operation, in order.
pub(crate) async fn prepare(
    ledger: &EvmLedger,
    operations: &[Operation],
) -> Vec<Result<Draft, PrepareError>> {
    let desk = match open(ledger).await {
        Ok(desk) => desk,
        Err(error) => {
            let text = error.to_string();
            return operations
                .iter()
                .map(|_| Err(same(&error, &text)))
                .collect();
        }
    };
    let mut batches = desk
        .lanes
        .batches
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let now = ledger.now();
    batches.retain(|_, draft| draft.expires.is_none_or(|expires| now < expires));
    operations
        .iter()
        .map(|operation| desk.draft(operation, &mut batches))
        .collect()
}

/// A draft that is dead is no answer to its batch any more: the next time the batch gets another one.
pub(crate) fn forget_dead(
    lanes: &Lanes,
    attempts: &[Attempt],
    answers: &[Result<Found, FindError>],
) {
    let mut batches = lanes.batches.lock().unwrap_or_else(PoisonError::into_inner);
    for (attempt, answer) in attempts.iter().zip(answers) {
        if let (Operation::Mint { batch, .. }, Ok(Found::Dead(_))) = (&attempt.operation, answer)
            && let Entry::Occupied(known) = batches.entry(batch.id)
            && attempt.drafts.contains(known.get())
        {
            known.remove();
        }
    }
}

async fn open(ledger: &EvmLedger) -> Result<Desk<'_>, PrepareError> {
    let lanes = ledger.lanes().ok_or_else(|| {
        PrepareError::Unsupported(format!(
            "ledger {} was connected without keys, to read only",
            ledger.chain().ledger
        ))
    })?;
    let chain = ledger.chain();
    Ok(Desk {
        ledger,
        lanes,
        fees: fees(chain, ledger.fee_limits())
            .await
            .map_err(unreached)?
            .map_err(|error| PrepareError::Unsupported(error.to_string()))?,
        mint_nonce: lanes.mint.pending_nonce(chain).await.map_err(unreached)?,
        void_nonce: lanes.void.pending_nonce(chain).await.map_err(unreached)?,
    })
}

fn unreached(error: FindError) -> PrepareError {
    PrepareError::Unreached(match error {
        FindError::Unavailable(source) => source,
        FindError::Contradiction(contradiction) => Box::new(contradiction),
    })
}

/// An error that concerns every operation of the call.
fn same(error: &PrepareError, text: &str) -> PrepareError {
    match error {
        PrepareError::Unsupported(reason) => PrepareError::Unsupported(reason.clone()),
        PrepareError::Unreached(source) => {
            let source: BoxError = format!("{text}: {source}").into();
            PrepareError::Unreached(source)
        }
    }
}

impl Desk<'_> {
    fn draft(
        &self,
        operation: &Operation,
        batches: &mut HashMap<BatchId, Draft>,
    ) -> Result<Draft, PrepareError> {
        let chain = self.ledger.chain();
        if *operation.ledger() != chain.ledger {
            return Err(PrepareError::Unsupported(format!(
                "the operation is for ledger {}, this is {}",
                operation.ledger(),
                chain.ledger
            )));
        }
        match operation {
            Operation::Mint { item, batch, .. } => {
                self.check_batch(item, batch)?;
                if let Some(draft) = batches.get(&batch.id) {
                    return Ok(draft.clone());
                }
                let draft = self.mint(batch);
                batches.insert(batch.id, draft.clone());
                Ok(draft)
            }
            Operation::Void {
                transfer,
                authorisation,
                ..
            } => Ok(self.void(transfer_word(*transfer), authorisation)),
            Operation::Lock { .. }
            | Operation::Unlock { .. }
            | Operation::Release { .. }
            | Operation::Retire { .. }
            | Operation::ReturnDeposit { .. }
            | Operation::Approve { .. } => Err(PrepareError::Unsupported(format!(
                "a gate offers mint and void, not {}",
                operation.kind()
            ))),
        }
    }

    /// A batch that does not contain the item, fits into no transaction or was signed for another gate could never settle it.
    fn check_batch(&self, item: &MintItem, batch: &SignedBatch) -> Result<(), PrepareError> {
        let chain = self.ledger.chain();
        if batch.items.len() > MAX_BATCH {
            return Err(PrepareError::Unsupported(format!(
                "batch {} has {} items, more than {MAX_BATCH}: have smaller batches signed",
                batch.id,
                batch.items.len()
            )));
        }
        if !batch.items.contains(item) {
            return Err(PrepareError::Unsupported(format!(
                "batch {} does not contain the item of transfer {}",
                batch.id, item.transfer
            )));
        }
        let digest = mint_batch_digest(
            chain.id,
            core_address(chain.gate),
            &batch.items,
            batch.log,
            batch.epoch,
            batch.deadline,
        );
        if digest.as_bytes() == batch.id.as_bytes() {
            Ok(())
        } else {
            Err(PrepareError::Unsupported(format!(
                "batch {} has digest {digest} at gate {}: it was signed for another gate or content",
                batch.id, chain.gate
            )))
        }
    }

    fn mint(&self, batch: &SignedBatch) -> Draft {
        let call = mint_batch_call(batch);
        let gas_limit = BATCH_GAS
            .saturating_add(times(ITEM_GAS, batch.items.len()))
            .saturating_add(times(SIGNATURE_GAS, batch.signatures.len()));
        let (account, pending) = (&self.lanes.mint, self.mint_nonce);
        self.sign(account, pending, &call, gas_limit, Some(batch.deadline))
    }

    fn void(&self, transfer: B256, authorisation: &SignedVoid) -> Draft {
        let signatures = authorisation.signatures.iter().cloned();
        let call = Gate::voidTransferCall {
            transferId: transfer,
            epoch: authorisation.epoch,
            signatures: signatures.map(Bytes::from).collect(),
        };
        let gas_limit =
            VOID_GAS.saturating_add(times(SIGNATURE_GAS, authorisation.signatures.len()));
        self.sign(&self.lanes.void, self.void_nonce, &call, gas_limit, None)
    }

    fn sign<C: SolCall>(
        &self,
        account: &Account,
        pending: u64,
        call: &C,
        gas_limit: u64,
        expires: Option<Timestamp>,
    ) -> Draft {
        let chain = self.ledger.chain();
        let unsigned = Unsigned {
            to: chain.gate,
            input: call.abi_encode().into(),
            gas_limit,
            fees: self.fees,
        };
        let signed = account.sign(chain, pending, unsigned);
        Draft {
            id: DraftId::new(signed.hash),
            bytes: signed.bytes,
            nonce: Some(signed.nonce),
            expires,
        }
    }
}

fn times(gas: u64, count: usize) -> u64 {
    gas.saturating_mul(u64::try_from(count).unwrap_or(u64::MAX))
}
