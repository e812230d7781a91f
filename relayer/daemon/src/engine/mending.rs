//! Burns that lost units: the pool as a whole bears what the registry takes away, not who happened to burn before. The burn keeps
//! what it has left and gets what the pool offers next. A lock is minted all the same when its pool is whole again; if it was voided
//! instead, what is gone cannot be unlocked, and people must settle it.

use std::sync::Arc;
use std::time::Duration;

use isthmus_core::id::TransferId;
use isthmus_core::ports::{Append, BookChange, Journal, StoreError};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Finding;
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::terms::{Outbound, Terms};
use isthmus_core::transfer::{Event, State, Transfer};
use isthmus_store::{HeldAs, Store};

use crate::engine::{Fatal, Recorder, leaves};
use crate::error_chain::chain;
use crate::error_code::ErrorCode;

/// Pause between looks: it happens once in years.
const PAUSE: Duration = Duration::from_secs(1);

/// Gives burns other units for those that they lost, and tells people of locks that nobody can mend.
#[derive(Debug)]
pub struct Mender {
    /// Where everything is recorded.
    pub recorder: Recorder,
    /// Which burns and locks lost units.
    pub store: Arc<Store>,
}

impl Mender {
    /// Mends until the journal fails.
    pub async fn run(self) -> Result<(), Fatal> {
        loop {
            for id in self.store.lost_burns().map_err(Fatal)? {
                self.mend(id).await?;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn mend(&self, id: TransferId) -> Result<(), Fatal> {
        let transfer = self.recorder.journal().transfer(id).map_err(Fatal)?;
        let Some(transfer) = transfer.filter(|transfer| !transfer.state().is_final()) else {
            return self.store.forget_lost(id).map_err(Fatal);
        };
        if let Terms::Outbound(outbound) = transfer.terms() {
            return self.voided(&transfer, outbound).await;
        }
        let Some(append) = self.others(&transfer)? else {
            return Ok(());
        };
        match self.recorder.record(vec![append]).await?.pop() {
            // If we crash before this is forgotten, nothing is lost any more and it is forgotten then.
            Some(Ok(_)) => self.store.forget_lost(id).map_err(Fatal),
            Some(Err(error)) => {
                tracing::info!(transfer.id = %id, error = %chain(&error), "not mended yet");
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A voided lock that lost units is for people. Also after they let it go on: an unlock of all its units would contradict the
    /// log, which has some of them as gone.
    async fn voided(&self, transfer: &Transfer, outbound: &Outbound) -> Result<(), Fatal> {
        let is_voided = matches!(transfer.state(), State::Voided { .. });
        if !is_voided || transfer.pending().is_some() {
            return Ok(());
        }
        let held = self.store.holdings(&outbound.units).map_err(Fatal)?;
        let of = |what| {
            let mine = held.iter().filter(move |holding| holding.held == what);
            mine.map(|holding| holding.block.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let detail = format!(
            "the registry took {} of it away before it was voided, and cannot unlock what is gone. {} lies in custody. Let the registry settle with the holder of account {}: docs/operations.md, A lock lost units and was voided",
            of(HeldAs::Lost),
            of(HeldAs::Reserved),
            outbound.terms.account,
        );
        let code = ErrorCode::LedgerContradiction.code().into();
        self.recorder
            .quarantine(transfer.id(), Finding { code, detail })
            .await
    }

    /// What gives the burn others, if the pool has them and no attempt to give the old ones is under way.
    fn others(&self, transfer: &Transfer) -> Result<Option<Append>, Fatal> {
        let others = others(self.recorder.journal(), &self.store, transfer).map_err(Fatal)?;
        let Some(others) = others else {
            return Ok(None);
        };
        if others.added.is_empty() {
            self.store.forget_lost(transfer.id()).map_err(Fatal)?;
            return Ok(None);
        }
        let (event, change) = others.of(transfer);
        if transfer.apply(&event).is_err() {
            return Ok(None);
        }
        let now = self.recorder.clock().now();
        Ok(Some(Append {
            transfer: Some((transfer.id(), transfer.length())),
            leaves: leaves::of(transfer, &event, now),
            events: vec![event],
            book: vec![change],
            ..Append::default()
        }))
    }
}

/// What a burn that lost units has instead.
#[derive(Debug)]
pub(crate) struct Others {
    kept: Vec<SerialBlock>,
    /// None if it lost nothing.
    pub(crate) added: Vec<SerialBlock>,
}

impl Others {
    /// The event, and the change to the custody book.
    pub(crate) fn of(self, burn: &Transfer) -> (Event, BookChange) {
        let change = BookChange::Reallocate {
            burn: burn.id(),
            pool: burn.terms().pool(),
            kept: self.kept.clone(),
            added: self.added.clone(),
        };
        let mut allocation = self.kept;
        allocation.extend(self.added);
        (Event::Reallocated(allocation), change)
    }
}

/// What a burn keeps and what it gets, as of now; `None` if its pool does not offer as much.
pub(crate) fn others(
    journal: &dyn Journal,
    store: &Store,
    transfer: &Transfer,
) -> Result<Option<Others>, StoreError> {
    let Terms::Return(back) = transfer.terms() else {
        return Ok(None);
    };
    let held = store.holdings(&back.allocation)?;
    let kept: Vec<_> = held
        .into_iter()
        .filter(|holding| holding.holder == transfer.id() && holding.held == HeldAs::Allocated)
        .map(|holding| holding.block)
        .collect();
    let missing = back.given().checked_sub(serial_block::total(&kept));
    let Some(missing) = missing.and_then(Quantity::tonnes) else {
        return Ok(None);
    };
    let added = journal.allocate(back.pool, missing)?;
    Ok(added.map(|added| Others { kept, added }))
}
