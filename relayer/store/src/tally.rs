//! Sums kept while writing, so that nobody has to count: transfers by state and route, entries of each lane, grams
//! outstanding through a route, and grams admitted by time.

use isthmus_core::id::{AssetClassId, RouteId};
use isthmus_core::ports::StoreError;
use isthmus_core::quantity::Quantity;
use isthmus_core::terms::Terms;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Transfer;
use isthmus_proto::store::v1 as pb;

use crate::columns::{self, Column};
use crate::open::Store;
use crate::overlay::{Overlay, corrupt, scan, scan_below};

/// Grains of the index of admissions: what is not a whole hour of a window is summed by the minute.
const MINUTES: u8 = 1;
const HOURS: u8 = 2;
const MINUTE_MS: u64 = 60_000;
const MINUTES_PER_HOUR: u64 = 60;

fn adjust(
    overlay: &mut Overlay<'_>,
    column: Column,
    key: Vec<u8>,
    change: impl FnOnce(u64) -> u64,
) -> Result<(), StoreError> {
    let sum = overlay.get_u64(column, &key)?;
    overlay.put_u64(column, key, change(sum));
    Ok(())
}

pub(crate) fn add(overlay: &mut Overlay<'_>, key: Vec<u8>, by: u64) -> Result<(), StoreError> {
    adjust(overlay, Column::Meta, key, |sum| sum.saturating_add(by))
}

pub(crate) fn subtract(overlay: &mut Overlay<'_>, key: Vec<u8>, by: u64) -> Result<(), StoreError> {
    adjust(overlay, Column::Meta, key, |sum| sum.saturating_sub(by))
}

pub(crate) fn ended(state: &str) -> bool {
    ["completed", "returned", "rejected"].contains(&state)
}

/// What was rejected never moved and takes nothing of a rolling limit; what was returned did move.
pub(crate) fn moves(state: &str) -> bool {
    state != "rejected"
}

/// Counts a transfer's change from what `old` says to what `head` says.
pub(crate) fn changed(
    overlay: &mut Overlay<'_>,
    transfer: &Transfer,
    old: &pb::Head,
    head: &pb::Head,
) -> Result<(), StoreError> {
    if old.state == head.state {
        return Ok(());
    }
    let was = |counted: fn(&str) -> bool| !old.state.is_empty() && counted(&old.state);
    if !old.state.is_empty() {
        subtract(overlay, columns::count(&old.state), 1)?;
    }
    add(overlay, columns::count(&head.state), 1)?;

    let unfinished = columns::unfinished(&head.route);
    match (was(|state| !ended(state)), !ended(&head.state)) {
        (false, true) => add(overlay, unfinished, 1)?,
        (true, false) => subtract(overlay, unfinished, 1)?,
        (true, true) | (false, false) => {}
    }
    let Terms::Outbound(outbound) = transfer.terms() else {
        return Ok(());
    };
    // Everything admitted that was neither rejected nor returned. What is given for a burn is subtracted in the custody
    // book, which knows whose units the burn got.
    let counts = |state: &str| state != "rejected" && state != "returned";
    let outstanding = columns::outstanding(&head.route);
    match (was(counts), counts(&head.state)) {
        (false, true) => add(overlay, outstanding, head.quantity_g)?,
        (true, false) => subtract(overlay, outstanding, head.quantity_g)?,
        (true, true) | (false, false) => {}
    }
    let class = &outbound.terms.asset_class;
    match (was(moves), moves(&head.state)) {
        (false, true) => admitted(overlay, head, class, u64::saturating_add),
        (true, false) => admitted(overlay, head, class, u64::saturating_sub),
        (true, true) | (false, false) => Ok(()),
    }
}

/// Changes the sums of the minute and the hour in which a transfer was admitted.
fn admitted(
    overlay: &mut Overlay<'_>,
    head: &pb::Head,
    class: &AssetClassId,
    change: fn(u64, u64) -> u64,
) -> Result<(), StoreError> {
    for key in buckets(head, class) {
        adjust(overlay, Column::Admitted, key, |sum| {
            change(sum, head.quantity_g)
        })?;
    }
    Ok(())
}

/// Keys of the minute and the hour in which a transfer was admitted.
pub(crate) fn buckets(head: &pb::Head, class: &AssetClassId) -> [Vec<u8>; 2] {
    let minute = head.created_ms / MINUTE_MS;
    [(MINUTES, minute), (HOURS, minute / MINUTES_PER_HOUR)]
        .map(|(grain, bucket)| columns::admitted(&head.route, class, grain, bucket))
}

pub(crate) fn number(bytes: &[u8]) -> Result<u64, StoreError> {
    bytes
        .try_into()
        .map(u64::from_be_bytes)
        .map_err(|_| corrupt("a counter"))
}

impl Store {
    /// Admitted through a route in one asset class since a time, less what was rejected again: what a rolling limit compares.
    /// Counts whole minutes, so at most the minute of `since` too much and never too little. Reads at most an hour of minutes
    /// and then hours.
    pub fn admitted_since(
        &self,
        route: &RouteId,
        class: &AssetClassId,
        since: Timestamp,
    ) -> Result<Quantity, StoreError> {
        let minute = since.ms() / MINUTE_MS;
        let hour = minute.div_ceil(MINUTES_PER_HOUR);
        let key = |grain, bucket| columns::admitted(route.as_str(), class, grain, bucket);
        let first_hours = key(MINUTES, hour.saturating_mul(MINUTES_PER_HOUR));
        let mut grams = 0u64;
        for (from, below) in [
            (key(MINUTES, minute), first_hours),
            (key(HOURS, hour), key(HOURS + 1, 0)),
        ] {
            for entry in scan_below(&self.db, Column::Admitted, &from, below)? {
                grams = grams.saturating_add(number(&entry?.1)?);
            }
        }
        Quantity::from_grams(grams).map_err(|_| corrupt("a quantity"))
    }

    /// Transfers by state.
    pub fn counts(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.sums(columns::COUNTS)
    }

    /// Transfers that have not ended, by route; returns, which have none, under the empty name.
    pub fn unfinished(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.sums(columns::UNFINISHED)
    }

    /// Entries of the due index by lane, for every lane that ever had one.
    pub fn lane_counts(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.sums(columns::LANE_COUNTS)
    }

    fn sums(&self, prefix: &[u8]) -> Result<Vec<(String, u64)>, StoreError> {
        let sum = |(key, value): (Box<[u8]>, Box<[u8]>)| {
            let name = key.get(prefix.len()..).unwrap_or_default();
            Ok((String::from_utf8_lossy(name).into_owned(), number(&value)?))
        };
        scan(&self.db, Column::Meta, prefix, prefix)?
            .map(|entry| entry.and_then(sum))
            .collect()
    }
}
