//! Whether a release or retirement may be approved: the burn is the gate's own at a final block, the units are what the
//! custody book gives it, those units came into custody by locks that the registry has and the gate has minted, and what
//! becomes of them is what the burner committed to.

use alloy::primitives::B256;
use isthmus_core::deposit::make_good_note;
use isthmus_core::id::{Address, Hash32, PoolId, TransferId};
use isthmus_core::instruction::{Instruction, Purpose};
use isthmus_core::pool::Pool;
use isthmus_core::terms::Burn;
use isthmus_prooflog::book::{BurnEnd, DepositEnd, RedirectStory};
use isthmus_prooflog::leaf::{self, Leaf};
use isthmus_prooflog::serial::Block;

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::lock::{self, LoggedLock};
use crate::attester::ports::{Outcome, Record, StoredBlock};
use crate::attester::proposal::{self, Allowed, Movement, Rightful};
use crate::attester::replica::Replica;
use crate::attester::verify_deposit::{self, LoggedDeposit};
use crate::attester::verify_redirect::{self, Counter};

/// A logged burn, with the allocation that the replay gave it.
#[derive(Clone, Debug)]
pub struct LoggedBurn {
    /// Its id.
    pub id: TransferId,
    /// The gate's number.
    pub number: u64,
    /// Who burned.
    pub holder: Address,
    /// For what.
    pub purpose: Purpose,
    /// What the burner committed to.
    pub commitment: Hash32,
    /// Grams.
    pub quantity_g: u64,
    /// The class.
    pub asset_class: B256,
    /// The burner's last redirection.
    pub redirected: Option<RedirectStory>,
    /// The pool that gives.
    pub pool: Pool,
    /// Which units. The book has recomputed them.
    pub allocation: Vec<Block>,
}

impl LoggedBurn {
    /// The burn in the log.
    pub fn read(replica: &Replica, id: TransferId) -> Result<Self, Decline> {
        let story = replica
            .burn(id)
            .ok_or_else(|| Decline::new(Ground::NotLogged, format!("no BURNED leaf of {id}")))?;
        require(story.end == BurnEnd::Open, Ground::Ended, || {
            format!("the log says {:?} of {id}", story.end)
        })?;
        let pool = replica.pool(PoolId::new(story.pool.0)).ok_or_else(|| {
            let reason = format!("pool {} is of no readable route", story.pool);
            Decline::new(Ground::OtherPool, reason)
        })?;
        let Leaf::Burned {
            asset_class,
            number,
            holder,
            purpose,
            commitment,
            ..
        } = &story.leaf
        else {
            let reason = format!("the story of {id} does not begin with a burn");
            return Err(Decline::new(Ground::BadTerms, reason));
        };
        Ok(Self {
            id,
            number: *number,
            holder: Address::new(holder.0.0),
            purpose: match purpose {
                leaf::Purpose::Release => Purpose::Release,
                leaf::Purpose::Retire => Purpose::Retire,
            },
            commitment: Hash32::new(commitment.0),
            quantity_g: story.quantity_g,
            asset_class: *asset_class,
            redirected: story.redirected.clone(),
            pool: pool.clone(),
            allocation: story.allocation.clone(),
        })
    }
}

/// A lock that brought allocated units into custody, with what its registry and gate say of it.
#[derive(Clone, Debug)]
pub struct Backing<'a> {
    /// The lock in the log.
    pub lock: &'a LoggedLock,
    /// What the registry has under its transfer's id.
    pub record: &'a Record,
    /// The gate's outcome at a final block.
    pub outcome: Outcome,
}

/// What decides about a redemption.
#[derive(Clone, Debug)]
pub struct RedemptionFacts<'a> {
    /// The burn in the log.
    pub logged: &'a LoggedBurn,
    /// The burn at the gate, at a final block.
    pub burned: Option<&'a Burn>,
    /// The locks behind the allocation; together with the deposits they brought all of it.
    pub backing: &'a [Backing<'a>],
    /// The deposits behind it, which made the pool good, with what the registry has under their references.
    pub deposits: &'a [(LoggedDeposit, Record)],
    /// The burner's instruction, as the relayer handed it on.
    pub instruction: &'a [u8],
    /// The key of the registry's receipts.
    pub receipt_key: &'a [u8; 32],
    /// What the registry has under the burn's id.
    pub proposed: &'a Record,
    /// The registry's blocks, those that share a unit with the allocation among them.
    pub stored: &'a [StoredBlock],
}

