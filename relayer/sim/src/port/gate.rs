//! The gate as the engine asks it about signatures.

use async_trait::async_trait;
use isthmus::engine::ports::{Gate, SignerSet};
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{Address, AssetClassId, Hash32, TransferId};
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::ports::BoxError;
use isthmus_core::time::Timestamp;

use super::chain::ChainPort;
use crate::ledger::gate;
use crate::names;

#[async_trait]
impl Gate for ChainPort {
    fn address(&self) -> Address {
        names::GATE
    }

    async fn signer_set(&self) -> Result<SignerSet, BoxError> {
        let (chain, _) = self.ask("chain signer set").await?;
        Ok(SignerSet {
            epoch: 1,
            threshold: names::QUORUM,
            signers: chain.signers.clone(),
        })
    }

    async fn ensure_class(&self, id: AssetClassId, class: &AssetClass) -> Result<(), BoxError> {
        let _seen = self.ask("chain ensure class").await?;
        if class.id() == id {
            Ok(())
        } else {
            Err("the profile is of another class".into())
        }
    }

    fn mint_digest(
        &self,
        items: &[MintItem],
        log: LogHead,
        epoch: u32,
        deadline: Timestamp,
    ) -> Hash32 {
        gate::mint_digest(items, log, epoch, deadline)
    }

    fn void_digest(&self, transfer: TransferId, epoch: u32) -> Hash32 {
        gate::void_digest(transfer, epoch)
    }

    fn signer_of(&self, digest: Hash32, signature: &[u8]) -> Option<Address> {
        gate::signer_of(digest, signature)
    }
}
