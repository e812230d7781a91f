//! Replay of locks: what `LOCKED`, `MINTED`, `VOIDED` and `UNLOCKED` may say.

use std::sync::Arc;

use alloy_primitives::Address;
use serde_json::Value;

use super::{Book, LockEnd, LockStory};
use crate::leaf::{Movement, jcs_digest};
use crate::route::RouteView;
use crate::serial::{self, Block};

impl Book {
    pub(super) fn locked(
        &mut self,
        index: u64,
        moved: Movement,
        terms: &Value,
        units: &[String],
    ) -> Result<(), String> {
        if self.locks.contains_key(&moved.transfer) {
            return Err("it was locked before (R10)".into());
        }
        if jcs_digest(terms) != moved.transfer {
            return Err("its id is not the hash of its terms".into());
        }
        let blocks = agreed(terms, &moved, units)?;
        let (through, route) = said(terms, "route")
            .and_then(|id| Some((id, self.routes.get(id)?)))
            .ok_or("its route is not in the log")?;
        let through: Arc<str> = through.into();
        let document = route.document.clone();
        on_route(terms, &moved, &document)?;
        if let Some((taken, holder)) = blocks
            .iter()
            .find_map(|block| self.held.holder(block).map(|holder| (block, holder)))
        {
            return Err(format!("{taken} is held by {holder} (R7, R8)"));
        }
        let grams = moved.quantity_g.0;
        if self.outstanding.of(&through).checked_add(grams).is_none() {
            return Err("the route's grams cannot be counted".into());
        }
        let book = self.pools.entry(moved.pool).or_default();
        // All other sums of a pool are parts of this one.
        book.totals.locked_g = book
            .totals
            .locked_g
            .checked_add(grams)
            .ok_or("the pool's grams cannot be counted")?;
        book.totals.pending_g += grams;
        book.asset_class = moved.asset_class;
        book.route = document;
        for block in &blocks {
            self.held.take(block, moved.transfer);
        }
        self.outstanding.add(&through, grams);
        let story = LockStory {
            index,
            pool: moved.pool,
            terms: terms.clone(),
            route: through,
            units: blocks,
            lost: Vec::new(),
            quantity_g: grams,
            end: LockEnd::Open,
        };
        self.locks.insert(moved.transfer, story);
        Ok(())
    }

    pub(super) fn minted(&mut self, moved: Movement, recipient: Address) -> Result<(), String> {
        let lock = self.open_lock(&moved)?;
        if said(&lock.terms, "recipient") != Some(format!("{recipient:#x}").as_str()) {
            return Err("the recipient is not the terms'".into());
        }
        lock.end = LockEnd::Minted;
        let (lost, route) = (std::mem::take(&mut lock.lost), Arc::clone(&lock.route));
        let units = lock.units.iter().flat_map(|b| b.without(&lost)).collect();
        self.outstanding.take(&route, serial::total_g(&lost));
        for block in &lost {
            self.held.free(block);
        }
        let pool = self.pools.entry(moved.pool).or_default();
        pool.offer(units, &route);
        pool.totals.pending_g -= moved.quantity_g.0;
        pool.totals.circulating_g += moved.quantity_g.0;
        Ok(())
    }

    pub(super) fn voided(&mut self, moved: Movement) -> Result<(), String> {
        self.open_lock(&moved)?.end = LockEnd::Voided;
        Ok(())
    }

    pub(super) fn unlocked(&mut self, moved: Movement, units: &[String]) -> Result<(), String> {
        let lock = self.lock_of(&moved)?;
        if lock.end != LockEnd::Voided {
            return Err("the gate has not said Voided (R3)".into());
        }
        let blocks = serial::normalise(units).map_err(|e| e.to_string())?;
        if blocks != lock.units || !lock.lost.is_empty() {
            return Err("other units than are locked".into());
        }
        lock.end = LockEnd::Unlocked;
        let route = Arc::clone(&lock.route);
        self.outstanding.take(&route, moved.quantity_g.0);
        let pool = self.pools.entry(moved.pool).or_default();
        pool.totals.locked_g -= moved.quantity_g.0;
        pool.totals.pending_g -= moved.quantity_g.0;
        for block in &blocks {
            self.held.free(block);
        }
        Ok(())
    }

    fn open_lock(&mut self, moved: &Movement) -> Result<&mut LockStory, String> {
        let lock = self.lock_of(moved)?;
        match lock.end {
            LockEnd::Open => Ok(lock),
            LockEnd::Minted | LockEnd::Voided | LockEnd::Unlocked => {
                Err(format!("its lock is already {:?} (R10)", lock.end))
            }
        }
    }

    /// The lock that a leaf is about, if the leaf says the same of it.
    fn lock_of(&mut self, moved: &Movement) -> Result<&mut LockStory, String> {
        let lock = self
            .locks
            .get_mut(&moved.transfer)
            .ok_or("it was never locked (R1)")?;
        let class = self.pools.get(&lock.pool).map(|pool| pool.asset_class);
        if lock.pool != moved.pool || class != Some(moved.asset_class) {
            return Err("another pool or class than locked (R9)".into());
        }
        if lock.quantity_g != moved.quantity_g.0 {
            return Err("another quantity than locked".into());
        }
        Ok(lock)
    }
}

fn said<'a>(terms: &'a Value, field: &str) -> Option<&'a str> {
    terms.get(field).and_then(Value::as_str)
}

/// The units, if they are those of the terms and make up the quantity.
fn agreed(terms: &Value, moved: &Movement, units: &[String]) -> Result<Vec<Block>, String> {
    let version = terms.get("v").and_then(Value::as_u64);
    if said(terms, "kind") != Some("outbound") || version != Some(1) {
        return Err("its terms are not outbound terms of version 1".into());
    }
    let (class, grams) = (moved.asset_class, moved.quantity_g.0);
    if said(terms, "asset_class") != Some(class.to_string().as_str())
        || said(terms, "quantity_g") != Some(grams.to_string().as_str())
    {
        return Err("class or quantity is not the terms'".into());
    }
    let agreed: Vec<String> = terms
        .get("units")
        .and_then(|units| serde_json::from_value(units.clone()).ok())
        .ok_or("the terms name no units")?;
    let blocks = serial::normalise(units).map_err(|e| e.to_string())?;
    if blocks != serial::normalise(&agreed).map_err(|e| e.to_string())?
        || serial::total_g(&blocks) != grams
    {
        return Err("the units are not the terms' or do not add up (R6)".into());
    }
    if blocks.is_empty() {
        return Err("it locks nothing".into());
    }
    Ok(blocks)
}

/// The route's ledgers are the terms', and the pool is the one that follows from them.
fn on_route(terms: &Value, moved: &Movement, document: &Value) -> Result<(), String> {
    let route = RouteView::of(document)?;
    for (field, expected) in [
        ("origin", route.origin),
        ("destination", route.destination),
        ("gate", route.gate),
    ] {
        if said(terms, field) != Some(expected) {
            return Err(format!("the terms' {field} is not the route's"));
        }
    }
    if route.pool(moved.asset_class) != moved.pool {
        return Err("its pool is not the route's".into());
    }
    Ok(())
}