/// What to approve, and which of the burner's instructions it is for.
pub fn check(facts: &RedemptionFacts<'_>) -> Result<(Allowed, Counter), Decline> {
    let logged = facts.logged;
    let burn = is_burned(logged, facts.burned)?;
    for backing in facts.backing {
        backs(backing, logged, facts.receipt_key)?;
    }
    for (deposit, record) in facts.deposits {
        makes_good(deposit, record, logged, facts.receipt_key)?;
    }
    let deposits = facts.deposits.iter().map(|(d, _)| d.reference.clone());
    let locks = facts.backing.iter().map(|b| b.lock.id().to_string());
    let locks: Vec<String> = locks.chain(deposits).collect();
    let custody = &logged.pool.custody_account;
    lock::still_locked(&logged.allocation, custody, &locks, facts.stored)?;
    let instruction: Instruction = serde_json::from_slice(facts.instruction)
        .map_err(|error| Decline::new(Ground::OtherInstruction, error.to_string()))?;
    let counter = verify_redirect::check(burn, logged.redirected.as_ref(), &instruction)?;
    let allowed = proposal::check(
        facts.proposed,
        &Rightful {
            reference: &logged.id.to_string(),
            custody_account: &logged.pool.custody_account,
            units: &logged.allocation,
            movement: Movement::from(instruction),
        },
    )?;
    Ok((allowed, counter))
}

/// That the leaf repeats the gate's own burn, which belongs to the pool.
fn is_burned<'b>(logged: &LoggedBurn, burned: Option<&'b Burn>) -> Result<&'b Burn, Decline> {
    let burn = burned.ok_or_else(|| {
        let reason = format!("the gate has no final burn {}", logged.number);
        Decline::new(Ground::NotBurned, reason)
    })?;
    let class = burn.asset_class;
    let same = [
        ("id", burn.id() == logged.id),
        ("number", burn.number == logged.number),
        ("holder", burn.holder == logged.holder),
        ("purpose", burn.purpose == logged.purpose),
        ("commitment", burn.commitment == logged.commitment),
        ("quantity", burn.quantity.grams() == logged.quantity_g),
        ("asset_class", *class.as_bytes() == logged.asset_class.0),
        ("class of the pool", class == logged.pool.asset_class),
        ("gate of the pool", burn.gate == logged.pool.gate),
        ("chain of the pool", burn.ledger == logged.pool.destination),
    ];
    for (field, holds) in same {
        require(holds, Ground::OtherBurn, || {
            format!("the {field} in the log is not the gate's")
        })?;
    }
    Ok(burn)
}

/// That a deposit behind the allocation is one that its sender meant to make this very pool good by.
fn makes_good(
    deposit: &LoggedDeposit,
    record: &Record,
    logged: &LoggedBurn,
    receipt_key: &[u8; 32],
) -> Result<(), Decline> {
    let id = deposit.id;
    let good = deposit.end == DepositEnd::Cured && deposit.pool == logged.pool;
    require(good, Ground::OtherPool, || {
        format!("units of deposit {id} are allocated, which has not made the pool good")
    })?;
    let note = verify_deposit::recorded(deposit, record, receipt_key)?;
    let meant = note == Some(make_good_note(logged.pool.id()));
    require(meant, Ground::OtherPool, || {
        format!("the sender of deposit {id} does not say that it is to make the pool good")
    })
}

/// That allocated units really are in the pool: invented `LOCKED` and `MINTED` leaves would offer a burner the units of
/// a holder whose own lock the relayer keeps out of the log.
fn backs(
    backing: &Backing<'_>,
    logged: &LoggedBurn,
    receipt_key: &[u8; 32],
) -> Result<(), Decline> {
    let id = backing.lock.id();
    require(
        backing.outcome == Outcome::Minted,
        Ground::NotLocked,
        || format!("units of {id} are allocated, but the gate has not minted it"),
    )?;
    require(backing.lock.pool == logged.pool, Ground::OtherPool, || {
        format!("units of {id} are allocated, but it is in another pool")
    })?;
    lock::executed(backing.lock, backing.record, receipt_key).map(drop)
}

#[cfg(test)]
mod tests;
