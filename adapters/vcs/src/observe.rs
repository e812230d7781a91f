//! Following the registry's movements: those that no reference of the protocol explains are facts to look at.

use isthmus_core::id::{AccountId, AssetClassId, TransferId};
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Cursor, Fact, FindError, Moved, Observations, Observed};
use isthmus_core::serial_block::SerialBlock;

use crate::bodies::Movements;
use crate::ledger::VcsLedger;
use crate::receipt::Verified;
use crate::serial::Serial;

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
        facts.extend(unexplained(ledger, receipt).await?);
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

/// Who moved units by its own right, and from where, as a receipt says it; `None` for other words.
fn moved(receipt: &Verified) -> Option<(Option<&str>, Option<&str>)> {
    let payload = &receipt.payload;
    match payload.movement.as_str() {
        "deposit" => Some((payload.account.as_deref(), Some(&payload.custody_account))),
        "correction" => Some((Some(&payload.custody_account), payload.account.as_deref())),
        "cancel" => Some((Some(&payload.custody_account), None)),
        _ => None,
    }
}

/// A movement without a reference of the protocol (§5). Its receipt says `lock` if units came to rest somewhere and `retire` if
/// they were cancelled, the closest there is: nothing is decided by it.
async fn unexplained(ledger: &VcsLedger, receipt: Verified) -> Result<Option<Observed>, FindError> {
    let reference = receipt.payload.reference.clone();
    let id = reference.strip_prefix("unlock:").unwrap_or(&reference);
    let ours = id.parse::<TransferId>().is_ok() || reference.starts_with("return:");
    if receipt.operation().is_some() && ours {
        return Ok(None);
    }
    let closest = match receipt.payload.movement.as_str() {
        "cancel" => OperationKind::Retire,
        _ => OperationKind::Lock,
    };
    let operation = receipt.operation().unwrap_or(closest);
    let units = receipt.units.clone();
    let account = |text: Option<&str>| text.and_then(|text| text.parse::<AccountId>().ok());
    let fact = match moved(&receipt).map(|(from, to)| (account(from), account(to))) {
        Some((Some(from), to)) => {
            let (asset_class, locked_in) = whereabouts(ledger, &units).await?;
            Fact::Moved(Moved {
                reference,
                from,
                to: to.filter(|to| locked_in.as_ref() == Some(to)),
                note: receipt.payload.reason.clone(),
                asset_class,
                units,
            })
        }
        Some((None, _)) | None => Fact::Unattributed { reference, units },
    };
    Ok(Some(Observed {
        fact,
        receipt: receipt.into_receipt(operation),
    }))
}

/// The class of units and the account in which they are locked now, if they are all of one class and locked in one account.
async fn whereabouts(
    ledger: &VcsLedger,
    units: &[SerialBlock],
) -> Result<(Option<AssetClassId>, Option<AccountId>), FindError> {
    let mut serials = Vec::with_capacity(units.len());
    for block in units {
        let serial = Serial::try_from(block).map_err(|e| FindError::Unavailable(e.into()))?;
        serials.push(serial.to_string());
    }
    let stored = ledger.blocks(&serials).await?;
    let Some(first) = stored.first() else {
        return Ok((None, None));
    };
    let class = first.class.id();
    let one_class = stored.iter().all(|block| block.class.id() == class);
    let one_place = stored
        .iter()
        .all(|block| block.locked && block.account == first.account);
    Ok((
        one_class.then_some(class),
        one_place.then(|| first.account.clone()),
    ))
}
