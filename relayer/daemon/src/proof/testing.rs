//! A store filled through the real journal with properly signed receipts, and the auditor's policy for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy::primitives::{Address, B256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use isthmus_core::id::{BatchId, Hash32, TransferId};
use isthmus_core::instruction::Purpose;
use isthmus_core::operation::{
    Authorisation, LogHead, MintItem, OperationKind, SignedBatch, SignedVoid, Work, redemption,
};
use isthmus_core::ports::{Append, BookChange, Journal};
use isthmus_core::quantity::Quantity;
use isthmus_core::route::{RouteDocument, RouteSignature};
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::terms::{Outbound, Return, Terms};
use isthmus_core::testing::sample;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_core::transfer::{Event, Next, Transfer};
use isthmus_evm::eip712;
use isthmus_prooflog::leaf::{AdminSignature, Leaf};
use isthmus_prooflog::policy::Policy;
use isthmus_store::{RouteRecord, Store, StoredRouteStatus};
use tempfile::TempDir;

use crate::engine::{leaves, settle};
use crate::proof::Checkpoints;
use evm::{CHAIN, chain_receipt, log_data, number_word, word};
pub(crate) use signing::lock_receipt;
use signing::{REGISTRY_SEED, attesters, registry_receipt, sign};

mod evm;
mod signing;

/// The log's name.
const ORIGIN: &str = "isthmus.test/log";
/// Seeds of the two route admins.
pub(crate) const ADMINS: [[u8; 32]; 2] = [[11; 32], [12; 32]];

/// A clock that the test moves.
#[derive(Debug)]
pub(crate) struct Hands(pub(crate) AtomicU64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

/// A store in a folder of its own.
pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) checkpoints: Arc<Checkpoints>,
    pub(crate) clock: Arc<Hands>,
    _folder: TempDir,
}

