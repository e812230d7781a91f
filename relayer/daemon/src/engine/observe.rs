//! Observing a ledger from its cursor: burns become returns, unexplained movements become findings, a contradiction halts the
//! ledger's pools. The cursor passes a fact only after what the fact causes is durable.

use std::sync::Arc;
use std::time::Duration;

use isthmus_core::id::{Hash32, LedgerId, PoolId};
use isthmus_core::ports::{
    Append, AppendError, Cursor, Fact, FindError, Ledger, LedgerKind, Observations, Observed,
};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Receipt;
use isthmus_core::terms::{Burn, Return};
use isthmus_store::{Store, StoredRouteStatus};

use crate::engine::pause::Pauses;
use crate::engine::watch::LedgerWatch;
use crate::engine::{Fatal, Recorder, burns};
use crate::error_chain::chain;

/// Pause between looks when nothing is new.
const IDLE: Duration = Duration::from_millis(250);
/// Pause after a failure.
const TROUBLED: Duration = Duration::from_secs(1);
/// Most blocks that are compared before anything else; the cursor passes the others only when they were compared too.
const COMPARED: usize = 16;
/// Most facts in one page.
const PAGE: usize = 256;
/// A cursor that moved this far without a fact is written too, so that a restart does not look at it all again.
const QUIET_STRIDE: u64 = 500;
/// The same in blocks of a chain: its hash is how a restart notices that what was final has changed meanwhile.
const QUIET_BLOCKS: u64 = 10;

/// Observes one ledger.
#[derive(Debug)]
pub struct Observer {
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// Where everything is recorded.
    pub recorder: Recorder,
    /// Cursors and routes.
    pub store: Arc<Store>,
    /// Stops a ledger that contradicts itself.
    pub pauses: Pauses,
    /// For status.
    pub watch: Arc<LedgerWatch>,
}

/// How a page ended.
pub(super) enum Page {
    /// Everything in it is durable.
    Done,
    /// A burn has to wait until the mints before it are recorded.
    Waiting(String),
}

impl Observer {
    /// Observes until the journal fails.
    pub async fn run(self) -> Result<(), Fatal> {
        self.pauses.settled().await?;
        let id = self.ledger.profile().id.clone();
        self.compare(&id).await?;
        let mut cursor = self.stored_cursor(&id)?;
        let mut written = cursor.height;
        let mut looked_up = self.pauses.resolutions();
        loop {
            match self.look(&id, &cursor).await? {
                Ok(observations) => {
                    let pause = self
                        .page(&id, observations, &mut cursor, &mut written)
                        .await?;
                    tokio::time::sleep(pause).await;
                }
                // People took the ledger as it is now, while it was asked about what it was before or since.
                Err(FindError::Contradiction(_)) if self.pauses.resolutions() != looked_up => {
                    looked_up = self.pauses.resolutions();
                    cursor = self.stored_cursor(&id)?;
                    written = cursor.height;
                }
                Err(error) => {
                    self.trouble(error)?;
                    tokio::time::sleep(TROUBLED).await;
                }
            }
        }
    }

    /// Before anything new begins: is what was recorded where it was? The stored cursor's hash stands for everything below it,
    /// what lies above has hashes of its own. Until people have decided about a contradiction it is looked at again.
    async fn compare(&self, id: &LedgerId) -> Result<(), Fatal> {
        while let Err(error) = self.recorded_stands(id).await? {
            self.trouble(error)?;
            tokio::time::sleep(TROUBLED).await;
        }
        self.pauses.compared(id);
        Ok(())
    }

