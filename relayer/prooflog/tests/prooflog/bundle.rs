//! Complete synthetic bundles: own keys, own receipts, own trie, own log. Tests edit the parts before they are signed, so that
//! whatever is wrong is wrong in the story and not in some hash.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_prooflog::bundle::{Bundle, BundleKind, sha256};
use isthmus_prooflog::gate::{MintAuthorisation, VoidAuthorisation};
use isthmus_prooflog::leaf::{EvidenceRef, Leaf};
use isthmus_prooflog::note::Checkpoint;
use isthmus_prooflog::proof_file::ProofFile;
use isthmus_prooflog::receipt::RegistryReceipt;
use isthmus_prooflog::tree::{self, MemoryTree};
use serde::Serialize;

use crate::evm::{self, Event};
use crate::world::{self, CLASS, World, paused, sign_digest, signed_receipt};

/// Everything that becomes a bundle.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// Who signs the log, the receipts, the routes and the authorisations.
    pub(crate) world: World,
    pub(crate) registry: World,
    pub(crate) attesters: World,
    pub(crate) kind: BundleKind,
    pub(crate) transfer: B256,
    pub(crate) class: B256,
    pub(crate) quantity_g: u64,
    /// Leaves of the bundle, in order.
    pub(crate) leaves: Vec<Leaf>,
    /// By movement.
    pub(crate) receipts: BTreeMap<&'static str, RegistryReceipt>,
    /// By name: mint, void, burn.
    pub(crate) events: BTreeMap<&'static str, Event>,
    pub(crate) mint: Option<MintAuthorisation>,
    pub(crate) void: Option<VoidAuthorisation>,
    /// Which attesters sign, in this order.
    pub(crate) signers: Vec<usize>,
    /// Sizes from which consistency is proved, besides the attesters'.
    pub(crate) previous: Vec<u64>,
}

/// Leaf `i` of the bundle in the log: there is always another one before it.
pub(crate) fn index(i: usize) -> u64 {
    u64::try_from(2 * i + 1).unwrap()
}

impl Parts {
    pub(crate) fn new(
        kind: BundleKind,
        transfer: B256,
        quantity_g: u64,
        leaves: Vec<Leaf>,
    ) -> Self {
        let world = World::new(0);
        let mut all = vec![world.route_leaf(&world::route(3))];
        all.extend(leaves);
        Self {
            registry: world.clone(),
            attesters: world.clone(),
            world,
            kind,
            transfer,
            class: CLASS,
            quantity_g,
            leaves: all,
            receipts: BTreeMap::new(),
            events: BTreeMap::new(),
            mint: None,
            void: None,
            signers: vec![0, 2],
            previous: Vec::new(),
        }
    }

    /// The whole log, with leaves of others between.
    pub(crate) fn log(&self) -> MemoryTree {
        let mut log = MemoryTree::default();
        for (i, leaf) in self.leaves.iter().enumerate() {
            log.push(&paused(&format!("route:other-{i}")).to_bytes())
                .unwrap();
            log.push(&leaf.to_bytes()).unwrap();
        }
        for i in 0..4 {
            log.push(&paused(&format!("route:later-{i}")).to_bytes())
                .unwrap();
        }
        log
    }