impl World {
    /// An empty store.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Hands(AtomicU64::new(1_780_000_000_000)));
        let store = Store::open(folder.path(), "test", Arc::<Hands>::clone(&clock)).unwrap();
        let store = Arc::new(store);
        let checkpoints = Checkpoints::open(Arc::clone(&store), ORIGIN.into(), [9; 32]).unwrap();
        Self {
            store,
            checkpoints: Arc::new(checkpoints),
            clock,
            _folder: folder,
        }
    }

    /// Wakes up on a copy of its store.
    pub(crate) fn copied(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        self.store.backup(&copy).unwrap();
        let clock = Arc::clone(&self.clock);
        let store = Store::open(&copy, "test", Arc::<Hands>::clone(&clock)).unwrap();
        let store = Arc::new(store);
        let checkpoints = Checkpoints::open(Arc::clone(&store), ORIGIN.into(), [9; 32]).unwrap();
        Self {
            store,
            checkpoints: Arc::new(checkpoints),
            clock,
            _folder: folder,
        }
    }

    /// A store with the sample route.
    pub(crate) fn with_route() -> Self {
        let world = Self::new();
        world.activate(sample::route());
        world
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What the auditor trusts.
    pub(crate) fn policy(&self) -> Policy {
        let key = |seed: &[u8; 32]| {
            STANDARD.encode(SigningKey::from_bytes(seed).verifying_key().as_bytes())
        };
        let signers: Vec<_> = attesters()
            .iter()
            .map(|a| format!("\"{:#x}\"", a.address()))
            .collect();
        let text = format!(
            "[log]\nvkey = \"{}\"\n[[registry]]\nid = \"{}\"\nreceipt_key = \"{}\"\n\
             [[gate]]\nchain = \"{}\"\naddress = \"{}\"\n[[gate.epoch]]\nepoch = 1\nthreshold = 2\nsigners = [{}]\n\
             [[route_admin]]\nname = \"one\"\nkey = \"{}\"\n[[route_admin]]\nname = \"two\"\nkey = \"{}\"\n",
            self.checkpoints.verifier(),
            sample::registry(),
            key(&REGISTRY_SEED),
            sample::chain(),
            sample::gate(),
            signers.join(", "),
            key(&ADMINS[0]),
            key(&ADMINS[1]),
        );
        Policy::parse(&text).unwrap()
    }

    /// Stores a route as active, signed by both admins, with its leaf.
    pub(crate) fn activate(&self, document: RouteDocument) {
        let signatures: Vec<_> = ADMINS.iter().map(|seed| admin(seed, &document)).collect();
        let in_leaf = signatures.iter().map(|s| AdminSignature {
            key: B256::from(*s.key.as_bytes()),
            signature: s.signature.clone(),
        });
        let leaf = Leaf::Route {
            at_ms: self.now().ms(),
            v: 1,
            route: serde_json::to_value(&document).unwrap(),
            signatures: in_leaf.collect(),
        };
        let record = RouteRecord {
            document,
            signatures,
            status: StoredRouteStatus::Active,
            proposed_by: "one".into(),
            leaf: None,
        };
        self.store
            .put_route(&record, Some(leaf.to_bytes()))
            .unwrap();
    }

    pub(crate) fn write(&self, append: Append) -> Transfer {
        let appended = self.store.append(vec![append]).pop().unwrap().unwrap();
        appended.transfer.unwrap()
    }

    pub(crate) fn step(&self, transfer: &Transfer, event: Event) -> Transfer {
        self.write(settle::append(transfer, event, self.now()))
    }

    /// Intends whatever comes next.
    pub(crate) fn intend(&self, transfer: &Transfer) -> Transfer {
        let Next::Do(work) = transfer.next(self.now()) else {
            panic!("{transfer:?} has nothing to do");
        };
        self.step(transfer, Event::Intended(work))
    }

    pub(crate) fn admitted(&self, number: u64, units: &[SerialBlock]) -> Transfer {
        let outbound = sample::outbound(number, units);
        let id = outbound.terms.id();
        self.write(Append {
            transfer: Some((id, 0)),
            book: vec![BookChange::Reserve {
                transfer: id,
                pool: outbound.pool,
                route: outbound.terms.route.clone(),
                blocks: outbound.units.clone(),
            }],
            events: vec![sample::requested(&outbound)],
            ..Append::default()
        })
    }

    pub(crate) fn locked(&self, number: u64, units: &[SerialBlock]) -> Transfer {
        let transfer = self.intend(&self.admitted(number, units));
        let receipt = lock_receipt(&transfer, units);
        self.step(&transfer, Event::Locked(receipt))
    }

    /// The checkpoints as another process opens them on the same store.
    pub(crate) fn reopened(&self) -> Checkpoints {
        Checkpoints::open(Arc::clone(&self.store), ORIGIN.into(), [9; 32]).unwrap()
    }

    /// A quorum signs the mint under the log as it is now, in one batch with that of a stranger.
    pub(crate) fn authorised(&self, transfer: &Transfer) -> Transfer {
        let stranger = sample::mint_item(&sample::outbound(999, &[sample::block(9_000, 9_001)]));
        self.authorised_with(transfer, stranger)
    }

    /// A quorum signs the mint in one batch with another item.
    pub(crate) fn authorised_with(&self, transfer: &Transfer, other: MintItem) -> Transfer {
        let transfer = self.intend(transfer);
        let head = self.checkpoints.newest().unwrap();
        let log = LogHead {
            size: head.size,
            root: Hash32::new(head.root),
        };
        let deadline = Timestamp::from_s(self.now().s() + 600);
        let items = vec![other, sample::mint_item(outbound(&transfer))];
        let digest = eip712::mint_batch_digest(CHAIN, sample::gate(), &items, log, 1, deadline);
        let batch = Arc::new(SignedBatch {
            id: BatchId::new(*digest.as_bytes()),
            items,
            log,
            epoch: 1,
            deadline,
            signatures: sign(digest),
        });
        let event = Event::Authorised(Authorisation::Mint(Arc::clone(&batch)));
        self.write(Append {
            batches: vec![batch],
            ..settle::append(&transfer, event, self.now())
        })
    }

    pub(crate) fn minted(&self, number: u64, units: &[SerialBlock]) -> Transfer {
        self.mint(&self.authorised(&self.locked(number, units)))
    }

    /// Mints what a quorum has signed.
    pub(crate) fn mint(&self, authorised: &Transfer) -> Transfer {
        let transfer = self.intend(authorised);
        self.mint_in(&transfer, &[&transfer])
    }

    /// Records that a transfer was minted by a batch of these, all of one class.
    pub(crate) fn mint_in(&self, transfer: &Transfer, batch: &[&Transfer]) -> Transfer {
        let minted = (1 << batch.len()) - 1;
        let class = word(outbound(transfer).terms.asset_class.as_bytes());
        let count = u64::try_from(batch.len()).unwrap();
        let mut words = vec![number_word(minted), number_word(96), number_word(160)];
        words.extend([number_word(1), class, number_word(count)]);
        for item in batch {
            let terms = &outbound(item).terms;
            let mut content = [0; 32];
            content[..20].copy_from_slice(terms.recipient.as_bytes());
            content[24..].copy_from_slice(&terms.quantity_g.grams().to_be_bytes());
            words.extend([word(terms.id().as_bytes()), word(&content)]);
        }
        let signature = "BatchMinted(uint256,uint256[],(bytes32,uint256)[])";
        let event = log_data(signature, &[], &words);
        let quantity = outbound(transfer).terms.quantity_g;
        let receipt = chain_receipt(OperationKind::Mint, quantity, event);
        self.step(transfer, Event::Given(receipt))
    }

    /// Withdrawn after a quorum had signed the mint; voided and unlocked.
    pub(crate) fn returned(&self, number: u64, units: &[SerialBlock]) -> Transfer {
        let transfer = self.authorised(&self.locked(number, units));
        let transfer = self.step(&transfer, Event::WithdrawalRequested);
        let transfer = self.intend(&transfer);
        let void = SignedVoid {
            epoch: 1,
            signatures: sign(eip712::void_digest(CHAIN, sample::gate(), transfer.id(), 1)),
        };
        let transfer = self.step(&transfer, Event::Authorised(Authorisation::Void(void)));
        let transfer = self.intend(&transfer);
        let event = log_data("Voided(bytes32)", &[word(transfer.id().as_bytes())], &[]);
        let receipt = chain_receipt(OperationKind::Void, Quantity::ZERO, event);
        let transfer = self.intend(&self.step(&transfer, Event::Voided(receipt)));
        let reference = format!("unlock:{}", transfer.id());
        let receipt = registry_receipt(OperationKind::Unlock, &reference, Some("1001"), units);
        self.step(&transfer, Event::Unlocked(receipt))
    }

    pub(crate) fn burned(&self, number: u64, tonnes: u64, purpose: Purpose) -> Transfer {
        let allocation = self.store.allocate(sample::pool().id(), tonnes).unwrap();
        let back = sample::back(number, purpose, &allocation.unwrap());
        let burn = &back.burn;
        let event = log_data(
            "Burned(uint256,bytes32,uint256,address,uint256,uint8,bytes32)",
            &[
                number_word(number),
                word(burn.id().as_bytes()),
                word(burn.asset_class.as_bytes()),
            ],
            &[
                Address::from(*burn.holder.as_bytes()).into_word(),
                number_word(burn.quantity.grams()),
                number_word(if purpose == Purpose::Release { 1 } else { 2 }),
                word(burn.commitment.as_bytes()),
            ],
        );
        let receipt = chain_receipt(OperationKind::Burn, burn.quantity, event);
        self.write(Append {
            transfer: Some((burn.id(), 0)),
            leaves: vec![leaves::burned(&back, &receipt, self.now())],
            book: vec![BookChange::Allocate {
                burn: burn.id(),
                pool: back.pool,
                blocks: back.allocation.clone(),
                written_off: isthmus_core::quantity::Quantity::ZERO,
            }],
            events: vec![Event::Burned {
                terms: Terms::Return(back),
                receipt,
            }],
            ..Append::default()
        })
    }

    pub(crate) fn redeemed(&self, number: u64, tonnes: u64, purpose: Purpose) -> Transfer {
        let transfer = self.burned(number, tonnes, purpose);
        let instruction = sample::instruction(purpose);
        let transfer = self.intend(&self.step(&transfer, Event::Instructed(instruction)));
        let Terms::Return(Return { allocation, .. }) = transfer.terms() else {
            panic!("a burn opens a return");
        };
        let account = (purpose == Purpose::Release).then_some("1002");
        let id = transfer.id().to_string();
        let receipt = registry_receipt(redemption(purpose), &id, account, allocation);
        self.step(&transfer, Event::Given(receipt))
    }
}

