//! Registry and gate as an attester's tests have them: what is recorded and said is what was put there, every question is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

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
use isthmus_core::terms::Burn;

use super::world;
use crate::attester::ports::{
    Burns, GateView, MintedUnder, Outcome, Record, RegistryView, SignerSet, StoredBlock,
};
use crate::attester::{Own, OwnGate, OwnRegistry};

/// Registry and gate in one: what is recorded and what is said at them.
#[derive(Debug, Default)]
pub(super) struct Outside {
    pub(super) records: Mutex<BTreeMap<String, Record>>,
    pub(super) stored: Mutex<Vec<StoredBlock>>,
    pub(super) rejected: Mutex<Vec<Hash32>>,
    pub(super) approved: Mutex<Vec<Hash32>>,
    /// Approvals get lost.
    pub(super) deaf: Mutex<bool>,
    /// The registry answers no question.
    pub(super) silent: AtomicBool,
    /// By number.
    pub(super) burns: Mutex<BTreeMap<u64, Burn>>,
    /// Burns that the node cannot read.
    pub(super) unread: Mutex<Vec<u64>>,
    /// References that were asked about.
    pub(super) named: Mutex<Vec<String>>,
    /// What is recorded once the references were asked about.
    pub(super) after_first_look: Mutex<Option<(String, Record)>>,
    /// The attester's folder, of which each call with approvals makes a copy.
    pub(super) disk: Option<PathBuf>,
    pub(super) copies: Mutex<Vec<tempfile::TempDir>>,
    /// How many questions of each kind: records, blocks, burns, outcomes, approvals.
    pub(super) asked: [AtomicU64; 5],
}

impl Outside {
    fn counts(&self, kind: usize) {
        self.asked[kind].fetch_add(1, Ordering::Relaxed);
    }

    /// How many questions of each kind were asked: records, blocks, burns, outcomes, approvals.
    pub(super) fn questions(&self) -> [u64; 5] {
        [0, 1, 2, 3, 4].map(|kind: usize| self.asked[kind].load(Ordering::Relaxed))
    }

    fn copies_disk(&self) {
        let Some(disk) = &self.disk else { return };
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(disk).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        self.copies.lock().unwrap().push(copy);
    }
}

/// What an attester has of its own, over these.
pub(super) fn own(outside: &Arc<Outside>) -> Own {
    Own {
        key: PrivateKeySigner::random(),
        route_admins: world::admins().iter().map(world::public).collect(),
        gates: vec![OwnGate {
            ledger: world::CHAIN.parse().unwrap(),
            chain_id: world::CHAIN_ID,
            address: world::GATE,
            view: Arc::<Outside>::clone(outside),
        }],
        registries: vec![OwnRegistry {
            id: world::REGISTRY.parse().unwrap(),
            receipt_key: world::registry_key().verifying_key().to_bytes(),
            view: Arc::<Outside>::clone(outside),
            ledger: Arc::<Outside>::clone(outside),
        }],
    }
}

#[async_trait]
impl RegistryView for Outside {
    async fn records(&self, references: &[String]) -> Result<Vec<Record>, FindError> {
        self.counts(0);
        self.named.lock().unwrap().extend_from_slice(references);
        if self.silent.load(Ordering::Relaxed) {
            return Err(FindError::Unavailable("it says nothing".into()));
        }
        let mut records = self.records.lock().unwrap();
        let one = |reference| records.get(reference).cloned().unwrap_or(Record::Absent);
        let found = references.iter().map(one).collect();
        records.extend(self.after_first_look.lock().unwrap().take());
        Ok(found)
    }

    async fn holder_key(&self, _account: &AccountId) -> Result<Option<HolderKey>, FindError> {
        Ok(Some(world::holder_key()))
    }

    async fn blocks(&self, _serials: &[String]) -> Result<Vec<StoredBlock>, FindError> {
        self.counts(1);
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
        self.counts(3);
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
        self.counts(2);
        let (burns, unread) = (self.burns.lock().unwrap(), self.unread.lock().unwrap());
        let one = |number: &u64| {
            let found = if unread.contains(number) {
                Err(FindError::Unavailable("its block is not here".into()))
            } else {
                Ok(burns.get(number).cloned())
            };
            (*number, found)
        };
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
        let one = |operation: &Operation| {
            let Operation::Approve { digest, .. } = operation else {
                return Err(PrepareError::Unsupported(operation.kind().to_string()));
            };
            Ok(Draft {
                id: DraftId::new(*digest.as_bytes()),
                bytes: Vec::new(),
                nonce: None,
                expires: None,
            })
        };
        operations.iter().map(one).collect()
    }

    async fn send(&self, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
        self.counts(4);
        self.copies_disk();
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
