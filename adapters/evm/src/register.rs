//! Registering asset classes at the gate: permissionless and idempotent, so it needs no journal. A registration that gets lost
//! shows as a mint skipped for now, and is made again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::AssetClassId;
use isthmus_core::ports::BoxError;
use isthmus_core::time::Timestamp;

use crate::contract::{Gate, class_word};
use crate::lane::{Unsigned, fees};
use crate::ledger::EvmLedger;
use crate::send;

/// A registration that is not in a block after this many block times is sent again.
const PATIENCE_BLOCKS: u64 = 10;

/// What this process did about classes.
#[derive(Debug, Default)]
pub(crate) struct Registrar(Mutex<HashMap<AssetClassId, Progress>>);

#[derive(Clone, Copy, Debug)]
enum Progress {
    Registered,
    Sent(Timestamp),
}

/// A class that could not be registered. Try again later: nothing is lost, its mints are skipped for now.
#[derive(Debug, thiserror::Error)]
#[error("class {class} was not registered at the gate")]
pub struct RegisterError {
    /// The class.
    pub class: AssetClassId,
    /// Why.
    #[source]
    pub source: BoxError,
}

impl Registrar {
    fn progress(&self, class: AssetClassId) -> Option<Progress> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&class).copied()
    }

    /// The chain's history is another now: every class is looked up again.
    pub(crate) fn forget(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn note(&self, class: AssetClassId, progress: Progress) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(class, progress);
    }
}

impl EvmLedger {
    /// Makes sure that the gate knows, or will soon know, the class. Returns once the registration is sent: mints follow it in
    /// the same account, so they land after it.
    pub async fn register_class(&self, class: &AssetClass) -> Result<(), RegisterError> {
        let id = class.id();
        let patience = self.chain().block_time_ms.saturating_mul(PATIENCE_BLOCKS);
        match self.registrar().progress(id) {
            Some(Progress::Registered) => return Ok(()),
            Some(Progress::Sent(at)) if self.now() < at.plus_ms(patience) => return Ok(()),
            Some(Progress::Sent(_)) | None => {}
        }
        let progress = self
            .register(class, id)
            .await
            .map_err(|source| RegisterError { class: id, source })?;
        self.registrar().note(id, progress);
        Ok(())
    }

    async fn register(&self, class: &AssetClass, id: AssetClassId) -> Result<Progress, BoxError> {
        let chain = self.chain();
        let heads = chain.heads().await?;
        let known = Gate::classRegisteredCall {
            assetClass: class_word(id),
        };
        if chain
            .view(chain.gate, &known, heads.last_final.hash)
            .await?
        {
            return Ok(Progress::Registered);
        }
        if chain.view(chain.gate, &known, heads.latest.hash).await? {
            // It may be dropped again: look once more when it should be final.
            return Ok(Progress::Sent(self.now()));
        }
        let lanes = self
            .lanes()
            .ok_or("the ledger was connected without keys, to read only")?;
        let call = Gate::registerClassCall {
            profile: class.profile().into(),
        };
        let input: alloy::primitives::Bytes = call.abi_encode().into();
        let request = TransactionRequest::default()
            .from(lanes.mint.address())
            .to(chain.gate)
            .input(input.clone().into());
        let answer = chain.node().estimate_gas(request).await;
        let gas = chain.answered("eth_estimateGas", answer)?;
        let unsigned = Unsigned {
            to: chain.gate,
            input,
            // Another class may be registered in between; the gate's cost for one depends on that only a little.
            gas_limit: gas.saturating_add(gas / 4),
            fees: fees(chain, self.fee_limits()).await??,
        };
        let pending = lanes.mint.pending_nonce(chain).await?;
        let signed = lanes.mint.sign(chain, pending, unsigned);
        // Not noted as sent in the account: if it gets lost, its nonce is a gap that the next mint fills.
        send::raw(chain, &signed.bytes).await?;
        Ok(Progress::Sent(self.now()))
    }
}