fn outbound(transfer: &Transfer) -> &Outbound {
    match transfer.terms() {
        Terms::Outbound(outbound) => outbound,
        Terms::Return(_) => panic!("it is a return"),
    }
}

/// Whether the transfer waits for a quorum.
pub(crate) fn is_attesting(transfer: &Transfer) -> bool {
    matches!(transfer.pending(), Some(Work::Attest { .. }))
}

/// A route admin's signature over a document.
pub(crate) fn admin(seed: &[u8; 32], document: &RouteDocument) -> RouteSignature {
    let key = SigningKey::from_bytes(seed);
    RouteSignature {
        key: Hash32::new(key.verifying_key().to_bytes()),
        signature: hex::encode(key.sign(&document.message()).to_bytes()),
    }
}

/// An id that no transfer has.
pub(crate) fn nobody() -> TransferId {
    TransferId::new([0xee; 32])
}

/// A checkpoint of a longer log than any test has: by the log's own key, or by another one under its name.
pub(crate) fn signed_elsewhere(leaves: u64, by_own_key: bool) -> String {
    let seed = if by_own_key { [9; 32] } else { [10; 32] };
    let mut tree = isthmus_prooflog::tree::MemoryTree::default();
    for leaf in 0..leaves {
        tree.push(&leaf.to_be_bytes()).unwrap();
    }
    let mut signer = isthmus_prooflog::note::LogSigner::new(ORIGIN.into(), seed, None);
    signer.sign(&tree, leaves).unwrap()
}
