//! Under which logs batches were signed, as the gate says it (`docs/protocol.md` §7).

use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use isthmus_core::id::Hash32;
use isthmus_core::operation::LogHead;
use isthmus_core::ports::FindError;

use crate::contract::Gate;
use crate::ledger::EvmLedger;
use crate::locate::gate_logs;

/// The logs that the batches in a range of final blocks were signed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintedUnder {
    /// One for each batch, in order.
    pub heads: Vec<LogHead>,
    /// Where the range ends.
    pub up_to: u64,
    /// Whether that is the newest final block; if not, there is more.
    pub complete: bool,
}

impl EvmLedger {
    /// What the final blocks above `above` say, as many of them as nodes look through at a time.
    pub async fn minted_under(&self, above: u64) -> Result<MintedUnder, FindError> {
        let chain = self.chain();
        let last_final = chain.heads().await?.last_final.number;
        let from = above.saturating_add(1).max(chain.gate_height);
        if from > last_final {
            return Ok(MintedUnder {
                heads: Vec::new(),
                up_to: above,
                complete: true,
            });
        }
        let most = chain.log_range_limit.saturating_sub(1);
        let up_to = from.saturating_add(most).min(last_final);
        let filter = Filter::new().event_signature(Gate::MintedUnder::SIGNATURE_HASH);
        let mut heads = Vec::new();
        for log in gate_logs(chain, filter, from, up_to).await? {
            let said = Gate::MintedUnder::decode_log(&log.inner).map_err(|error| {
                chain.incomplete(format!("a log of blocks {from} to {up_to}: {error}"))
            })?;
            if log.inner.address != chain.gate {
                let stranger = log.inner.address;
                return Err(chain.incomplete(format!("it answers with a log of {stranger}")));
            }
            heads.push(LogHead {
                size: said.logSize,
                root: Hash32::new(said.logRoot.0),
            });
        }
        Ok(MintedUnder {
            heads,
            up_to,
            complete: up_to == last_final,
        })
    }
}
