//! Leaves about custody that no transfer caused: `IMPAIRED`, `DEPOSITED`, `DEPOSIT_RETURNED`, `CURED`, `PRO_RATA`, `REALLOCATED`.
//! The registry's own record of the movement stands behind the first three; the others follow from them, or are signed by route
//! admins.

use isthmus_core::deposit::Deposit;
use isthmus_core::id::{AssetClassId, Hash32, LedgerId, PoolId, TransferId};
use isthmus_core::ports::{Append, Attempt, BookChange, FindError, Found, Moved};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Receipt;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::transfer::Event;
use isthmus_prooflog::leaf::{AdminSignature, Grams, Leaf};
use isthmus_prooflog::pro_rata::{self, Decision};
use isthmus_store::{DepositRecord, DepositStanding, HeldAs};

use super::Recovery;
use super::errors::Trouble;
use crate::engine::{deposits, leaves, mending};
use crate::error_chain::chain;

/// What a movement that nobody ordered is made durable with.
pub(super) struct Movement {
    pub(super) append: Append,
    pub(super) ledger: LedgerId,
    /// The registry's reference of it: it means nothing when it is seen again.
    pub(super) reference: String,
    pub(super) deposits: Vec<DepositRecord>,
    /// Burns and locks that lost units.
    pub(super) lost: Vec<TransferId>,
}

impl Recovery {
    /// What a leaf about a movement or a deposit stands for; `None` if it is of another kind.
    pub(super) async fn moved(&mut self, leaf: &Leaf) -> Result<Option<Movement>, Trouble> {
        if let Leaf::Impaired {
            pool,
            reference,
            units,
            ..
        } = leaf
        {
            let pool = PoolId::new(pool.0);
            return self.impaired(pool, reference, units).await.map(Some);
        }
        if let Leaf::Deposited {
            pool,
            asset_class,
            deposit,
            ledger,
            reference,
            ..
        } = leaf
        {
            let class = AssetClassId::new(asset_class.0);
            let deposit = TransferId::new(deposit.0);
            let of = (PoolId::new(pool.0), class);
            return self
                .deposited(deposit, of, ledger, reference)
                .await
                .map(Some);
        }
        if let Leaf::Cured { pool, deposit, .. } = leaf {
            let deposit = TransferId::new(deposit.0);
            return self.cured(deposit, PoolId::new(pool.0)).map(Some);
        }
        if let Leaf::DepositReturned { deposit, units, .. } = leaf {
            let deposit = TransferId::new(deposit.0);
            return self.deposit_returned(deposit, units).await.map(Some);
        }
        Ok(None)
    }

    /// What a decision about a pool stands for; `None` if the leaf is of another kind.
    pub(super) fn decided(&self, leaf: &Leaf) -> Result<Option<Append>, Trouble> {
        if let Leaf::ProRata {
            decision,
            signatures,
            ..
        } = leaf
        {
            return self.pro_rata(decision, signatures).map(Some);
        }
        if let Leaf::Reallocated {
            transfer,
            allocation,
            ..
        } = leaf
        {
            let transfer = TransferId::new(transfer.0);
            return self.reallocated(transfer, allocation).map(Some);
        }
        Ok(None)
    }

    async fn impaired(
        &mut self,
        pool: PoolId,
        reference: &str,
        units: &[String],
    ) -> Result<Movement, Trouble> {
        let named = |moved: &Moved| leaves::shortened(&moved.reference) == reference;
        let (ledger, moved, _) = self.movement(reference, named).await?;
        let blocks = self.blocks(&ledger, units)?;
        if !covers(&moved.units, &blocks) {
            let why = format!("movement {reference:?} is of other units");
            return Err(Trouble::Unconfirmed(why));
        }
        let held = self.store.holdings(&blocks)?;
        let of_somebody = held.iter().filter(|h| h.held != HeldAs::Offered);
        Ok(Movement {
            lost: of_somebody.map(|holding| holding.holder).collect(),
            append: Append {
                book: vec![BookChange::Withhold { pool, blocks }],
                ..Append::default()
            },
            reference: moved.reference,
            ledger,
            deposits: Vec::new(),
        })
    }

