//! Following the registry's movements: those that no reference of the protocol explains are facts to look at.

use isthmus_core::id::TransferId;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Cursor, Fact, FindError, Observations, Observed};

use crate::bodies::Movements;
use crate::ledger::VcsLedger;
use crate::receipt::Verified;

/// Movements after the cursor. Its height is the registry's sequence.
pub(crate) async fn observe(
    ledger: &VcsLedger,
    from: &Cursor,
    limit: usize,
) -> Result<Observations, FindError> {
    let limit = limit.clamp(1, ledger.max_list());
    let path = format!("/v1/movements?after={}&limit={limit}", from.height);
    let page: Movements = ledger
        .api()
        .get(&path)
        .await
        .map_err(crate::ledger::unavailable)?;
    if page.sequence < from.height {
        let text = format!(
            "the registry is at movement {}, but {} was observed before: it answers from the past",
            page.sequence, from.height
        );
        return Err(FindError::Unavailable(text.into()));
    }
    let mut facts = Vec::new();
    let mut height = from.height;
    for movement in page.movements {
        let expected = height.saturating_add(1);
        let wrong = |detail: String| ledger.contradiction(format!("movement {expected}: {detail}"));
        let receipt = ledger
            .verifier()
            .open(&movement.receipt)
            .map_err(|error| wrong(crate::ledger::chain(&error)))?;
        if movement.sequence != expected || receipt.payload.sequence != expected {
            return Err(wrong(format!(
                "the registry shows movement {} with receipt {}",
                movement.sequence, receipt.payload.sequence
            )));
        }
        height = expected;
        facts.extend(unexplained(receipt));
    }
    let next = Cursor {
        height,
        block: None,
        last_number: height,
    };
    Ok(Observations {
        facts,
        next,
        head: page.sequence,
    })
}

/// A movement without a reference of the protocol (§5). Its receipt says `lock` if units came to rest somewhere and `retire` if
/// they were cancelled, the closest there is: nothing is decided by it.
fn unexplained(receipt: Verified) -> Option<Observed> {
    let reference = receipt.payload.reference.clone();
    let id = reference.strip_prefix("unlock:").unwrap_or(&reference);
    if receipt.operation().is_some() && id.parse::<TransferId>().is_ok() {
        return None;
    }
    let closest = match receipt.payload.movement.as_str() {
        "cancel" => OperationKind::Retire,
        _ => OperationKind::Lock,
    };
    let operation = receipt.operation().unwrap_or(closest);
    let units = receipt.units.clone();
    Some(Observed {
        fact: Fact::Unattributed { reference, units },
        receipt: receipt.into_receipt(operation),
    })
}
