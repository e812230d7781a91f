//! The adapter itself: a connected gate, and the `Ledger` port on it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::{Address, B256};
use async_trait::async_trait;
use isthmus_core::id::{BatchId, Hash32};
use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::pool::Pool;
use isthmus_core::ports::{
    Attempt, Authority, Blocks, Costs, Cursor, Custody, Draft, Fee, Finality, FindError, Found,
    Ledger, LedgerKind, LedgerProfile, Observations, Page, PrepareError, Reserves, SendError,
    Taking,
};
use isthmus_core::quantity::Quantity;
use isthmus_core::time::{Clock, Timestamp};

use crate::bid::Outbid;
use crate::chain::Chain;
use crate::config::{ChainFinality, ConfigError, EvmConfig, FeeLimits, Senders};
use crate::connect::{self, ConnectError};
use crate::contract::core_address;
use crate::find::Rebidding;
use crate::lane::Account;
use crate::paid::Paid;
use crate::register::Registrar;
use crate::{draft, find, observe, send};

/// Most operations in one call, and so most items that share a transaction: keeps a batch below the 16.7 million gas that
/// EIP-7825 gives a transaction.
pub const MAX_BATCH: usize = 64;

/// A gate on an EVM chain.
pub struct EvmLedger {
    chain: Chain,
    units: Address,
    profile: LedgerProfile,
    fee_limits: FeeLimits,
    lanes: Option<Lanes>,
    registrar: Registrar,
    clock: Arc<dyn Clock>,
}

/// The accounts that send.
#[derive(Debug)]
pub(crate) struct Lanes {
    pub(crate) mint: Account,
    pub(crate) void: Account,
    /// Drafts of batches that still count: items of one batch that come due at different times share its draft.
    pub(crate) batches: Mutex<HashMap<BatchId, Draft>>,
    /// Drafts whose transactions are to be replaced.
    pub(crate) outbid: Outbid,
}

impl Lanes {
    pub(crate) fn account(&self, address: Address) -> Option<&Account> {
        [&self.mint, &self.void]
            .into_iter()
            .find(|account| account.address() == address)
    }
}

impl EvmLedger {
    /// Connects to operate: the chain and the gate are checked before anything else is asked.
    pub async fn connect(
        config: &EvmConfig,
        senders: Senders,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        let account = senders.mint.key.address();
        if account == senders.void.key.address() {
            let ledger = config.ledger.clone();
            return Err(ConfigError::SharedAccount { ledger, account }.into());
        }
        let lanes = Lanes {
            mint: Account::new(senders.mint, clock.now()),
            void: Account::new(senders.void, clock.now()),
            batches: Mutex::default(),
            outbid: Outbid::default(),
        };
        Self::open(config, Some(lanes), clock).await
    }

    /// Connects to read, as attesters do: `prepare` refuses.
    pub async fn read_only(
        config: &EvmConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        Self::open(config, None, clock).await
    }

    async fn open(
        config: &EvmConfig,
        lanes: Option<Lanes>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        let (mut chain, units) = connect::open(config).await?;
        if let Some(lanes) = &lanes {
            chain.paid = Paid::by(vec![lanes.mint.address(), lanes.void.address()]);
        }
        let operations = match lanes {
            Some(_) => vec![OperationKind::Mint, OperationKind::Void],
            None => vec![],
        };
        let finality = match config.finality {
            ChainFinality::Depth(depth) => Finality::Depth(depth),
            ChainFinality::FinalizedTag => Finality::FinalizedTag,
        };
        Ok(Self {
            profile: LedgerProfile {
                id: config.ledger.clone(),
                kind: LedgerKind::Chain,
                operations,
                taking: Taking::Observed,
                authority: Authority::Signatures,
                custody: Custody::Omnibus,
                finality,
                granularity: Quantity::from_grams(1).expect("one gram is a quantity"),
                max_batch: MAX_BATCH,
            },
            chain,
            units,
            fee_limits: config.fees,
            lanes,
            registrar: Registrar::default(),
            clock,
        })
    }