    async fn deposited(
        &mut self,
        id: TransferId,
        (pool, asset_class): (PoolId, AssetClassId),
        ledger: &str,
        reference: &str,
    ) -> Result<Movement, Trouble> {
        let named = |moved: &Moved| moved.reference == reference;
        let (found, moved, receipt) = self.movement(reference, named).await?;
        let other = || Trouble::Unconfirmed(format!("movement {reference:?} is another deposit"));
        let custody_account = match moved.to {
            Some(account) => account,
            // They lie there no more: they went back, or the registry took them, as later leaves say.
            None => self.pool_of(asset_class, pool)?.1,
        };
        let deposit = Deposit {
            ledger: found,
            reference: moved.reference,
            pool,
            asset_class,
            sender: moved.from,
            custody_account,
            units: moved.units,
            note: moved.note,
        };
        // What the registry has cancelled since may have no class there any more.
        let same_class = moved.asset_class.is_none_or(|class| class == asset_class);
        if deposit.id() != id || deposit.ledger.as_str() != ledger || !same_class {
            return Err(other());
        }
        let record = DepositRecord {
            deposit,
            receipt,
            standing: DepositStanding::Open,
            by: String::new(),
            at: self.clock.now(),
        };
        Ok(changed(record))
    }

    /// Written one leaf after the deposit was: until then it lies there, as if it were to be returned.
    fn cured(&self, deposit: TransferId, pool: PoolId) -> Result<Movement, Trouble> {
        let record = self.deposit(deposit)?;
        if record.deposit.makes_good() != Some(pool) {
            let why = format!("deposit {deposit} was not made to make pool {pool} good");
            return Err(Trouble::Unconfirmed(why));
        }
        let join = BookChange::Join {
            deposit,
            pool,
            blocks: record.deposit.units.clone(),
        };
        let mut movement = changed(DepositRecord {
            standing: DepositStanding::Good,
            at: self.clock.now(),
            ..record
        });
        movement.append.book.push(join);
        Ok(movement)
    }

    /// Back to its sender by our own proposal, or taken by the registry, or a part of it.
    async fn deposit_returned(
        &mut self,
        deposit: TransferId,
        units: &[String],
    ) -> Result<Movement, Trouble> {
        let mut record = self.deposit(deposit)?;
        record.at = self.clock.now();
        if units.is_empty() && self.is_given_back(&record).await? {
            record.standing = DepositStanding::Returned;
            return Ok(changed(record));
        }
        let gone = if units.is_empty() {
            record.deposit.units.clone()
        } else {
            self.blocks(&record.deposit.ledger, units)?
        };
        let from = record.deposit.custody_account.clone();
        let taken = |moved: &Moved| moved.from == from && covers(&moved.units, &gone);
        let what = format!("that takes deposit {deposit} away");
        let (ledger, moved, _) = self.movement(&what, taken).await?;
        let (_, left) = deposits::split(&record.deposit.units, &gone);
        if left.is_empty() {
            record.standing = DepositStanding::Taken;
        } else {
            record.deposit.units = left;
        }
        Ok(Movement {
            ledger,
            reference: moved.reference,
            ..changed(record)
        })
    }

    fn pro_rata(
        &self,
        document: &serde_json::Value,
        signatures: &[AdminSignature],
    ) -> Result<Append, Trouble> {
        let decision = Decision::of(document).map_err(Trouble::Unreadable)?;
        let admins: Vec<(String, [u8; 32])> = self
            .route_admins
            .iter()
            .map(|key| (key.to_string(), *key.as_bytes()))
            .collect();
        if pro_rata::signed_by(document, signatures, &admins).len() < 2 {
            let why = "no two configured route admins signed the decision";
            return Err(Trouble::Unconfirmed(why.into()));
        }
        let pool = PoolId::new(decision.pool.0);
        let known = self.store.impairment(pool)?;
        let known = known.ok_or_else(|| {
            Trouble::Unconfirmed(format!("nothing of pool {pool} is missing by then"))
        })?;
        let grams = |grams: Grams| Quantity::from_grams(grams.0).unwrap_or(Quantity::ZERO);
        Ok(Append {
            book: vec![BookChange::Decide {
                pool,
                shortfall: known.shortfall,
                impaired: Hash32::new(decision.impaired.0),
                backing: grams(decision.backing_g),
                supply: grams(decision.supply_g),
            }],
            ..Append::default()
        })
    }

