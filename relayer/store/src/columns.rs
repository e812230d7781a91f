//! Column families and key layouts. Numbers are big-endian, so that keys sort like the numbers.

use isthmus_core::id::{AssetClassId, Hash32, PoolId, TransferId};
use isthmus_core::operation::Lane;
use isthmus_core::time::Timestamp;

/// A column family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Column {
    /// `h‖id` → Head, `s‖(MAX − serial)` → id.
    Transfers,
    /// `id‖index` → Event.
    Journal,
    /// `id` → Snapshot, of what has not ended.
    Snapshots,
    /// `lane‖0‖due‖id` → nothing.
    Due,
    /// `d‖draft id` → Draft, `a‖id‖intent‖sequence` → draft id, `p‖transaction` → nothing: its fee is counted.
    Drafts,
    /// `batch id` → `SignedBatch`.
    Batches,
    /// SHA-256 → file that proves a batch of mints.
    Evidence,
    /// `space‖0‖first` → Held.
    Custody,
    /// `space‖0‖last` → `first‖holder`: what overlaps are found by, small enough to stay in memory. By their ends, because the
    /// first key at or above another is cheaper to find than the last one at or below.
    Spans,
    /// `holder‖space‖0‖first` → nothing.
    Holdings,
    /// `pool‖order‖space‖0‖first` → nothing.
    Offers,
    /// `index` → leaf bytes.
    Leaves,
    /// `id‖index` → nothing.
    LeavesOf,
    /// `index` → hash.
    Hashes,
    /// `size` → signed note.
    Checkpoints,
    /// `ledger` → Cursor, `ledger‖0‖height‖block` → nothing.
    Cursors,
    /// What ledgers told us, by their own key.
    Inbox,
    /// `route‖0‖version` → Route, `paused‖0‖scope` → who.
    Routes,
    /// Idempotency key → id.
    Requests,
    /// `ledger/step` → next nonce.
    Nonces,
    /// `route‖0‖class‖grain‖bucket` → grams admitted in that minute or hour.
    Admitted,
    /// Format, network, log size, counters.
    Meta,
}

impl Column {
    pub(crate) const ALL: [Self; 22] = [
        Self::Transfers,
        Self::Journal,
        Self::Snapshots,
        Self::Due,
        Self::Drafts,
        Self::Batches,
        Self::Evidence,
        Self::Custody,
        Self::Spans,
        Self::Holdings,
        Self::Offers,
        Self::Leaves,
        Self::LeavesOf,
        Self::Hashes,
        Self::Checkpoints,
        Self::Cursors,
        Self::Inbox,
        Self::Routes,
        Self::Requests,
        Self::Nonces,
        Self::Admitted,
        Self::Meta,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Transfers => "transfers",
            Self::Journal => "journal",
            Self::Snapshots => "snapshots",
            Self::Due => "due",
            Self::Drafts => "drafts",
            Self::Batches => "batches",
            Self::Evidence => "evidence",
            Self::Custody => "custody",
            Self::Spans => "spans",
            Self::Holdings => "holdings",
            Self::Offers => "offers",
            Self::Leaves => "leaves",
            Self::LeavesOf => "leaves_of",
            Self::Hashes => "hashes",
            Self::Checkpoints => "checkpoints",
            Self::Cursors => "cursors",
            Self::Inbox => "inbox",
            Self::Routes => "routes",
            Self::Requests => "requests",
            Self::Nonces => "nonces",
            Self::Admitted => "admitted",
            Self::Meta => "meta",
        }
    }
}

pub(crate) const LOG_SIZE: &[u8] = b"log_size";
pub(crate) const CHECKPOINT_INTENT: &[u8] = b"checkpoint_intent";
pub(crate) const SERIAL: &[u8] = b"serial";
pub(crate) const META: &[u8] = b"meta";
pub(crate) const COUNTS: &[u8] = b"count/";
pub(crate) const LANE_COUNTS: &[u8] = b"lane/";
pub(crate) const UNFINISHED: &[u8] = b"unfinished/";

pub(crate) fn numbered(id: &TransferId, index: u64) -> Vec<u8> {
    [id.as_bytes().as_slice(), &index.to_be_bytes()].concat()
}

pub(crate) fn head(id: &TransferId) -> Vec<u8> {
    [b"h", id.as_bytes().as_slice()].concat()
}

pub(crate) fn newest_first(serial: u64) -> Vec<u8> {
    [b"s".as_slice(), &(u64::MAX - serial).to_be_bytes()].concat()
}

pub(crate) fn lane(lane: &Lane) -> Vec<u8> {
    [lane.to_string().as_bytes(), &[0]].concat()
}

pub(crate) fn due(lane_of: &Lane, at: Timestamp, id: &TransferId) -> Vec<u8> {
    [
        lane(lane_of).as_slice(),
        &at.ms().to_be_bytes(),
        id.as_bytes(),
    ]
    .concat()
}

/// The same entry of the due index, due at `at` if it was due later.
pub(crate) fn due_by(due: &[u8], at: Timestamp) -> Option<Vec<u8>> {
    let (rest, id) = due.split_last_chunk::<32>()?;
    let (lane, was) = rest.split_last_chunk::<8>()?;
    let at = at.ms().min(u64::from_be_bytes(*was));
    Some([lane, &at.to_be_bytes(), id].concat())
}

pub(crate) fn draft(id: &[u8; 32]) -> Vec<u8> {
    [b"d", id.as_slice()].concat()
}

pub(crate) fn attempt(id: &TransferId, intent: u64) -> Vec<u8> {
    [b"a", id.as_bytes().as_slice(), &intent.to_be_bytes()].concat()
}

/// A transaction whose fee is counted.
pub(crate) fn paid(transaction: &Hash32) -> Vec<u8> {
    [b"p", transaction.as_bytes().as_slice()].concat()
}

pub(crate) fn interval(space: &str, first: u64) -> Vec<u8> {
    [space.as_bytes(), &[0], &first.to_be_bytes()].concat()
}

pub(crate) fn holding(holder: &TransferId, space: &str, first: u64) -> Vec<u8> {
    [holder.as_bytes().as_slice(), &interval(space, first)].concat()
}

pub(crate) fn offer(pool: &PoolId, order: u64, space: &str, first: u64) -> Vec<u8> {
    [
        pool.as_bytes().as_slice(),
        &order.to_be_bytes(),
        &interval(space, first),
    ]
    .concat()
}

pub(crate) fn count(state: &str) -> Vec<u8> {
    [COUNTS, state.as_bytes()].concat()
}

pub(crate) fn outstanding(route: &str) -> Vec<u8> {
    format!("outstanding/{route}").into_bytes()
}

/// How many entries a lane has in the due index.
pub(crate) fn lane_count(lane: &[u8]) -> Vec<u8> {
    [LANE_COUNTS, lane].concat()
}

/// How many transfers of a route have not ended.
pub(crate) fn unfinished(route: &str) -> Vec<u8> {
    [UNFINISHED, route.as_bytes()].concat()
}

/// The lane of a key of the due index.
pub(crate) fn lane_of(due: &[u8]) -> &[u8] {
    due.get(..due.len().saturating_sub(41)).unwrap_or_default()
}

pub(crate) fn admitted(route: &str, class: &AssetClassId, grain: u8, bucket: u64) -> Vec<u8> {
    [
        route.as_bytes(),
        &[0],
        class.as_bytes(),
        &[grain],
        &bucket.to_be_bytes(),
    ]
    .concat()
}

/// The trailing number of a key.
pub(crate) fn trailing_u64(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>()
        .map(|bytes| u64::from_be_bytes(*bytes))
}
