//! What changes beside a transfer's events: its head, its drafts, its place in the due index, the counters.

use isthmus_core::id::TransferId;
use isthmus_core::ports::{Append, AppendError, StoreError};
use isthmus_core::terms::Terms;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Transfer;
use isthmus_proto::store::v1 as pb;
use prost::Message;

use crate::columns::{self, Column, SERIAL};
use crate::commit::bug;
use crate::overlay::{Overlay, corrupt};
use crate::places::{Kept, Places};
use crate::record;
use crate::tally;

pub(crate) fn decode(bytes: &[u8]) -> Result<pb::Head, StoreError> {
    pb::Head::decode(bytes).map_err(|_| corrupt("a transfer's head"))
}

pub(crate) fn new(
    overlay: &mut Overlay<'_>,
    id: TransferId,
    now: Timestamp,
) -> Result<pb::Head, StoreError> {
    let serial = overlay.get_u64(Column::Meta, SERIAL)?;
    overlay.put_u64(Column::Meta, SERIAL.to_vec(), serial + 1);
    overlay.put(
        Column::Transfers,
        columns::newest_first(serial),
        id.as_bytes().to_vec(),
    );
    Ok(pb::Head {
        created_ms: now.ms(),
        serial,
        ..pb::Head::default()
    })
}

/// Keeps the drafts of the last intent.
pub(crate) fn drafts(
    overlay: &mut Overlay<'_>,
    transfer: &Transfer,
    intent: u64,
    places: &mut Places,
    entry: &Append,
) -> Result<(), AppendError> {
    if entry.drafts.is_empty() {
        return Ok(());
    }
    let Some(work) = transfer.pending() else {
        return Err(bug("drafts come with the intent that they serve (R5)"));
    };
    let prefix = columns::attempt(&transfer.id(), intent);
    for draft in &entry.drafts {
        let number = u64::try_from(places.drafts.len()).unwrap_or(u64::MAX);
        places.drafts.push(*draft.id.as_bytes());
        let key = [prefix.as_slice(), &number.to_be_bytes()].concat();
        overlay.put(Column::Drafts, key, draft.id.as_bytes().to_vec());
        // Transfers that are given together share a draft: once is enough.
        let shared = columns::draft(draft.id.as_bytes());
        if !overlay.puts(Column::Drafts, &shared) {
            overlay.put(Column::Drafts, shared, record::draft(draft).encode_to_vec());
        }
        if let Some(nonce) = draft.nonce {
            let lane = work.lane().to_string().into_bytes();
            let next = overlay
                .get_u64(Column::Nonces, &lane)?
                .max(nonce.saturating_add(1));
            overlay.put_u64(Column::Nonces, lane, next);
        }
    }
    Ok(())
}

/// Files a transfer under the lane of its next work. An entry that stays where it is is not written again.
pub(crate) fn due(
    overlay: &mut Overlay<'_>,
    transfer: &Transfer,
    head: &mut pb::Head,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = match transfer.lane(now.max(due)) {
        Some(lane) => columns::due(&lane, due, &transfer.id()),
        None => Vec::new(),
    };
    let old = std::mem::replace(&mut head.due, entry);
    if old == head.due {
        return Ok(());
    }
    let (from, to) = (columns::lane_of(&old), columns::lane_of(&head.due));
    if from != to {
        if !old.is_empty() {
            tally::subtract(overlay, columns::lane_count(from), 1)?;
        }
        if !head.due.is_empty() {
            tally::add(overlay, columns::lane_count(to), 1)?;
        }
    }
    if !old.is_empty() {
        overlay.delete(Column::Due, old);
    }
    if !head.due.is_empty() {
        overlay.put(Column::Due, head.due.clone(), Vec::new());
    }
    Ok(())
}

/// Keeps the transfer as it is now, until it has ended.
pub(crate) fn snapshot(overlay: &mut Overlay<'_>, kept: &Kept) {
    let key = kept.transfer.id().as_bytes().to_vec();
    match record::snapshot(&kept.transfer, &kept.places) {
        Some(record) => overlay.put(Column::Snapshots, key, record.encode_to_vec()),
        None => overlay.delete(Column::Snapshots, key),
    }
}

pub(crate) fn head(
    overlay: &mut Overlay<'_>,
    transfer: &Transfer,
    old: &pb::Head,
    mut head: pb::Head,
    now: Timestamp,
) -> Result<(), StoreError> {
    head.state = transfer.state().name().into();
    head.kind = if let Terms::Outbound(_) = transfer.terms() {
        "outbound".into()
    } else {
        "return".into()
    };
    head.quantity_g = transfer.quantity().grams();
    head.length = transfer.length();
    head.updated_ms = now.ms();
    if let Terms::Outbound(outbound) = transfer.terms() {
        head.route = outbound.terms.route.to_string();
    }
    tally::changed(overlay, transfer, old, &head)?;
    overlay.put(
        Column::Transfers,
        columns::head(&transfer.id()),
        head.encode_to_vec(),
    );
    Ok(())
}
