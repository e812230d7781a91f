//! The account of a lane: its key and its nonces. Nonces are given out once and in order; one that was given out and never
//! used would block all later ones, so gaps are found and filled.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{SignableTransaction, Transaction as _, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, Bytes, TxKind, U256};
use alloy::providers::Provider;
use isthmus_core::ports::{Draft, FindError};
use isthmus_core::time::Timestamp;

use crate::bid::{Fees, TooExpensive};
use crate::chain::Chain;
use crate::config::{FeeLimits, Sender};
use crate::contract::evm_address;
use crate::key::SigningKey;

/// How long a nonce counts as used that a node got, or that the last run may have used. Whoever still needs its transaction
/// sends it again before that.
const PATIENCE_MS: u64 = 60_000;

/// Gas of a transaction that does nothing.
const PLAIN_GAS: u64 = 21_000;

/// Most transactions kept to be sent again; older ones are mined, or `find` has them sent.
const MOST_KEPT: usize = 128;

/// Most gaps filled at once; the rest is for the next time.
const FILLERS_PER_CALL: usize = 16;

/// One lane's account.
#[derive(Debug)]
pub(crate) struct Account {
    key: SigningKey,
    nonces: Mutex<Nonces>,
}

#[derive(Debug)]
struct Nonces {
    /// The next one to give out.
    next: u64,
    /// Handed to a node, by us: no gap until then even if the node forgot it, since `find` will have the same bytes sent again.
    sent: BTreeMap<u64, Timestamp>,
    /// The newest of them as they were sent. They are in the journal; here so that one that a node drops holds up the others for a
    /// moment only.
    kept: BTreeMap<u64, Vec<u8>>,
    /// Nonces below `.0` belong to the last run and count as sent until `.1`.
    recovering: (u64, Timestamp),
}

/// A transaction before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Unsigned {
    pub(crate) to: Address,
    pub(crate) input: Bytes,
    pub(crate) gas_limit: u64,
    pub(crate) fees: Fees,
}

/// A signed transaction.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) hash: [u8; 32],
    pub(crate) bytes: Vec<u8>,
    pub(crate) nonce: u64,
}

impl Account {
    pub(crate) fn new(sender: Sender, now: Timestamp) -> Self {
        Self {
            key: sender.key,
            nonces: Mutex::new(Nonces {
                next: sender.next_nonce,
                sent: BTreeMap::new(),
                kept: BTreeMap::new(),
                recovering: (sender.next_nonce, now.plus_ms(PATIENCE_MS)),
            }),
        }
    }

    pub(crate) fn address(&self) -> Address {
        evm_address(self.key.address())
    }

    /// How many nonces count as used, those in mempools included.
    pub(crate) async fn pending_nonce(&self, chain: &Chain) -> Result<u64, FindError> {
        chain.pending_nonce(self.address()).await
    }

    /// How many nonces were given out that no block has used yet.
    pub(crate) async fn queued(&self, chain: &Chain) -> Result<u64, FindError> {
        let answer = chain.node().get_transaction_count(self.address()).await;
        let used = chain.answered("eth_getTransactionCount", answer)?;
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(nonces.next.saturating_sub(used))
    }

    /// Signs a transaction under the next nonce, which is at least `pending`.
    pub(crate) fn sign(&self, chain: &Chain, pending: u64, unsigned: Unsigned) -> Signed {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let nonce = nonces.next.max(pending);
        nonces.next = nonce.saturating_add(1);
        drop(nonces);
        self.sign_with(chain, nonce, unsigned)
    }

    /// Signs a transaction under a nonce that one of ours had before, to take its place.
    pub(crate) fn sign_with(&self, chain: &Chain, nonce: u64, unsigned: Unsigned) -> Signed {
        let mut transaction = TxEip1559 {
            chain_id: chain.id,
            nonce,
            gas_limit: unsigned.gas_limit,
            max_fee_per_gas: unsigned.fees.max_fee_per_gas,
            max_priority_fee_per_gas: unsigned.fees.max_priority_fee_per_gas,
            to: TxKind::Call(unsigned.to),
            value: U256::ZERO,
            access_list: alloy::eips::eip2930::AccessList::default(),
            input: unsigned.input,
        };
        let signature = self
            .key
            .signer()
            .sign_transaction_sync(&mut transaction)
            .expect("a local key signs any transaction");
        let signed = TxEnvelope::Eip1559(transaction.into_signed(signature));
        Signed {
            hash: signed.tx_hash().0,
            bytes: signed.encoded_2718(),
            nonce,
        }
    }

