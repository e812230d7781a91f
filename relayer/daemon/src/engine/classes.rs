//! Class profiles, which the gate has registered before it mints. The log and the terms hold only their ids; the registry
//! states them, and a profile is right if it hashes to the id.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AssetClassId, LedgerId};
use isthmus_core::ports::BoxError;
use isthmus_core::terms::Terms;

use crate::engine::ports::Registry;

/// Most profiles remembered; more are asked for again.
const MOST: usize = 10_000;

/// Profiles by id.
#[derive(Debug)]
pub struct Classes {
    registries: BTreeMap<LedgerId, Arc<dyn Registry>>,
    known: Mutex<HashMap<AssetClassId, AssetClass>>,
}

impl Classes {
    /// Of these registries.
    pub fn new(registries: BTreeMap<LedgerId, Arc<dyn Registry>>) -> Self {
        Self {
            registries,
            known: Mutex::default(),
        }
    }

    /// Remembers a profile that a registry stated.
    pub fn learn(&self, class: &AssetClass) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(class.id(), class.clone());
    }

    /// The profile of a transfer's class, from memory or from where its units lie.
    pub async fn of(&self, terms: &Terms) -> Result<AssetClass, BoxError> {
        let id = terms.asset_class();
        if let Some(class) = self.remembered(id) {
            return Ok(class);
        }
        let units = match terms {
            Terms::Outbound(outbound) => &outbound.units,
            Terms::Return(back) => &back.allocation,
        };
        let registry = self.registries.get(terms.origin());
        let registry = registry.ok_or_else(|| format!("{} is not configured", terms.origin()))?;
        for block in registry.stored(units).await? {
            if block.class.id() == id {
                self.learn(&block.class);
                return Ok(block.class);
            }
        }
        Err(format!(
            "{} states another class than {id} for these units",
            terms.origin()
        )
        .into())
    }

    fn remembered(&self, id: AssetClassId) -> Option<AssetClass> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&id).cloned()
    }
}
