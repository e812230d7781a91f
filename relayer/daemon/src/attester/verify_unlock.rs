//! Whether an unlock may be approved: only what the gate says can never be minted goes back (R3), only to the account it came
//! from, and only if the registry itself has this lock. Without the last, an invented `LOCKED` leaf and its void would
//! move units of another holder out of custody.

use isthmus_core::id::TransferId;
use isthmus_prooflog::book::LockEnd;

use crate::attester::decline::{Decline, Ground};
use crate::attester::lock::{self, LoggedLock};
use crate::attester::ports::{Outcome, Record};
use crate::attester::proposal::{self, Allowed, Movement, Rightful};

/// The reference of an unlock (`docs/protocol.md` §5).
pub fn reference(transfer: TransferId) -> String {
    format!("unlock:{transfer}")
}

/// What decides about an unlock.
#[derive(Clone, Debug)]
pub struct UnlockFacts<'a> {
    /// The lock in the log.
    pub lock: &'a LoggedLock,
    /// The gate's outcome at a final block.
    pub outcome: Outcome,
    /// What the registry has under the transfer's id.
    pub locked: &'a Record,
    /// The key of the registry's receipts.
    pub receipt_key: &'a [u8; 32],
    /// What the registry has under the unlock's reference.
    pub proposed: &'a Record,
}

/// What to approve.
pub fn check(facts: &UnlockFacts<'_>) -> Result<Allowed, Decline> {
    let lock = facts.lock;
    let id = lock.id();
    match facts.outcome {
        Outcome::Voided => {}
        Outcome::None => {
            let reason = format!("the gate has not voided {id} at a final block (R3)");
            return Err(Decline::new(Ground::NotVoided, reason));
        }
        Outcome::Minted => {
            let reason = format!("the gate has minted {id} (R3)");
            return Err(Decline::new(Ground::Minted, reason));
        }
    }
    match lock.end {
        LockEnd::Open | LockEnd::Voided => {}
        end @ (LockEnd::Minted | LockEnd::Unlocked) => {
            let reason = format!("the log says {end:?} of {id}");
            return Err(Decline::new(Ground::Ended, reason));
        }
    }
    lock::executed(lock, facts.locked, facts.receipt_key)?;
    proposal::check(
        facts.proposed,
        &Rightful {
            reference: &reference(id),
            custody_account: &lock.pool.custody_account,
            units: &lock.units,
            movement: Movement::Unlock(lock.terms.account.clone()),
        },
    )
}
