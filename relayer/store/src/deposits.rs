//! Deposits without a lock, what the registry has moved by itself, and impaired pools. Each record changes in the same synced
//! write as the leaves and the custody book.

use isthmus_core::deposit::Deposit;
use isthmus_core::id::{AssetClassId, LedgerId, PoolId, TransferId};
use isthmus_core::ports::{Append, AppendError, Appended, StoreError};
use isthmus_core::receipt::Receipt;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::time::Timestamp;
use isthmus_proto::store::v1 as pb;
use prost::Message;

use crate::columns::Column;
use crate::custody::{self, Holding, Impairment};
use crate::open::Store;
use crate::overlay::{Overlay, corrupt, read, scan};
use crate::record::{self, fixed, parsed};

const DEPOSITS: &[u8] = b"deposit\0";
const MOVED: &[u8] = b"moved\0";
const LOST: &[u8] = b"lost\0";

/// A deposit and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepositRecord {
    /// What was deposited.
    pub deposit: Deposit,
    /// What the registry says of it.
    pub receipt: Receipt,
    /// What became of it.
    pub standing: DepositStanding,
    /// Who had it returned; empty if nobody.
    pub by: String,
    /// When it became what it is.
    pub at: Timestamp,
}

/// What became of a deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositStanding {
    /// It lies in custody.
    Open,
    /// Its return is proposed, or about to be.
    Returning,
    /// Its sender has it back.
    Returned,
    /// It makes its pool good.
    Good,
    /// The registry has taken it away.
    Taken,
}

impl DepositStanding {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Returning => "returning",
            Self::Returned => "returned",
            Self::Good => "makes good",
            Self::Taken => "taken away",
        }
    }

    /// Whether it lies in custody, and is nobody's.
    pub fn lies_in_custody(self) -> bool {
        match self {
            Self::Open | Self::Returning => true,
            Self::Returned | Self::Good | Self::Taken => false,
        }
    }

    fn code(self) -> u32 {
        match self {
            Self::Open => 1,
            Self::Returning => 2,
            Self::Returned => 3,
            Self::Good => 4,
            Self::Taken => 5,
        }
    }

    fn of(code: u32) -> Result<Self, StoreError> {
        let all = [
            Self::Open,
            Self::Returning,
            Self::Returned,
            Self::Good,
            Self::Taken,
        ];
        let found = all.into_iter().find(|standing| standing.code() == code);
        found.ok_or_else(|| corrupt("a deposit's standing"))
    }
}

fn deposit_key(id: TransferId) -> Vec<u8> {
    [DEPOSITS, id.as_bytes()].concat()
}

fn lost_key(burn: &TransferId) -> Vec<u8> {
    [LOST, burn.as_bytes()].concat()
}

fn moved_key(ledger: &LedgerId, reference: &str) -> Vec<u8> {
    [
        MOVED,
        ledger.as_str().as_bytes(),
        &[0],
        reference.as_bytes(),
    ]
    .concat()
}

fn encode(record: &DepositRecord) -> Vec<u8> {
    let deposit = &record.deposit;
    pb::Deposit {
        ledger: deposit.ledger.to_string(),
        reference: deposit.reference.clone(),
        pool: deposit.pool.as_bytes().to_vec(),
        asset_class: deposit.asset_class.as_bytes().to_vec(),
        sender: deposit.sender.to_string(),
        custody_account: deposit.custody_account.to_string(),
        units: record::blocks(&deposit.units),
        note: deposit.note.clone().unwrap_or_default(),
        receipt: Some(record::receipt(&record.receipt)),
        standing: record.standing.code(),
        by: record.by.clone(),
        at_ms: record.at.ms(),
    }
    .encode_to_vec()
}

fn decode(bytes: &[u8]) -> Result<DepositRecord, StoreError> {
    let record = pb::Deposit::decode(bytes).map_err(|_| corrupt("a deposit"))?;
    let receipt = record.receipt.ok_or_else(|| corrupt("a deposit"))?;
    Ok(DepositRecord {
        deposit: Deposit {
            ledger: parsed(&record.ledger, "a ledger")?,
            reference: record.reference,
            pool: PoolId::new(fixed(&record.pool, "a pool")?),
            asset_class: AssetClassId::new(fixed(&record.asset_class, "a class")?),
            sender: parsed(&record.sender, "an account")?,
            custody_account: parsed(&record.custody_account, "an account")?,
            units: record::blocks_back(record.units)?,
            note: Some(record.note).filter(|note| !note.is_empty()),
        },
        receipt: record::receipt_back(receipt)?,
        standing: DepositStanding::of(record.standing)?,
        by: record.by,
        at: Timestamp::from_ms(record.at_ms),
    })
}