    /// The gate's address.
    pub fn gate(&self) -> isthmus_core::id::Address {
        core_address(self.chain.gate)
    }

    /// EIP-155 chain id.
    pub fn chain_id(&self) -> u64 {
        self.chain.id
    }

    /// The newest final height as it grows: changes whenever anything that asks this ledger has seen a new one.
    pub fn final_height(&self) -> tokio::sync::watch::Receiver<u64> {
        self.chain.final_height()
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    pub(crate) fn units(&self) -> Address {
        self.units
    }

    pub(crate) fn lanes(&self) -> Option<&Lanes> {
        self.lanes.as_ref()
    }

    pub(crate) fn fee_limits(&self) -> FeeLimits {
        self.fee_limits
    }

    pub(crate) fn registrar(&self) -> &Registrar {
        &self.registrar
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl fmt::Debug for EvmLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EvmLedger({}, gate {})", self.profile.id, self.gate())
    }
}

#[async_trait]
impl Blocks for EvmLedger {
    async fn stands(&self, height: u64, block: Hash32) -> Result<(), FindError> {
        observe::stands(&self.chain, height, block).await
    }

    async fn queued(&self) -> Result<u64, FindError> {
        match &self.lanes {
            Some(lanes) => lanes.mint.queued(&self.chain).await,
            None => Ok(0),
        }
    }

    fn look_anew(&self) {
        self.chain.forget_anchor();
        self.registrar.forget();
        if let Some(lanes) = &self.lanes {
            lanes.mint.forget_nonces();
            lanes.void.forget_nonces();
            lanes.outbid.forget();
            let mut batches = lanes.batches.lock().unwrap_or_else(PoisonError::into_inner);
            batches.clear();
        }
    }

    fn accept(&self) {
        self.chain.accept_strangers();
    }
}

impl Costs for EvmLedger {
    fn fee(&self, transaction: Hash32) -> Option<Fee> {
        self.chain.paid.fee(B256::from(*transaction.as_bytes()))
    }

    fn calls(&self) -> u64 {
        self.chain.nodes().map(|node| node.http.calls()).sum()
    }
}

#[async_trait]
impl Ledger for EvmLedger {
    fn profile(&self) -> &LedgerProfile {
        &self.profile
    }

    async fn prepare(&self, operations: &[Operation]) -> Vec<Result<Draft, PrepareError>> {
        draft::prepare(self, operations).await
    }

    async fn send(&self, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
        send::send(self, drafts).await
    }

    async fn find(&self, attempts: &[Attempt]) -> Vec<Result<Found, FindError>> {
        let rebidding = self.lanes.as_ref().map(|lanes| Rebidding {
            outbid: &lanes.outbid,
            limits: self.fee_limits,
        });
        let answers = find::find(&self.chain, self.now(), rebidding, attempts).await;
        if let Some(lanes) = &self.lanes {
            draft::forget_dead(lanes, attempts, &answers);
        }
        answers
    }

    async fn observe(&self, from: &Cursor, limit: usize) -> Result<Observations, FindError> {
        observe::observe(&self.chain, self.now(), from, limit).await
    }

    async fn reserves(&self, pool: &Pool, _page: Page) -> Result<Reserves, FindError> {
        if pool.gate != self.gate() || pool.destination != self.profile.id {
            return Err(FindError::Unavailable(
                format!(
                    "pool {} is at gate {} on ledger {}, this is gate {} on {}",
                    pool.id(),
                    pool.gate,
                    pool.destination,
                    self.gate(),
                    self.profile.id
                )
                .into(),
            ));
        }
        let block = self.chain.heads().await?.last_final;
        Ok(Reserves {
            total: self.supply(pool.asset_class, block.hash).await?,
            units: Vec::new(),
            as_of: block.number,
        })
    }
}
