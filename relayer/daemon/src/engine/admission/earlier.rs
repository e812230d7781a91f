//! What earlier orders of the same call have taken of a route's limits: the store does not have them yet.

use std::collections::BTreeMap;

use isthmus_core::id::{AssetClassId, RouteId};
use isthmus_core::quantity::Quantity;
use isthmus_core::terms::OutboundTerms;

/// Admitted so far in one call.
#[derive(Debug, Default)]
pub(super) struct Added {
    routes: BTreeMap<RouteId, Quantity>,
    classes: BTreeMap<(RouteId, AssetClassId), Quantity>,
}

/// What was admitted before an order, in the same call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier {
    /// Through its route.
    pub(super) route: Quantity,
    /// Of its class through its route.
    pub(super) class: Quantity,
}

impl Added {
    pub(super) fn before(&self, terms: &OutboundTerms) -> Earlier {
        let zero = Quantity::ZERO;
        let class = (terms.route.clone(), terms.asset_class);
        Earlier {
            route: *self.routes.get(&terms.route).unwrap_or(&zero),
            class: *self.classes.get(&class).unwrap_or(&zero),
        }
    }

    pub(super) fn add(&mut self, terms: &OutboundTerms) {
        let sum = |sum: &mut Quantity| {
            *sum = sum.checked_add(terms.quantity_g).unwrap_or(Quantity::MAX);
        };
        let zero = Quantity::ZERO;
        sum(self.routes.entry(terms.route.clone()).or_insert(zero));
        let class = (terms.route.clone(), terms.asset_class);
        sum(self.classes.entry(class).or_insert(zero));
    }
}
