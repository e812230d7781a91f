//! What is signed: a batch of mints under the newest checkpoint, or one void.

use isthmus_core::id::{BatchId, TransferId};
use isthmus_core::operation::{MintItem, SignedBatch, SignedVoid};
use isthmus_core::ports::{BoxError, FindError};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Transfer;

use crate::engine::attest::Collector;
use crate::engine::attest::collect::{Collected, Refused};
use crate::engine::board::{Share, TaskWork};
use crate::engine::ports::SignerSet;
use crate::error_chain::chain;

/// How long a signed batch counts. It bounds how long a signer set that was replaced matters, and proves nothing (R2).
const DEADLINE_MS: u64 = 60 * 60 * 1000;

impl Collector {
    pub(super) async fn register_class(
        &self,
        transfer: &Transfer,
        item: &MintItem,
    ) -> Result<(), BoxError> {
        let class = self.classes.of(transfer.terms()).await?;
        self.gate.ensure_class(item.asset_class, &class).await
    }

    pub(super) async fn mint_batch(
        &self,
        items: &[(Transfer, MintItem)],
        share: Share,
    ) -> Result<SignedBatch, Refused> {
        let signers = self.signers().await?;
        let head = self.checkpoints.newest();
        let head = head.map_err(|error| Refused::not_asked(chain(&error)))?;
        let log = head.log_head();
        // Whole seconds, as on chain.
        let deadline = self.recorder.clock().now().plus_ms(DEADLINE_MS);
        let deadline = Timestamp::from_s(deadline.s());
        let items: Vec<_> = items.iter().map(|(_, item)| item.clone()).collect();
        let digest = self.gate.mint_digest(&items, log, signers.epoch, deadline);
        let work = TaskWork::Mint {
            ledger: self.lane.ledger.clone(),
            gate: self.gate.address(),
            items: items.clone(),
            log,
            epoch: signers.epoch,
            deadline,
        };
        let Collected { signatures } = self.collect((work, share), digest, &signers).await?;
        Ok(SignedBatch {
            id: BatchId::new(*digest.as_bytes()),
            items,
            log,
            epoch: signers.epoch,
            deadline,
            signatures,
        })
    }

    pub(super) async fn signed_void(&self, transfer: TransferId) -> Result<SignedVoid, Refused> {
        let signers = self.signers().await?;
        let digest = self.gate.void_digest(transfer, signers.epoch);
        let work = TaskWork::Void {
            ledger: self.lane.ledger.clone(),
            gate: self.gate.address(),
            transfer,
            epoch: signers.epoch,
        };
        let Collected { signatures } = self.collect((work, Share::Live), digest, &signers).await?;
        Ok(SignedVoid {
            epoch: signers.epoch,
            signatures,
        })
    }

    async fn signers(&self) -> Result<SignerSet, Refused> {
        let signers = self.gate.signer_set().await;
        signers.map_err(|error| {
            if let Some(FindError::Contradiction(contradiction)) = error.downcast_ref() {
                // Nobody is asked in any case; if this cannot be written, nothing can be, and the next write stops the process.
                let halted = self.gatekeeper.ledger_contradicted(contradiction);
                if let Err(error) = halted {
                    tracing::error!(%error, "a ledger could not be halted");
                }
            }
            Refused::not_asked(chain(error.as_ref()))
        })
    }
}
