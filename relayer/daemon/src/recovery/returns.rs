//! Leaves of returns: `BURNED`, `RELEASED`, `RETIRED`, `OWED`.

use isthmus_core::id::{AccountId, AssetClassId, LedgerId, PoolId, TransferId};
use isthmus_core::operation::Operation;
use isthmus_core::ports::{Append, BookChange, Cursor, Fact, FindError, Journal};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Receipt;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::terms::{Burn, Return, Terms};
use isthmus_core::transfer::{Event, Transfer};
use isthmus_prooflog::leaf::Leaf;
use isthmus_store::StoredRouteStatus;

use super::Recovery;
use super::errors::Trouble;
use crate::engine::ports::Registry;
use crate::error_chain::chain;

/// Most facts in one page of a ledger.
const PAGE: usize = 256;

impl Recovery {
    /// What a leaf of a return stands for; `None` if it is of another kind.
    pub(super) async fn returned(&mut self, leaf: &Leaf) -> Result<Option<Append>, Trouble> {
        if let Leaf::Burned {
            transfer,
            pool,
            allocation,
            written_off_g,
            ..
        } = leaf
        {
            let id = TransferId::new(transfer.0);
            let (burn, receipt) = self.burn(id).await?;
            let written_off = written_off_g.map_or(0, |grams| grams.0);
            let named = (allocation.as_slice(), written_off);
            return self.burned(burn, receipt, pool.0, named).map(Some);
        }
        if let Leaf::Released { transfer, .. } | Leaf::Retired { transfer, .. } = leaf {
            let transfer = self.known(TransferId::new(transfer.0))?;
            let receipt = self.receipt(redemption(&transfer)?).await?;
            return Ok(Some(self.fact(&transfer, Event::Given(receipt))));
        }
        // The refusal is the registry's; it is met again when the holder's instruction is handed in again.
        if let Leaf::Owed { .. } = leaf {
            return Ok(Some(Append::default()));
        }
        Ok(None)
    }

    fn burned(
        &self,
        burn: Burn,
        receipt: Receipt,
        pool: [u8; 32],
        (allocation, written_off_g): (&[String], u64),
    ) -> Result<Append, Trouble> {
        let id = burn.id();
        let pool = isthmus_core::id::PoolId::new(pool);
        let (origin, custody_account) = self.pool_of(burn.asset_class, pool)?;
        let written_off = Quantity::from_grams(written_off_g).unwrap_or(Quantity::ZERO);
        let given = burn.quantity.checked_sub(written_off);
        let given = given.and_then(Quantity::tonnes).unwrap_or(0);
        let blocks = self.allocation(pool, given, &origin, allocation)?;
        let back = Return {
            burn,
            origin,
            pool,
            custody_account,
            allocation: blocks.clone(),
            written_off,
        };
        Ok(Append {
            transfer: Some((id, 0)),
            book: vec![BookChange::Allocate {
                burn: id,
                pool,
                blocks,
                written_off,
            }],
            events: vec![Event::Burned {
                terms: Terms::Return(back),
                receipt,
            }],
            ..Append::default()
        })
    }

    /// As the leaf has it; of a burn that took more blocks than fit into a leaf, as the custody book computes it.
    fn allocation(
        &self,
        pool: isthmus_core::id::PoolId,
        tonnes: u64,
        origin: &LedgerId,
        logged: &[String],
    ) -> Result<Vec<SerialBlock>, Trouble> {
        if logged.is_empty() {
            let computed = self.store.allocate(pool, tonnes)?;
            return computed.ok_or_else(|| {
                Trouble::Unconfirmed("the custody book offers less than was burned".into())
            });
        }
        let registry = self.registry(origin)?;
        let parse = |serial: &String| {
            let parsed = registry.parse_serial(serial);
            parsed.map_err(|error| Trouble::Unreadable(error.to_string()))
        };
        logged.iter().map(parse).collect()
    }

    /// Where the units of a pool lie.
    pub(super) fn pool_of(
        &self,
        class: AssetClassId,
        pool: PoolId,
    ) -> Result<(LedgerId, AccountId), Trouble> {
        for route in self.store.routes()? {
            let found = route.document.pool(class);
            if route.status == StoredRouteStatus::Active && found.id() == pool {
                return Ok((found.origin, found.custody_account));
            }
        }
        Err(Trouble::Unconfirmed("no route has its pool".into()))
    }

    /// A burn as its chain has it.
    async fn burn(&mut self, id: TransferId) -> Result<(Burn, Receipt), Trouble> {
        if !self.burns.contains_key(&id) {
            self.look_around().await?;
        }
        let found = self.burns.get(&id).cloned();
        found.ok_or_else(|| Trouble::Unconfirmed(format!("no ledger has a final burn {id}")))
    }

    /// Every burn and every movement since the backup, from every ledger's cursor on.
    pub(super) async fn look_around(&mut self) -> Result<(), Trouble> {
        for (id, ledger) in &self.ledgers {
            let mut cursor = self.store.cursor(id)?.unwrap_or(Cursor {
                height: 0,
                block: None,
                last_number: 0,
            });
            loop {
                let page = match ledger.observe(&cursor, PAGE).await {
                    Ok(page) => page,
                    Err(FindError::Unavailable(error)) => {
                        return Err(Trouble::Unavailable(chain(error.as_ref())));
                    }
                    Err(FindError::Contradiction(contradiction)) => {
                        return Err(Trouble::Unconfirmed(contradiction.to_string()));
                    }
                };
                for observed in page.facts {
                    match observed.fact {
                        Fact::Burned(burn) => {
                            self.burns.insert(burn.id(), (burn, observed.receipt));
                        }
                        Fact::Moved(moved) => {
                            let seen = (id.clone(), moved, observed.receipt);
                            if !self.moves.contains(&seen) {
                                self.moves.push(seen);
                            }
                        }
                        Fact::Unattributed { .. } => {}
                    }
                }
                let more = page.next.height < page.head && page.next != cursor;
                cursor = page.next;
                if !more {
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) fn registry(&self, id: &LedgerId) -> Result<&dyn Registry, Trouble> {
        let registry = self.registries.get(id).map(std::sync::Arc::as_ref);
        registry.ok_or_else(|| Trouble::Unconfirmed(format!("registry {id} is not configured")))
    }
}

/// Asks whether a burn was given, in whichever way: the registry's receipt says to whom.
fn redemption(transfer: &Transfer) -> Result<Operation, Trouble> {
    let Terms::Return(back) = transfer.terms() else {
        return Err(Trouble::Unconfirmed("it is no return".into()));
    };
    Ok(Operation::Release {
        transfer: back.burn.id(),
        ledger: back.origin.clone(),
        account: back.custody_account.clone(),
        custody_account: back.custody_account.clone(),
        units: back.allocation.clone(),
    })
}
