//! Approving at a registry: what an attester promised does not keep a burn waiting when the registry takes its units away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use alloy::primitives::B256;
use alloy::signers::local::PrivateKeySigner;
use async_trait::async_trait;
use isthmus_core::id::{AccountId, AssetClassId, DraftId, Hash32, TransferId};
use isthmus_core::mandate::HolderKey;
use isthmus_core::operation::Operation;
use isthmus_core::pool::Pool;
use isthmus_core::ports::{
    Attempt, Blocks, Costs, Cursor, Draft, FindError, Found, Ledger, LedgerProfile, Observations,
    Page, PrepareError, Reserves, SendError,
};
use isthmus_core::quantity::Quantity;
use isthmus_core::terms::{Burn, OutboundTerms};
use isthmus_prooflog::leaf::{EvidenceRef, Grams, Leaf, jcs_digest};
use isthmus_prooflog::note::LogSigner;
use isthmus_store::AttesterStore;
use serde_json::{Value, json};

use super::world;
use crate::attester::decline::Ground;
use crate::attester::doubt::Doubts;
use crate::attester::examine::{ExamineError, Examiner};
use crate::attester::follow::Follower;
use crate::attester::memory::Memory;
use crate::attester::ports::{
    Burns, GateView, MintedUnder, Outcome, Record, RegistryView, SignerSet, StoredBlock,
};
use crate::attester::relayer::{Approval, Asked, Verdict};
use crate::attester::{Own, OwnGate, OwnRegistry};

/// Registry and gate in one: what is recorded and what is said at them.
#[derive(Debug, Default)]
struct Outside {
    records: Mutex<BTreeMap<String, Record>>,
    stored: Mutex<Vec<StoredBlock>>,
    rejected: Mutex<Vec<Hash32>>,
    approved: Mutex<Vec<Hash32>>,
    /// Approvals get lost.
    deaf: Mutex<bool>,
    burn: Option<Burn>,
}

#[async_trait]
impl RegistryView for Outside {
    async fn records(&self, references: &[String]) -> Result<Vec<Record>, FindError> {
        let records = self.records.lock().unwrap();
        let one = |reference| records.get(reference).cloned().unwrap_or(Record::Absent);
        Ok(references.iter().map(one).collect())
    }

    async fn holder_key(&self, _account: &AccountId) -> Result<Option<HolderKey>, FindError> {
        Ok(Some(world::holder_key()))
    }

    async fn blocks(&self, _serials: &[String]) -> Result<Vec<StoredBlock>, FindError> {
        Ok(self.stored.lock().unwrap().clone())
    }

    async fn reject(&self, _reference: &str, digest: Hash32) -> Result<(), FindError> {
        self.rejected.lock().unwrap().push(digest);
        Ok(())
    }
}

#[async_trait]
impl GateView for Outside {
    async fn outcomes(&self, asked: &[TransferId]) -> Result<(u64, Vec<Outcome>), FindError> {
        Ok((1, vec![Outcome::Minted; asked.len()]))
    }

    async fn supply(&self, _class: AssetClassId, _block: u64) -> Result<Quantity, FindError> {
        Ok(Quantity::ZERO)
    }

    async fn minted_under(&self, above: u64) -> Result<MintedUnder, FindError> {
        Ok(MintedUnder {
            heads: Vec::new(),
            up_to: above,
            complete: true,
        })
    }

    async fn signers(&self) -> Result<SignerSet, FindError> {
        Err(FindError::Unavailable("nobody signs here".into()))
    }

    async fn burns(&self, numbers: &BTreeSet<u64>) -> Result<Burns, FindError> {
        let one = |number: &u64| (*number, Ok(self.burn.clone()));
        Ok(numbers.iter().map(one).collect())
    }
}

impl Blocks for Outside {}
impl Costs for Outside {}

#[async_trait]
impl Ledger for Outside {
    fn profile(&self) -> &LedgerProfile {
        unreachable!("an attester approves, and asks nothing else here")
    }

    async fn prepare(&self, operations: &[Operation]) -> Vec<Result<Draft, PrepareError>> {
        let one = |operation: &Operation| match operation {
            Operation::Approve { digest, .. } => Ok(Draft {
                id: DraftId::new(*digest.as_bytes()),
                bytes: Vec::new(),
                nonce: None,
                expires: None,
            }),
            other => Err(PrepareError::Unsupported(other.kind().to_string())),
        };
        operations.iter().map(one).collect()
    }

