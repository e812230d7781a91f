//! Where the gate's events are, by bounded ranges of the logs.

use alloy::primitives::{B256, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use isthmus_core::ports::FindError;

use crate::block_evidence::EventKey;
use crate::chain::Chain;
use crate::contract::Gate;

/// Where an event is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) block: B256,
    pub(crate) transaction: B256,
    pub(crate) key: EventKey,
}

/// The event of a burn.
pub(crate) fn burn_key(number: u64) -> EventKey {
    EventKey {
        signature: Gate::Burned::SIGNATURE_HASH,
        subject: B256::from(U256::from(number)),
    }
}

/// Looks for events in the logs, newest ranges first, since what is asked about usually just happened. The answer has one
/// entry per key that was found.
pub(crate) async fn in_logs(
    chain: &Chain,
    keys: &[EventKey],
    up_to: u64,
) -> Result<Vec<Place>, FindError> {
    let mut places: Vec<Place> = Vec::new();
    let mut to = up_to;
    while places.len() < keys.len() && to >= chain.gate_height {
        let from = to
            .saturating_sub(chain.log_range_limit.saturating_sub(1))
            .max(chain.gate_height);
        let filter = Filter::new()
            .event_signature(keys.iter().map(|key| key.signature).collect::<Vec<_>>())
            .topic1(keys.iter().map(|key| key.subject).collect::<Vec<_>>());
        for log in gate_logs(chain, filter, from, to).await? {
            let Some(key) = keys.iter().find(|key| key.matches(chain.gate, &log.inner)) else {
                continue;
            };
            if let (Some(block), Some(transaction)) = (log.block_hash, log.transaction_hash) {
                places.push(Place {
                    block,
                    transaction,
                    key: *key,
                });
            }
        }
        match from.checked_sub(1) {
            Some(before) => to = before,
            None => break,
        }
    }
    Ok(places)
}

/// The gate's logs in one range of blocks, both ends included; the caller bounds the range.
pub(crate) async fn gate_logs(
    chain: &Chain,
    filter: Filter,
    from: u64,
    to: u64,
) -> Result<Vec<Log>, FindError> {
    let filter = filter.address(chain.gate).from_block(from).to_block(to);
    let answer = chain.node().get_logs(&filter).await;
    chain.answered("eth_getLogs", answer)
}
