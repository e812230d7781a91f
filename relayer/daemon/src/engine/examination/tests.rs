//! What vanished is asked about, journalled and sent, in this order, whatever fails in between; looking accepts nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{Address, AssetClassId, DraftId, Hash32, TransferId};
use isthmus_core::operation::{LogHead, MintItem, Operation, OperationKind};
use isthmus_core::pool::Pool;
use isthmus_core::ports::{
    Attempt, Authority, Blocks, Costs, Custody, Draft, Finality, Journal, LedgerKind,
    LedgerProfile, Observations, Page, PrepareError, Reserves, SendError, Taking,
};
use isthmus_core::receipt::Receipt;
use isthmus_core::testing::sample;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_core::transfer::Event;

use super::*;
use crate::engine::ports::SignerSet;
use crate::proof::testing::{Hands, World};

/// What the chain knows, and what it was asked.
#[derive(Debug, Default)]
struct Node {
    minted: bool,
    /// Nothing that is sent arrives.
    deaf: bool,
    mempool: Vec<DraftId>,
    calls: Vec<&'static str>,
    /// Drafts of the last attempt that was asked about.
    asked: Vec<DraftId>,
}

/// A chain from which one mint has vanished, and its gate.
#[derive(Debug)]
struct Chain {
    profile: LedgerProfile,
    node: Mutex<Node>,
    store: Arc<Store>,
    mint: Receipt,
    /// The event that recorded the mint.
    recorded: (TransferId, u64),
}

impl Chain {
    fn without(world: &World, minted: &Transfer) -> Self {
        let State::Completed { give, .. } = minted.state() else {
            panic!("{minted:?} is not minted");
        };
        let profile = LedgerProfile {
            id: sample::chain(),
            kind: LedgerKind::Chain,
            operations: vec![OperationKind::Mint, OperationKind::Void],
            taking: Taking::Observed,
            authority: Authority::Signatures,
            custody: Custody::Omnibus,
            finality: Finality::Immediate,
            granularity: Quantity::from_grams(1).unwrap(),
            max_batch: 64,
        };
        Self {
            profile,
            node: Mutex::default(),
            store: Arc::clone(&world.store),
            mint: give.clone(),
            recorded: (minted.id(), minted.length() - 1),
        }
    }

    /// What an examination says, which begins with nothing in memory, as after a crash.
    async fn examined(&self, world: &World) -> Vec<String> {
        let losses = self.with(world, async |examination| examination.run().await.unwrap());
        losses.await.iter().map(ToString::to_string).collect()
    }

    async fn with<T>(&self, world: &World, work: impl AsyncFnOnce(Examination<'_>) -> T) -> T {
        let journal: Arc<dyn Journal> = Arc::<Store>::clone(&world.store);
        let clock: Arc<dyn Clock> = Arc::<Hands>::clone(&world.clock);
        let recorder = Recorder::new(journal, clock);
        let classes = Classes::new(BTreeMap::new());
        classes.learn(&sample::class());
        let examination = Examination {
            ledger: self,
            gate: self,
            classes: &classes,
            recorder: &recorder,
            store: &world.store,
        };
        work(examination).await
    }

    fn took(&self, call: &'static str) {
        self.node.lock().unwrap().calls.push(call);
    }

    /// The calls since the last time.
    fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.node.lock().unwrap().calls)
    }

    fn journalled(&self) -> Vec<Draft> {
        let (transfer, event) = self.recorded;
        self.store.drafts_of(transfer, event).unwrap()
    }
}

#[async_trait]
impl Blocks for Chain {
    fn look_anew(&self) {
        self.took("look");
    }

    fn accept(&self) {
        self.took("accept");
    }
}

impl Costs for Chain {}

#[async_trait]
impl Ledger for Chain {
    fn profile(&self) -> &LedgerProfile {
        &self.profile
    }

    async fn prepare(&self, operations: &[Operation]) -> Vec<Result<Draft, PrepareError>> {
        self.took("prepare");
        let draft = |operation: &Operation| {
            let Operation::Mint { batch, .. } = operation else {
                panic!("{operation:?} did not vanish");
            };
            let until = batch.deadline;
            Ok(Draft {
                id: DraftId::new([7; 32]),
                bytes: vec![7],
                nonce: Some(41),
                expires: Some(until),
            })
        };
        operations.iter().map(draft).collect()
    }

    async fn send(&self, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
        if drafts.is_empty() {
            return Vec::new();
        }
        let durable = drafts.iter().all(|draft| self.journalled().contains(draft));
        self.took(if durable {
            "send"
        } else {
            "send what nobody knows"
        });
        let mut node = self.node.lock().unwrap();
        let send = |draft: &Draft| {
            if node.deaf {
                return Err(SendError::Unknown("the node timed out".into()));
            }
            node.mempool.push(draft.id);
            Ok(())
        };
        drafts.iter().map(send).collect()
    }

    async fn find(&self, attempts: &[Attempt]) -> Vec<Result<Found, FindError>> {
        self.took("find");
        let mut node = self.node.lock().unwrap();
        let mut found = Vec::new();
        for attempt in attempts {
            node.asked = attempt.drafts.iter().map(|draft| draft.id).collect();
            let sent = node.asked.iter().any(|id| node.mempool.contains(id));
            found.push(Ok(if node.minted {
                Found::Final(self.mint.clone())
            } else if sent {
                Found::Unsettled {
                    recheck_at: Timestamp::from_ms(0),
                }
            } else {
                Found::Absent
            }));
        }
        found
    }