    fn reallocated(&self, id: TransferId, allocation: &[String]) -> Result<Append, Trouble> {
        let transfer = self.known(id)?;
        let others = mending::others(self.store.as_ref(), &self.store, &transfer)?;
        let others = others.filter(|others| !others.added.is_empty());
        let others = others.ok_or_else(|| {
            Trouble::Unconfirmed(format!("burn {id} lost nothing that its pool can replace"))
        })?;
        let (event, change) = others.of(&transfer);
        if let Event::Reallocated(computed) = &event {
            let computed = computed.iter().map(ToString::to_string);
            if !allocation.is_empty() && !computed.eq(allocation.iter().cloned()) {
                let why = "the allocation is not what the custody book gives";
                return Err(Trouble::Unconfirmed(why.into()));
            }
        }
        Ok(Append {
            book: vec![change],
            ..Self::between_attempts(&transfer, event)
        })
    }

    fn deposit(&self, id: TransferId) -> Result<DepositRecord, Trouble> {
        let record = self.store.deposit(id)?;
        record.ok_or_else(|| Trouble::Unconfirmed(format!("no leaf before it has deposit {id}")))
    }

    /// Whether the registry has executed the proposal that gives a deposit back.
    async fn is_given_back(&self, record: &DepositRecord) -> Result<bool, Trouble> {
        let attempt = Attempt {
            operation: record.deposit.give_back(),
            drafts: Vec::new(),
        };
        let ledger = self.ledger(&record.deposit.ledger)?;
        match ledger.find(&[attempt]).await.pop() {
            Some(Ok(Found::Final(_))) => Ok(true),
            Some(Ok(
                Found::Absent | Found::Unsettled { .. } | Found::Refused(_) | Found::Dead(_),
            ))
            | None => Ok(false),
            Some(Err(FindError::Unavailable(error))) => {
                Err(Trouble::Unavailable(chain(error.as_ref())))
            }
            Some(Err(FindError::Contradiction(contradiction))) => {
                Err(Trouble::Unconfirmed(contradiction.to_string()))
            }
        }
    }

    /// A movement as its registry has it.
    async fn movement(
        &mut self,
        what: &str,
        is: impl Fn(&Moved) -> bool,
    ) -> Result<(LedgerId, Moved, Receipt), Trouble> {
        if !self.moves.iter().any(|(_, moved, _)| is(moved)) {
            self.look_around().await?;
        }
        let found = self.moves.iter().find(|(_, moved, _)| is(moved)).cloned();
        found.ok_or_else(|| {
            Trouble::Unconfirmed(format!(
                "no registry has a movement {what} since the backup"
            ))
        })
    }

    fn blocks(&self, ledger: &LedgerId, serials: &[String]) -> Result<Vec<SerialBlock>, Trouble> {
        let registry = self.registry(ledger)?;
        let parse = |serial: &String| {
            let parsed = registry.parse_serial(serial);
            parsed.map_err(|error| Trouble::Unreadable(error.to_string()))
        };
        serials.iter().map(parse).collect()
    }
}

/// A deposit as it is after a leaf.
fn changed(record: DepositRecord) -> Movement {
    Movement {
        append: Append::default(),
        ledger: record.deposit.ledger.clone(),
        reference: record.deposit.reference.clone(),
        deposits: vec![record],
        lost: Vec::new(),
    }
}

/// Whether all of `wanted` is among `units`.
fn covers(units: &[SerialBlock], wanted: &[SerialBlock]) -> bool {
    deposits::split(wanted, units).1.is_empty()
}
