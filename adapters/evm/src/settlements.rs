//! What the events of a block say about transfers.

use std::collections::HashMap;

use alloy::primitives::{Address, B256, Log, U256};
use alloy::sol_types::SolEvent;

use crate::contract::Gate;
use crate::sent;

/// What the gate recorded about a transfer, and where in the block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) what: What,
    /// Position of the transaction in the block.
    pub(crate) transaction: usize,
    /// Position of the event in the transaction's receipt.
    pub(crate) event: usize,
}

/// What the gate did with a transfer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// Minted: the item as the gate carried it out.
    Minted {
        class: U256,
        recipient: Address,
        quantity: U256,
    },
    /// Voided.
    Voided,
}

/// The transfers that the gate settled in a block, from the events of its transactions.
pub(crate) fn settlements(gate: Address, events: &[Vec<Log>]) -> HashMap<B256, Settled> {
    let mut settlements = HashMap::new();
    for (transaction, events) in events.iter().enumerate() {
        for (event, log) in events.iter().enumerate() {
            if log.address != gate {
                continue;
            }
            for (transfer, what) in read(log) {
                let place = Settled {
                    what,
                    transaction,
                    event,
                };
                settlements.insert(transfer, place);
            }
        }
    }
    settlements
}

fn read(log: &Log) -> Vec<(B256, What)> {
    if let Ok(batch) = Gate::BatchMinted::decode_log_validate(log) {
        let minted = sent::minted(&batch).map(|item| {
            let what = What::Minted {
                class: item.assetClass,
                recipient: item.recipient,
                quantity: item.quantity,
            };
            (item.transferId, what)
        });
        return minted.collect();
    }
    match Gate::Voided::decode_log_validate(log) {
        Ok(voided) => vec![(voided.transferId, What::Voided)],
        Err(_) => Vec::new(),
    }
}
