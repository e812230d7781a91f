//! An EVM gate as the engine's and the attester's ports see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{Address, AssetClassId, Hash32, TransferId};
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::ports::{BoxError, FindError};
use isthmus_core::quantity::Quantity;
use isthmus_core::time::Timestamp;
use isthmus_evm::{EvmLedger, eip712};

use crate::attester::ports::{self as attester, Burns, GateView, MintedUnder, Outcome};
use crate::engine::ports::{Gate, SignerSet};
use crate::wire::gate_memory::GateMemory;

/// A connected gate.
#[derive(Clone, Debug)]
pub(crate) struct EvmGate(pub(crate) Arc<EvmLedger>, Arc<GateMemory>);

/// How often the gate is asked again because a block became final meanwhile.
const RACES: usize = 5;

impl EvmGate {
    /// Over a connected adapter.
    pub(crate) fn new(ledger: Arc<EvmLedger>) -> Self {
        Self(ledger, Arc::default())
    }
}

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
        for _ in 0..RACES {
            let unknown = self.1.unknown(transfers);
            let (block, said) = self.0.outcomes_at_final(&unknown).await?;
            let said = said.into_iter().map(outcome).collect();
            if let Some(outcomes) = self.1.learn(block, (&unknown, said), transfers) {
                return Ok((block, outcomes));
            }
        }
        let busy = "blocks become final faster than the gate answers about one";
        Err(FindError::Unavailable(busy.into()))
    }

    async fn supply(&self, class: AssetClassId, block: u64) -> Result<Quantity, FindError> {
        if let Some(supply) = self.1.supply(class, block) {
            return Ok(supply);
        }
        let supply = self.0.supply_at(class, block).await?;
        self.1.keep_supply(class, block, supply);
        Ok(supply)
    }

    async fn minted_under(&self, above: u64) -> Result<MintedUnder, FindError> {
        let said = self.0.minted_under(above).await?;
        Ok(MintedUnder {
            heads: said.heads,
            up_to: said.up_to,
            complete: said.complete,
        })
    }

    async fn signers(&self) -> Result<attester::SignerSet, FindError> {
        let block = self.0.final_head().await?.number;
        if let Some(signers) = self.1.signers(block) {
            return Ok(signers);
        }
        let set = self.0.signer_set().await?;
        let signers = attester::SignerSet {
            epoch: set.epoch,
            members: set.signers,
        };
        self.1.keep_signers(block, &signers);
        Ok(signers)
    }

    async fn burns(&self, numbers: &BTreeSet<u64>) -> Result<Burns, FindError> {
        let (mut burns, unknown) = self.1.burns(numbers);
        if unknown.is_empty() {
            return Ok(burns);
        }
        let said = self.0.burns_at_final(&unknown).await?;
        // Burns come in rows: those of the next pull are mostly in the same blocks.
        for burn in &said.beside {
            self.1.keep_burn(burn);
        }
        burns.extend(unknown.into_iter().zip(said.asked));
        Ok(burns)
    }
}

fn outcome(outcome: isthmus_evm::Outcome) -> Outcome {
    match outcome {
        isthmus_evm::Outcome::None => Outcome::None,
        isthmus_evm::Outcome::Minted => Outcome::Minted,
        isthmus_evm::Outcome::Voided => Outcome::Voided,
    }
}
