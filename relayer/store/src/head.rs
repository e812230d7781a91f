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
use crate::record;

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

/// Drafts belong to the intent that they were made for; a later intent starts with none.
pub(crate) fn drafts(
    overlay: &mut Overlay<'_>,
    transfer: &Transfer,
    intent: u64,
    entry: &Append,
) -> Result<(), AppendError> {
    if entry.drafts.is_empty() {
        return Ok(());
    }
    let Some(work) = transfer.pending() else {
        return Err(bug("drafts come with the intent that they serve (R5)"));
    };
    for draft in &entry.drafts {
        let mut last = 0u64;
        let prefix = columns::attempt(&transfer.id(), intent);
        overlay.with_prefix(Column::Drafts, &prefix, |_, _| {
            last += 1;
            false
        })?;
        let key = [prefix.as_slice(), &last.to_be_bytes()].concat();
        overlay.put(Column::Drafts, key, draft.id.as_bytes().to_vec());
        overlay.put(
            Column::Drafts,
            columns::draft(draft.id.as_bytes()),
            record::draft(draft).encode_to_vec(),
        );
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

pub(crate) fn due(
    overlay: &mut Overlay<'_>,
    transfer: &Transfer,
    head: &mut pb::Head,
    due: Timestamp,
    now: Timestamp,
) {
    if !head.due.is_empty() {
        overlay.delete(Column::Due, std::mem::take(&mut head.due));
    }
    if let Some(lane) = transfer.lane(now.max(due)) {
        head.due = columns::due(&lane, due, &transfer.id());
        overlay.put(Column::Due, head.due.clone(), Vec::new());
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
    if old.state != head.state {
        if !old.state.is_empty() {
            let count = overlay.get_u64(Column::Meta, &columns::count(&old.state))?;
            overlay.put_u64(
                Column::Meta,
                columns::count(&old.state),
                count.saturating_sub(1),
            );
        }
        let count = overlay.get_u64(Column::Meta, &columns::count(&head.state))?;
        overlay.put_u64(Column::Meta, columns::count(&head.state), count + 1);
    }
    // Outstanding through a route: everything admitted that was neither rejected nor returned. What is given for a burn is
    // subtracted in the custody book, which knows whose units the burn got.
    if !head.route.is_empty() {
        let key = columns::outstanding(&head.route);
        let outstanding = overlay.get_u64(Column::Meta, &key)?;
        let counted = |state: &str| !state.is_empty() && state != "rejected" && state != "returned";
        match (counted(&old.state), counted(&head.state)) {
            (false, true) => overlay.put_u64(
                Column::Meta,
                key,
                outstanding.saturating_add(head.quantity_g),
            ),
            (true, false) => overlay.put_u64(
                Column::Meta,
                key,
                outstanding.saturating_sub(head.quantity_g),
            ),
            (true, true) | (false, false) => {}
        }
    }
    overlay.put(
        Column::Transfers,
        columns::head(&transfer.id()),
        head.encode_to_vec(),
    );
    Ok(())
}
