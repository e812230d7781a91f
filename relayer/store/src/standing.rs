//! The blocks that recorded facts stand on and that the stored cursor is not past. A process that starts again begins at that
//! cursor, whose hash says nothing about what is above it: these say it.

use isthmus_core::id::{Hash32, LedgerId};
use isthmus_core::ports::{Cursor, StoreError};
use isthmus_core::receipt::Position;
use isthmus_core::terms::Terms;
use isthmus_core::transfer::{Event, Transfer};

use crate::columns::Column;
use crate::open::Store;
use crate::overlay::{Overlay, corrupt, scan};

/// Notes where an event's fact lies, if it lies on a chain. Two blocks of one height are both kept: one of them has to be gone.
pub(crate) fn note(overlay: &mut Overlay<'_>, transfer: &Transfer, event: &Event) {
    let receipt = match event {
        Event::Burned { receipt, .. } | Event::Given(receipt) | Event::Voided(receipt) => receipt,
        Event::Requested { .. }
        | Event::Intended(_)
        | Event::Locked(_)
        | Event::Authorised(_)
        | Event::Lapsed(_)
        | Event::Refused(_)
        | Event::Unlocked(_)
        | Event::WithdrawalRequested
        | Event::Instructed(_)
        | Event::Redirected(_)
        | Event::Reallocated(_)
        | Event::Quarantined(_)
        | Event::Resolved { .. } => return,
    };
    if let Position::Chain { height, block, .. } = receipt.position {
        let chain = match transfer.terms() {
            Terms::Outbound(outbound) => &outbound.terms.destination,
            Terms::Return(back) => &back.burn.ledger,
        };
        let (ledger, height) = (prefix(chain), height.to_be_bytes());
        let key = [ledger.as_slice(), &height, block.as_bytes()].concat();
        overlay.put(Column::Cursors, key, Vec::new());
    }
}

/// A cursor was written: its own hash stands for what is not above it. One without a hash takes the ledger as it is now.
pub(crate) fn passed(
    overlay: &mut Overlay<'_>,
    ledger: &LedgerId,
    cursor: &Cursor,
) -> Result<(), StoreError> {
    let (prefix, mut past) = (prefix(ledger), Vec::new());
    let last = cursor.block.map_or(u64::MAX, |_| cursor.height);
    overlay.with_prefix(Column::Cursors, &prefix, |key, _| {
        let is_past = place(key).is_none_or(|(height, _)| height <= last);
        if is_past {
            past.push(key.to_vec());
        }
        !is_past
    })?;
    for key in past {
        overlay.delete(Column::Cursors, key);
    }
    Ok(())
}

impl Store {
    /// Blocks that something recorded stands on, above the stored cursor or noted since it was written; lowest first.
    pub fn standing(&self, ledger: &LedgerId) -> Result<Vec<(u64, Hash32)>, StoreError> {
        let prefix = prefix(ledger);
        let mut blocks = Vec::new();
        for entry in scan(&self.db, Column::Cursors, &prefix, &prefix)? {
            let (key, _) = entry?;
            blocks.push(place(&key).ok_or_else(|| corrupt("a block that facts stand on"))?);
        }
        Ok(blocks)
    }
}

fn prefix(ledger: &LedgerId) -> Vec<u8> {
    [ledger.as_str().as_bytes(), &[0]].concat()
}

fn place(key: &[u8]) -> Option<(u64, Hash32)> {
    let (rest, block) = key.split_last_chunk::<32>()?;
    let height = rest.last_chunk::<8>()?;
    Some((u64::from_be_bytes(*height), Hash32::new(*block)))
}
