//! An EVM gate as the engine's and the attester's ports see it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{Address, AssetClassId, Hash32, TransferId};
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::ports::{BoxError, FindError};
use isthmus_core::quantity::Quantity;
use isthmus_core::time::Timestamp;
use isthmus_evm::{EvmLedger, eip712};
use tokio::sync::Mutex;

use crate::attester::ports::{self as attester, Burns, GateView, MintedUnder, Outcome};
use crate::engine::ports::{Gate, SignerSet};
use crate::wire::gate_memory::GateMemory;

/// A connected gate.
#[derive(Clone, Debug)]
pub(crate) struct EvmGate {
    pub(crate) ledger: Arc<EvmLedger>,
    memory: Arc<GateMemory>,
    asking: Arc<Asking>,
}

/// One question about outcomes at a time: who wants the same ones waits for the answer, or hears that there was none.
#[derive(Debug, Default)]
struct Asking {
    turn: Mutex<()>,
    unanswered: AtomicU64,
}

/// How often the gate is asked again because a block became final meanwhile.
const RACES: usize = 5;

impl EvmGate {
    /// Over a connected adapter.
    pub(crate) fn new(ledger: Arc<EvmLedger>) -> Self {
        Self {
            ledger,
            memory: Arc::default(),
            asking: Arc::default(),
        }
    }

    /// Asks about what is not known at the newest final block; `None` if an answer was of another block.
    async fn outcomes_now(
        &self,
        transfers: &[TransferId],
    ) -> Result<Option<(u64, Vec<Outcome>)>, FindError> {
        let unknown = self.memory.unknown(transfers);
        let (block, said) = self.ledger.outcomes_at_final(&unknown).await?;
        let said = said.into_iter().map(outcome).collect();
        let known = self.memory.learn(block, (&unknown, said), transfers);
        Ok(known.map(|outcomes| (block, outcomes)))
    }
}

impl Asking {
    /// A node that hangs keeps everybody who waits as long as it keeps the first of them, and no longer.
    async fn ask<T, A: Future<Output = Result<T, FindError>>>(
        &self,
        question: impl FnOnce() -> A,
    ) -> Result<T, FindError> {
        let before = self.unanswered.load(Ordering::SeqCst);
        let _turn = self.turn.lock().await;
        if self.unanswered.load(Ordering::SeqCst) != before {
            let silent = "the node left the question before this one unanswered";
            return Err(FindError::Unavailable(silent.into()));
        }
        let answer = question().await;
        if answer.is_err() {
            self.unanswered.fetch_add(1, Ordering::SeqCst);
        }
        answer
    }
}

#[async_trait]
impl Gate for EvmGate {
    fn address(&self) -> Address {
        self.ledger.gate()
    }

    async fn signer_set(&self) -> Result<SignerSet, BoxError> {
        let set = self.ledger.signer_set().await?;
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
        Ok(self.ledger.register_class(class).await?)
    }

    fn mint_digest(
        &self,
        items: &[MintItem],
        log: LogHead,
        epoch: u32,
        deadline: Timestamp,
    ) -> Hash32 {
        let (chain, gate) = (self.ledger.chain_id(), self.ledger.gate());
        eip712::mint_batch_digest(chain, gate, items, log, epoch, deadline)
    }

    fn void_digest(&self, transfer: TransferId, epoch: u32) -> Hash32 {
        eip712::void_digest(self.ledger.chain_id(), self.ledger.gate(), transfer, epoch)
    }

    fn signer_of(&self, digest: Hash32, signature: &[u8]) -> Option<Address> {
        eip712::recover(digest, signature).ok()
    }
}

#[async_trait]
impl GateView for EvmGate {
    async fn outcomes(&self, transfers: &[TransferId]) -> Result<(u64, Vec<Outcome>), FindError> {
        for _ in 0..RACES {
            let said = self.asking.ask(|| self.outcomes_now(transfers)).await?;
            if let Some(outcomes) = said {
                return Ok(outcomes);
            }
        }
        let busy = "blocks become final faster than the gate answers about one";
        Err(FindError::Unavailable(busy.into()))
    }

    async fn supply(&self, class: AssetClassId, block: u64) -> Result<Quantity, FindError> {
        if let Some(supply) = self.memory.supply(class, block) {
            return Ok(supply);
        }
        let supply = self.ledger.supply_at(class, block).await?;
        self.memory.keep_supply(class, block, supply);
        Ok(supply)
    }

    async fn minted_under(&self, above: u64) -> Result<MintedUnder, FindError> {
        let said = self.ledger.minted_under(above).await?;
        Ok(MintedUnder {
            heads: said.heads,
            up_to: said.up_to,
            complete: said.complete,
        })
    }

    async fn signers(&self) -> Result<attester::SignerSet, FindError> {
        let block = self.ledger.final_head().await?.number;
        if let Some(signers) = self.memory.signers(block) {
            return Ok(signers);
        }
        let set = self.ledger.signer_set().await?;
        let signers = attester::SignerSet {
            epoch: set.epoch,
            members: set.signers,
        };
        self.memory.keep_signers(block, &signers);
        Ok(signers)
    }

    async fn burns(&self, numbers: &BTreeSet<u64>) -> Result<Burns, FindError> {
        let (mut burns, unknown) = self.memory.burns(numbers);
        if unknown.is_empty() {
            return Ok(burns);
        }
        let said = self.ledger.burns_at_final(&unknown).await?;
        // Burns come in rows: those of the next pull are mostly in the same blocks.
        for burn in &said.beside {
            self.memory.keep_burn(burn);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn who_waits_for_an_answer_that_does_not_come_waits_no_longer_than_who_asked() {
        let asking = Asking::default();
        let asked = AtomicU64::new(0);
        let hangs = || async {
            asked.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err::<(), _>(FindError::Unavailable("timeout".into()))
        };
        let answers = join_all((0..8).map(|_| asking.ask(hangs))).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(asked.load(Ordering::SeqCst), 1, "by the first, for all");
        let answered = asking.ask(|| async { Ok(7) }).await;
        assert_eq!(answered.unwrap(), 7, "a new question is asked");
    }
}
