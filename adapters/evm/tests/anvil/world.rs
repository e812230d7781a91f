//! A chain with a gate, a registered class, three attesters (two sign) and a holder.

use std::sync::Arc;

use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::primitives::{Bytes, TxKind};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolEvent};
use isthmus_core::id::{BatchId, Hash32, TransferId};
use isthmus_core::operation::{LogHead, MintItem, Operation, SignedBatch, SignedVoid};
use isthmus_core::ports::{Attempt, Draft, FindError, Found, Ledger};
use isthmus_core::receipt::Receipt;
use isthmus_core::time::Clock;
use isthmus_evm::contract::{Gate, class_word, evm_address};
use isthmus_evm::{EvmConfig, EvmLedger, Senders, eip712, sent};

use crate::node::Node;
use crate::proxy::Proxy;
use crate::setup::{
    ATTESTERS, CHAIN_ID, DAY_MS, DEPTH, HOLDER, KEYS, TestClock, class, config, deploy, item,
    senders, sign,
};

pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) config: EvmConfig,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) ledger: EvmLedger,
}

impl World {
    /// A gate that knows no class.
    pub(crate) async fn bare() -> Self {
        let node = Node::start(CHAIN_ID);
        let gate = deploy(&node).await;
        node.mine(DEPTH).await;
        let config = config(&node.url, gate);
        let clock = TestClock::at(node.time_ms().await);
        let ledger = EvmLedger::connect(&config, senders(), Arc::<TestClock>::clone(&clock)).await;
        Self {
            ledger: ledger.unwrap(),
            node,
            config,
            clock,
        }
    }

    /// A gate that knows `class()`, finally.
    pub(crate) async fn ready() -> Self {
        let world = Self::bare().await;
        world.ledger.register_class(&class()).await.unwrap();
        world.settle().await;
        world
    }

    /// The same gate through a proxy that can fail.
    pub(crate) async fn behind_proxy(self) -> (Self, Proxy) {
        let proxy = Proxy::before(&self.node.url);
        let config = EvmConfig {
            rpc_urls: vec![proxy.url.clone()],
            request_timeout_ms: 1_000,
            ..self.config
        };
        let ledger = EvmLedger::connect(&config, senders(), Arc::<TestClock>::clone(&self.clock));
        let world = Self {
            ledger: ledger.await.unwrap(),
            config,
            ..self
        };
        (world, proxy)
    }

    /// The relayer starts again with what its journal says about nonces.
    pub(crate) async fn restarted(self, senders: Senders) -> Self {
        let clock = self.clock();
        let ledger = EvmLedger::connect(&self.config, senders, clock).await;
        Self {
            ledger: ledger.unwrap(),
            ..self
        }
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::<TestClock>::clone(&self.clock)
    }

    /// Makes everything final that was sent.
    pub(crate) async fn settle(&self) {
        self.node.mine(1 + DEPTH).await;
    }

    /// Time goes by, on the chain and here.
    pub(crate) async fn pass(&self, seconds: u32) {
        self.node.pass_time(seconds.into()).await;
        self.clock.advance(1_000 * u64::from(seconds));
        self.settle().await;
    }

    /// Signed by two attesters of the first epoch until `deadline_ms` from now.
    pub(crate) fn batch(&self, items: Vec<MintItem>, deadline_ms: u64) -> Arc<SignedBatch> {
        self.signed(items, deadline_ms, 1, &ATTESTERS[..2])
    }

    pub(crate) fn signed(
        &self,
        items: Vec<MintItem>,
        deadline_ms: u64,
        epoch: u32,
        signers: &[usize],
    ) -> Arc<SignedBatch> {
        let log = LogHead {
            size: 7,
            root: Hash32::new([9; 32]),
        };
        let deadline = self.clock.now().plus_ms(deadline_ms);
        let gate = self.config.gate;
        let digest = eip712::mint_batch_digest(CHAIN_ID, gate, &items, log, epoch, deadline);
        Arc::new(SignedBatch {
            id: BatchId::new(*digest.as_bytes()),
            items,
            log,
            epoch,
            deadline,
            signatures: sign(digest, signers),
        })
    }

    /// A batch with another log, signed anew.
    pub(crate) fn signed_under(&self, batch: SignedBatch) -> Arc<SignedBatch> {
        let (gate, items) = (self.config.gate, &batch.items);
        let digest = eip712::mint_batch_digest(
            CHAIN_ID,
            gate,
            items,
            batch.log,
            batch.epoch,
            batch.deadline,
        );
        Arc::new(SignedBatch {
            id: BatchId::new(*digest.as_bytes()),
            signatures: sign(digest, &ATTESTERS[..2]),
            ..batch
        })
    }

