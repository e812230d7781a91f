//! What is in custody, by the route that it was locked through.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Grams by route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByRoute(BTreeMap<Arc<str>, u64>);

impl ByRoute {
    /// Grams of a route.
    pub fn of(&self, route: &str) -> u64 {
        self.0.get(route).copied().unwrap_or(0)
    }

    /// More of a route. Whoever adds knows that the sum can be counted.
    pub(super) fn add(&mut self, route: &Arc<str>, grams: u64) {
        *self.0.entry(Arc::clone(route)).or_default() += grams;
    }

    /// Less of a route, of what was added before.
    pub(super) fn take(&mut self, route: &Arc<str>, grams: u64) {
        *self.0.entry(Arc::clone(route)).or_default() -= grams;
    }

    /// More of several.
    pub(super) fn add_all(&mut self, other: &Self) {
        for (route, grams) in &other.0 {
            self.add(route, *grams);
        }
    }

    /// Less of several.
    pub(super) fn take_all(&mut self, other: &Self) {
        for (route, grams) in &other.0 {
            self.take(route, *grams);
        }
    }
}