    async fn recorded_stands(&self, id: &LedgerId) -> Result<Result<(), FindError>, Fatal> {
        let cursor = self.stored_cursor(id)?;
        let above = self.standing(id, cursor.height, u64::MAX)?;
        let lowest = cursor.block.map(|block| (cursor.height, block));
        let newest_first = above.into_iter().rev().take(COMPARED);
        for (height, block) in newest_first.chain(lowest) {
            if let Err(error) = self.ledger.stands(height, block).await {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// A page. The cursor does not pass a block that something recorded stands on without seeing it where it was: lanes record
    /// ahead of it, and a page says nothing about the blocks in its middle.
    async fn look(
        &self,
        id: &LedgerId,
        cursor: &Cursor,
    ) -> Result<Result<Observations, FindError>, Fatal> {
        let page = match self.ledger.observe(cursor, PAGE).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        for (height, block) in self.standing(id, cursor.height, page.next.height)? {
            if let Err(error) = self.ledger.stands(height, block).await {
                return Ok(Err(error));
            }
        }
        Ok(Ok(page))
    }

    /// Blocks above `from`, up to `to`, that something recorded stands on.
    fn standing(&self, id: &LedgerId, from: u64, to: u64) -> Result<Vec<(u64, Hash32)>, Fatal> {
        let mut blocks = self.store.standing(id).map_err(Fatal)?;
        blocks.retain(|(height, _)| *height > from && *height <= to);
        Ok(blocks)
    }

    fn stored_cursor(&self, id: &LedgerId) -> Result<Cursor, Fatal> {
        let stored = self.store.cursor(id).map_err(Fatal)?;
        Ok(stored.unwrap_or(Cursor {
            height: 0,
            block: None,
            last_number: 0,
        }))
    }

    /// Takes a page in; returns how long to wait before the next one.
    async fn page(
        &self,
        id: &LedgerId,
        observations: Observations,
        cursor: &mut Cursor,
        written: &mut u64,
    ) -> Result<Duration, Fatal> {
        let Observations { facts, next, head } = observations;
        let eventful = !facts.is_empty();
        let mut waiting = None;
        self.open_together(&facts).await?;
        for observed in facts {
            // One that waits holds the cursor, not the facts after it: those are told apart by their ids when seen again.
            if let Page::Waiting(why) = self.fact(observed).await? {
                waiting.get_or_insert(why);
            }
        }
        if let Some(why) = waiting {
            self.watch.troubled(why);
            return Ok(IDLE);
        }
        let stride = match self.ledger.profile().kind {
            LedgerKind::Registry => QUIET_STRIDE,
            LedgerKind::Chain => QUIET_BLOCKS,
        };
        let is_far = next.height.saturating_sub(*written) >= stride;
        if eventful || is_far {
            let append = Append {
                cursor: Some((id.clone(), next.clone())),
                ..Append::default()
            };
            self.recorder.record(vec![append]).await?;
            *written = next.height;
        }
        self.watch.observed(head, next.height);
        let behind = next.height < head;
        *cursor = next;
        Ok(if behind { Duration::ZERO } else { IDLE })
    }

    async fn fact(&self, observed: Observed) -> Result<Page, Fatal> {
        match observed.fact {
            Fact::Burned(burn) => self.burned(burn, observed.receipt).await,
            Fact::Moved(moved) => self.moved(&moved, &observed.receipt),
            Fact::Unattributed { reference, units } => {
                let serials: Vec<_> = units.iter().map(ToString::to_string).collect();
                let finding = format!(
                    "movement {reference:?} of {} is not ours",
                    serials.join(" ")
                );
                tracing::warn!(ledger = %self.ledger.profile().id, %finding, "unattributed");
                self.watch.finding(finding);
                Ok(Page::Done)
            }
        }
    }

    /// Opens the return of a burn. Seen again after a crash it exists already, and nothing changes (R10).
    async fn burned(&self, burn: Burn, receipt: Receipt) -> Result<Page, Fatal> {
        let id = burn.id();
        if self
            .recorder
            .journal()
            .transfer(id)
            .map_err(Fatal)?
            .is_some()
        {
            return Ok(Page::Done);
        }
        let Some(back) = self.allocated(&burn)? else {
            // The mint of these equivalents is final, or they could not have been burned, but its lane has not recorded it yet.
            return Ok(Page::Waiting(format!(
                "burn {} of {} waits until the mints that it draws on are recorded, or what its pool misses is made good or decided about",
                burn.number, burn.quantity
            )));
        };
        let now = self.recorder.clock().now();
        let append = burns::opening(back, receipt, now);
        match self.recorder.record(vec![append]).await?.pop() {
            Some(Ok(_) | Err(AppendError::Conflict { .. })) => Ok(Page::Done),
            Some(Err(error)) => Ok(Page::Waiting(chain(&error))),
            None => Ok(Page::Waiting("the journal gave no answer".into())),
        }
    }

    /// The return with its originals, from the one pool of this class at this gate that has them.
    fn allocated(&self, burn: &Burn) -> Result<Option<Return>, Fatal> {
        let Some(tonnes) = burn.quantity.tonnes() else {
            return Ok(None);
        };
        for route in self.store.routes().map_err(Fatal)? {
            let document = &route.document;
            if route.status != StoredRouteStatus::Active
                || document.destination != burn.ledger
                || document.gate != burn.gate
            {
                continue;
            }
            let pool = document.pool(burn.asset_class);
            let Some(written_off) = self.written_off(pool.id(), burn.quantity)? else {
                continue;
            };
            let given = tonnes.saturating_sub(written_off.tonnes().unwrap_or(0));
            let journal = self.recorder.journal();
            if let Some(allocation) = journal.allocate(pool.id(), given).map_err(Fatal)? {
                return Ok(Some(Return {
                    burn: burn.clone(),
                    origin: pool.origin.clone(),
                    pool: pool.id(),
                    custody_account: pool.custody_account,
                    allocation,
                    written_off,
                }));
            }
        }
        Ok(None)
    }

    /// What a burn loses because units of its pool are missing; `None` while nothing is decided: it waits, with what backs it.
    fn written_off(&self, pool: PoolId, burned: Quantity) -> Result<Option<Quantity>, Fatal> {
        let impairment = self.store.impairment(pool).map_err(Fatal)?;
        Ok(impairment.map_or(Some(Quantity::ZERO), |known| known.write_off(burned)))
    }

    fn trouble(&self, error: FindError) -> Result<(), Fatal> {
        match error {
            FindError::Unavailable(error) => self.watch.troubled(chain(error.as_ref())),
            FindError::Contradiction(contradiction) => {
                self.watch.troubled(contradiction.to_string());
                self.pauses.halt(&contradiction).map_err(Fatal)?;
            }
        }
        Ok(())
    }
}
