//! What a transaction offers for its gas, and what another one at the same nonce must offer to take its place.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use isthmus_core::id::{BatchId, TransferId};
use isthmus_core::operation::Operation;
use isthmus_core::ports::Draft;

use crate::config::FeeLimits;

/// Nodes take another transaction at the same nonce only if it offers this much more, of both fees.
const RAISE_PERCENT: u128 = 110;

/// EIP-1559 fees in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fees {
    pub(crate) max_fee_per_gas: u128,
    pub(crate) max_priority_fee_per_gas: u128,
}

/// Why a transaction cannot be paid for now.
#[derive(Debug, thiserror::Error)]
#[error(
    "a unit of gas costs at least {needed_wei} wei, more than max_fee_per_gas_wei = {limit_wei}: wait, or raise the limit"
)]
pub(crate) struct TooExpensive {
    needed_wei: u128,
    limit_wei: u128,
}

/// What a draft offered, and where it stands in its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bid {
    pub(crate) nonce: u64,
    pub(crate) fees: Fees,
}

/// What several transactions may be about, one after the other at the same nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Batch(BatchId),
    Void(TransferId),
}

/// Bids that did not win, until they are raised. Read from the journal's drafts whenever they are asked about, so that a
/// restart knows them again.
#[derive(Debug, Default)]
pub(crate) struct Outbid(Mutex<HashMap<Subject, Bid>>);

impl Outbid {
    pub(crate) fn note(&self, subject: Subject, bid: Bid) {
        self.lock().insert(subject, bid);
    }

    pub(crate) fn take(&self, subject: Subject) -> Option<Bid> {
        self.lock().remove(&subject)
    }

    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, Bid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subject {
    /// What an operation at a gate is about.
    pub(crate) fn of(operation: &Operation) -> Option<Self> {
        match operation {
            Operation::Mint { batch, .. } => Some(Self::Batch(batch.id)),
            Operation::Void { transfer, .. } => Some(Self::Void(*transfer)),
            Operation::Lock { .. }
            | Operation::Unlock { .. }
            | Operation::Release { .. }
            | Operation::Retire { .. }
            | Operation::ReturnDeposit { .. }
            | Operation::Approve { .. } => None,
        }
    }
}

impl Bid {
    /// What a draft offers; `None` if it is no transaction.
    pub(crate) fn of(draft: &Draft) -> Option<Self> {
        let transaction = TxEnvelope::decode_2718(&mut draft.bytes.as_slice()).ok()?;
        Some(Self {
            nonce: transaction.nonce(),
            fees: Fees {
                max_fee_per_gas: transaction.max_fee_per_gas(),
                max_priority_fee_per_gas: transaction.max_priority_fee_per_gas().unwrap_or(0),
            },
        })
    }
}

impl Fees {
    /// What a transaction should offer now: twice the base fee, so that it still counts after six full blocks, within the
    /// operator's limit.
    pub(crate) fn within(base_wei: u128, limits: FeeLimits) -> Result<Self, TooExpensive> {
        let tip = limits.priority_fee_per_gas_wei;
        let needed_wei = base_wei.saturating_add(tip);
        if needed_wei > limits.max_fee_per_gas_wei {
            return Err(TooExpensive {
                needed_wei,
                limit_wei: limits.max_fee_per_gas_wei,
            });
        }
        let generous = base_wei.saturating_mul(2).saturating_add(tip);
        Ok(Self {
            max_fee_per_gas: generous.min(limits.max_fee_per_gas_wei),
            max_priority_fee_per_gas: tip,
        })
    }

    /// Whether no block takes it at this base fee.
    pub(crate) fn is_below(&self, base_wei: u128) -> bool {
        self.max_fee_per_gas < base_wei
    }

    /// At least a tenth more than this, and enough for now; `None` if the limit does not allow that.
    pub(crate) fn raised(&self, base_wei: u128, limits: FeeLimits) -> Option<Self> {
        let tip = raise(self.max_priority_fee_per_gas).max(limits.priority_fee_per_gas_wei);
        let least = raise(self.max_fee_per_gas).max(base_wei.saturating_add(tip));
        let generous = base_wei.saturating_mul(2).saturating_add(tip);
        let max_fee_per_gas = least.max(generous.min(limits.max_fee_per_gas_wei));
        (max_fee_per_gas <= limits.max_fee_per_gas_wei).then_some(Self {
            max_fee_per_gas,
            max_priority_fee_per_gas: tip,
        })
    }
}

fn raise(wei: u128) -> u128 {
    wei.saturating_mul(RAISE_PERCENT).div_ceil(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(max: u128) -> FeeLimits {
        FeeLimits {
            max_fee_per_gas_wei: max,
            priority_fee_per_gas_wei: 3,
        }
    }

    #[test]
    fn fees_are_generous_within_the_limit_and_refused_above_it() {
        let offered = |base, max| Fees::within(base, limits(max)).map(|fees| fees.max_fee_per_gas);
        assert_eq!(offered(10, 100).unwrap(), 23);
        assert_eq!(offered(10, 20).unwrap(), 20);
        assert_eq!(offered(10, 13).unwrap(), 13);
        assert!(offered(10, 12).is_err());
        assert_eq!(offered(u128::MAX / 2 + 1, u128::MAX).unwrap(), u128::MAX);
    }

    #[test]
    fn a_raise_is_a_tenth_of_both_fees_enough_for_now_and_within_the_limit() {
        let old = Fees {
            max_fee_per_gas: 101,
            max_priority_fee_per_gas: 11,
        };
        let raised = |base, max| {
            let fees = old.raised(base, limits(max))?;
            Some((fees.max_fee_per_gas, fees.max_priority_fee_per_gas))
        };
        assert_eq!(raised(1, 1000), Some((112, 13)), "rounded up");
        assert_eq!(raised(1, 112), Some((112, 13)));
        assert_eq!(raised(1, 111), None, "a node would not take less");
        assert_eq!(raised(200, 1000), Some((413, 13)));
        assert_eq!(raised(200, 300), Some((300, 13)));
        assert_eq!(raised(200, 213), Some((213, 13)));
        assert_eq!(raised(200, 212), None, "no block would take less");
        assert!(old.is_below(102) && !old.is_below(101));
    }
}