    async fn observe(&self, from: &Cursor, _: usize) -> Result<Observations, FindError> {
        Ok(Observations {
            facts: vec![],
            next: from.clone(),
            head: 0,
        })
    }

    async fn reserves(&self, _: &Pool, _: Page) -> Result<Reserves, FindError> {
        Err(FindError::Unavailable("it is not asked".into()))
    }
}

#[async_trait]
impl Gate for Chain {
    fn address(&self) -> Address {
        sample::gate()
    }

    async fn signer_set(&self) -> Result<SignerSet, BoxError> {
        Err("it is not asked".into())
    }

    async fn ensure_class(&self, _: AssetClassId, _: &AssetClass) -> Result<(), BoxError> {
        self.took("class");
        Ok(())
    }

    fn mint_digest(&self, _: &[MintItem], _: LogHead, _: u32, _: Timestamp) -> Hash32 {
        sample::hash(1)
    }

    fn void_digest(&self, _: TransferId, _: u32) -> Hash32 {
        sample::hash(1)
    }

    fn signer_of(&self, _: Hash32, _: &[u8]) -> Option<Address> {
        None
    }
}

fn vanished() -> (World, Chain) {
    let world = World::with_route();
    let minted = world.minted(1, &[sample::block(1, 10)]);
    let chain = Chain::without(&world, &minted);
    (world, chain)
}

/// R5, R4: durable before it leaves, and after a crash asked about and sent again as it was.
#[tokio::test]
async fn a_vanished_mint_is_journalled_before_it_is_sent_again_and_asked_about_before_that() {
    let (world, chain) = vanished();
    chain.node.lock().unwrap().deaf = true;
    let losses = chain.examined(&world).await;
    assert_eq!(losses.len(), 1);
    assert!(
        losses[0].contains("could not be sent again yet"),
        "{losses:?}"
    );
    let all = ["look", "find", "find", "class", "prepare", "send"];
    assert_eq!(chain.calls(), all);
    let journalled = chain.journalled();
    assert_eq!(journalled.len(), 1);
    let lane = isthmus_core::operation::Lane {
        ledger: sample::chain(),
        step: isthmus_core::operation::Step::Operation(OperationKind::Mint),
    };
    assert_eq!(world.store.next_nonce(&lane).unwrap(), 42);

    // As after a crash before the send: the same bytes, no others.
    chain.node.lock().unwrap().deaf = false;
    let losses = chain.examined(&world).await;
    assert!(losses[0].contains("it was sent again"), "{losses:?}");
    assert_eq!(chain.calls(), ["look", "find", "find", "class", "send"]);
    assert_eq!(chain.node.lock().unwrap().asked, [journalled[0].id]);
    assert_eq!(chain.journalled(), journalled);

    // While it is under way nothing more is sent.
    let losses = chain.examined(&world).await;
    assert!(losses[0].contains("under way"), "{losses:?}");
    assert_eq!(chain.calls(), ["look", "find", "find"]);
    chain.node.lock().unwrap().minted = true;
    assert_eq!(chain.examined(&world).await, Vec::<String>::new());
    assert_eq!(chain.calls(), ["look", "find"]);
}

/// What was recovered from a log, or was seen before its signatures were journalled, is missed as well and cannot be sent.
#[tokio::test]
async fn a_vanished_mint_whose_signatures_are_not_here_is_said_to_be_missing_and_is_not_sent() {
    let world = World::with_route();
    let locked = world.locked(1, &[sample::block(1, 10)]);
    let mint = world.minted(2, &[sample::block(11, 20)]);
    let State::Completed { give, .. } = mint.state() else {
        panic!("{mint:?} is not minted");
    };
    let recovered = world.step(&locked, Event::Given(give.clone()));
    let chain = Chain::without(&world, &recovered);
    chain.node.lock().unwrap().minted = true;
    assert_eq!(chain.examined(&world).await, Vec::<String>::new());
    chain.node.lock().unwrap().minted = false;
    let losses = chain.examined(&world).await;
    let here = |id: TransferId| losses.iter().find(|loss| loss.contains(&id.to_string()));
    let said = here(locked.id()).expect("it is missed");
    assert!(said.contains("not in this store"), "{said}");
    assert!(here(mint.id()).is_some_and(|loss| loss.contains("sent again")));
    assert_eq!(losses.len(), 2);
}

#[tokio::test]
async fn only_people_accept_what_a_chain_says_now() {
    let (world, chain) = vanished();
    chain.examined(&world).await;
    assert!(!chain.calls().contains(&"accept"));
    let accepted = chain.with(&world, async |examination| examination.accept().await);
    accepted.await.unwrap();
    assert_eq!(chain.calls(), ["accept"]);
    let cursor = world.store.cursor(&sample::chain()).unwrap();
    assert_eq!(cursor, Some(START));
}

#[tokio::test]
async fn what_was_signed_is_not_sent_after_its_deadline() {
    let (world, chain) = vanished();
    let hour_ms = 3_600_000;
    let at = &world.clock.0;
    at.fetch_add(hour_ms, std::sync::atomic::Ordering::Relaxed);
    let losses = chain.examined(&world).await;
    assert!(losses[0].contains("cannot be sent again"), "{losses:?}");
    assert_eq!(chain.calls(), ["look", "find", "find"]);
    assert_eq!(chain.journalled(), []);
}
