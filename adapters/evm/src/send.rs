//! Sending: what the journal holds goes to the node, byte for byte. Only `find` concludes anything.

use std::collections::BTreeSet;

use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::transports::{RpcError, TransportError, TransportErrorKind};
use futures::future::join_all;
use isthmus_core::id::{DraftId, LedgerId};
use isthmus_core::ports::{BoxError, Draft, SendError};
use isthmus_core::time::Timestamp;

use crate::chain::Chain;
use crate::config::FeeLimits;
use crate::lane::{Account, fees, sender_and_nonce};
use crate::ledger::{EvmLedger, Lanes};

/// Draft bytes that were never made here.
#[derive(Debug, thiserror::Error)]
#[error("draft {0} is no signed transaction: is it of another ledger?")]
struct NoTransaction(DraftId);

/// Nothing was sent: the account that pays for the lane's transactions has too little.
#[derive(Debug, thiserror::Error)]
#[error(
    "account {account} cannot pay for its gas on {ledger}: send it some of the chain's own coin"
)]
struct NoFunds {
    ledger: LedgerId,
    account: Address,
    #[source]
    source: BoxError,
}

/// Most transactions that a node dropped which are sent again before what is behind them.
const MOST_AGAIN: usize = 16;

/// Whose nonce a draft uses; `None` if its bytes are no transaction.
type Origin = Option<(Address, u64)>;

/// One answer per draft, in order. Sends by nonce, since a node may refuse one that is ahead of its account.
pub(crate) async fn send(ledger: &EvmLedger, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
    let origins: Vec<_> = drafts.iter().map(sender_and_nonce).collect();
    let mut order: Vec<_> = drafts.iter().zip(&origins).enumerate().collect();
    order.sort_by_key(|(_, (draft, _))| draft.nonce);
    if let Some(lanes) = ledger.lanes() {
        announce(ledger.now(), lanes, drafts, &origins);
        fill_gaps(ledger, lanes, &origins).await;
    }
    let mut answers = Vec::with_capacity(drafts.len());
    for (index, (draft, origin)) in order {
        // A transaction of a former key is sent as well: its nonce is nobody else's, and the gate takes it from anyone.
        let answer = match origin {
            Some((account, _)) => {
                let sent = raw(ledger.chain(), &draft.bytes).await;
                sent.map_err(|error| named(error, ledger.chain(), *account))
            }
            None => Err(SendError::Unreached(Box::new(NoTransaction(draft.id)))),
        };
        answers.push((index, answer));
    }
    answers.sort_by_key(|(index, _)| *index);
    let mut answers: Vec<_> = answers.into_iter().map(|(_, answer)| answer).collect();
    if let Some(lanes) = ledger.lanes() {
        hold_back(ledger, lanes, &origins, &mut answers).await;
    }
    answers
}

/// Says whose wallet is empty.
fn named(error: SendError, chain: &Chain, account: Address) -> SendError {
    match error {
        SendError::Unreached(source) if is_poverty(&source.to_string()) => {
            SendError::Unreached(Box::new(NoFunds {
                ledger: chain.ledger.clone(),
                account,
                source,
            }))
        }
        SendError::Unreached(_)
        | SendError::Refused(_)
        | SendError::NotBefore(_)
        | SendError::Unknown(_) => error,
    }
}

fn is_poverty(answer: &str) -> bool {
    answer.to_lowercase().contains("insufficient funds")
}

/// Hands raw bytes to every node, so that one that keeps them to itself cannot hold them up. One that takes them is enough.
pub(crate) async fn raw(chain: &Chain, bytes: &[u8]) -> Result<(), SendError> {
    let sent = chain.nodes().map(async |node| {
        let conclusion = node.rpc.send_raw_transaction(bytes).await.map(drop);
        let conclusion = conclusion.or_else(conclude);
        if let Err(SendError::Unknown(_) | SendError::Unreached(_)) = &conclusion {
            node.doubt();
        }
        conclusion
    });
    let (mut unknown, mut other) = (None, None);
    for conclusion in join_all(sent).await {
        match conclusion {
            Ok(()) => return Ok(()),
            Err(error @ SendError::Unknown(_)) => unknown = Some(error),
            Err(error) => other = Some(error),
        }
    }
    unknown.or(other).map_or(Ok(()), Err)
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
fn announce(now: Timestamp, lanes: &Lanes, drafts: &[Draft], origins: &[Origin]) {
    for (draft, origin) in drafts.iter().zip(origins) {
        if let Some((address, nonce)) = *origin
            && let Some(account) = lanes.account(address)
        {
            account.sending(nonce, &draft.bytes, now);
        }
    }
}

/// A transaction behind a gap lies in the node's queue, where nobody mines it. If the gap could not be filled yet, it must be
/// sent again, or nobody would ever fill it.
async fn hold_back(
    ledger: &EvmLedger,
    lanes: &Lanes,
    origins: &[Origin],
    answers: &mut [Result<(), SendError>],
) {
    let again_at = ledger.now().plus_ms(ledger.chain().block_time_ms);
    for account in [&lanes.mint, &lanes.void] {
        let of_account = |origin: &Origin| origin.filter(|(by, _)| *by == account.address());
        if !origins.iter().any(|origin| of_account(origin).is_some()) {
            continue;
        }
        // Without an answer nothing is known, and `find` will tell.
        let Ok(pending) = account.pending_nonce(ledger.chain()).await else {
            continue;
        };
        for (origin, answer) in origins.iter().zip(answers.iter_mut()) {
            let behind = of_account(origin).is_some_and(|(_, nonce)| nonce >= pending);
            if behind && answer.is_ok() {
                *answer = Err(SendError::NotBefore(again_at));
            }
        }
    }
}

/// Makes way for the drafts. Trouble here only delays them.
async fn fill_gaps(ledger: &EvmLedger, lanes: &Lanes, origins: &[Origin]) {
    for account in [&lanes.mint, &lanes.void] {
        let nonces: BTreeSet<u64> = origins
            .iter()
            .flatten()
            .filter(|(address, _)| *address == account.address())
            .map(|(_, nonce)| *nonce)
            .collect();
        if !nonces.is_empty() {
            let limits = ledger.fee_limits();
            let filled = fill(ledger.chain(), account, &nonces, ledger.now(), limits).await;
            if let Err(error) = filled {
                tracing::warn!(ledger = %ledger.chain().ledger, %error, "gaps in the nonces were not filled");
            }
        }
    }
}

async fn fill(
    chain: &Chain,
    account: &Account,
    about_to_be_sent: &BTreeSet<u64>,
    now: Timestamp,
    limits: FeeLimits,
) -> Result<(), BoxError> {
    let end = about_to_be_sent.last().copied().unwrap_or_default();
    let mut pending = account.pending_nonce(chain).await?;
    // Nodes drop transactions: what is behind one waits, so it is sent again at once. The same bytes have no further effect.
    for _ in 0..MOST_AGAIN {
        if pending >= end || about_to_be_sent.contains(&pending) {
            break;
        }
        let Some(dropped) = account.sent_under(pending) else {
            break;
        };
        raw(chain, &dropped).await?;
        let after = account.pending_nonce(chain).await?;
        if after <= pending {
            break;
        }
        pending = after;
    }
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
