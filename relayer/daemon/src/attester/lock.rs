//! Evidence of a lock: what the log says was agreed, and whether the registry's own books say that it was done.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AccountId, PoolId, TransferId};
use isthmus_core::mandate::{HolderKey, Mandate, Wish};
use isthmus_core::pool::Pool;
use isthmus_core::serial_block::{NumberingSpace, SerialBlock, Series};
use isthmus_core::terms::OutboundTerms;
use isthmus_prooflog::book::LockEnd;
use isthmus_prooflog::receipt::{self, RegistryReceipt};
use isthmus_prooflog::serial::{self, Block};

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::ports::{Record, Standing, StoredBlock};
use crate::attester::replica::Replica;

/// A logged lock, with its terms read.
#[derive(Clone, Debug)]
pub struct LoggedLock {
    id: TransferId,
    /// The holder's terms; they hash to the transfer's id.
    pub terms: OutboundTerms,
    /// The units, normalised.
    pub units: Vec<Block>,
    /// Those that the registry has taken away since; the pool bears the loss.
    pub lost: Vec<Block>,
    /// The pool that it joined when it was logged.
    pub pool: Pool,
    /// What the log says became of it.
    pub end: LockEnd,
}

impl LoggedLock {
    /// The lock of a transfer among the first `log_size` leaves.
    pub fn read(replica: &Replica, id: TransferId, log_size: u64) -> Result<Self, Decline> {
        let story = replica
            .lock(id)
            .filter(|story| story.index < log_size)
            .ok_or_else(|| {
                let reason = format!("no LOCKED leaf of {id} among the first {log_size} leaves");
                Decline::new(Ground::NotLogged, reason)
            })?;
        let terms: OutboundTerms = serde_json::from_value(story.terms.clone())
            .map_err(|error| Decline::new(Ground::BadTerms, error.to_string()))?;
        require(terms.id() == id && terms.v == 1, Ground::BadTerms, || {
            format!("the terms hash to {}, version {}", terms.id(), terms.v)
        })?;
        let pool = replica.pool(PoolId::new(story.pool.0)).ok_or_else(|| {
            let reason = format!("pool {} is of no readable route", story.pool);
            Decline::new(Ground::OtherPool, reason)
        })?;
        Ok(Self {
            id,
            terms,
            units: story.units.clone(),
            lost: story.lost.clone(),
            pool: pool.clone(),
            end: story.end,
        })
    }

    /// Its transfer. To hash the terms takes as long as a tenth of a signature: it is done once.
    pub fn id(&self) -> TransferId {
        self.id
    }

    /// The serials, normalised.
    pub fn serials(&self) -> Vec<String> {
        self.units.iter().map(ToString::to_string).collect()
    }
}

/// That the registry has executed exactly this lock, by a receipt under its own key.
pub fn executed(
    lock: &LoggedLock,
    record: &Record,
    receipt_key: &[u8; 32],
) -> Result<RegistryReceipt, Decline> {
    let jws = match record {
        Record::Executed { receipt } => receipt,
        Record::Absent | Record::Proposed { .. } | Record::Refused(_) => {
            let reason = format!("the registry has no executed lock under {}", lock.id());
            return Err(Decline::new(Ground::NotLocked, reason));
        }
    };
    let found = receipt::open(jws, receipt_key)
        .map_err(|error| Decline::new(Ground::BadReceipt, error.to_string()))?;
    let units = serial::normalise(&found.units)
        .map_err(|error| Decline::new(Ground::BadReceipt, error.to_string()))?;
    let terms = &lock.terms;
    let same = [
        ("movement", found.movement == "lock"),
        ("reference", found.reference == lock.id().to_string()),
        ("registry", found.registry == terms.origin.as_str()),
        (
            "account",
            found.account.as_deref() == Some(terms.account.as_str()),
        ),
        (
            "custody_account",
            found.custody_account == lock.pool.custody_account.as_str(),
        ),
        ("units", units == lock.units),
        (
            "quantity_t",
            terms.quantity_g.tonnes() == Some(found.quantity_t)
                && serial::total_g(&units) == terms.quantity_g.grams(),
        ),
    ];
    for (field, holds) in same {
        require(holds, Ground::OtherLock, || {
            format!("the receipt's {field} is not what was agreed and logged")
        })?;
    }
    Ok(found)
}

/// That the account's registered holder has signed this very transfer, recipient included.
pub fn mandated(
    lock: &LoggedLock,
    receipt: &RegistryReceipt,
    holder: Option<HolderKey>,
) -> Result<(), Decline> {
    let no = |reason: String| Decline::new(Ground::NoMandate, reason);
    let text = receipt
        .mandate
        .as_ref()
        .ok_or_else(|| no("the receipt has no mandate".into()))?;
    let holder =
        holder.ok_or_else(|| no(format!("account {} has no holder key", lock.terms.account)))?;
    STANDARD
        .decode(text)
        .map_err(|error| no(error.to_string()))
        .and_then(|bytes| Mandate::from_bytes(&bytes).map_err(|error| no(error.to_string())))?
        .verify(Wish::Transfer, lock.id(), holder)
        .map_err(|error| no(error.to_string()))
}

/// The registry's blocks for all locks of a batch, read once: each lock is held against its own only.
#[derive(Debug)]
pub struct Shelf<'a>(Vec<(Option<Block>, &'a StoredBlock)>);