    /// The chain's history is another now: nonces that were used may be free again, and count as the chain counts them.
    pub(crate) fn forget_nonces(&self) {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.next = 0;
        nonces.sent.clear();
        nonces.kept.clear();
        nonces.recovering.0 = 0;
    }

    /// Notes that a node is about to get this nonce, with these bytes.
    pub(crate) fn sending(&self, nonce: u64, bytes: &[u8], now: Timestamp) {
        let until = now.plus_ms(PATIENCE_MS);
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.sent.retain(|_, until| now < *until);
        nonces.sent.insert(nonce, until);
        nonces.kept.insert(nonce, bytes.to_vec());
        while nonces.kept.len() > MOST_KEPT {
            nonces.kept.pop_first();
        }
    }

    /// What was sent last under a nonce, if it is kept.
    pub(crate) fn sent_under(&self, nonce: u64) -> Option<Vec<u8>> {
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.kept.get(&nonce).cloned()
    }

    /// Transactions that do nothing, for nonces from `pending` to below `end` that nobody will use: prepared but never
    /// journalled, or sent once and needed no more. If one of them is used after all, the gate still does everything at most
    /// once.
    pub(crate) fn fillers(
        &self,
        chain: &Chain,
        pending: u64,
        end: u64,
        now: Timestamp,
        fees: Fees,
    ) -> Vec<Signed> {
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let gaps: Vec<_> = (pending..end)
            .filter(|nonce| !nonces.in_use(*nonce, now))
            .take(FILLERS_PER_CALL)
            .collect();
        drop(nonces);
        let filler = Unsigned {
            to: self.address(),
            input: Bytes::new(),
            gas_limit: PLAIN_GAS,
            fees,
        };
        gaps.into_iter()
            .map(|nonce| self.sign_with(chain, nonce, filler.clone()))
            .collect()
    }
}

impl Nonces {
    fn in_use(&self, nonce: u64, now: Timestamp) -> bool {
        let (end, until) = self.recovering;
        let recovering = nonce < end && now < until;
        let sent = self.sent.get(&nonce).is_some_and(|until| now < *until);
        recovering || sent
    }
}

/// Whose nonce a draft uses, by its signature; `None` if it is no signed transaction.
pub(crate) fn sender_and_nonce(draft: &Draft) -> Option<(Address, u64)> {
    let transaction = TxEnvelope::decode_2718(&mut draft.bytes.as_slice()).ok()?;
    Some((transaction.recover_signer().ok()?, transaction.nonce()))
}

/// What a transaction should offer now.
pub(crate) async fn fees(
    chain: &Chain,
    limits: FeeLimits,
) -> Result<Result<Fees, TooExpensive>, FindError> {
    Ok(Fees::within(base_fee(chain).await?, limits))
}

/// What the newest block that the nodes agree on took for a unit of gas at least, in wei.
pub(crate) async fn base_fee(chain: &Chain) -> Result<u128, FindError> {
    Ok(chain.heads().await?.latest.base_fee_wei)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_a_gap_once_nobody_can_use_it() {
        let at = Timestamp::from_ms;
        let nonces = Nonces {
            next: 9,
            sent: BTreeMap::from([(6, at(200))]),
            kept: BTreeMap::new(),
            recovering: (5, at(100)),
        };
        assert!(nonces.in_use(4, at(99)) && !nonces.in_use(4, at(100)));
        assert!(!nonces.in_use(5, at(0)));
        assert!(nonces.in_use(6, at(199)) && !nonces.in_use(6, at(200)));
        assert!(!nonces.in_use(7, at(0)));
    }
}
