//! The gate witnesses the log (ADR 17). Every batch that it carries out says under which log it was signed. Some honest attester
//! followed that log, so it must be a beginning of the one followed here: whoever is shown another one meets it here, whatever
//! that one repeats.

use std::collections::HashMap;
use std::sync::Arc;

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
    /// There are two logs. Stop for good.
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

/// How far the batches of each gate were compared with the log of a store.
#[derive(Debug)]
pub(super) struct Witness {
    store: Arc<AttesterStore>,
    compared: Mutex<HashMap<(LedgerId, Address), Compared>>,
}

#[derive(Clone, Copy, Debug)]
struct Compared {
    up_to: u64,
    /// When the gate may be asked again.
    again: Timestamp,
}

impl Witness {
    pub(super) fn new(store: Arc<AttesterStore>) -> Self {
        Self {
            store,
            compared: Mutex::default(),
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
        let subject = format!("{}/{}", gate.ledger, gate.address);
        let mut all = self.compared.lock().await;
        let key = (gate.ledger.clone(), gate.address);
        let mut compared = match all.get(&key) {
            Some(compared) => *compared,
            // The log of a store only grows: what was compared with it stays compared.
            None => Compared {
                up_to: self.store.compared(&subject)?,
                again: now,
            },
        };
        if now < compared.again {
            return Ok(());
        }
        loop {
            let said = gate.view.minted_under(compared.up_to).await;
            let said = said.map_err(WitnessError::Unanswered)?;
            for head in &said.heads {
                self.begins(gate, head, size)?;
            }
            if said.up_to > compared.up_to {
                compared.up_to = said.up_to;
                self.store.keep_compared(&subject, said.up_to)?;
            }
            if said.complete {
                break;
            }
        }
        compared.again = now.plus_ms(PAUSE_MS);
        all.insert(key, compared);
        Ok(())
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
