//! The beginning of a process: nothing new begins for a chain before it was compared with what is recorded, and nothing at all
//! on a copy of a store that may be too old.

use std::time::Duration;

use isthmus_core::id::LedgerId;
use isthmus_core::ports::StoreError;
use isthmus_core::terms::Terms;

use crate::engine::Fatal;
use crate::engine::pause::Pauses;

/// How often a beginning is looked for.
const LOOK: Duration = Duration::from_millis(10);
/// How many looks lanes wait for chains to be compared. After that they serve all other ledgers, and look at what they hold as
/// often as at what a pause holds.
const LOOKS: u32 = 30;
/// The same for a copy that is not settled.
const COPY: Duration = Duration::from_millis(250);

impl Pauses {
    /// Nothing new begins for this chain until it was compared.
    pub fn compare_first(&self, chain: LedgerId) {
        self.uncompared().insert(chain);
    }

    /// What is recorded is where it was.
    pub(super) fn compared(&self, chain: &LedgerId) {
        self.uncompared().remove(chain);
    }

    pub(super) fn is_uncompared(&self, terms: &Terms) -> bool {
        let uncompared = self.uncompared();
        uncompared.contains(terms.origin()) || uncompared.contains(terms.destination())
    }

    /// Whether the store is a copy that may lack what was signed since.
    pub(super) fn is_unsettled_copy(&self) -> Result<bool, StoreError> {
        Ok(self.store().restored()?.is_some())
    }

    /// Waits while the store is a copy that is not settled: not even a fact is recorded on it, since its log would fork.
    pub async fn settled(&self) -> Result<(), Fatal> {
        while self.is_unsettled_copy().map_err(Fatal)? {
            tokio::time::sleep(COPY).await;
        }
        Ok(())
    }

    /// Waits for a copy to be settled, and a moment for chains to be compared.
    pub async fn begun(&self) -> Result<(), Fatal> {
        self.settled().await?;
        for _ in 0..LOOKS {
            if self.uncompared().is_empty() {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
