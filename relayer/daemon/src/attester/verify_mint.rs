//! Whether a mint batch may be signed: the checks, as pure functions over what the log, the registry and the gate said.

use alloy::primitives::{Address as EvmAddress, B256};
use isthmus_core::id::{Address, Hash32, LedgerId};
use isthmus_core::mandate::HolderKey;
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::time::Timestamp;
use isthmus_prooflog::book::LockEnd;
use isthmus_prooflog::gate::{BatchHead, Item, MintAuthorisation};
use isthmus_prooflog::leaf::Grams;

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::lock::{self, LoggedLock};
use crate::attester::ports::{Outcome, Record, StoredBlock};
use crate::attester::reserves::Cover;
use crate::attester::route::{self, RouteFacts};

/// Farthest deadline that is signed, in milliseconds from now.
const MAX_DEADLINE_MS: u64 = 24 * 60 * 60 * 1000;

/// A batch that the relayer asks to have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintBatch {
    /// The chain.
    pub ledger: LedgerId,
    /// The gate.
    pub gate: Address,
    /// The items, in signed order.
    pub items: Vec<MintItem>,
    /// The log that contains their locks.
    pub log: LogHead,
    /// The signer set.
    pub epoch: u32,
    /// Last second at which the batch counts.
    pub deadline_s: u64,
}

impl MintBatch {
    /// The EIP-712 digest that is signed.
    pub fn digest(&self, chain_id: u64) -> B256 {
        let items = self.items.iter().map(|item| Item {
            asset_class: B256::from(*item.asset_class.as_bytes()),
            quantity_g: Grams(item.quantity.grams()),
            recipient: EvmAddress::from(*item.recipient.as_bytes()),
            transfer: B256::from(*item.transfer.as_bytes()),
        });
        MintAuthorisation {
            batch: BatchHead {
                deadline: self.deadline_s,
                epoch: self.epoch,
                log_root: B256::from(*self.log.root.as_bytes()),
                log_size: self.log.size,
            },
            chain_id,
            gate: EvmAddress::from(*self.gate.as_bytes()),
            items: items.collect(),
            signatures: Vec::new(),
            v: 1,
        }
        .digest()
    }
}

/// What is about the batch and not about one of its items. `followed` is the root that this attester computed itself over
/// the batch's log size, if it follows the log that far.
pub fn check_batch(
    batch: &MintBatch,
    followed: Option<Hash32>,
    now: Timestamp,
) -> Result<(), Decline> {
    let deadline = Timestamp::from_s(batch.deadline_s);
    require(now < deadline, Ground::DeadlinePassed, || {
        format!("deadline {} is over", batch.deadline_s)
    })?;
    require(
        deadline <= now.plus_ms(MAX_DEADLINE_MS),
        Ground::DeadlineTooFar,
        || format!("deadline {} is over 24 h ahead", batch.deadline_s),
    )?;
    let followed = followed.ok_or_else(|| {
        let reason = format!("log size {} is not followed yet", batch.log.size);
        Decline::new(Ground::LogBehind, reason)
    })?;
    require(followed == batch.log.root, Ground::OtherLog, || {
        format!(
            "the log followed has root {followed} at size {}",
            batch.log.size
        )
    })
}

/// Everything that decides about one item besides the item.
#[derive(Clone, Debug)]
pub struct ItemFacts<'a> {
    /// The lock in the log.
    pub lock: &'a LoggedLock,
    /// The route in the log.
    pub route: RouteFacts<'a>,
    /// What the registry has under the transfer's id.
    pub record: &'a Record,
    /// The key of the registry's receipts.
    pub receipt_key: &'a [u8; 32],
    /// The key that speaks for the account's holder.
    pub holder: Option<HolderKey>,
    /// The registry's blocks, those that share a unit with the lock's among them.
    pub stored: &'a [StoredBlock],
    /// The gate's outcome at a final block.
    pub outcome: Outcome,
    /// Reserves of the class.
    pub cover: Cover,
}

/// Whether one item may be signed.
pub fn check_item(
    batch: &MintBatch,
    item: &MintItem,
    facts: &ItemFacts<'_>,
    now: Timestamp,
) -> Result<(), Decline> {
    is_terms(batch, item, facts.lock)?;
    match facts.lock.end {
        LockEnd::Open => {}
        end @ (LockEnd::Minted | LockEnd::Voided | LockEnd::Unlocked) => {
            let reason = format!("the log says {end:?} of {}", item.transfer);
            return Err(Decline::new(Ground::Ended, reason));
        }
    }
    match facts.outcome {
        Outcome::None => {}
        Outcome::Minted => {
            let reason = format!("the gate has minted {}", item.transfer);
            return Err(Decline::new(Ground::Minted, reason));
        }
        Outcome::Voided => {
            let reason = format!("the gate has voided {}", item.transfer);
            return Err(Decline::new(Ground::Voided, reason));
        }
    }
    let receipt = lock::executed(facts.lock, facts.record, facts.receipt_key)?;
    lock::mandated(facts.lock, &receipt, facts.holder)?;
    let class = lock::in_custody(facts.lock, facts.stored)?;
    route::allows(&facts.route, facts.lock, class, now)?;
    let locked_at = Timestamp::from_ms(receipt.at_ms);
    route::waited(&facts.route, facts.lock, locked_at, now)?;
    facts.cover.check()
}

fn is_terms(batch: &MintBatch, item: &MintItem, lock: &LoggedLock) -> Result<(), Decline> {
    let terms = &lock.terms;
    let same = [
        ("transfer", item.transfer == lock.id()),
        ("asset_class", item.asset_class == terms.asset_class),
        ("recipient", item.recipient == terms.recipient),
        ("quantity", item.quantity == terms.quantity_g),
        ("destination", batch.ledger == terms.destination),
        ("gate", batch.gate == terms.gate),
    ];
    for (field, holds) in same {
        require(holds, Ground::NotTheTerms, || {
            format!("the item's {field} is not the terms'")
        })?;
    }
    Ok(())
}
