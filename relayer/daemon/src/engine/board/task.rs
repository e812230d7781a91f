//! What an attester is asked and what it answers.

use isthmus_core::id::{Address, LedgerId, TransferId};
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::receipt::Lasting;
use isthmus_core::time::Timestamp;

/// One task, the same for every attester.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub id: String,
    /// What is asked.
    pub work: TaskWork,
}

/// What is asked. An attester reads for itself whatever it decides by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskWork {
    /// Sign a mint batch.
    Mint {
        /// The chain.
        ledger: LedgerId,
        /// The gate.
        gate: Address,
        /// The items, in signed order.
        items: Vec<MintItem>,
        /// The log that contains their locks.
        log: LogHead,
        /// The signer set.
        epoch: u32,
        /// Last second at which the batch counts.
        deadline: Timestamp,
    },
    /// Sign a void.
    Void {
        /// The chain.
        ledger: LedgerId,
        /// The gate.
        gate: Address,
        /// The transfer.
        transfer: TransferId,
        /// The signer set.
        epoch: u32,
    },
    /// Approve what the relayer proposed at a registry.
    Approval {
        /// The registry.
        ledger: LedgerId,
        /// The transfer.
        transfer: TransferId,
        /// The registry's reference.
        reference: String,
        /// JCS of the burner's instruction; empty for an unlock.
        instruction: Vec<u8>,
    },
}

/// Which share of the work a batch belongs to. Attesters get of both, however much there is of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// It has only just come in.
    Live,
    /// It waits its turn.
    Backlog,
}

/// An attester's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its signature.
    Signed(Vec<u8>),
    /// It approved at the registry.
    Approved,
    /// What it does not sign; the rest of a batch it would.
    Declined(Vec<DeclinedItem>),
}

/// A no to one transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclinedItem {
    /// Which.
    pub transfer: TransferId,
    /// The attester's stable code.
    pub code: String,
    /// Why, for people.
    pub reason: String,
    /// Whether it may be signed later.
    pub lasting: Lasting,
}
