//! Sending: what the journal holds goes to the node, byte for byte. Only `find` concludes anything.

use alloy::providers::Provider;
use alloy::transports::{RpcError, TransportError, TransportErrorKind};
use isthmus_core::ports::{Draft, SendError};
use isthmus_core::time::Timestamp;

use crate::chain::Chain;
use crate::config::FeeLimits;
use crate::lane::{Account, fees, sender_and_nonce};
use crate::ledger::{EvmLedger, Lanes};

/// Draft bytes that were never made here.
#[derive(Debug, thiserror::Error)]
#[error("draft {0} is no transaction of either lane's account: were the keys changed?")]
struct ForeignDraft(isthmus_core::id::DraftId);

/// One answer per draft, in order. Sends by nonce, since a node may refuse one that is ahead of its account.
pub(crate) async fn send(ledger: &EvmLedger, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
    let mut order: Vec<_> = drafts.iter().enumerate().collect();
    order.sort_by_key(|(_, draft)| draft.nonce);
    if let Some(lanes) = ledger.lanes() {
        announce(lanes, drafts);
        fill_gaps(ledger, lanes, drafts).await;
    }
    let mut answers = Vec::with_capacity(drafts.len());
    for (index, draft) in order {
        answers.push((index, send_one(ledger, draft).await));
    }
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

async fn send_one(ledger: &EvmLedger, draft: &Draft) -> Result<(), SendError> {
    // A transaction of a former key is sent as well: its nonce is nobody else's, and the gate takes it from anyone.
    if sender_and_nonce(draft).is_none() {
        return Err(SendError::Unreached(Box::new(ForeignDraft(draft.id))));
    }
    raw(ledger.chain(), &draft.bytes).await
}

/// Hands raw bytes to the node.
pub(crate) async fn raw(chain: &Chain, bytes: &[u8]) -> Result<(), SendError> {
    match chain.node().send_raw_transaction(bytes).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let conclusion = conclude(error);
            if let Err(SendError::Unknown(_) | SendError::Unreached(_)) = &conclusion {
                chain.doubt();
            }
            conclusion
        }
    }
}

/// What a failed send means. Nothing here is a definite no: an earlier send of the same bytes may still land.
fn conclude(error: TransportError) -> Result<(), SendError> {
    if let Some(answer) = error.as_error_resp() {
        let text = answer.message.to_lowercase();
        // Nodes agree on no codes for these. "nonce too low" means that some transaction has the nonce: `find` says which.
        let known = [
            "already known",
            "already imported",
            "known transaction",
            "nonce too low",
        ];
        if known.iter().any(|known| text.contains(known)) {
            return Ok(());
        }
        // The node answered and did not take it.
        return Err(SendError::Unreached(Box::new(error)));
    }
    if let RpcError::Transport(TransportErrorKind::Custom(cause)) = &error {
        let never_arrived = cause
            .downcast_ref::<reqwest::Error>()
            .is_some_and(reqwest::Error::is_connect);
        if never_arrived {
            return Err(SendError::Unreached(Box::new(error)));
        }
    }
    Err(SendError::Unknown(Box::new(error)))
}

/// Tells the accounts which nonces are in use, before gaps are looked for.
fn announce(lanes: &Lanes, drafts: &[Draft]) {
    for draft in drafts {
        let Some((address, nonce)) = sender_and_nonce(draft) else {
            continue;
        };
        if let Some(account) = lanes.account(address) {
            account.sending(nonce, draft.expires);
        }
    }
}

/// Makes way for the drafts. Trouble here only delays them.
async fn fill_gaps(ledger: &EvmLedger, lanes: &Lanes, drafts: &[Draft]) {
    for account in [&lanes.mint, &lanes.void] {
        let highest = drafts
            .iter()
            .filter_map(sender_and_nonce)
            .filter(|(address, _)| *address == account.address())
            .map(|(_, nonce)| nonce)
            .max();
        if let Some(highest) = highest {
            let limits = ledger.fee_limits();
            let filled = fill(ledger.chain(), account, highest, ledger.now(), limits).await;
            if let Err(error) = filled {
                tracing::warn!(ledger = %ledger.chain().ledger, %error, "gaps in the nonces were not filled");
            }
        }
    }
}

async fn fill(
    chain: &Chain,
    account: &Account,
    end: u64,
    now: Timestamp,
    limits: FeeLimits,
) -> Result<(), isthmus_core::ports::BoxError> {
    let pending = account.pending_nonce(chain).await?;
    if pending >= end {
        return Ok(());
    }
    let fees = fees(chain, limits).await??;
    for filler in account.fillers(chain, pending, end, now, fees) {
        tracing::warn!(
            ledger = %chain.ledger, account = %account.address(), nonce = filler.nonce,
            "a nonce that nobody will use is filled with a transaction that does nothing"
        );
        raw(chain, &filler.bytes).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message: &str) -> TransportError {
        let answer = serde_json::json!({"code": -32000, "message": message});
        RpcError::ErrorResp(serde_json::from_value(answer).unwrap())
    }

    #[test]
    fn a_failed_send_is_never_a_refusal() {
        for known in [
            "already known",
            "transaction already imported",
            "nonce too low: next nonce 5",
        ] {
            assert!(conclude(answer(known)).is_ok(), "{known}");
        }
        let refused = conclude(answer("insufficient funds for gas * price + value"));
        assert!(
            matches!(refused, Err(SendError::Unreached(_))),
            "{refused:?}"
        );
        let failed = conclude(TransportErrorKind::http_error(502, String::new()));
        assert!(matches!(failed, Err(SendError::Unknown(_))), "{failed:?}");
    }
}
