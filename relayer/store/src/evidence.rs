//! Evidence that many receipts share: the file that proves a batch of mints is kept once, under its hash, and the events of the
//! batch's transfers name it. It becomes durable in the same write as the first of them, so no event names what is not there,
//! and stays as long as they do. Evidence of anything else proves one receipt and is kept in its event, where it is found without
//! a second look; until format 3 that of mints was as well.

use isthmus_core::operation::OperationKind;
use isthmus_core::ports::StoreError;
use isthmus_core::receipt::{Evidence, Receipt};
use isthmus_core::transfer::Event;
use isthmus_proto::store::v1 as pb;

use crate::columns::Column;
use crate::disk::Disk;
use crate::overlay::{Overlay, corrupt, read};
use crate::record;

/// What an event shares with others.
fn shared(event: &Event) -> Option<&Evidence> {
    let Event::Given(receipt) = event else {
        return None;
    };
    is_shared(receipt).then_some(&receipt.evidence)
}

fn is_shared(receipt: &Receipt) -> bool {
    receipt.operation == OperationKind::Mint
}

/// Stages the file that an event names, unless it is there: the transfers of a batch may come in several writes.
pub(crate) fn keep(overlay: &mut Overlay<'_>, event: &Event) -> Result<(), StoreError> {
    let Some(evidence) = shared(event) else {
        return Ok(());
    };
    let key = *evidence.sha256().as_bytes();
    if !overlay.puts(Column::Evidence, &key) && overlay.get(Column::Evidence, &key)?.is_none() {
        overlay.put(Column::Evidence, key.to_vec(), evidence.bytes().to_vec());
    }
    Ok(())
}

/// The record of a receipt in [`Event::Given`].
pub(crate) fn given(receipt: &Receipt) -> pb::Receipt {
    if !is_shared(receipt) {
        return record::receipt(receipt);
    }
    pb::Receipt {
        evidence_sha256: receipt.evidence.sha256().as_bytes().to_vec(),
        ..record::without_evidence(receipt)
    }
}

/// The receipt of such a record.
pub(crate) fn given_back(disk: &Disk, mut stored: pb::Receipt) -> Result<Receipt, StoreError> {
    let named = std::mem::take(&mut stored.evidence_sha256);
    if !named.is_empty() {
        stored.evidence = read(disk, Column::Evidence, &named)?
            .ok_or_else(|| corrupt("the evidence that a receipt names is missing"))?;
    }
    record::receipt_back(stored)
}
