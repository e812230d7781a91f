//! Movements that nobody ordered: units that the registry takes out of custody impair their pools, units that come into custody
//! make a pool good or are deposits to be returned. What a movement means is written with its reference, so that it means
//! nothing when it is seen again after a crash.

use std::collections::BTreeMap;

use isthmus_core::id::{AccountId, AssetClassId, PoolId, TransferId};
use isthmus_core::ports::{Append, AppendError, BookChange, Moved};
use isthmus_core::receipt::Receipt;
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::terms::MAX_UNITS;
use isthmus_store::{DepositRecord, HeldAs, Holding};

use crate::engine::observe::{Observer, Page};
use crate::engine::{Fatal, leaves};
use crate::error_chain::chain;

/// What a movement causes.
#[derive(Default)]
pub(super) struct Consequence {
    pub(super) append: Append,
    pub(super) deposits: Vec<DepositRecord>,
    /// Burns and locks that lost units.
    lost: Vec<TransferId>,
    pub(super) findings: Vec<String>,
}

impl Observer {
    pub(super) fn moved(&self, moved: &Moved, receipt: &Receipt) -> Result<Page, Fatal> {
        let ledger = &self.ledger.profile().id;
        if self
            .store
            .has_moved(ledger, &moved.reference)
            .map_err(Fatal)?
        {
            return Ok(Page::Done);
        }
        let routes = self.store.current_routes().map_err(Fatal)?;
        let routes: Vec<_> = routes
            .into_iter()
            .filter(|route| route.document.origin == *ledger)
            .collect();
        let custody = |account: &AccountId| {
            let mut routes = routes.iter();
            routes.any(|route| route.document.custody_account == *account)
        };
        let caused = match &moved.to {
            to if custody(&moved.from) && to.as_ref() != Some(&moved.from) => {
                if let Some(id) = self.unrecorded_lock(moved)? {
                    let why = format!("units of {id} were taken away before its lock is recorded");
                    return Ok(Page::Waiting(why));
                }
                if let Some(why) = self.unrecorded_return(moved)? {
                    return Ok(Page::Waiting(why));
                }
                self.taken(moved, receipt)?
            }
            Some(to) if custody(to) => {
                if let Some(why) = self.unrecorded_way_out(moved)? {
                    return Ok(Page::Waiting(why));
                }
                self.deposited(moved, receipt, &routes)?
            }
            Some(_) | None => Consequence {
                findings: vec![format!(
                    "movement {:?} of {} is not ours",
                    moved.reference,
                    serials(&moved.units)
                )],
                ..Consequence::default()
            },
        };
        let recorded = self.store.record_moved(
            caused.append,
            (ledger, &moved.reference),
            &caused.deposits,
            &caused.lost,
        );
        match recorded {
            Ok(_) => {}
            Err(AppendError::Store(error)) => return Err(Fatal(error)),
            // Somebody else wrote in between: decide anew from what is true now.
            Err(error) => return Ok(Page::Waiting(chain(&error))),
        }
        for finding in caused.findings {
            tracing::warn!(%ledger, %finding, "moved by itself");
            self.watch.finding(finding);
        }
        Ok(Page::Done)
    }

    /// A transfer whose units these are and whose lock the log does not have yet: what was never logged as locked cannot be
    /// logged as missing. Its lane records the lock, which the registry has executed, or nothing would have lain in custody.
    fn unrecorded_lock(&self, moved: &Moved) -> Result<Option<TransferId>, Fatal> {
        for holding in self.store.holdings(&moved.units).map_err(Fatal)? {
            let transfer = self.recorder.journal().transfer(holding.holder);
            let transfer = transfer.map_err(Fatal)?;
            if transfer.is_some_and(|transfer| transfer.state().take().is_none()) {
                return Ok(Some(holding.holder));
            }
        }
        Ok(None)
    }

    /// Units left custody by the registry's own act.
    fn taken(&self, moved: &Moved, receipt: &Receipt) -> Result<Consequence, Fatal> {
        let now = self.recorder.clock().now();
        let mut caused = Consequence::default();
        let held = self.store.holdings(&moved.units).map_err(Fatal)?;
        for (pool, lost) in by_pool(&held) {
            let Some(class) = self.class_of(&lost, moved)? else {
                let finding =
                    format!("units of pool {pool} left custody, of which class is not known");
                caused.findings.push(finding);
                continue;
            };
            let blocks: Vec<_> = lost.iter().map(|holding| holding.block.clone()).collect();
            let Ok(blocks) = serial_block::normalise(&blocks) else {
                continue;
            };
            caused.findings.push(format!(
                "the registry took {} of class {class} of pool {pool} away by {:?}",
                serial_block::total(&blocks),
                moved.reference
            ));
            // As many leaves as it takes: one holds so many blocks.
            let leaves = blocks
                .chunks(MAX_UNITS)
                .map(|units| leaves::impaired(pool, class, &moved.reference, units, receipt, now));
            caused.append.leaves.extend(leaves);
            let of_somebody = lost.iter().filter(|h| h.held != HeldAs::Offered);
            caused
                .lost
                .extend(of_somebody.map(|holding| holding.holder));
            let change = BookChange::Withhold { pool, blocks };
            caused.append.book.push(change);
        }
        self.deposits_taken(moved, receipt, &mut caused)?;
        Ok(caused)
    }

    /// The class of a pool's units: the one that they were locked, burned or deposited as.
    fn class_of(&self, lost: &[Holding], moved: &Moved) -> Result<Option<AssetClassId>, Fatal> {
        for holding in lost {
            let transfer = self.recorder.journal().transfer(holding.holder);
            if let Some(transfer) = transfer.map_err(Fatal)? {
                return Ok(Some(transfer.terms().asset_class()));
            }
            if let Some(record) = self.store.deposit(holding.holder).map_err(Fatal)? {
                return Ok(Some(record.deposit.asset_class));
            }
        }
        Ok(moved.asset_class)
    }
}

/// What backs equivalents, or is to be given, by pool. What is retired or was taken away before backs nothing.
fn by_pool(held: &[Holding]) -> BTreeMap<PoolId, Vec<Holding>> {
    let mut pools: BTreeMap<PoolId, Vec<Holding>> = BTreeMap::new();
    for holding in held {
        match holding.held {
            HeldAs::Reserved | HeldAs::Offered | HeldAs::Allocated => {
                pools.entry(holding.pool).or_default().push(holding.clone());
            }
            HeldAs::Retired | HeldAs::Lost => {}
        }
    }
    pools
}

pub(super) fn serials(units: &[SerialBlock]) -> String {
    let serials: Vec<_> = units.iter().map(ToString::to_string).collect();
    serials.join(" ")
}
