//! Why a final transaction of ours left no outcome, and whether the same may pass later.

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::providers::Provider;
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::sol_types::SolEvent;
use alloy::transports::RpcError;
use isthmus_core::operation::Operation;
use isthmus_core::ports::{Draft, FindError, Found};
use isthmus_core::receipt::{Lasting, Refusal};
use isthmus_core::time::Timestamp;

use crate::block_evidence::EventKey;
use crate::chain::Chain;
use crate::contract::{Gate, error_text, transfer_word};

/// What a final transaction says about an operation that has no outcome.
pub(crate) async fn of_final(
    chain: &Chain,
    operation: &Operation,
    draft: &Draft,
    receipt: &TransactionReceipt,
    (now, lapsed): (Timestamp, bool),
) -> Result<Found, FindError> {
    if !receipt.status() {
        let reason = revert_reason(chain, draft, receipt).await?;
        return Ok(Found::Dead(later(
            "reverted",
            ("transaction", draft.id.to_string()),
            format!("the transaction failed as a whole: {reason}"),
        )));
    }
    let transfer = operation.transfer();
    let key = EventKey {
        signature: Gate::Skipped::SIGNATURE_HASH,
        subject: transfer_word(transfer),
    };
    let skip = receipt
        .logs()
        .iter()
        .filter(|log| key.matches(chain.gate, &log.inner))
        .find_map(|log| Gate::Skipped::decode_log(&log.inner).ok());
    match (skip, operation) {
        (Some(skip), Operation::Mint { item, .. }) => {
            let found = skipped(skip.reason, item).ok_or_else(|| {
                chain.contradiction(format!(
                    "transaction {} skipped transfer {transfer} for reason {}, which does not fit its outcome, none",
                    draft.id, skip.reason
                ))
            })?;
            // Signed and sent before that, it would only be skipped again. Once no block takes the batch any more, that is said:
            // people may rather withdraw than wait.
            let not_before = Timestamp::from_s(skip.notBefore);
            Ok(if now < not_before && !lapsed {
                Found::Unsettled {
                    recheck_at: not_before,
                }
            } else {
                found
            })
        }
        (Some(_) | None, _) => Err(chain.contradiction(format!(
            "transaction {} succeeded finally and says nothing about transfer {transfer}",
            draft.id
        ))),
    }
}

/// What a skip means (`docs/protocol.md` §7); `None` for a reason that cannot be while there is no outcome.
fn skipped(reason: u8, item: &isthmus_core::operation::MintItem) -> Option<Found> {
    let class = || ("asset_class", item.asset_class.to_string());
    Some(match reason {
        3 => Found::Dead(later(
            "paused",
            ("transfer", item.transfer.to_string()),
            "the gate is paused: its admin can unpause it".into(),
        )),
        4 => Found::Dead(later(
            "unknown_class",
            class(),
            "the gate does not know the class: register its profile, anyone can".into(),
        )),
        5 => Found::Dead(later(
            "cap_exceeded",
            class(),
            "the class has reached its cap at the gate: burns or the gate's admin make room".into(),
        )),
        6 => Found::Refused(never(
            "recipient_refused",
            ("recipient", item.recipient.to_string()),
            "the recipient cannot hold the units: withdraw the transfer".into(),
        )),
        7 => Found::Refused(never(
            "zero_quantity",
            ("quantity", item.quantity.to_string()),
            "the gate mints no zero quantity".into(),
        )),
        8 => Found::Dead(later(
            "limit_reached",
            class(),
            "the class was minted as fast as its limit at the gate allows: time makes room, or the gate's admin".into(),
        )),
        9 => Found::Dead(later(
            "big_transfer_waits",
            ("quantity", item.quantity.to_string()),
            "the gate mints so much at a time only some time after it was first shown: sign the same item again".into(),
        )),
        _ => return None,
    })
}

/// The deadline of every batch passed at a final block: no later block takes it.
pub(crate) fn deadline_passed(deadline: Timestamp) -> Found {
    Found::Dead(later(
        "deadline_passed",
        ("deadline", deadline.s().to_string()),
        "no block up to the batch's deadline holds it: sign the same item again".into(),
    ))
}

/// Another of our transactions has the draft's nonce.
pub(crate) fn superseded(draft: &Draft) -> Found {
    Found::Dead(later(
        "superseded",
        ("transaction", draft.id.to_string()),
        "another transaction of the same account took its nonce: sign the same item again".into(),
    ))
}

fn later(code: &str, field: (&str, String), message: String) -> Refusal {
    refusal(code, field, message, Lasting::Later)
}

fn never(code: &str, field: (&str, String), message: String) -> Refusal {
    refusal(code, field, message, Lasting::Never)
}

fn refusal(code: &str, field: (&str, String), message: String, lasting: Lasting) -> Refusal {
    Refusal {
        code: code.into(),
        field: field.0.into(),
        value: field.1,
        message,
        lasting,
    }
}

/// Asks the node to run the transaction again on the state before its block, since no chain stores the reason.
async fn revert_reason(
    chain: &Chain,
    draft: &Draft,
    receipt: &TransactionReceipt,
) -> Result<String, FindError> {
    let unknown = format!("no reason is known, it used {} gas", receipt.gas_used);
    let (Ok(transaction), Some(parent)) = (
        TxEnvelope::decode_2718(&mut draft.bytes.as_slice()),
        receipt.block_number.and_then(|n| n.checked_sub(1)),
    ) else {
        return Ok(unknown);
    };
    let request = TransactionRequest::default()
        .from(receipt.from)
        .to(chain.gate)
        .gas_limit(transaction.gas_limit())
        .input(transaction.input().clone().into());
    let answer = chain.node().call(request).number(parent).await;
    if let Some(refusal) = answer.as_ref().err().and_then(RpcError::as_error_resp) {
        let error = refusal.as_revert_data().map(|data| error_text(&data));
        return Ok(error.unwrap_or_else(|| refusal.message.to_string()));
    }
    // It passes there: something earlier in the same block made it fail.
    chain.answered("eth_call", answer).map(|_| unknown)
}
