//! What transactions cost, on its way from a ledger's answer into the journal: written with what the answer means.

use isthmus_core::id::Hash32;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Draft, Ledger, Spent};
use isthmus_core::receipt::{Position, Receipt};

/// The transactions of ours that served a transfer, of those that the ledger has just seen as final: those it was sent in, and
/// the one that its outcome is from, which may be of an earlier intent.
pub(super) fn spent(
    ledger: &dyn Ledger,
    (kind, drafts): (OperationKind, &[Draft]),
    outcome: Option<&Receipt>,
) -> Vec<Spent> {
    let outcome = outcome.and_then(|receipt| Some((receipt.operation, transaction(receipt)?)));
    let sent = drafts.iter().map(|draft| Hash32::new(*draft.id.as_bytes()));
    let others = sent.filter(|sent| outcome.is_none_or(|(_, of)| of != *sent));
    let others = others.map(|transaction| (kind, transaction, false));
    outcome
        .map(|(kind, transaction)| (kind, transaction, true))
        .into_iter()
        .chain(others)
        .filter_map(|(operation, transaction, settled)| {
            Some(Spent {
                ledger: ledger.profile().id.clone(),
                operation,
                transaction,
                fee: ledger.fee(transaction)?,
                settled,
            })
        })
        .collect()
}

fn transaction(receipt: &Receipt) -> Option<Hash32> {
    match receipt.position {
        Position::Chain { transaction, .. } => Some(transaction),
        Position::Registry { .. } => None,
    }
}