impl<'a> Shelf<'a> {
    /// Of what a registry said.
    pub fn of(stored: &'a [StoredBlock]) -> Self {
        let read = |block: &'a StoredBlock| (Block::parse(&block.serial).ok(), block);
        Self(stored.iter().map(read).collect())
    }

    /// The blocks that share a unit with a lock, and those that cannot be read: they might.
    pub fn about(&self, lock: &LoggedLock) -> Vec<StoredBlock> {
        let shares = |block: &Option<Block>| match block {
            Some(block) => {
                let mut units = lock.units.iter().chain(&lock.lost);
                units.any(|unit| unit.intersects(block))
            }
            None => true,
        };
        let about = self.0.iter().filter(|(block, _)| shares(block));
        about.map(|(_, stored)| (*stored).clone()).collect()
    }
}

/// That every unit still lies locked in custody and is of the class agreed, by the registry's own block data (R9). Answers
/// with the class. Blocks that share no unit with the lock are passed over. Units that the log says were taken away must be gone:
/// what backs the transfer instead of them is in the pool, which [`super::reserves::Cover`] counts.
pub fn in_custody<'a>(
    lock: &LoggedLock,
    stored: &'a [StoredBlock],
) -> Result<&'a AssetClass, Decline> {
    let custody: &AccountId = &lock.pool.custody_account;
    let left: Vec<Block> = lock
        .units
        .iter()
        .flat_map(|b| b.without(&lock.lost))
        .collect();
    let left_t: u64 = left.iter().map(Block::quantity_t).sum();
    let mut covered_t: u64 = 0;
    let mut stated = None;
    for block in stored {
        let parsed = Block::parse(&block.serial)
            .map_err(|error| Decline::new(Ground::NotInCustody, error.to_string()))?;
        let (shared_t, gone_t) = (shared_t(&left, &parsed), shared_t(&lock.lost, &parsed));
        if shared_t == 0 && gone_t == 0 {
            continue;
        }
        let lies_there = block.standing == Standing::Locked && block.account == *custody;
        let locks = [lock.id().to_string()];
        if shared_t == 0 {
            let gone = !lies_there || locked_by(block, &locks).is_err();
            require(gone, Ground::NotInCustody, || {
                format!("{} is locked, the log says it was taken away", block.serial)
            })?;
        } else {
            require(lies_there, Ground::NotInCustody, || {
                format!("{} is not locked in {custody}", block.serial)
            })?;
            locked_by(block, &locks)?;
        }
        let class = block.class.id();
        require(class == lock.terms.asset_class, Ground::OtherClass, || {
            format!("{} is of class {class}", block.serial)
        })?;
        covered_t = covered_t.saturating_add(shared_t);
        stated = Some(&block.class);
    }
    stated.filter(|_| covered_t == left_t).ok_or_else(|| {
        let reason = format!("{covered_t} t of {left_t} t lie locked in {custody}");
        Decline::new(Ground::NotInCustody, reason)
    })
}

/// That every unit of `units` lies locked in custody by one of `locks`, and by no other movement since: a log that leaves out what
/// happened meanwhile must not give somebody else's units away.
pub fn still_locked(
    units: &[Block],
    custody: &AccountId,
    locks: &[String],
    stored: &[StoredBlock],
) -> Result<(), Decline> {
    let mut covered_t: u64 = 0;
    for block in stored {
        let parsed = Block::parse(&block.serial)
            .map_err(|error| Decline::new(Ground::NotInCustody, error.to_string()))?;
        let shared_t = shared_t(units, &parsed);
        if shared_t == 0 {
            continue;
        }
        require(
            block.standing == Standing::Locked && block.account == *custody,
            Ground::NotInCustody,
            || format!("{} is not locked in {custody}", block.serial),
        )?;
        locked_by(block, locks)?;
        covered_t = covered_t.saturating_add(shared_t);
    }
    let wanted_t: u64 = units.iter().map(Block::quantity_t).sum();
    require(covered_t == wanted_t, Ground::NotInCustody, || {
        format!("{covered_t} t of {wanted_t} t lie locked in {custody}")
    })
}

/// That a locked block was locked by one of these.
fn locked_by(block: &StoredBlock, locks: &[String]) -> Result<(), Decline> {
    let by = block.reference.as_deref().unwrap_or_default();
    require(
        locks.iter().any(|lock| lock == by),
        Ground::NotInCustody,
        || format!("{} is locked by {by:?} now", block.serial),
    )
}

/// How many tonnes of `units` lie in `stored`, in the same series.
fn shared_t(units: &[Block], stored: &Block) -> u64 {
    units
        .iter()
        .filter(|unit| unit.intersects(stored) && same_series(unit, stored))
        .map(|unit| unit.last.min(stored.last) - unit.first.max(stored.first) + 1)
        .sum()
}

/// The block in the form that policy counts, with its series apart.
pub(crate) fn counted(block: &Block) -> Option<SerialBlock> {
    let serial = block.to_string();
    let (before, after) = serial.split_once(&format!("-{}-{}-", block.first, block.last))?;
    let series = Series {
        before: format!("{before}-"),
        after: format!("-{after}"),
    };
    let space = NumberingSpace(block.space.into());
    SerialBlock::new(space, block.first, block.last, series).ok()
}

/// Whether two blocks differ in their two numbers only.
fn same_series(one: &Block, other: &Block) -> bool {
    let series = |block| counted(block).map(|block| block.series().clone());
    series(one) == series(other)
}
