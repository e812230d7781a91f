//! A log that is signed with the stolen key and says whatever the thief wants, leaf by leaf.

use alloy::primitives::B256;
use isthmus_core::id::TransferId;
use isthmus_core::route::RouteDocument;
use isthmus_core::terms::OutboundTerms;
use isthmus_e2e::devnet::Devnet;
use isthmus_prooflog::leaf::{EvidenceRef, Grams, Leaf};
use isthmus_prooflog::note::{self, LogSigner};
use isthmus_prooflog::tree::{self, Hash, StoredHashes, TreeError};
use isthmus_proto::v1;

/// Leaves that one page has at most, as the real relayer's.
const PAGE: u32 = 1000;

#[derive(Clone)]
pub(crate) struct ForgedLog {
    origin: String,
    seed: [u8; 32],
    leaves: Vec<Vec<u8>>,
    hashes: Hashes,
}

#[derive(Clone, Default)]
struct Hashes(Vec<Hash>);

impl StoredHashes for Hashes {
    fn get(&self, index: u64) -> Result<Option<Hash>, TreeError> {
        Ok(self.0.get(usize::try_from(index).unwrap()).copied())
    }
}

impl ForgedLog {
    /// The true log as it is now.
    pub(crate) async fn copy(devnet: &Devnet) -> Self {
        let mut proofs = devnet.control("auditor").unwrap().proofs();
        let note = proofs.checkpoint(v1::CheckpointRequest {}).await.unwrap();
        let head = note::peek(note.into_inner().note.as_bytes()).unwrap();
        let mut log = Self {
            origin: head.origin,
            seed: devnet.parties.log.seed(),
            leaves: vec![],
            hashes: Hashes::default(),
        };
        while log.size() < head.size {
            let request = v1::LeavesRequest {
                start: log.size(),
                limit: PAGE,
            };
            let page = proofs.leaves(request).await.unwrap().into_inner();
            for leaf in page.leaves {
                log.append(leaf.to_vec());
            }
        }
        log
    }

    /// The log without what is about some transfers.
    pub(crate) fn without(&self, transfers: &[TransferId]) -> Self {
        let about = |leaf: &Leaf| {
            let of = leaf.transfer();
            transfers.iter().any(|id| of == Some(word(*id)))
        };
        self.kept(|leaf| !about(leaf))
    }

    /// The log of the leaves that `keep` keeps.
    pub(crate) fn kept(&self, keep: impl Fn(&Leaf) -> bool) -> Self {
        let mut log = Self {
            leaves: vec![],
            hashes: Hashes::default(),
            ..self.clone()
        };
        for leaf in &self.leaves {
            if keep(&Leaf::parse(leaf).unwrap()) {
                log.append(leaf.clone());
            }
        }
        log
    }

    /// The log with one more leaf.
    pub(crate) fn with(&self, leaf: &Leaf) -> Self {
        let mut log = self.clone();
        log.append(leaf.to_bytes());
        log
    }

    fn append(&mut self, leaf: Vec<u8>) {
        let size = self.size();
        let added = tree::append(&self.hashes, size, tree::leaf_hash(&leaf)).unwrap();
        self.hashes.0.extend(added);
        self.leaves.push(leaf);
    }

    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.leaves.len()).unwrap()
    }

    pub(crate) fn root(&self) -> Hash {
        tree::root(&self.hashes, self.size()).unwrap()
    }

    /// Signed with the stolen key, whatever it signed before.
    pub(crate) fn checkpoint(&self) -> v1::CheckpointResponse {
        let mut signer = LogSigner::new(self.origin.clone(), self.seed, None);
        let size = self.size();
        let note = signer.sign(&self.hashes, size).unwrap();
        v1::CheckpointResponse { note, size }
    }

    pub(crate) fn consistency(&self, asked: &v1::ConsistencyRequest) -> v1::ConsistencyResponse {
        let proof = tree::consistency(&self.hashes, asked.from, asked.to).unwrap();
        v1::ConsistencyResponse {
            hashes: proof.iter().map(|hash| hash.to_vec().into()).collect(),
        }
    }

    pub(crate) fn page(&self, asked: &v1::LeavesRequest) -> v1::LeavesResponse {
        let start = usize::try_from(asked.start).unwrap();
        let limit = usize::try_from(asked.limit).unwrap();
        let leaves = self.leaves.iter().skip(start).take(limit);
        v1::LeavesResponse {
            leaves: leaves.cloned().map(Into::into).collect(),
            size: self.size(),
        }
    }
}

pub(crate) fn word(id: TransferId) -> B256 {
    B256::from(*id.as_bytes())
}

/// A `LOCKED` leaf for terms, whether anything is locked or not.
pub(crate) fn locked(route: &RouteDocument, terms: &OutboundTerms) -> Leaf {
    let (pool, asset_class) = pool_and_class(route, terms);
    Leaf::Locked {
        at_ms: 1,
        v: 1,
        transfer: word(terms.id()),
        pool,
        asset_class,
        terms: serde_json::to_value(terms).unwrap(),
        units: terms.units.clone(),
        quantity_g: Grams(terms.quantity_g.grams()),
        evidence: evidence("registry-receipt"),
    }
}

/// A `MINTED` leaf for terms, whether the gate has minted or not.
pub(crate) fn minted(route: &RouteDocument, terms: &OutboundTerms) -> Leaf {
    let (pool, asset_class) = pool_and_class(route, terms);
    Leaf::Minted {
        at_ms: 1,
        v: 1,
        transfer: word(terms.id()),
        pool,
        asset_class,
        recipient: (*terms.recipient.as_bytes()).into(),
        quantity_g: Grams(terms.quantity_g.grams()),
        evidence: evidence("evm-receipt"),
    }
}

/// A `VOIDED` leaf for terms, whether the gate has voided or not.
pub(crate) fn voided(route: &RouteDocument, terms: &OutboundTerms) -> Leaf {
    let (pool, asset_class) = pool_and_class(route, terms);
    Leaf::Voided {
        at_ms: 1,
        v: 1,
        transfer: word(terms.id()),
        pool,
        asset_class,
        quantity_g: Grams(terms.quantity_g.grams()),
        evidence: evidence("evm-receipt"),
    }
}

fn pool_and_class(route: &RouteDocument, terms: &OutboundTerms) -> (B256, B256) {
    let pool = route.pool(terms.asset_class).id();
    let class = terms.asset_class;
    (B256::from(*pool.as_bytes()), B256::from(*class.as_bytes()))
}

fn evidence(kind: &str) -> EvidenceRef {
    EvidenceRef {
        grade: "A".into(),
        sha256: B256::ZERO,
        r#type: kind.into(),
    }
}
