//! Who has stolen the relayer and bought k − 1 attesters: every key and credential of theirs, and nothing of the others'.

use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::primitives::{B256, Bytes};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use isthmus_core::id::{Address, Hash32, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::quantity::Quantity;
use isthmus_core::terms::OutboundTerms;
use isthmus_core::time::Timestamp;
use isthmus_e2e::devnet::keys::EvmKey;
use isthmus_e2e::devnet::parties::Attester;
use isthmus_e2e::devnet::service::Service;
use isthmus_e2e::devnet::{CHAIN, CHAIN_ID, FINALITY_DEPTH, REGISTRY};
use isthmus_evm::contract::{Gate, evm_address};
use isthmus_evm::eip712;
use isthmus_proto::v1;
use isthmus_proto::v1::task::Work;
use serde_json::{Value, json};

use crate::collusion::forged_log::ForgedLog;
use crate::liar::{Liar, give_back};
use crate::world::World;

/// The honest attesters; the third is the thief's.
pub(crate) const HONEST: [&str; 2] = ["attester-1", "attester-2"];

pub(crate) struct Thief<'a> {
    world: &'a World,
}

impl<'a> Thief<'a> {
    /// Stops the attesters: from now on the thief decides whom they hear.
    pub(crate) fn of(world: &'a World) -> Self {
        for attester in &world.devnet.attesters {
            attester.kill9().unwrap();
        }
        Self { world }
    }

    /// An attester's process.
    pub(crate) fn process(&self, attester: &str) -> &Service {
        let mut attesters = self.world.devnet.attesters.iter();
        attesters
            .find(|service| service.name() == attester)
            .unwrap()
    }

    /// Starts an honest attester, which hears whatever its configuration names.
    pub(crate) fn start(&self, attester: &str) {
        self.process(attester).start().unwrap();
    }

    /// Asks an attester for what it must not sign, and it ends without an answer: it has met two logs.
    pub(crate) async fn stops(&self, attester: &str, liar: &Liar, task: &str, work: Work) {
        liar.ask(task, work);
        let code = self.process(attester).ended(Duration::from_mins(1)).await;
        let code = code.unwrap();
        assert!(code.is_some_and(|code| code != 0), "{attester}: {code:?}");
        assert!(liar.answers(task).is_empty(), "{attester} answered {task}");
    }

    /// Takes an attester's store away, and has it hear the true relayer again.
    pub(crate) fn empty(&self, attester: &str) {
        self.empty_but_captive(attester);
        give_back(&self.world.devnet, attester);
    }

    /// Takes an attester's store away; it hears whomever it heard.
    pub(crate) fn empty_but_captive(&self, attester: &str) {
        let folder = self.world.devnet.party_folder(attester);
        std::fs::remove_dir_all(folder.join("data")).unwrap();
    }

    /// The bought attester.
    pub(crate) fn accomplice(&self) -> &Attester {
        &self.world.devnet.parties.attesters[2]
    }

    /// A batch of one item as its terms have it, under a log's head.
    pub(crate) async fn batch(&self, log: &ForgedLog, terms: &OutboundTerms) -> v1::MintBatchTask {
        let item = v1::MintItem {
            transfer: terms.id().to_string(),
            asset_class: terms.asset_class.to_string(),
            recipient: terms.recipient.to_string(),
            quantity_g: terms.quantity_g.grams(),
        };
        self.batch_of(log, vec![item]).await
    }

    pub(crate) async fn batch_of(
        &self,
        log: &ForgedLog,
        items: Vec<v1::MintItem>,
    ) -> v1::MintBatchTask {
        v1::MintBatchTask {
            ledger: CHAIN.to_owned(),
            gate: self.world.devnet.gate.to_string(),
            items,
            log_size: log.size(),
            log_root: log.root().to_vec().into(),
            epoch: 1,
            deadline_s: self.world.devnet.chain.time_s().await.unwrap() + 600,
        }
    }

    /// The accomplice's signature over a batch.
    pub(crate) fn sign(&self, batch: &v1::MintBatchTask) -> Vec<u8> {
        self.sign_by(batch, &self.accomplice().key)
    }

