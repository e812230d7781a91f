//! The relayer and three attesters, each connected with a credential of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_core::id::Hash32;
use isthmus_core::mandate::Mandate;
use isthmus_core::operation::Operation;
use isthmus_core::ports::{Attempt, Draft, FindError, Found, Ledger, SendError};
use isthmus_core::receipt::Receipt;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_vcs::serial::Serial;
use isthmus_vcs::views::Record;
use isthmus_vcs::{ApiKey, ConnectError, Duty, VcsConfig, VcsLedger};
use serde_json::Value;

use crate::world::{ATTESTERS, RELAYER, World, id, mandate, serial};

/// How long a lost request may still land, by the configuration.
pub(crate) const SETTLE_MS: u64 = 5_000;

/// Time that moves when told to.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_000_000)))
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) async fn config(world: &World) -> VcsConfig {
    let (_, info) = world.get("", "/v1/info").await;
    let key = STANDARD
        .decode(info["receipt_key"].as_str().unwrap())
        .unwrap();
    VcsConfig {
        ledger: "vcs:sandbox".parse().unwrap(),
        url: world.url.clone(),
        receipt_key: key.try_into().unwrap(),
        request_timeout_ms: 2_000,
        settle_ms: SETTLE_MS,
        recheck_ms: 1_000,
    }
}

pub(crate) async fn connect(
    config: &VcsConfig,
    key: &str,
    duty: Duty,
    clock: &Arc<TestClock>,
) -> Result<VcsLedger, ConnectError> {
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(clock);
    VcsLedger::connect(config, ApiKey(key.to_owned().into()), duty, clock).await
}

/// A registry and the relayer's view of it.
pub(crate) struct Relay {
    pub(crate) world: World,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) ledger: VcsLedger,
}

impl Relay {
    pub(crate) async fn start() -> Self {
        let (world, clock) = (World::start().await, TestClock::new());
        let ledger = connect(&config(&world).await, RELAYER, Duty::Relayer, &clock)
            .await
            .unwrap();
        Self {
            world,
            clock,
            ledger,
        }
    }

    /// The same relayer after a crash: nothing is left of what it knew.
    pub(crate) async fn reconnect(&mut self) {
        self.ledger = connect(
            &config(&self.world).await,
            RELAYER,
            Duty::Relayer,
            &self.clock,
        )
        .await
        .unwrap();
    }

    pub(crate) async fn draft(&self, operation: &Operation) -> Draft {
        let mut drafts = self.ledger.prepare(std::slice::from_ref(operation)).await;
        drafts.pop().unwrap().unwrap()
    }

    pub(crate) async fn send(&self, draft: &Draft) -> Result<(), SendError> {
        self.ledger
            .send(std::slice::from_ref(draft))
            .await
            .pop()
            .unwrap()
    }

    pub(crate) async fn find(
        &self,
        operation: &Operation,
        drafts: &[&Draft],
    ) -> Result<Found, FindError> {
        find(&self.ledger, operation, drafts).await
    }

    /// Carries an operation out that must succeed at once.
    pub(crate) async fn done(&self, operation: &Operation) -> Receipt {
        let draft = self.draft(operation).await;
        self.send(&draft).await.unwrap();
        match self.find(operation, &[&draft]).await {
            Ok(Found::Final(receipt)) => receipt,
            other => panic!("{other:?}"),
        }
    }

    /// Approves whatever is proposed under the operation's reference, as two attesters.
    pub(crate) async fn approve(&self, operation: &Operation) {
        for index in 0..2 {
            let attester = self.attester(index).await;
            let approval = self.approval(operation).await;
            let drafts: Vec<Draft> = attester
                .prepare(&[approval])
                .await
                .into_iter()
                .map(Result::unwrap)
                .collect();
            attester.send(&drafts).await.pop().unwrap().unwrap();
        }
    }

    /// The approval of what is proposed now.
    pub(crate) async fn approval(&self, operation: &Operation) -> Operation {
        let reference = operation.reference();
        let record = self
            .ledger
            .records(std::slice::from_ref(&reference))
            .await
            .unwrap()
            .pop()
            .unwrap();
        let Record::Proposed {
            digest, proposal, ..
        } = record
        else {
            panic!("{record:?}");
        };
        assert_eq!(Hash32::new(isthmus_core::jcs::digest(&proposal)), digest);
        Operation::Approve {
            transfer: operation.transfer(),
            ledger: operation.ledger().clone(),
            reference,
            digest,
        }
    }

    pub(crate) async fn attester(&self, index: usize) -> VcsLedger {
        let name = format!("attester-{}", index + 1);
        let duty = Duty::Attester { name };
        connect(
            &config(&self.world).await,
            ATTESTERS[index],
            duty,
            &self.clock,
        )
        .await
        .unwrap()
    }

    pub(crate) async fn sequence(&self) -> u64 {
        let (_, info) = self.world.get("", "/v1/info").await;
        info["sequence"].as_u64().unwrap()
    }

    pub(crate) async fn faults(&self, faults: Value) {
        self.world.faults(faults).await;
    }
}

pub(crate) async fn find(
    ledger: &VcsLedger,
    operation: &Operation,
    drafts: &[&Draft],
) -> Result<Found, FindError> {
    let attempt = Attempt {
        operation: operation.clone(),
        drafts: drafts.iter().map(|draft| (*draft).clone()).collect(),
    };
    ledger.find(&[attempt]).await.pop().unwrap()
}

pub(crate) fn block(from: u64, to: u64) -> SerialBlock {
    SerialBlock::from(&serial(from, to).parse::<Serial>().unwrap())
}

pub(crate) fn lock(number: u64, from: u64, to: u64) -> Operation {
    let transfer = id(number);
    Operation::Lock {
        transfer,
        ledger: "vcs:sandbox".parse().unwrap(),
        account: "1001".parse().unwrap(),
        custody_account: "9001".parse().unwrap(),
        units: vec![block(from, to)],
        mandate: Mandate::from_bytes(&STANDARD.decode(mandate(transfer)).unwrap()).unwrap(),
    }
}

pub(crate) fn release(number: u64, account: &str, from: u64, to: u64) -> Operation {
    Operation::Release {
        transfer: id(number),
        ledger: "vcs:sandbox".parse().unwrap(),
        account: account.parse().unwrap(),
        custody_account: "9001".parse().unwrap(),
        units: vec![block(from, to)],
    }
}

pub(crate) fn unlock(number: u64, from: u64, to: u64) -> Operation {
    Operation::Unlock {
        transfer: id(number),
        ledger: "vcs:sandbox".parse().unwrap(),
        account: "1001".parse().unwrap(),
        custody_account: "9001".parse().unwrap(),
        units: vec![block(from, to)],
    }
}

pub(crate) fn retire(number: u64, from: u64, to: u64) -> Operation {
    Operation::Retire {
        transfer: id(number),
        ledger: "vcs:sandbox".parse().unwrap(),
        custody_account: "9001".parse().unwrap(),
        units: vec![block(from, to)],
        beneficiary: "Acme Ltd".into(),
        reason: "2025 emissions".into(),
    }
}
