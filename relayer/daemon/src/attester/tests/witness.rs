//! Whoever is shown another log than the one that is minted under meets it at the gate, whatever that log repeats.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use isthmus_core::id::{AssetClassId, Hash32, TransferId};
use isthmus_core::operation::LogHead;
use isthmus_core::ports::FindError;
use isthmus_core::quantity::Quantity;
use isthmus_core::time::Timestamp;
use isthmus_prooflog::leaf::Leaf;
use isthmus_prooflog::note::VerifierKey;
use isthmus_prooflog::tree;
use isthmus_store::AttesterStore;

use super::world::{self, CHAIN, CHAIN_ID, GATE, NOW, terms};
use crate::attester::OwnGate;
use crate::attester::follow::Follower;
use crate::attester::ports::{Burns, GateView, MintedUnder, Outcome, SignerSet};
use crate::attester::witness::WitnessError;

/// A gate that has carried out one batch a block, from block 1 on.
#[derive(Debug, Default)]
struct Batches {
    heads: Mutex<Vec<LogHead>>,
    /// Above which blocks it was asked.
    asked: Mutex<Vec<u64>>,
    silent: Mutex<bool>,
}

/// Blocks that the gate answers about at a time.
const PAGE: usize = 2;

#[async_trait]
impl GateView for Batches {
    async fn minted_under(&self, above: u64) -> Result<MintedUnder, FindError> {
        self.asked.lock().unwrap().push(above);
        if *self.silent.lock().unwrap() {
            return Err(FindError::Unavailable("no answer".into()));
        }
        let heads = self.heads.lock().unwrap();
        let rest = heads.get(usize::try_from(above).unwrap()..).unwrap_or(&[]);
        let page: Vec<_> = rest.iter().take(PAGE).copied().collect();
        Ok(MintedUnder {
            up_to: above + u64::try_from(page.len()).unwrap(),
            complete: page.len() == rest.len(),
            heads: page,
        })
    }

    async fn outcomes(&self, _: &[TransferId]) -> Result<(u64, Vec<Outcome>), FindError> {
        Err(not_asked())
    }

    async fn supply(&self, _: AssetClassId, _: u64) -> Result<Quantity, FindError> {
        Err(not_asked())
    }

    async fn signers(&self) -> Result<SignerSet, FindError> {
        Err(not_asked())
    }

    async fn burns(&self, _: &BTreeSet<u64>) -> Result<Burns, FindError> {
        Err(not_asked())
    }
}

fn not_asked() -> FindError {
    FindError::Unavailable("no test asks".into())
}

/// An attester that follows a log.
struct Follows {
    gate: Arc<Batches>,
    store: Arc<AttesterStore>,
    follower: Follower,
    _folder: tempfile::TempDir,
}

fn vkey() -> VerifierKey {
    isthmus_prooflog::note::LogSigner::new("test/log".into(), [1; 32], None).verifier()
}

impl Follows {
    fn log(leaves: &[Leaf]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(AttesterStore::open(folder.path(), "devnet").unwrap());
        let mut follower = Follower::open(Arc::clone(&store), vkey()).unwrap();
        let leaves: Vec<_> = leaves.iter().map(Leaf::to_bytes).collect();
        follower.keep(&leaves).unwrap();
        Self {
            gate: Arc::default(),
            store,
            follower,
            _folder: folder,
        }
    }

    /// What the log looks like after so many leaves.
    fn head(&self, size: u64) -> LogHead {
        LogHead {
            size,
            root: Hash32::new(tree::root(&self.store.log(), size).unwrap()),
        }
    }

    /// A batch signed under this log is final at the gate.
    fn mints_under(&self, head: LogHead) {
        self.gate.heads.lock().unwrap().push(head);
    }

    async fn at(&self, now: Timestamp) -> Result<(), WitnessError> {
        let gate = OwnGate {
            ledger: CHAIN.parse().unwrap(),
            chain_id: CHAIN_ID,
            address: GATE,
            view: Arc::<Batches>::clone(&self.gate),
        };
        self.follower.is_witnessed(&gate, now).await
    }

    fn asked(&self) -> Vec<u64> {
        std::mem::take(&mut self.gate.asked.lock().unwrap())
    }
}

