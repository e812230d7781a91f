//! The rules: what a request may change. Nothing is changed here, so that a refusal leaves nothing behind.

mod approval;
mod correction;
mod deposit;
mod lock;
mod proposal;
mod rejection;
mod units;

use std::collections::{BTreeMap, BTreeSet};

use isthmus_core::id::{AccountId, LedgerId};
use isthmus_core::time::Timestamp;

use crate::sandbox::account::{Account, Status};
use crate::sandbox::change::Change;
use crate::sandbox::outcome::{Refusal, RefusalCode};
use crate::sandbox::receipt::ReceiptSigner;
use crate::sandbox::registry::Registry;

/// What the operator of the registry fixed.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) registry: LedgerId,
    pub(crate) signer: ReceiptSigner,
    pub(crate) approvals_required: usize,
    /// Names of all who may approve.
    pub(crate) approvers: BTreeSet<String>,
    /// Custody accounts of callers that may lock into these only, by name.
    pub(crate) custody_of: BTreeMap<String, Vec<AccountId>>,
    /// Most tonnes in one lock; `None` is without a limit.
    pub(crate) max_lock_t: Option<u64>,
}

/// What follows from a request.
#[derive(Debug)]
pub(crate) enum Decision {
    /// This changes.
    Change(Box<Change>),
    /// Nothing changes: the answer is what is recorded under the reference.
    Recorded,
    /// Nothing changes, for this reason.
    Refused(Refusal),
}

/// Decides about one request after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decider<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) rules: &'a Rules,
    pub(crate) now: Timestamp,
}

impl Decider<'_> {
    fn open_account(&self, field: &str, id: &AccountId) -> Result<&Account, Refusal> {
        let Some(account) = self.registry.accounts.get(id) else {
            let message = format!("account {id} does not exist: check its number");
            return Err(Refusal::new(
                RefusalCode::UnknownAccount,
                field,
                id,
                message,
            ));
        };
        match account.status {
            Status::Open => Ok(account),
            Status::Closed => {
                let message = format!(
                    "account {id} is closed: name an open account, or have it opened again"
                );
                Err(Refusal::new(RefusalCode::AccountClosed, field, id, message))
            }
        }
    }

    fn custody_account(&self, id: &AccountId) -> Result<(), Refusal> {
        self.open_account("custody_account", id)?;
        if self.registry.is_custody(id) {
            return Ok(());
        }
        let message =
            format!("account {id} is not of kind custody: name the bridge's custody account");
        Err(Refusal::new(
            RefusalCode::UnknownAccount,
            "custody_account",
            id,
            message,
        ))
    }

    fn next_sequence(&self) -> u64 {
        self.registry.sequence().saturating_add(1)
    }
}

fn reference_used(reference: &str, by: &str) -> Refusal {
    let message = format!(
        "{by} is recorded under this reference: a reference counts once, for ever; query it, and use a new one for anything else"
    );
    Refusal::new(RefusalCode::ReferenceUsed, "reference", reference, message)
}