    /// Anybody's signature over a batch.
    pub(crate) fn sign_by(&self, batch: &v1::MintBatchTask, key: &EvmKey) -> Vec<u8> {
        sign(self.world.devnet.gate, batch, key)
    }

    /// Sends a batch with these signatures to the gate, from a wallet of nobody's; whether it was taken at a final block.
    pub(crate) async fn submit(&self, batch: &v1::MintBatchTask, signatures: &[Vec<u8>]) -> bool {
        let digest = digest(self.world.devnet.gate, batch);
        let mut signatures = signatures.to_vec();
        signatures.sort_by_key(|signature| eip712::recover(digest, signature).ok());
        let (classes, items) = isthmus_evm::sent::sent(&items(batch));
        let call = Gate::mintBatchCall {
            classes,
            items,
            logSize: batch.log_size,
            logRoot: B256::from_slice(&batch.log_root),
            epoch: batch.epoch,
            deadline: batch.deadline_s,
            signatures: signatures.into_iter().map(Bytes::from).collect(),
        };
        self.send(Bytes::from(call.abi_encode())).await
    }

    /// Sends a call to the gate; whether it went through, at a final block.
    pub(crate) async fn send(&self, input: Bytes) -> bool {
        let chain = &self.world.devnet.chain;
        let wallet = EthereumWallet::from(self.world.wallet(3).signer().clone());
        let provider = ProviderBuilder::new()
            .with_simple_nonce_management()
            .wallet(wallet)
            .connect_http(chain.url.parse().unwrap());
        let request = TransactionRequest::default()
            .to(evm_address(self.world.devnet.gate))
            .input(input.into())
            .gas_limit(1_500_000);
        let sent = provider.send_transaction(request).await.unwrap();
        let receipt = sent.get_receipt().await.unwrap();
        chain.mine(FINALITY_DEPTH + 1).await.unwrap();
        receipt.status()
    }

    /// Proposes with the relayer's credential and approves with the accomplice's: one approval short of a movement.
    pub(crate) async fn propose(&self, proposal: &Value) -> Value {
        let registry = &self.world.devnet.registry;
        let proposed = registry.propose(proposal).await.unwrap();
        assert_eq!(proposed["status"], "proposed", "{proposed}");
        let approval = json!({"reference": proposal["reference"], "digest": proposed["digest"]});
        let key = &self.accomplice().registry_key;
        let body = json!({"approvals": [approval]});
        let (status, answer) = registry.post(key, "/v1/approvals", &body).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        let answer = answer["results"][0].clone();
        assert_eq!(answer["status"], "proposed", "{answer}");
        proposed["digest"].clone()
    }
}

/// A signature over a batch.
pub(crate) fn sign(gate: Address, batch: &v1::MintBatchTask, key: &EvmKey) -> Vec<u8> {
    let key = key.signing_key().unwrap();
    eip712::sign(digest(gate, batch), &key).to_vec()
}

fn digest(gate: Address, batch: &v1::MintBatchTask) -> Hash32 {
    let log = LogHead {
        size: batch.log_size,
        root: Hash32::new(batch.log_root.as_ref().try_into().unwrap()),
    };
    let deadline = Timestamp::from_s(batch.deadline_s);
    eip712::mint_batch_digest(CHAIN_ID, gate, &items(batch), log, batch.epoch, deadline)
}

fn items(batch: &v1::MintBatchTask) -> Vec<MintItem> {
    let item = |item: &v1::MintItem| MintItem {
        transfer: item.transfer.parse().unwrap(),
        asset_class: item.asset_class.parse().unwrap(),
        recipient: item.recipient.parse().unwrap(),
        quantity: Quantity::from_grams(item.quantity_g).unwrap(),
    };
    batch.items.iter().map(item).collect()
}

/// Asks to approve what is proposed under a reference; the instruction is empty for an unlock.
pub(crate) fn approval(
    transfer: TransferId,
    reference: &str,
    instruction: Option<&Instruction>,
) -> Work {
    Work::Approval(v1::ApprovalTask {
        ledger: REGISTRY.to_owned(),
        transfer: transfer.to_string(),
        reference: reference.to_owned(),
        instruction: instruction
            .map(isthmus_core::jcs::bytes)
            .unwrap_or_default()
            .into(),
    })
}
