//! Pools: what backs what, and which blocks the next burn gets.

use std::collections::VecDeque;
use std::sync::Arc;

use alloy_primitives::B256;
use serde_json::Value;

use super::outstanding::ByRoute;
use super::story::{DecidedStory, ImpairedStory};
use crate::route::RouteView;
use crate::serial::Block;

/// Sums of one pool, in grams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// In custody.
    pub locked_g: u64,
    /// Minted and not burned.
    pub circulating_g: u64,
    /// Locked, neither minted nor unlocked.
    pub pending_g: u64,
    /// To be given for burns, neither released nor retired.
    pub owed_g: u64,
    /// In custody by deposits that no lock explains.
    pub unattributed_g: u64,
    /// Taken away by the registry, neither made good nor written off.
    pub shortfall_g: u64,
}

impl Totals {
    /// The pool identity: locked = circulating + pending + owed + unattributed − shortfall.
    pub fn holds(&self) -> bool {
        let right = [self.pending_g, self.owed_g, self.unattributed_g]
            .iter()
            .try_fold(self.circulating_g, |sum, g| sum.checked_add(*g));
        right.is_some() && right == self.locked_g.checked_add(self.shortfall_g)
    }
}

/// A pool as the log has it.
#[derive(Clone, Debug, Default)]
pub struct PoolBook {
    /// Class of its units.
    pub asset_class: B256,
    /// Sums.
    pub totals: Totals,
    /// What route admins decided about what is missing, if anything is.
    pub decided: Option<DecidedStory>,
    /// What was taken away since nothing was missing, in the order of the log.
    pub(super) impaired: Vec<Arc<ImpairedStory>>,
    /// A route of this pool; all routes of a pool have the same gate.
    pub(super) route: Value,
    /// Units of completed locks that no burn has taken, oldest completed first.
    offer: VecDeque<Offered>,
}

/// A block of a completed lock. Neighbours of two locks stay two: they may have come through two routes.
#[derive(Clone, Debug)]
struct Offered {
    block: Block,
    /// Route of the lock that brought it.
    route: Arc<str>,
}

impl PoolBook {
    /// The BurnId of the gate's burn of this number.
    pub(super) fn burn_id(&self, number: u64) -> Option<B256> {
        RouteView::of(&self.route).ok()?.burn_id(number)
    }

    /// The open impairment (`docs/protocol.md` §11); `None` if nothing is missing. No two are alike, in whichever log.
    pub fn impairment(&self) -> Option<B256> {
        self.impaired.last().map(|story| story.hash)
    }

    /// What a burn of `burned_g` loses; `None` if units are missing and nothing is decided.
    pub fn written_off_g(&self, burned_g: u64) -> Option<u64> {
        let missing = self.totals.shortfall_g;
        if missing == 0 {
            return Some(0);
        }
        let decided = self.decided.as_ref()?;
        Some(decided.decision.written_off_g(burned_g, missing))
    }

    /// So much less is missing. When nothing is, what was decided about it is over.
    pub(super) fn lessen(&mut self, grams: u64) {
        self.totals.shortfall_g -= grams;
        if self.totals.shortfall_g == 0 {
            self.decided = None;
            self.impaired.clear();
        }
    }

    /// The offered units among `blocks`, with the route that brought them.
    pub(super) fn offered(&self, blocks: &[Block]) -> Vec<(Block, Arc<str>)> {
        let offers = self.offer.iter();
        offers
            .flat_map(|offered| {
                let common = blocks
                    .iter()
                    .filter_map(|block| offered.block.common(block));
                common.map(|block| (block, Arc::clone(&offered.route)))
            })
            .collect()
    }

    /// Takes these units out of the offer; what is left of their blocks keeps its place.
    pub(super) fn withhold(&mut self, blocks: &[Block]) {
        self.offer = std::mem::take(&mut self.offer)
            .into_iter()
            .flat_map(|Offered { block, route }| {
                let rest = block.without(blocks).into_iter();
                rest.map(move |block| Offered {
                    block,
                    route: Arc::clone(&route),
                })
            })
            .collect();
    }

    /// Offers a completed lock's blocks after all others.
    pub(super) fn offer(&mut self, blocks: Vec<Block>, route: &Arc<str>) {
        self.offer.extend(blocks.into_iter().map(|block| Offered {
            block,
            route: Arc::clone(route),
        }));
    }

    /// The next blocks that make up `tonnes`; `None` if there are not enough.
    pub(super) fn allocate(&self, tonnes: u64) -> Option<Vec<Block>> {
        let mut left = tonnes;
        let mut taken = Vec::new();
        for offered in &self.offer {
            if left == 0 {
                break;
            }
            let (head, _) = offered.block.split(left);
            left -= head.quantity_t();
            taken.push(head);
        }
        (left == 0).then_some(taken)
    }

    /// Takes the first blocks out of the offer, exactly as [`Self::allocate`] gave them. Returns which routes brought them.
    pub(super) fn take(&mut self, blocks: &[Block]) -> ByRoute {
        let mut taken = ByRoute::default();
        for block in blocks {
            let Some(Offered {
                block: front,
                route,
            }) = self.offer.pop_front()
            else {
                break;
            };
            taken.add(&route, block.quantity_g());
            if let (_, Some(block)) = front.split(block.quantity_t()) {
                self.offer.push_front(Offered { block, route });
            }
        }
        taken
    }
}

/// Id of the pool of `class` on a route (`docs/protocol.md` §2).
pub fn pool_of(route: &Value, class: B256) -> Option<B256> {
    RouteView::of(route).ok().map(|route| route.pool(class))
}