/// A route, two locks, and the first one minted; `decided` is what the two logs of a thief differ in.
fn story(decided: &str) -> Vec<Leaf> {
    let (one, two) = (terms(1, 10), terms(11, 20));
    vec![
        world::route_leaf(&world::route(), &world::admins()),
        Leaf::Paused {
            at_ms: 1,
            v: 1,
            scope: format!("route:{decided}"),
            by: "ana".into(),
        },
        world::locked(&one),
        world::minted(&one),
        world::locked(&two),
    ]
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus_ms(seconds * 1000)
}

#[tokio::test]
async fn batches_under_beginnings_of_the_log_vouch_for_it() {
    let follows = Follows::log(&story("a"));
    for size in [3, 3, 0, 5, 4] {
        follows.mints_under(follows.head(size));
    }
    follows.at(NOW).await.unwrap();
    assert_eq!(follows.asked(), [0, 2, 4], "page by page");
    // Not twice within a moment, then only what is new.
    follows.at(NOW).await.unwrap();
    assert!(follows.asked().is_empty());
    follows.at(later(2)).await.unwrap();
    assert_eq!(follows.asked(), [5]);
    // After a restart it goes on where it was: its log has only grown.
    let follower = Follower::open(Arc::clone(&follows.store), vkey()).unwrap();
    let follows = Follows {
        follower,
        ..follows
    };
    follows.at(NOW).await.unwrap();
    assert_eq!(follows.asked(), [5]);
}

/// The two logs have the same locks and mints, so everything that circulates is accounted for in both (ADR 17).
#[tokio::test]
async fn a_fork_that_repeats_the_mints_of_the_other_is_noticed() {
    let (one, other) = (Follows::log(&story("a")), Follows::log(&story("b")));
    other.mints_under(other.head(1));
    other.at(NOW).await.unwrap();
    other.mints_under(one.head(3));
    let error = other.at(later(2)).await.unwrap_err();
    assert!(
        matches!(&error, WitnessError::Forked { size: 3, .. }),
        "{error}"
    );
    // It is no use to ask again.
    let error = other.at(later(4)).await.unwrap_err();
    assert!(matches!(error, WitnessError::Forked { .. }), "{error}");
}

/// Short logs could be shown for ever otherwise.
#[tokio::test]
async fn a_log_that_is_shorter_than_what_was_signed_vouches_for_nothing() {
    let (long, short) = (Follows::log(&story("a")), Follows::log(&story("a")[..3]));
    short.mints_under(long.head(5));
    let error = short.at(NOW).await.unwrap_err();
    assert!(
        matches!(
            error,
            WitnessError::Behind {
                signed: 5,
                followed: 3
            }
        ),
        "{error}"
    );
    let mut short = short;
    let rest: Vec<_> = story("a")[3..].iter().map(Leaf::to_bytes).collect();
    short.follower.keep(&rest).unwrap();
    short.at(NOW).await.unwrap();
}

#[tokio::test]
async fn a_gate_that_does_not_answer_says_nothing() {
    let follows = Follows::log(&story("a"));
    *follows.gate.silent.lock().unwrap() = true;
    let error = follows.at(NOW).await.unwrap_err();
    assert!(matches!(error, WitnessError::Unanswered(_)), "{error}");
    // Not twice within a moment, and that is no consent: one that hangs would hold up every task in turn.
    *follows.gate.silent.lock().unwrap() = false;
    follows.mints_under(Follows::log(&story("b")).head(3));
    let error = follows.at(NOW).await.unwrap_err();
    assert!(matches!(error, WitnessError::Unanswered(_)), "{error}");
    assert_eq!(follows.asked().len(), 1);
    // Nothing was compared.
    let error = follows.at(later(1)).await.unwrap_err();
    assert!(matches!(error, WitnessError::Forked { .. }), "{error}");
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_excuse_from_asking() {
    let follows = Follows::log(&story("a"));
    follows.at(later(3_600)).await.unwrap();
    follows.mints_under(Follows::log(&story("b")).head(3));
    let error = follows.at(NOW).await.unwrap_err();
    assert!(matches!(error, WitnessError::Forked { .. }), "{error}");
}
