//! What one pull brought is read for together, promised in one write and approved in one call, and yet each proposal stands for
//! itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use isthmus_core::id::Hash32;
use isthmus_core::ports::BoxError;
use isthmus_core::terms::Burn;
use isthmus_core::time::Timestamp;
use isthmus_prooflog::leaf::{Leaf, jcs_digest};
use isthmus_prooflog::note::LogSigner;
use isthmus_store::AttesterStore;
use serde_json::{Value, json};

use super::outside::{Outside, own};
use super::world;
use crate::attester::Own;
use crate::attester::decline::Ground;
use crate::attester::doubt::Doubts;
use crate::attester::examine::{Answer, Examiner};
use crate::attester::follow::Follower;
use crate::attester::memory::Memory;
use crate::attester::relayer::{Approval, Verdict};

/// One attester, asked to approve the retirements of burns of one tonne each, the nth of which gets unit n of one lock.
struct Pull {
    outside: Arc<Outside>,
    own: Own,
    log: Follower,
    memory: Memory,
    doubts: Doubts,
    store: Arc<AttesterStore>,
    burns: Vec<Burn>,
    folder: tempfile::TempDir,
}

fn nth(number: u64) -> Burn {
    Burn {
        number,
        ..world::burn(1)
    }
}

fn proposal(burn: &Burn, unit: u64) -> Value {
    json!({
        "reference": burn.id().to_string(),
        "movement": "retire",
        "custody_account": "9001",
        "units": [world::serial(unit, unit)],
        "beneficiary": "Acme Ltd",
        "reason": "2025 emissions",
    })
}

impl Pull {
    fn of(count: u64) -> Self {
        let terms = world::terms(1, 100);
        let burns: Vec<_> = (1..=count).map(nth).collect();
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(AttesterStore::open(folder.path(), "test").unwrap());
        let outside = Arc::new(Outside {
            disk: Some(folder.path().to_owned()),
            ..Outside::default()
        });
        {
            let mut records = outside.records.lock().unwrap();
            records.insert(terms.id().to_string(), world::lock_record(&terms));
            for burn in &burns {
                let proposed = world::proposed(&proposal(burn, burn.number));
                records.insert(burn.id().to_string(), proposed);
            }
            let burned = burns.iter().map(|burn| (burn.number, burn.clone()));
            outside.burns.lock().unwrap().extend(burned);
            outside.stored.lock().unwrap().extend(world::stored(&terms));
        }
        let key = LogSigner::new("log.example/test".into(), [7; 32], None).verifier();
        let mut log = Follower::open(Arc::clone(&store), key).unwrap();
        let mut leaves = vec![
            world::route_leaf(&world::route(), &world::admins()),
            world::locked(&terms),
            world::minted(&terms),
        ];
        leaves.extend(burns.iter().map(|burn| {
            let unit = world::serial(burn.number, burn.number);
            world::burned(burn, &world::blocks(&[unit]))
        }));
        let leaves: Vec<_> = leaves.iter().map(Leaf::to_bytes).collect();
        log.keep(&leaves).unwrap();
        Self {
            own: own(&outside),
            outside,
            log,
            memory: Memory::new(Arc::clone(&store)),
            doubts: Doubts::default(),
            store,
            burns,
            folder,
        }
    }

    fn asked(&self) -> Vec<Approval> {
        self.burns.iter().map(approval).collect()
    }

    fn digest(&self, place: usize) -> Hash32 {
        let burn = &self.burns[place];
        Hash32::new(jcs_digest(&proposal(burn, burn.number)).0)
    }

    async fn examine(&self, asked: &[Approval]) -> Vec<Answer> {
        let examiner = Examiner {
            own: &self.own,
            log: &self.log,
            memory: &self.memory,
            doubts: &self.doubts,
            now: world::NOW,
        };
        let asked: Vec<&Approval> = asked.iter().collect();
        let registry = world::REGISTRY.parse().unwrap();
        examiner.approvals(&registry, &asked).await.unwrap()
    }
}

fn approval(burn: &Burn) -> Approval {
    Approval {
        ledger: world::REGISTRY.parse().unwrap(),
        transfer: burn.id(),
        reference: burn.id().to_string(),
        instruction: serde_json::to_vec(&world::instruction()).unwrap(),
    }
}

/// What each answer is: approved, the ground of a no, or left open.
fn brief(answers: &[Answer]) -> Vec<Result<&'static str, Ground>> {
    let one = |answer: &Result<Verdict, BoxError>| match answer {
        Ok(Verdict::Approved) => Ok("approved"),
        Ok(Verdict::Signed(_)) => Ok("signed"),
        Ok(Verdict::Declined(items)) => Err(items[0].decline.ground),
        Err(_) => Ok("open"),
    };
    answers.iter().map(one).collect()
}

