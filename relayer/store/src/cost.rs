//! What transactions have cost, by ledger and operation: sums that change in the write that records what a transaction did. Each
//! transaction counts once, however many transfers it served and however often it is found.

use isthmus_core::ports::{Spent, StoreError};
use isthmus_proto::store::v1 as pb;
use prost::Message;

use crate::columns::{self, Column};
use crate::open::Store;
use crate::overlay::{Overlay, corrupt, scan};

const COSTS: &[u8] = b"cost/";
/// Separates a ledger from an operation: in no id of a ledger.
const BETWEEN: char = '/';

/// What operations of one kind have cost on one ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The ledger.
    pub ledger: String,
    /// What the transactions were sent for.
    pub operation: String,
    /// How many transactions.
    pub transactions: u64,
    /// How many transfers have their outcome from one of them.
    pub transfers: u64,
    /// Gas that they used.
    pub gas: u64,
    /// What was paid for it, in the smallest unit of the chain's own coin.
    pub wei: u128,
}

fn key(spent: &Spent) -> Vec<u8> {
    let (ledger, operation) = (&spent.ledger, spent.operation);
    [COSTS, format!("{ledger}{BETWEEN}{operation}").as_bytes()].concat()
}

/// Counts what was spent.
pub(crate) fn spend(overlay: &mut Overlay<'_>, spent: &Spent) -> Result<(), StoreError> {
    let counted = columns::paid(&spent.transaction);
    let is_known = overlay.get(Column::Drafts, &counted)?.is_some();
    if is_known && !spent.settled {
        return Ok(());
    }
    let key = key(spent);
    let mut cost = match overlay.get(Column::Meta, &key)? {
        Some(bytes) => decode(&bytes)?,
        None => Cost::default(),
    };
    if !is_known {
        overlay.put(Column::Drafts, counted, Vec::new());
        cost.transactions = cost.transactions.saturating_add(1);
        cost.gas = cost.gas.saturating_add(spent.fee.gas);
        cost.wei = cost.wei.saturating_add(spent.fee.wei);
    }
    cost.transfers = cost.transfers.saturating_add(u64::from(spent.settled));
    let record = pb::Cost {
        transactions: cost.transactions,
        transfers: cost.transfers,
        gas: cost.gas,
        wei: cost.wei.to_be_bytes().to_vec(),
    };
    overlay.put(Column::Meta, key, record.encode_to_vec());
    Ok(())
}

fn decode(bytes: &[u8]) -> Result<Cost, StoreError> {
    let record = pb::Cost::decode(bytes).map_err(|_| corrupt("a cost"))?;
    let wei = record.wei.try_into().map_err(|_| corrupt("a cost"))?;
    Ok(Cost {
        transactions: record.transactions,
        transfers: record.transfers,
        gas: record.gas,
        wei: u128::from_be_bytes(wei),
        ..Cost::default()
    })
}

impl Store {
    /// What transactions have cost since this store exists, by ledger and operation.
    pub fn costs(&self) -> Result<Vec<Cost>, StoreError> {
        scan(&self.db, Column::Meta, COSTS, COSTS)?
            .map(|entry| {
                let (key, value) = entry?;
                let name = String::from_utf8_lossy(key.get(COSTS.len()..).unwrap_or_default());
                let (ledger, operation) = name
                    .rsplit_once(BETWEEN)
                    .ok_or_else(|| corrupt("whose cost it is"))?;
                Ok(Cost {
                    ledger: ledger.into(),
                    operation: operation.into(),
                    ..decode(&value)?
                })
            })
            .collect()
    }
}
