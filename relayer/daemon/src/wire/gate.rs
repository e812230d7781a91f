//! An EVM gate as the engine's and the attester's ports see it.

use std::sync::Arc;

use async_trait::async_trait;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{Address, AssetClassId, Hash32, TransferId};
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::ports::{BoxError, FindError};
use isthmus_core::quantity::Quantity;
use isthmus_core::terms::Burn;
use isthmus_core::time::Timestamp;
use isthmus_evm::{EvmLedger, eip712};

use crate::attester::ports::{self as attester, GateView, Outcome};
use crate::engine::ports::{Gate, SignerSet};

/// A connected gate.
#[derive(Clone, Debug)]
pub(crate) struct EvmGate(pub(crate) Arc<EvmLedger>);

#[async_trait]
impl Gate for EvmGate {
    fn address(&self) -> Address {
        self.0.gate()
    }

    async fn signer_set(&self) -> Result<SignerSet, BoxError> {
        let set = self.0.signer_set().await?;
        Ok(SignerSet {
            epoch: set.epoch,
            threshold: usize::from(set.threshold),
            signers: set.signers,
        })
    }

    async fn ensure_class(&self, id: AssetClassId, class: &AssetClass) -> Result<(), BoxError> {
        if class.id() != id {
            return Err(format!("the profile is of class {}, not {id}", class.id()).into());
        }
        Ok(self.0.register_class(class).await?)
    }

    fn mint_digest(
        &self,
        items: &[MintItem],
        log: LogHead,
        epoch: u32,
        deadline: Timestamp,
    ) -> Hash32 {
        let (chain, gate) = (self.0.chain_id(), self.0.gate());
        eip712::mint_batch_digest(chain, gate, items, log, epoch, deadline)
    }

    fn void_digest(&self, transfer: TransferId, epoch: u32) -> Hash32 {
        eip712::void_digest(self.0.chain_id(), self.0.gate(), transfer, epoch)
    }

    fn signer_of(&self, digest: Hash32, signature: &[u8]) -> Option<Address> {
        eip712::recover(digest, signature).ok()
    }
}

#[async_trait]
impl GateView for EvmGate {
    async fn outcomes(&self, transfers: &[TransferId]) -> Result<(u64, Vec<Outcome>), FindError> {
        let (block, outcomes) = self.0.outcomes_at_final(transfers).await?;
        Ok((block, outcomes.into_iter().map(outcome).collect()))
    }

    async fn supply(&self, class: AssetClassId, block: u64) -> Result<Quantity, FindError> {
        self.0.supply_at(class, block).await
    }

    async fn signers(&self) -> Result<attester::SignerSet, FindError> {
        let set = self.0.signer_set().await?;
        Ok(attester::SignerSet {
            epoch: set.epoch,
            members: set.signers,
        })
    }

    async fn burn(&self, number: u64) -> Result<Option<Burn>, FindError> {
        let found = self.0.burn_at_final(number).await?;
        Ok(found.map(|(burn, _)| burn))
    }
}

fn outcome(outcome: isthmus_evm::Outcome) -> Outcome {
    match outcome {
        isthmus_evm::Outcome::None => Outcome::None,
        isthmus_evm::Outcome::Minted => Outcome::Minted,
        isthmus_evm::Outcome::Voided => Outcome::Voided,
    }
}
