//! The gate witnesses the log (ADR 17). Every batch that it carries out says under which log it was signed. Some honest attester
//! followed that log, so it must be a beginning of the one followed here: whoever is shown another one meets it here, whatever
//! that one repeats.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use isthmus_core::id::{Address, LedgerId};
use isthmus_core::operation::LogHead;
use isthmus_core::ports::{FindError, StoreError};
use isthmus_core::time::Timestamp;
use isthmus_prooflog::tree::{self, TreeError};
use isthmus_store::AttesterStore;
use tokio::sync::Mutex;

use crate::attester::own::OwnGate;

/// How often a gate is asked at most.
const PAUSE_MS: u64 = 1_000;

/// Why what the gate has carried out does not vouch for the log, by what to do next.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The node did not answer: ask again later.
    #[error("the gate was not asked under which logs it minted")]
    Unanswered(#[source] FindError),
    /// Somebody has followed the log further than it is known here: follow it first.
    #[error("a batch was signed under size {signed} of the log, it is followed up to {followed}")]
    Behind {
        /// By the batch.
        signed: u64,
        /// Here.
        followed: u64,
    },
    /// There are two logs, or the node lies about the gate. Sign nothing while it says so.
    #[error(
        "gate {gate} minted under a log with root {other} at size {size}, the one followed here has {own}"
    )]
    Forked {
        /// Which gate.
        gate: Address,
        /// Where the two differ at the latest.
        size: u64,
        /// Under which it minted.
        other: String,
        /// What is followed.
        own: String,
    },
    /// The store failed: stop the process.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored hashes do not make a tree: stop the process.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// How far the batches of each gate were compared with the log of a store. A gate that hangs holds up who asks about it only.
#[derive(Debug)]
pub(super) struct Witness {
    store: Arc<AttesterStore>,
    gates: std::sync::Mutex<HashMap<(LedgerId, Address), Shared>>,
}

type Shared = Arc<Mutex<Compared>>;

#[derive(Debug, Default)]
struct Compared {
    /// Nothing before the first look.
    up_to: Option<u64>,
    last: Option<Asked>,
}

/// When a gate was asked last, and whether it answered.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Agreed(Timestamp),
    Unanswered(Timestamp),
}

impl Witness {
    pub(super) fn new(store: Arc<AttesterStore>) -> Self {
        Self {
            store,
            gates: std::sync::Mutex::default(),
        }
    }

    /// Compares what a gate has carried out since it was asked last; whoever asks meanwhile waits for the answer. `size` is how far
    /// the log is followed.
    pub(super) async fn agrees(
        &self,
        gate: &OwnGate,
        size: u64,
        now: Timestamp,
    ) -> Result<(), WitnessError> {
        let compared = self.of(gate);
        let mut compared = compared.lock().await;
        // A time before the last one is a clock that was set back: it says nothing about how long ago that was.
        let is_recent = |at: Timestamp| at <= now && now < at.plus_ms(PAUSE_MS);
        match compared.last {
            Some(Asked::Agreed(at)) if is_recent(at) => return Ok(()),
            Some(Asked::Unanswered(at)) if is_recent(at) => {
                let silent = FindError::Unavailable("it did not answer a moment ago".into());
                return Err(WitnessError::Unanswered(silent));
            }
            Some(Asked::Agreed(_) | Asked::Unanswered(_)) | None => {}
        }
        let subject = format!("{}/{}", gate.ledger, gate.address);
        let mut up_to = match compared.up_to {
            Some(up_to) => up_to,
            // The log of a store only grows: what was compared with it stays compared.
            None => self.store.compared(&subject)?,
        };
        loop {
            let said = match gate.view.minted_under(up_to).await {
                Ok(said) => said,
                Err(error) => {
                    compared.last = Some(Asked::Unanswered(now));
                    return Err(WitnessError::Unanswered(error));
                }
            };
            for head in &said.heads {
                self.begins(gate, head, size)?;
            }
            if said.up_to > up_to {
                up_to = said.up_to;
                self.store.keep_compared(&subject, up_to)?;
                compared.up_to = Some(up_to);
            }
            if said.complete {
                break;
            }
        }
        compared.last = Some(Asked::Agreed(now));
        Ok(())
    }

    fn of(&self, gate: &OwnGate) -> Shared {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (gate.ledger.clone(), gate.address);
        Arc::clone(gates.entry(key).or_default())
    }

    /// That the log followed here begins with the one of a batch.
    fn begins(&self, gate: &OwnGate, head: &LogHead, size: u64) -> Result<(), WitnessError> {
        if head.size > size {
            return Err(WitnessError::Behind {
                signed: head.size,
                followed: size,
            });
        }
        let own = tree::root(&self.store.log(), head.size)?;
        if own == *head.root.as_bytes() {
            return Ok(());
        }
        Err(WitnessError::Forked {
            gate: gate.address,
            size: head.size,
            other: head.root.to_string(),
            own: format!("0x{}", hex::encode(own)),
        })
    }
}