    async fn send(&self, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
        if *self.deaf.lock().unwrap() {
            let lost = |_| Err(SendError::Unknown("timed out".into()));
            return drafts.iter().map(lost).collect();
        }
        let mut approved = self.approved.lock().unwrap();
        approved.extend(drafts.iter().map(|draft| Hash32::new(*draft.id.as_bytes())));
        drafts.iter().map(|_| Ok(())).collect()
    }

    async fn find(&self, _attempts: &[Attempt]) -> Vec<Result<Found, FindError>> {
        Vec::new()
    }

    async fn observe(&self, _from: &Cursor, _limit: usize) -> Result<Observations, FindError> {
        Err(FindError::Unavailable("nobody observes here".into()))
    }

    async fn reserves(&self, _pool: &Pool, _page: Page) -> Result<Reserves, FindError> {
        Err(FindError::Unavailable("nobody counts here".into()))
    }
}

/// One attester, asked to approve the retirement of 150 t that take all of one lock and a part of the next.
struct Asking {
    outside: Arc<Outside>,
    own: Own,
    log: Follower,
    memory: Memory,
    burn: Burn,
    locks: [OutboundTerms; 2],
    _folder: tempfile::TempDir,
}

impl Asking {
    fn new() -> Self {
        let locks = [world::terms(1, 100), world::terms(201, 300)];
        let burn = world::burn(150);
        let outside = Arc::new(Outside {
            burn: Some(burn.clone()),
            ..Outside::default()
        });
        for terms in &locks {
            let mut records = outside.records.lock().unwrap();
            records.insert(terms.id().to_string(), world::lock_record(terms));
            outside.stored.lock().unwrap().extend(world::stored(terms));
        }
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(AttesterStore::open(folder.path(), "test").unwrap());
        let key = LogSigner::new("log.example/test".into(), [7; 32], None).verifier();
        let own = Own {
            key: PrivateKeySigner::random(),
            route_admins: world::admins().iter().map(world::public).collect(),
            gates: vec![OwnGate {
                ledger: world::CHAIN.parse().unwrap(),
                chain_id: world::CHAIN_ID,
                address: world::GATE,
                view: Arc::<Outside>::clone(&outside),
            }],
            registries: vec![OwnRegistry {
                id: world::REGISTRY.parse().unwrap(),
                receipt_key: world::registry_key().verifying_key().to_bytes(),
                view: Arc::<Outside>::clone(&outside),
                ledger: Arc::<Outside>::clone(&outside),
            }],
        };
        let mut asking = Self {
            outside,
            own,
            log: Follower::open(Arc::clone(&store), key).unwrap(),
            memory: Memory::new(store),
            burn,
            locks,
            _folder: folder,
        };
        let [one, two] = asking.locks.clone();
        let allocation = world::blocks(&asking.first_units());
        asking.logs(&[
            world::route_leaf(&world::route(), &world::admins()),
            world::locked(&one),
            world::locked(&two),
            world::minted(&one),
            world::minted(&two),
            world::burned(&asking.burn, &allocation),
        ]);
        asking
    }

    fn first_units(&self) -> Vec<String> {
        vec![world::serial(1, 100), world::serial(201, 250)]
    }

    /// What the log gives the burn after units 1 to 10 are gone.
    fn other_units(&self) -> Vec<String> {
        vec![world::serial(11, 100), world::serial(201, 260)]
    }

    fn logs(&mut self, leaves: &[Leaf]) {
        let leaves: Vec<_> = leaves.iter().map(Leaf::to_bytes).collect();
        self.log.keep(&leaves).unwrap();
    }

