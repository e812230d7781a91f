//! Deposits that no lock explains: whether the registry has recorded one as the log says, and whether what is proposed is to give
//! exactly it back to its sender.

use isthmus_core::id::{AccountId, PoolId, TransferId};
use isthmus_core::pool::Pool;
use isthmus_prooflog::book::DepositEnd;
use isthmus_prooflog::receipt;
use isthmus_prooflog::serial::{self, Block};

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::lock;
use crate::attester::ports::{Record, StoredBlock};
use crate::attester::proposal::{self, Allowed, Movement, Rightful};
use crate::attester::replica::Replica;

/// A deposit in the log.
#[derive(Clone, Debug)]
pub struct LoggedDeposit {
    /// Its id.
    pub id: TransferId,
    /// The registry's reference.
    pub reference: String,
    /// Who sent it.
    pub sender: AccountId,
    /// What it brought.
    pub brought: Vec<Block>,
    /// What is left of it.
    pub units: Vec<Block>,
    /// Its pool.
    pub pool: Pool,
    /// What became of it.
    pub end: DepositEnd,
}

impl LoggedDeposit {
    /// The deposit of this id.
    pub fn read(replica: &Replica, id: TransferId) -> Result<Self, Decline> {
        let story = replica
            .deposit(id)
            .ok_or_else(|| Decline::new(Ground::NotLogged, format!("no DEPOSITED leaf of {id}")))?;
        let pool = replica.pool(PoolId::new(story.pool.0)).ok_or_else(|| {
            let reason = format!("pool {} is of no readable route", story.pool);
            Decline::new(Ground::OtherPool, reason)
        })?;
        let sender = story.account.parse();
        Ok(Self {
            id,
            reference: story.reference.clone(),
            sender: sender.map_err(|error: isthmus_core::id::InvalidId| {
                Decline::new(Ground::BadTerms, error.to_string())
            })?,
            brought: story.brought.clone(),
            units: story.units.clone(),
            pool: pool.clone(),
            end: story.end,
        })
    }
}

/// That the registry recorded exactly this deposit, by a receipt under its own key: these units, from this sender, into the
/// pool's custody account. Answers with what the sender wrote on it.
pub fn recorded(
    deposit: &LoggedDeposit,
    record: &Record,
    receipt_key: &[u8; 32],
) -> Result<Option<String>, Decline> {
    let jws = match record {
        Record::Executed { receipt } => receipt,
        Record::Absent | Record::Proposed { .. } | Record::Refused(_) => {
            let reason = format!("the registry has no movement under {:?}", deposit.reference);
            return Err(Decline::new(Ground::NotLocked, reason));
        }
    };
    let bad = |error: String| Decline::new(Ground::BadReceipt, error);
    let found = receipt::open(jws, receipt_key).map_err(|e| bad(e.to_string()))?;
    let units = serial::normalise(&found.units).map_err(|e| bad(e.to_string()))?;
    // A correction names first where the units came from.
    let account = found.account.as_deref().unwrap_or_default();
    let (from, to) = match found.movement.as_str() {
        "deposit" => (account, found.custody_account.as_str()),
        "correction" => (found.custody_account.as_str(), account),
        other => {
            let reason = format!("{other} is no deposit");
            return Err(Decline::new(Ground::OtherLock, reason));
        }
    };
    let same = [
        ("reference", found.reference == deposit.reference),
        ("registry", found.registry == deposit.pool.origin.as_str()),
        ("sender", from == deposit.sender.as_str()),
        ("account", to == deposit.pool.custody_account.as_str()),
        ("units", units == deposit.brought),
    ];
    for (field, holds) in same {
        require(holds, Ground::OtherLock, || {
            format!("the receipt's {field} is not what was logged")
        })?;
    }
    Ok(found.reason)
}

/// What decides about giving a deposit back.
#[derive(Clone, Debug)]
pub struct ReturnFacts<'a> {
    /// The deposit in the log. That no lock explains it the log's book has made sure of.
    pub deposit: &'a LoggedDeposit,
    /// What the registry has under its reference.
    pub record: &'a Record,
    /// The key of the registry's receipts.
    pub receipt_key: &'a [u8; 32],
    /// What the registry has under the return's reference.
    pub proposed: &'a Record,
    /// The registry's blocks, those that share a unit with the deposit among them.
    pub stored: &'a [StoredBlock],
}

/// The reference under which a deposit is given back.
pub fn reference(deposit: &LoggedDeposit) -> String {
    format!("return:{}", deposit.reference)
}

/// What to approve.
pub fn check(facts: &ReturnFacts<'_>) -> Result<Allowed, Decline> {
    let deposit = facts.deposit;
    require(deposit.end == DepositEnd::Open, Ground::Ended, || {
        format!("the log says {:?} of deposit {}", deposit.end, deposit.id)
    })?;
    recorded(deposit, facts.record, facts.receipt_key)?;
    let custody = &deposit.pool.custody_account;
    // Locked by nothing but this deposit: what a lock brought, or the relayer keeps out of the log, stays.
    let by = [deposit.reference.clone()];
    lock::still_locked(&deposit.units, custody, &by, facts.stored)?;
    proposal::check(
        facts.proposed,
        &Rightful {
            reference: &reference(deposit),
            custody_account: custody,
            units: &deposit.units,
            movement: Movement::Return(deposit.sender.clone()),
        },
    )
}
