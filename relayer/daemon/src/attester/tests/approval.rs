//! Approving at a registry: what an attester promised does not keep a burn waiting when the registry takes its units away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use alloy::primitives::B256;
use isthmus_core::id::Hash32;
use isthmus_core::terms::{Burn, OutboundTerms};
use isthmus_core::time::Timestamp;
use isthmus_prooflog::leaf::{EvidenceRef, Grams, Leaf, jcs_digest};
use isthmus_prooflog::note::LogSigner;
use isthmus_store::AttesterStore;
use serde_json::{Value, json};

use super::outside::{Outside, own};
use super::world;
use crate::attester::Own;
use crate::attester::decline::Ground;
use crate::attester::doubt::Doubts;
use crate::attester::examine::{ExamineError, Examiner};
use crate::attester::follow::Follower;
use crate::attester::memory::Memory;
use crate::attester::ports::StoredBlock;
use crate::attester::relayer::{Approval, Asked, Verdict};

/// One attester, asked to approve the retirement of 150 t that take all of one lock and a part of the next.
struct Asking {
    outside: Arc<Outside>,
    own: Own,
    log: Follower,
    memory: Memory,
    doubts: Doubts,
    burn: Burn,
    locks: [OutboundTerms; 2],
    _folder: tempfile::TempDir,
}

impl Asking {
    fn new() -> Self {
        let locks = [world::terms(1, 100), world::terms(201, 300)];
        let burn = world::burn(150);
        let outside = Arc::new(Outside {
            burns: Mutex::new(BTreeMap::from([(1, burn.clone())])),
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
        let mut asking = Self {
            own: own(&outside),
            outside,
            log: Follower::open(Arc::clone(&store), key).unwrap(),
            memory: Memory::new(store),
            doubts: Doubts::default(),
            burn,
            locks,
            _folder: folder,
        };
        let [one, two] = asking.locks.clone();
        let allocation = world::blocks(&Asking::first_units());
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

    fn first_units() -> Vec<String> {
        vec![world::serial(1, 100), world::serial(201, 250)]
    }

    /// What the log gives the burn after units 1 to 10 are gone.
    fn other_units() -> Vec<String> {
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
                allocation: Self::other_units(),
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
        self.verdict_at(world::NOW).await
    }

    async fn verdict_at(&self, now: Timestamp) -> Result<Verdict, ExamineError> {
        let examiner = Examiner {
            own: &self.own,
            log: &self.log,
            memory: &self.memory,
            doubts: &self.doubts,
            now,
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
        let verdict = match self.verdict().await {
            Err(ExamineError::Undecided(_)) => self.verdict_at(world::NOW.plus_ms(1)).await,
            decided => decided,
        };
        match verdict.unwrap() {
            Verdict::Declined(items) => items[0].decline.ground,
            other @ (Verdict::Approved | Verdict::Signed(_)) => panic!("{other:?}"),
        }
    }
}

/// Simulation seeds 5696 and 5996. Else the first proposal would stay open for ever: too few reject it.
#[tokio::test]
async fn a_promise_that_never_reached_the_registry_does_not_keep_what_was_promised_open() {
    let mut asking = Asking::new();
    let first = asking.proposes(&Asking::first_units());
    *asking.outside.deaf.lock().unwrap() = true;
    let unknown = asking.verdict().await;
    assert!(matches!(unknown, Err(ExamineError::Undecided(_))));
    let reference = asking.burn.id().to_string();
    assert!(asking.memory.has_approved(&reference).unwrap());
    assert!(asking.outside.rejected.lock().unwrap().is_empty());
    asking.loses();
    let unknown = asking.verdict().await;
    assert!(matches!(unknown, Err(ExamineError::Undecided(_))));
    let rejected = asking.outside.rejected.lock().unwrap().clone();
    assert!(
        rejected.is_empty(),
        "the log may be older than what it is compared with"
    );
    assert_eq!(asking.declined().await, Ground::OtherProposal);
    assert_eq!(*asking.outside.rejected.lock().unwrap(), [first]);
}

/// Simulation seed 6620. The registry closed the first proposal, and another is open before this attester looks again.
#[tokio::test]
async fn what_the_log_makes_rightful_later_takes_the_place_of_what_was_promised() {
    let mut asking = Asking::new();
    let first = asking.proposes(&Asking::first_units());
    assert!(matches!(asking.verdict().await, Ok(Verdict::Approved)));
    asking.loses();
    let second = asking.proposes(&Asking::other_units());
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
    asking.proposes(&Asking::first_units());
    assert_eq!(asking.declined().await, Ground::OtherProposal);
    assert_eq!(*asking.outside.rejected.lock().unwrap(), [first]);
    assert_eq!(*asking.outside.approved.lock().unwrap(), [first, second]);
}

/// While blocks are read one after the other, a unit may be counted twice and another not at all.
#[tokio::test]
async fn units_that_moved_while_they_were_read_do_not_stand_for_others() {
    let asking = Asking::new();
    asking.proposes(&Asking::first_units());
    {
        let mut stored = asking.outside.stored.lock().unwrap();
        stored[1] = StoredBlock {
            serial: world::serial(51, 100),
            ..stored[0].clone()
        };
    }
    assert_eq!(asking.declined().await, Ground::NotInCustody);
}
