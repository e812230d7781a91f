//! Deposits as the registry's movements make and end them: units that no lock brought, what is left of a deposit when the
//! registry takes a part of it, and what has to be recorded first. The log has the same units in custody once, so what let them go
//! is logged before what brought them back, whatever the order in which this process learns of it.

use isthmus_core::deposit::Deposit;
use isthmus_core::id::PoolId;
use isthmus_core::pool::Pool;
use isthmus_core::ports::{BookChange, Moved};
use isthmus_core::receipt::Receipt;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::terms::MAX_UNITS;
use isthmus_core::transfer::State;
use isthmus_store::{DepositRecord, DepositStanding, HeldAs, RouteRecord};

use crate::engine::lane::Gatekeeper;
use crate::engine::moved::{Consequence, serials};
use crate::engine::observe::Observer;
use crate::engine::{Fatal, leaves};

impl Observer {
    /// Why units that came into custody cannot be a deposit yet: the log still has them there. Of a deposit whose return the
    /// registry has executed, or of a lock or burn whose end is about to be recorded, or that cannot come about any more.
    pub(super) fn unrecorded_way_out(&self, moved: &Moved) -> Result<Option<String>, Fatal> {
        if let Some(record) = self.lying(moved)?.first() {
            let id = record.deposit.id();
            let why = format!("units of deposit {id} came back before its return is recorded");
            return Ok(Some(why));
        }
        for holding in self.store.holdings(&moved.units).map_err(Fatal)? {
            // What was taken away from a lock stays its loss, and what is retired never comes back.
            if !matches!(holding.held, HeldAs::Reserved | HeldAs::Allocated) {
                continue;
            }
            let transfer = self.recorder.journal().transfer(holding.holder);
            let Some(transfer) = transfer.map_err(Fatal)? else {
                continue;
            };
            // People may need long: everything else that the registry did must not wait for them.
            let of_people = matches!(transfer.state(), State::Quarantined { .. })
                || transfer.state().take().is_none() && self.pauses.holds(&transfer);
            if !transfer.state().is_final() && !of_people {
                let id = holding.holder;
                let why = format!("units of {id} came back before its end is recorded");
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// Why units that the registry took away cannot be recorded yet: they lay there by a deposit and by something later, so the
    /// deposit was returned before, which is not recorded.
    pub(super) fn unrecorded_return(&self, moved: &Moved) -> Result<Option<String>, Fatal> {
        let held = self.store.holdings(&moved.units).map_err(Fatal)?;
        let found = self.lying(moved)?.into_iter().find(|record| {
            let both = |unit: &SerialBlock| held.iter().any(|h| h.block.intersects(unit));
            record.deposit.units.iter().any(both)
        });
        Ok(found.map(|record| {
            let id = record.deposit.id();
            format!("units of deposit {id} were taken away before its return is recorded")
        }))
    }

    /// Deposits in custody that share a unit with a movement.
    fn lying(&self, moved: &Moved) -> Result<Vec<DepositRecord>, Fatal> {
        let mut records = self.store.deposits().map_err(Fatal)?;
        let touched = |unit: &SerialBlock| moved.units.iter().any(|b| b.intersects(unit));
        records.retain(|record| {
            record.deposit.ledger == self.ledger.profile().id
                && record.standing.lies_in_custody()
                && record.deposit.units.iter().any(touched)
        });
        Ok(records)
    }

    /// Deposits that left custody with it are deposits no more; of one that lost a part the rest is to be returned.
    pub(super) fn deposits_taken(
        &self,
        moved: &Moved,
        receipt: &Receipt,
        caused: &mut Consequence,
    ) -> Result<(), Fatal> {
        let now = self.recorder.clock().now();
        for mut record in self.lying(moved)? {
            let (gone, left) = split(&record.deposit.units, &moved.units);
            let reference = record.deposit.reference.clone();
            if left.is_empty() {
                let leaf = leaves::deposit_returned(&record.deposit, receipt, now);
                caused.append.leaves.push(leaf);
                record.standing = DepositStanding::Taken;
            } else {
                let leaf = leaves::deposit_reduced(&record.deposit, &gone, receipt, now);
                caused.append.leaves.push(leaf);
                record.deposit.units = left;
                caused.findings.push(format!(
                    "the registry took {} of deposit {reference:?} away: the rest is to be returned",
                    serials(&gone)
                ));
            }
            caused.deposits.push(DepositRecord { at: now, ..record });
        }
        Ok(())
    }

    /// Units came into custody, and no lock brought them.
    pub(super) fn deposited(
        &self,
        moved: &Moved,
        receipt: &Receipt,
        routes: &[RouteRecord],
    ) -> Result<Consequence, Fatal> {
        let now = self.recorder.clock().now();
        let mut caused = Consequence::default();
        let odd = |why: &str| {
            let serials = serials(&moved.units);
            format!(
                "{serials} came into custody by {:?} and {why}",
                moved.reference
            )
        };
        let (Some(class), Some(to)) = (moved.asset_class, &moved.to) else {
            caused.findings.push(odd("are not all of one class"));
            return Ok(caused);
        };
        let held = self.store.holdings(&moved.units).map_err(Fatal)?;
        if moved.units.len() > MAX_UNITS || !held.is_empty() {
            let why = "are too many blocks to record, or in a transfer already";
            caused.findings.push(odd(why));
            return Ok(caused);
        }
        let here = routes
            .iter()
            .filter(|route| route.document.custody_account == *to);
        let pools: Vec<_> = here.map(|route| route.document.pool(class)).collect();
        let mut deposit = Deposit {
            ledger: self.ledger.profile().id.clone(),
            reference: moved.reference.clone(),
            pool: pools.first().map_or(PoolId::new([0; 32]), Pool::id),
            asset_class: class,
            sender: moved.from.clone(),
            custody_account: to.clone(),
            units: moved.units.clone(),
            note: moved.note.clone(),
        };
        let meant = deposit.makes_good();
        let meant = meant.filter(|id| pools.iter().any(|pool| pool.id() == *id));
        let standing = match meant {
            Some(pool) if self.misses(pool, &deposit)? => {
                deposit.pool = pool;
                DepositStanding::Good
            }
            Some(_) | None => DepositStanding::Open,
        };
        caused
            .append
            .leaves
            .push(leaves::deposited(&deposit, receipt, now));
        if standing == DepositStanding::Good {
            caused.append.leaves.push(leaves::cured(&deposit, now));
            caused.append.book.push(BookChange::Join {
                deposit: deposit.id(),
                pool: deposit.pool,
                blocks: deposit.units.clone(),
            });
        } else {
            let why = format!(
                "no lock explains them: deposit {} of account {}",
                deposit.id(),
                deposit.sender
            );
            caused.findings.push(odd(&why));
        }
        caused.deposits.push(DepositRecord {
            deposit,
            receipt: receipt.clone(),
            standing,
            by: String::new(),
            at: now,
        });
        Ok(caused)
    }

    /// Whether a pool misses as much as a deposit brings.
    fn misses(&self, pool: PoolId, deposit: &Deposit) -> Result<bool, Fatal> {
        let impairment = self.store.impairment(pool).map_err(Fatal)?;
        Ok(impairment.is_some_and(|known| known.shortfall >= deposit.quantity()))
    }
}

/// Which of `units` are among `others`, and which are not.
pub(crate) fn split(
    units: &[SerialBlock],
    others: &[SerialBlock],
) -> (Vec<SerialBlock>, Vec<SerialBlock>) {
    let (mut gone, mut left) = (Vec::new(), Vec::new());
    for unit in units {
        let mut next = Some(unit.clone());
        while let Some(rest) = next.take() {
            // As far as the first unit is among the others, or is not.
            let within = others.iter().find(|other| {
                other.space() == rest.space()
                    && other.first() <= rest.first()
                    && rest.first() <= other.last()
            });
            let above = others
                .iter()
                .filter(|other| other.space() == rest.space() && other.first() > rest.first());
            let end = match within {
                Some(other) => other.last(),
                None => above.map(|o| o.first() - 1).min().unwrap_or(u64::MAX),
            };
            let tonnes = end.min(rest.last()) - rest.first() + 1;
            // It is never none, nor more than there are.
            let Ok((head, tail)) = rest.split(tonnes) else {
                left.push(rest);
                break;
            };
            if within.is_some() {
                gone.push(head);
            } else {
                left.push(head);
            }
            next = tail;
        }
    }
    (gone, left)
}

#[cfg(test)]
mod tests;