    pub(crate) fn mints(&self, batch: &Arc<SignedBatch>) -> Vec<Operation> {
        let operation = |item: &MintItem| Operation::Mint {
            item: item.clone(),
            ledger: self.config.ledger.clone(),
            batch: Arc::clone(batch),
        };
        batch.items.iter().map(operation).collect()
    }

    pub(crate) fn mint(&self, number: u8) -> Operation {
        let batch = self.batch(vec![item(number)], DAY_MS);
        self.mints(&batch).remove(0)
    }

    pub(crate) fn void(&self, number: u8, epoch: u32) -> Operation {
        let transfer = TransferId::new([number; 32]);
        let digest = eip712::void_digest(CHAIN_ID, self.config.gate, transfer, epoch);
        Operation::Void {
            transfer,
            ledger: self.config.ledger.clone(),
            authorisation: SignedVoid {
                epoch,
                signatures: sign(digest, &ATTESTERS[..2]),
            },
        }
    }

    pub(crate) async fn prepare(&self, operation: &Operation) -> Attempt {
        let mut drafts = self.ledger.prepare(std::slice::from_ref(operation)).await;
        Attempt {
            operation: operation.clone(),
            drafts: vec![drafts.remove(0).unwrap()],
        }
    }

    pub(crate) async fn send(&self, draft: &Draft) {
        let answers = self.ledger.send(std::slice::from_ref(draft)).await;
        assert!(matches!(answers.as_slice(), [Ok(())]), "{answers:?}");
    }

    /// Prepared and sent, but in no block yet.
    pub(crate) async fn sent(&self, operation: &Operation) -> Attempt {
        let attempt = self.prepare(operation).await;
        self.send(&attempt.drafts[0]).await;
        attempt
    }

    pub(crate) async fn find(&self, attempt: &Attempt) -> Result<Found, FindError> {
        let mut found = self.ledger.find(std::slice::from_ref(attempt)).await;
        found.remove(0)
    }

    pub(crate) async fn final_receipt(&self, attempt: &Attempt) -> Receipt {
        match self.find(attempt).await {
            Ok(Found::Final(receipt)) => receipt,
            other => panic!("not final: {other:?}"),
        }
    }

    /// The code and lasting of a definite no or a dead end.
    pub(crate) async fn refusal(&self, attempt: &Attempt) -> (&'static str, String) {
        match self.find(attempt).await.unwrap() {
            Found::Dead(refusal) => ("dead", refusal.code),
            Found::Refused(refusal) => ("refused", refusal.code),
            other @ (Found::Absent | Found::Unsettled { .. } | Found::Final(_)) => {
                panic!("no refusal: {other:?}")
            }
        }
    }

    /// A call of the gate by one of the accounts, into the mempool.
    pub(crate) async fn call_gate<C: SolCall>(&self, account: usize, call: &C) {
        let gate = TxKind::Call(evm_address(self.config.gate));
        self.transact(account, gate, call.abi_encode().into()).await;
    }

    pub(crate) async fn transact(&self, account: usize, to: TxKind, input: Bytes) {
        let signer: PrivateKeySigner = KEYS[account].parse().unwrap();
        let wallet = EthereumWallet::from(signer);
        let provider = ProviderBuilder::new()
            .with_simple_nonce_management()
            .wallet(wallet)
            .connect_http(self.node.url.parse().unwrap());
        let request = TransactionRequest {
            to: Some(to),
            ..TransactionRequest::default()
        };
        let request = request.with_input(input).with_gas_limit(500_000);
        let _pending = provider.send_transaction(request).await.unwrap();
    }

    /// The holder burns, in the mempool.
    pub(crate) async fn burn(&self, tonnes: u64) {
        let call = Gate::burnCall {
            assetClass: class_word(class().id()),
            quantity: alloy::primitives::U256::from(tonnes * 1_000_000),
            purpose: 2,
            commitment: [5; 32].into(),
        };
        self.call_gate(HOLDER, &call).await;
    }

    /// How many transfers were minted, final or not.
    pub(crate) async fn minted(&self) -> usize {
        let minted = Filter::new()
            .address(evm_address(self.config.gate))
            .event_signature(Gate::BatchMinted::SIGNATURE_HASH)
            .from_block(0);
        let batches = self.node.rpc.get_logs(&minted).await.unwrap();
        let items = batches.iter().map(|log| {
            let batch = Gate::BatchMinted::decode_log(&log.inner).unwrap();
            sent::minted(&batch).count()
        });
        items.sum()
    }
}
