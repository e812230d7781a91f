//! From operations to signed transactions: one per signed batch, one per void. Nothing is sent here.
//!
//! An offer stands for some blocks. What `find` then says was outbid gets another transaction at the same nonce; all of them are
//! in the journal, and only one can ever land.
//!
//! The engine journals what this returns before it sends it. If it stops in between, the nonces are given out again after the
//! restart; if it goes on without one of the drafts, `lane` fills the gap when the next one is sent.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::PoisonError;

use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use isthmus_core::id::{BatchId, DraftId, TransferId};
use isthmus_core::operation::{MintItem, Operation, SignedBatch, SignedVoid};
use isthmus_core::ports::{Attempt, BoxError, Draft, FindError, Found, PrepareError};

use crate::bid::{Bid, Fees, Subject};
use crate::contract::{Gate, core_address, transfer_word};
use crate::eip712::mint_batch_digest;
use crate::lane::{Account, Unsigned, base_fee};
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

/// For how many block times an offer stands before it may be raised.
const STANDS_BLOCKS: u64 = 10;

/// What one call of `prepare` knows: asked once, used for all its drafts.
struct Desk<'a> {
    ledger: &'a EvmLedger,
    lanes: &'a Lanes,
    base_wei: u128,
    fees: Fees,
    mint_nonce: u64,
    void_nonce: u64,
}

/// A lane's account, as `open` found it.
struct Place<'a> {
    account: &'a Account,
    pending: u64,
    subject: Subject,
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
    let base_wei = base_fee(chain).await.map_err(unreached)?;
    Ok(Desk {
        ledger,
        lanes,
        base_wei,
        fees: Fees::within(base_wei, ledger.fee_limits())
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
            } => Ok(self.void(*transfer, authorisation)),
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
        let place = Place {
            account: &self.lanes.mint,
            pending: self.mint_nonce,
            subject: Subject::Batch(batch.id),
        };
        let draft = self.sign(&place, &call, gas_limit);
        Draft {
            expires: draft.expires.map(|at| at.min(batch.deadline)),
            ..draft
        }
    }

    fn void(&self, transfer: TransferId, authorisation: &SignedVoid) -> Draft {
        let signatures = authorisation.signatures.iter().cloned();
        let call = Gate::voidTransferCall {
            transferId: transfer_word(transfer),
            epoch: authorisation.epoch,
            signatures: signatures.map(Bytes::from).collect(),
        };
        let gas_limit =
            VOID_GAS.saturating_add(times(SIGNATURE_GAS, authorisation.signatures.len()));
        let place = Place {
            account: &self.lanes.void,
            pending: self.void_nonce,
            subject: Subject::Void(transfer),
        };
        self.sign(&place, &call, gas_limit)
    }

    fn sign<C: SolCall>(&self, place: &Place<'_>, call: &C, gas_limit: u64) -> Draft {
        let chain = self.ledger.chain();
        let mut unsigned = Unsigned {
            to: chain.gate,
            input: call.abi_encode().into(),
            gas_limit,
            fees: self.fees,
        };
        let signed = match self.lanes.outbid.take(place.subject) {
            Some(Bid { nonce, fees }) => {
                let raised = fees.raised(self.base_wei, self.ledger.fee_limits());
                unsigned.fees = raised.unwrap_or(self.fees);
                place.account.sign_with(chain, nonce, unsigned)
            }
            None => place.account.sign(chain, place.pending, unsigned),
        };
        let stands_ms = chain.block_time_ms.saturating_mul(STANDS_BLOCKS);
        Draft {
            id: DraftId::new(signed.hash),
            bytes: signed.bytes,
            nonce: Some(signed.nonce),
            expires: Some(self.ledger.now().plus_ms(stands_ms)),
        }
    }
}

fn times(gas: u64, count: usize) -> u64 {
    gas.saturating_mul(u64::try_from(count).unwrap_or(u64::MAX))
}