    /// The registry takes units of the first lock away, somebody makes it good, and the burn gets others.
    fn loses(&mut self) {
        let pool = world::route().pool(world::class().id());
        let pool = B256::from(*pool.id().as_bytes());
        let asset_class = B256::from(*world::class().id().as_bytes());
        let evidence = || EvidenceRef {
            grade: "A".into(),
            sha256: B256::ZERO,
            r#type: "registry-receipt".into(),
        };
        let deposit =
            jcs_digest(&json!({"ledger": world::REGISTRY, "reference": "deposit:10", "v": 1}));
        let (at_ms, v, quantity_g) = (1, 1, Grams(10_000_000));
        let leaves = [
            Leaf::Impaired {
                at_ms,
                v,
                pool,
                asset_class,
                reference: "registry:9".into(),
                units: vec![world::serial(1, 10)],
                quantity_g,
                evidence: evidence(),
            },
            Leaf::Deposited {
                at_ms,
                v,
                pool,
                asset_class,
                deposit,
                ledger: world::REGISTRY.into(),
                reference: "deposit:10".into(),
                account: "1002".into(),
                units: vec![world::serial(901, 910)],
                quantity_g,
                evidence: evidence(),
            },
            Leaf::Cured {
                at_ms,
                v,
                pool,
                asset_class,
                deposit,
                quantity_g,
            },
            Leaf::Reallocated {
                at_ms,
                v,
                transfer: world::b256(self.burn.id()),
                pool,
                asset_class,
                quantity_g: Grams(150_000_000),
                allocation: self.other_units(),
            },
        ];
        self.logs(&leaves);
        let mut stored = self.outside.stored.lock().unwrap();
        stored[0].serial = world::serial(11, 100);
    }

    /// Something is proposed for these units; answers with its digest.
    fn proposes(&self, units: &[String]) -> Hash32 {
        let proposal: Value = json!({
            "reference": self.burn.id().to_string(),
            "movement": "retire",
            "custody_account": "9001",
            "units": units,
            "beneficiary": "Acme Ltd",
            "reason": "2025 emissions",
        });
        let mut records = self.outside.records.lock().unwrap();
        records.insert(self.burn.id().to_string(), world::proposed(&proposal));
        Hash32::new(jcs_digest(&proposal).0)
    }

    async fn verdict(&self) -> Result<Verdict, ExamineError> {
        let examiner = Examiner {
            own: &self.own,
            log: &self.log,
            memory: &self.memory,
            doubts: &Doubts::default(),
            now: world::NOW,
        };
        let asked = Asked::Approval(Approval {
            ledger: world::REGISTRY.parse().unwrap(),
            transfer: self.burn.id(),
            reference: self.burn.id().to_string(),
            instruction: serde_json::to_vec(&world::instruction()).unwrap(),
        });
        examiner.verdict(&asked).await
    }

    async fn declined(&self) -> Ground {
        match self.verdict().await.unwrap() {
            Verdict::Declined(items) => items[0].decline.ground,
            other => panic!("{other:?}"),
        }
    }
}

/// Simulation seeds 5696 and 5996. Else the first proposal would stay open for ever: too few reject it.
#[tokio::test]
async fn a_promise_that_never_reached_the_registry_does_not_keep_what_was_promised_open() {
    let mut asking = Asking::new();
    let first = asking.proposes(&asking.first_units());
    *asking.outside.deaf.lock().unwrap() = true;
    let unknown = asking.verdict().await;
    assert!(matches!(unknown, Err(ExamineError::Undecided(_))));
    let reference = asking.burn.id().to_string();
    assert!(asking.memory.has_approved(&reference).unwrap());
    assert!(asking.outside.rejected.lock().unwrap().is_empty());
    asking.loses();
    assert_eq!(asking.declined().await, Ground::OtherProposal);
    assert_eq!(*asking.outside.rejected.lock().unwrap(), [first]);
}

/// Simulation seed 6620. The registry closed the first proposal, and another is open before this attester looks again.
#[tokio::test]
async fn what_the_log_makes_rightful_later_takes_the_place_of_what_was_promised() {
    let mut asking = Asking::new();
    let first = asking.proposes(&asking.first_units());
    assert!(matches!(asking.verdict().await, Ok(Verdict::Approved)));
    asking.loses();
    let second = asking.proposes(&asking.other_units());
    assert!(matches!(asking.verdict().await, Ok(Verdict::Approved)));
    assert_eq!(*asking.outside.approved.lock().unwrap(), [first, second]);
    // The same units in other cuts are no news: this may be an answer from before.
    asking.proposes(&[
        world::serial(11, 60),
        world::serial(61, 100),
        world::serial(201, 260),
    ]);
    assert_eq!(asking.declined().await, Ground::OtherApproved);
    // Shown the first one again, it approves nothing and says no to it.
    asking.proposes(&asking.first_units());
    assert_eq!(asking.declined().await, Ground::OtherProposal);
    assert_eq!(*asking.outside.rejected.lock().unwrap(), [first]);
    assert_eq!(*asking.outside.approved.lock().unwrap(), [first, second]);
}
