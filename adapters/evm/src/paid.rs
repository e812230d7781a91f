//! What our own transactions cost, taken from receipts as they are read for other reasons, until the journal has it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use alloy::network::ReceiptResponse as _;
use alloy::primitives::{Address, B256};
use alloy::rpc::types::TransactionReceipt;
use isthmus_core::ports::Fee;

/// Most transactions remembered: far more than become final between a question and its record.
const MOST: usize = 1024;

/// Fees of the transactions of some accounts.
#[derive(Debug, Default)]
pub(crate) struct Paid {
    /// Who pays. Nobody, where this process only reads.
    accounts: Vec<Address>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    fees: HashMap<B256, Fee>,
    oldest_first: VecDeque<B256>,
}

impl Paid {
    pub(crate) fn by(accounts: Vec<Address>) -> Self {
        Self {
            accounts,
            seen: Mutex::default(),
        }
    }

    /// Notes what a transaction cost, if one of the accounts has sent it.
    pub(crate) fn note(&self, receipt: &TransactionReceipt) {
        if !self.accounts.contains(&receipt.from()) {
            return;
        }
        let fee = Fee {
            gas: receipt.gas_used(),
            wei: u128::from(receipt.gas_used()).saturating_mul(receipt.effective_gas_price()),
        };
        self.remember(receipt.transaction_hash(), fee);
    }

    fn remember(&self, transaction: B256, fee: Fee) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.fees.insert(transaction, fee).is_none() {
            seen.oldest_first.push_back(transaction);
        }
        if seen.oldest_first.len() > MOST
            && let Some(oldest) = seen.oldest_first.pop_front()
        {
            seen.fees.remove(&oldest);
        }
    }

    pub(crate) fn fee(&self, transaction: B256) -> Option<Fee> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.fees.get(&transaction).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_are_remembered() {
        let paid = Paid::default();
        let transaction = |number: usize| {
            B256::with_last_byte(1) | B256::from(alloy::primitives::U256::from(number << 8))
        };
        for number in 0..=MOST {
            let fee = Fee {
                gas: 1,
                wei: u128::try_from(number).unwrap(),
            };
            paid.remember(transaction(number), fee);
            paid.remember(transaction(number), fee);
        }
        assert_eq!(paid.fee(transaction(0)), None);
        assert_eq!(paid.fee(transaction(1)).map(|fee| fee.wei), Some(1));
        let seen = paid.seen.lock().unwrap();
        assert_eq!((seen.fees.len(), seen.oldest_first.len()), (MOST, MOST));
    }
}