#[tokio::test]
async fn many_proposals_are_read_promised_and_approved_at_once() {
    let pull = Pull::of(40);
    let before = pull.store.syncs();
    let answers = pull.examine(&pull.asked()).await;
    assert_eq!(brief(&answers), vec![Ok("approved"); 40]);
    assert_eq!(
        pull.outside.questions(),
        [1, 1, 1, 1, 1],
        "one of each kind"
    );
    assert_eq!(pull.store.syncs(), before + 1, "one synced write");
    let digests: Vec<_> = (0..40).map(|place| pull.digest(place)).collect();
    assert_eq!(*pull.outside.approved.lock().unwrap(), digests);
}

/// R5, R10: an approval that has left is remembered whatever happens then.
#[tokio::test]
async fn every_promise_of_a_pull_is_on_disk_before_any_approval_leaves() {
    let pull = Pull::of(3);
    pull.examine(&pull.asked()).await;
    let copies = pull.outside.copies.lock().unwrap();
    let [copy] = copies.as_slice() else {
        panic!("approvals left in {} calls", copies.len());
    };
    // As it would be read after a crash while the first approval was under way.
    let store = AttesterStore::open(copy.path(), "test").unwrap();
    let memory = Memory::new(Arc::new(store));
    for burn in &pull.burns {
        assert!(memory.has_approved(&burn.id().to_string()).unwrap());
    }
    assert_ne!(copy.path(), pull.folder.path());
}

#[tokio::test]
async fn one_that_may_not_be_approved_does_not_stop_the_others() {
    let pull = Pull::of(6);
    let stranger = {
        let mut wrong = proposal(&pull.burns[1], 2);
        wrong["beneficiary"] = "Evil Ltd".into();
        let mut records = pull.outside.records.lock().unwrap();
        records.insert(pull.burns[1].id().to_string(), world::proposed(&wrong));
        records.remove(&pull.burns[2].id().to_string());
        Hash32::new(jcs_digest(&wrong).0)
    };
    let reference = pull.burns[1].id().to_string();
    pull.doubts
        .is_still_wrong(&reference, stranger, Timestamp::from_ms(0));
    {
        let mut burns = pull.outside.burns.lock().unwrap();
        burns.remove(&4);
        // The node does not have its block.
        pull.outside.unread.lock().unwrap().push(5);
    }
    let mut asked = pull.asked();
    asked.push(Approval {
        reference: "return:whatever you like".into(),
        ..approval(&pull.burns[0])
    });
    let answers = pull.examine(&asked).await;
    let expected = [
        Ok("approved"),
        Err(Ground::OtherProposal),
        Err(Ground::NotProposed),
        Err(Ground::NotBurned),
        Ok("open"),
        Ok("approved"),
        Err(Ground::NotLogged),
    ];
    assert_eq!(brief(&answers), expected);
    assert_eq!(
        *pull.outside.approved.lock().unwrap(),
        [pull.digest(0), pull.digest(5)]
    );
    assert_eq!(*pull.outside.rejected.lock().unwrap(), [stranger]);
    let named = pull.outside.named.lock().unwrap();
    assert!(
        !named.iter().any(|name| name.starts_with("return:")),
        "what is no reference is not asked about"
    );
    for (place, promised) in [(0, true), (1, false), (2, false), (3, false), (4, false)] {
        let reference = pull.burns[place].id().to_string();
        assert_eq!(pull.memory.has_approved(&reference).unwrap(), promised);
    }
}

/// A relayer that names one reference twice in a pull, and a registry that closes and reopens in between, get one promise.
#[tokio::test]
async fn one_reference_twice_in_a_pull_is_decided_one_after_the_other() {
    let pull = Pull::of(1);
    let reference = pull.burns[0].id().to_string();
    let mut other = proposal(&pull.burns[0], 1);
    // The same effect: only a closed reference could have a second one.
    other["reason"] = "2025 emissions".into();
    other["to_account"] = Value::Null;
    let later = (reference, world::proposed(&other));
    *pull.outside.after_first_look.lock().unwrap() = Some(later);
    let asked = [approval(&pull.burns[0]), approval(&pull.burns[0])];
    let answers = pull.examine(&asked).await;
    assert_eq!(
        brief(&answers),
        [Ok("approved"), Err(Ground::OtherApproved)]
    );
    assert_eq!(*pull.outside.approved.lock().unwrap(), [pull.digest(0)]);
}

#[tokio::test]
async fn nothing_is_approved_that_the_registry_or_the_gate_did_not_answer_for() {
    let pull = Pull::of(2);
    pull.outside.silent.store(true, Ordering::Relaxed);
    let answers = pull.examine(&pull.asked()).await;
    assert_eq!(brief(&answers), [Ok("open"), Ok("open")]);
    pull.outside.silent.store(false, Ordering::Relaxed);
    *pull.outside.deaf.lock().unwrap() = true;
    let answers = pull.examine(&pull.asked()).await;
    assert_eq!(
        brief(&answers),
        [Ok("open"), Ok("open")],
        "unknown is no yes"
    );
    *pull.outside.deaf.lock().unwrap() = false;
    let answers = pull.examine(&pull.asked()).await;
    assert_eq!(brief(&answers), [Ok("approved"), Ok("approved")]);
}
