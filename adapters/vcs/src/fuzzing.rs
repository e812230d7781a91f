//! A door for `fuzz/`: what the registry answers, read as the adapter reads it. Nothing else uses it.

use crate::bodies::{AccountBody, Entry, Info, Movements, Rejection, Results, SearchResult};

/// Reads `bytes` as each body that a registry may answer with, and as a draft that the journal may hold.
pub fn answer(bytes: &[u8]) {
    let _results = serde_json::from_slice::<Results>(bytes);
    let _movements = serde_json::from_slice::<Movements>(bytes);
    let _blocks = serde_json::from_slice::<SearchResult>(bytes);
    let _account = serde_json::from_slice::<AccountBody>(bytes);
    let _info = serde_json::from_slice::<Info>(bytes);
    let _rejection = Rejection::read(422, bytes);
    if let Ok(entry) = serde_json::from_slice::<Entry>(bytes) {
        let _reference = entry.reference();
    }
}