impl Store {
    /// Records what a movement at a registry means: whatever `entry` says, the deposits as they are after it, and that the
    /// movement of this reference was seen, so that it means nothing when it is seen again, and which burns lost units by it. All
    /// of it in one synced write.
    pub fn record_moved(
        &self,
        entry: Append,
        moved: (&LedgerId, &str),
        deposits: &[DepositRecord],
        lost: &[TransferId],
    ) -> Result<Appended, AppendError> {
        let seen = moved_key(moved.0, moved.1);
        let records = keyed(deposits);
        let lost: Vec<_> = lost.iter().map(lost_key).collect();
        let deposits = deposits.to_vec();
        let change = move |overlay: &mut Overlay<'_>| {
            for record in &deposits {
                possible(overlay, record)?;
            }
            overlay.put(Column::Inbox, seen, Vec::new());
            for key in lost {
                overlay.put(Column::Inbox, key, Vec::new());
            }
            for (key, record) in records {
                overlay.put(Column::Inbox, key, record);
            }
            Ok(())
        };
        self.writer.change(Box::new(change), entry)
    }

    /// Whether what a movement means was recorded.
    pub fn has_moved(&self, ledger: &LedgerId, reference: &str) -> Result<bool, StoreError> {
        Ok(read(&self.db, Column::Inbox, &moved_key(ledger, reference))?.is_some())
    }

    /// Burns that lost units and have not got others yet, and locks that lost units and have not ended.
    pub fn lost_burns(&self) -> Result<Vec<TransferId>, StoreError> {
        scan(&self.db, Column::Inbox, LOST, LOST)?
            .map(|entry| {
                let (key, _) = entry?;
                let id = fixed(key.get(LOST.len()..).unwrap_or_default(), "a burn")?;
                Ok(TransferId::new(id))
            })
            .collect()
    }

    /// Whether it is one of [`Self::lost_burns`].
    pub fn has_lost(&self, burn: TransferId) -> Result<bool, StoreError> {
        Ok(read(&self.db, Column::Inbox, &lost_key(&burn))?.is_some())
    }

    /// A burn has got others, or has ended.
    pub fn forget_lost(&self, burn: TransferId) -> Result<(), StoreError> {
        self.change(Vec::new(), move |overlay| {
            overlay.delete(Column::Inbox, lost_key(&burn));
            Ok(())
        })
    }

    /// Changes a deposit from what it `was`, with its leaves, in one synced write. Does nothing and answers `false` if it is
    /// something else by now: somebody else wrote first.
    pub fn change_deposit(
        &self,
        was: &DepositRecord,
        now: &DepositRecord,
        leaves: Vec<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        let (key, old, new) = (deposit_key(was.deposit.id()), encode(was), encode(now));
        let change = move |overlay: &mut Overlay<'_>| {
            if overlay.get(Column::Inbox, &key)? != Some(old) {
                return Err(displaced(&[]));
            }
            overlay.put(Column::Inbox, key, new);
            Ok(())
        };
        let entry = Append {
            leaves,
            ..Append::default()
        };
        match self.writer.change(Box::new(change), entry) {
            Ok(_) => Ok(true),
            Err(AppendError::Displaced { .. }) => Ok(false),
            Err(AppendError::Store(error)) => Err(error),
            Err(other) => Err(StoreError(other.to_string())),
        }
    }

    /// One deposit.
    pub fn deposit(&self, id: TransferId) -> Result<Option<DepositRecord>, StoreError> {
        read(&self.db, Column::Inbox, &deposit_key(id))?
            .map(|bytes| decode(&bytes))
            .transpose()
    }

    /// All deposits, by id. There are few: nobody is meant to make one.
    pub fn deposits(&self) -> Result<Vec<DepositRecord>, StoreError> {
        scan(&self.db, Column::Inbox, DEPOSITS, DEPOSITS)?
            .map(|entry| entry.and_then(|(_, value)| decode(&value)))
            .collect()
    }

    /// A pool's impairment, if it has one.
    pub fn impairment(&self, pool: PoolId) -> Result<Option<Impairment>, StoreError> {
        read(&self.db, Column::Inbox, &custody::impairment_key(pool))?
            .map(|bytes| custody::decode_impairment(&bytes))
            .transpose()
    }

    /// All impaired pools.
    pub fn impairments(&self) -> Result<Vec<(PoolId, Impairment)>, StoreError> {
        let prefix = custody::impairment_prefix();
        scan(&self.db, Column::Inbox, prefix, prefix)?
            .map(|entry| {
                let (key, value) = entry?;
                let pool = fixed(key.get(prefix.len()..).unwrap_or_default(), "a pool")?;
                Ok((PoolId::new(pool), custody::decode_impairment(&value)?))
            })
            .collect()
    }

    /// Who holds which of these units; those that nobody holds are left out.
    pub fn holdings(&self, blocks: &[SerialBlock]) -> Result<Vec<Holding>, StoreError> {
        let overlay = Overlay::new(&self.db);
        let mut found = Vec::new();
        for block in blocks {
            found.extend(custody::holdings(&overlay, block)?);
        }
        Ok(found)
    }
}

fn keyed(deposits: &[DepositRecord]) -> Vec<(Vec<u8>, Vec<u8>)> {
    deposits
        .iter()
        .map(|record| (deposit_key(record.deposit.id()), encode(record)))
        .collect()
}

/// What the log's book would refuse is not written: units that somebody else has in custody, and the end of what has ended.
fn possible(overlay: &Overlay<'_>, record: &DepositRecord) -> Result<(), AppendError> {
    let units = &record.deposit.units;
    let key = deposit_key(record.deposit.id());
    if let Some(stored) = overlay.get(Column::Inbox, &key)? {
        return if decode(&stored)?.standing.lies_in_custody() {
            Ok(())
        } else {
            Err(displaced(units))
        };
    }
    let mut others = Vec::new();
    overlay.with_prefix(Column::Inbox, DEPOSITS, |_, value| {
        others.push(decode(value));
        false
    })?;
    for other in others {
        let other = other?;
        let shares = |unit: &SerialBlock| other.deposit.units.iter().any(|b| b.intersects(unit));
        if other.standing.lies_in_custody() && units.iter().any(shares) {
            return Err(displaced(units));
        }
    }
    // What makes a pool good has joined it by now, as the custody book allows.
    if record.standing.lies_in_custody() {
        for block in units {
            if custody::overlap(overlay, block)?.is_some() {
                return Err(displaced(std::slice::from_ref(block)));
            }
        }
    }
    Ok(())
}

fn displaced(units: &[SerialBlock]) -> AppendError {
    let serials: Vec<_> = units.iter().map(ToString::to_string).collect();
    AppendError::Displaced {
        block: serials.join(" "),
    }
}
