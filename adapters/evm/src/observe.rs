//! Burns at the gate, in the gate's own numbering, so that a missing one is noticed.

use alloy::primitives::{B256, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use isthmus_core::id::Hash32;
use isthmus_core::ports::{Cursor, Fact, FindError, Observations, Observed};
use isthmus_core::time::Timestamp;

use crate::block_evidence::Prover;
use crate::chain::Chain;
use crate::contract::Gate;
use crate::locate::{burn_key, gate_logs};
use crate::node::BlockRef;
use crate::receipt;
use crate::views::burn_count;

/// Most ranges of logs in one call: after a long stop the caller gets its turn between them.
const RANGES_PER_CALL: usize = 16;

/// Final burns after the cursor, in order. Stops at the end of the block that reaches `limit`: a block is never cut, since the
/// cursor names whole blocks.
pub(crate) async fn observe(
    chain: &Chain,
    now: Timestamp,
    from: &Cursor,
    limit: usize,
) -> Result<Observations, FindError> {
    let head = chain.heads().await?.last_final;
    if let Some(block) = from.block {
        is_where_it_was(chain, head, from.height, block).await?;
    }
    let first = from.height.saturating_add(1).max(chain.gate_height);
    let page = read_logs(chain, first, head, limit).await?;
    let mut facts = Vec::with_capacity(page.logs.len());
    let mut last_number = from.last_number;
    let mut prover = Prover::new(chain);
    for log in &page.logs {
        let observed = read_burn(chain, &mut prover, log, last_number).await?;
        last_number = last_number.saturating_add(1);
        facts.push(observed);
    }
    let next = match page.through {
        Some(through) => end_of_page(chain, head, through, last_number).await?,
        // Nothing is newer than the cursor.
        None => match chain.stalled(now) {
            Some(alarm) => return Err(alarm),
            None => from.clone(),
        },
    };
    Ok(Observations {
        facts,
        next,
        head: head.number,
    })
}

/// Whether a block that was final is where it was.
pub(crate) async fn stands(chain: &Chain, height: u64, block: Hash32) -> Result<(), FindError> {
    let head = chain.heads().await?.last_final;
    is_where_it_was(chain, head, height, block).await
}

async fn is_where_it_was(
    chain: &Chain,
    head: BlockRef,
    height: u64,
    block: Hash32,
) -> Result<(), FindError> {
    if height > head.number {
        return Err(chain.incomplete(format!(
            "its final block is {}, but {height} was observed before",
            head.number
        )));
    }
    chain
        .check_block(height, B256::from(*block.as_bytes()))
        .await
}

struct LogPage {
    logs: Vec<Log>,
    /// Last block that was read; `None` if there was none to read.
    through: Option<u64>,
}

async fn read_logs(
    chain: &Chain,
    first: u64,
    head: BlockRef,
    limit: usize,
) -> Result<LogPage, FindError> {
    let mut page = LogPage {
        logs: Vec::new(),
        through: None,
    };
    let mut from = first;
    for _ in 0..RANGES_PER_CALL {
        if from > head.number || page.logs.len() >= limit {
            break;
        }
        let to = from
            .saturating_add(chain.log_range_limit.saturating_sub(1))
            .min(head.number);
        let filter = Filter::new().event_signature(Gate::Burned::SIGNATURE_HASH);
        let mut logs = gate_logs(chain, filter, from, to).await?;
        // Nodes send them in order; the proof of that order is the burn number, checked later.
        logs.sort_by_key(|log| (log.block_number, log.log_index));
        page.logs.extend(logs);
        page.through = Some(to);
        from = to.saturating_add(1);
    }
    cut(&mut page, limit);
    Ok(page)
}

/// Ends the page with the block that holds the entry before the limit.
fn cut(page: &mut LogPage, limit: usize) {
    let last = limit.max(1).saturating_sub(1);
    let Some(height) = page.logs.get(last).and_then(|log| log.block_number) else {
        return;
    };
    if page.logs.len() > limit.max(1) {
        page.logs.retain(|log| log.block_number <= Some(height));
        page.through = Some(height);
    }
}

async fn read_burn(
    chain: &Chain,
    prover: &mut Prover<'_>,
    log: &Log,
    last_number: u64,
) -> Result<Observed, FindError> {
    let number = Gate::Burned::decode_log(&log.inner)
        .ok()
        .and_then(|event| u64::try_from(event.number).ok());
    let expected = last_number.saturating_add(1);
    if number != Some(expected) {
        return Err(chain.contradiction(format!(
            "burn {expected} should be next, but the log of block {:?} shows burn {number:?}",
            log.block_number
        )));
    }
    let (Some(block), Some(transaction)) = (log.block_hash, log.transaction_hash) else {
        return Err(chain.incomplete(format!("the log of burn {expected} names no block")));
    };
    let event = prover.prove(block, transaction, burn_key(expected)).await?;
    let (burn, receipt) = receipt::burn(chain, &event)?;
    Ok(Observed {
        fact: Fact::Burned(burn),
        receipt,
    })
}

/// The cursor after a page that ends with block `through`. The gate's own count shows whether the node kept the last burns
/// from us; it is asked at the head only, since nodes forget the state of older blocks.
async fn end_of_page(
    chain: &Chain,
    head: BlockRef,
    through: u64,
    last_number: u64,
) -> Result<Cursor, FindError> {
    let mut block = head;
    if through < head.number {
        block = chain.block_at(through).await?;
    } else {
        let count = burn_count(chain, block.hash).await?;
        if count != U256::from(last_number) {
            return Err(chain.incomplete(format!(
                "its logs end with burn {last_number} at block {through}, but the gate counted {count}"
            )));
        }
    }
    Ok(Cursor {
        height: through,
        block: Some(Hash32::new(block.hash.0)),
        last_number,
    })
}
