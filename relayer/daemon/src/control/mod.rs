//! The control plane: `isthmus.v1` over gRPC. Protobuf ends here: handlers parse, call and render; what they call knows
//! nothing of the wire.

mod access;
mod amendment;
mod attesters;
mod auth;
mod backup;
mod concerns;
mod custody;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod known;
mod operator;
mod parse;
mod pro_rata;
mod proofs;
mod quarantine;
mod reload;
mod render;
mod resume;
mod retry;
mod route_book;
mod routes;
mod server;
mod shared;
mod status;
mod transfers;
mod watching;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use isthmus_core::id::LedgerId;
use isthmus_core::ports::Ledger;
use isthmus_core::time::Timestamp;
use isthmus_store::Store;

use crate::engine::Recorder;
use crate::engine::admission::Admission;
use crate::engine::board::Board;
use crate::engine::classes::Classes;
use crate::engine::pace::Pace;
use crate::engine::pause::Pauses;
use crate::engine::ports::Gate;
use crate::engine::watch::LedgerWatch;
use crate::proof::Checkpoints;

pub use access::{Access, People};
pub use reload::{Reloaded, Reloader};
pub use server::{ServeError, serve};

/// What the services are made of.
#[derive(Debug)]
pub struct Services {
    /// The durable store, for reading and for routes.
    pub store: Arc<Store>,
    /// The one way into the journal.
    pub recorder: Recorder,
    /// Takes orders in.
    pub admission: Arc<Admission>,
    /// Where attesters find their tasks.
    pub board: Arc<Board>,
    /// What is paused.
    pub pauses: Arc<Pauses>,
    /// The log's signed checkpoints.
    pub checkpoints: Arc<Checkpoints>,
    /// Who may call, and whose signatures make a route count.
    pub access: Arc<Access>,
    /// Takes the configuration in anew; `None` where there is no file.
    pub reloader: Option<Arc<Reloader>>,
    /// How fast transfers end, for status.
    pub pace: Arc<Pace>,
    /// The ledgers, for status and reserves.
    pub ledgers: Vec<LedgerHandle>,
    /// The gates on them, and the classes that may have to be registered there again.
    pub gates: BTreeMap<LedgerId, Arc<dyn Gate>>,
    /// Class profiles.
    pub classes: Arc<Classes>,
    /// When this process started.
    pub started: Timestamp,
}

/// A ledger with what its observer saw last.
#[derive(Clone, Debug)]
pub struct LedgerHandle {
    /// The adapter.
    pub ledger: Arc<dyn Ledger>,
    /// Its observer's last words.
    pub status: Arc<LedgerWatch>,
}