    pub(crate) fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint {
            origin: world::ORIGIN.into(),
            size,
            root: tree::root(&self.sealed().log(), size).unwrap(),
        }
    }

    /// With every leaf committing to its evidence.
    fn sealed(&self) -> Self {
        let mut parts = self.clone();
        let files = parts.evidence_files();
        for leaf in &mut parts.leaves {
            let kind = leaf.kind();
            let path = match kind {
                "LOCKED" => "origin/lock.jws",
                "UNLOCKED" => "origin/unlock.jws",
                "RELEASED" => "origin/release.jws",
                "RETIRED" => "origin/retire.jws",
                "MINTED" => "destination/mint.json",
                "VOIDED" => "destination/void.json",
                "BURNED" => "destination/burn.json",
                _ => continue,
            };
            if let (Some(evidence), Some(bytes)) = (evidence_mut(leaf), files.get(path)) {
                evidence.sha256 = sha256(bytes);
            }
        }
        parts
    }

    fn evidence_files(&self) -> BTreeMap<String, Vec<u8>> {
        let key = self.registry.registry();
        let receipts = self.receipts.iter().map(|(movement, receipt)| {
            let jws = signed_receipt(receipt, &key);
            (format!("origin/{movement}.jws"), jws.into_bytes())
        });
        let events = self.events.iter().map(|(name, event)| {
            let bytes = evm::bytes(&evm::evidence(event));
            (format!("destination/{name}.json"), bytes)
        });
        receipts.chain(events).collect()
    }

    /// Everything signed and proved.
    pub(crate) fn bundle(&self) -> Bundle {
        let parts = self.sealed();
        let log = parts.log();
        let size = log.size();
        let mut files = parts.evidence_files();
        let note = parts.world.log().sign(&log, size).unwrap();
        files.insert(format!("checkpoint/{size}.txt"), note.clone().into_bytes());
        for (i, leaf) in parts.leaves.iter().enumerate() {
            let at = index(i);
            let proof = ProofFile {
                index: at,
                path: tree::inclusion(&log, at, size).unwrap(),
                checkpoint: note.clone(),
            };
            files.insert(format!("leaves/{at}.json"), leaf.to_bytes());
            let name = format!("proofs/{at}.tlog-proof");
            files.insert(name, proof.to_string().into_bytes());
        }
        let mut earlier = parts.previous.clone();
        if let Some(auth) = parts.signed_mint(&log) {
            earlier.push(auth.batch.log_size);
            files.insert("auth/mint.json".into(), canonical(&auth));
        }
        if let Some(auth) = &parts.void {
            let mut auth = auth.clone();
            auth.signatures = parts.signatures(auth.digest());
            files.insert("auth/void.json".into(), canonical(&auth));
        }
        for from in earlier.into_iter().filter(|from| *from <= size) {
            let proof = tree::consistency(&log, from, size).unwrap();
            let lines: String = proof
                .iter()
                .map(|hash| STANDARD.encode(hash) + "\n")
                .collect();
            files.insert(format!("consistency/{from}-{size}.txt"), lines.into_bytes());
        }
        Bundle::new(
            parts.transfer,
            parts.kind,
            parts.class,
            parts.quantity_g,
            size,
            files,
        )
    }

    fn signed_mint(&self, log: &MemoryTree) -> Option<MintAuthorisation> {
        let mut auth = self.mint.clone()?;
        if auth.batch.log_root == B256::ZERO {
            auth.batch.log_root = tree::root(log, auth.batch.log_size).unwrap().into();
        }
        auth.signatures = self.signatures(auth.digest());
        Some(auth)
    }

    fn signatures(&self, digest: B256) -> Vec<alloy_primitives::Bytes> {
        let keys = self.attesters.attesters();
        self.signers
            .iter()
            .map(|i| sign_digest(&keys[*i], digest))
            .collect()
    }

    pub(crate) fn archive(&self) -> Vec<u8> {
        self.bundle().to_archive().unwrap()
    }

    pub(crate) fn leaf(&mut self, kind: &str) -> &mut Leaf {
        self.leaves
            .iter_mut()
            .find(|leaf| leaf.kind() == kind)
            .unwrap()
    }

    pub(crate) fn receipt(&mut self, movement: &str) -> &mut RegistryReceipt {
        self.receipts.get_mut(movement).unwrap()
    }

    pub(crate) fn event(&mut self, name: &str) -> &mut Event {
        self.events.get_mut(name).unwrap()
    }
}

pub(crate) fn canonical(value: &impl Serialize) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap()
}

pub(crate) fn evidence_mut(leaf: &mut Leaf) -> Option<&mut EvidenceRef> {
    match leaf {
        Leaf::Locked { evidence, .. }
        | Leaf::Minted { evidence, .. }
        | Leaf::Voided { evidence, .. }
        | Leaf::Unlocked { evidence, .. }
        | Leaf::Burned { evidence, .. }
        | Leaf::Released { evidence, .. }
        | Leaf::Retired { evidence, .. } => Some(evidence),
        _ => None,
    }
}
