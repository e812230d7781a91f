//! The custody book under random locks, mints, withdrawals, burns and redemptions: against a naive model of single units, and
//! against the book that attesters and auditors rebuild from the same leaves.

use std::collections::BTreeMap;

use isthmus_core::id::{RouteId, TransferId};
use isthmus_core::instruction::Purpose;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, AppendError, BookChange, Journal};
use isthmus_core::serial_block::{SerialBlock, normalise};
use isthmus_core::terms::{Outbound, Return};
use isthmus_core::testing::sample;
use isthmus_core::transfer::{Event, Transfer};
use isthmus_prooflog::book::Book;
use isthmus_prooflog::leaf::Leaf;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{Story, World, admission};

#[derive(Clone, Debug)]
enum Step {
    Lock(Vec<(u64, u64)>),
    Mint(usize),
    Undo(usize),
    Burn(u64, bool),
    Redeem(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let block = (1u64..150, 1u64..12);
    let step = prop_oneof![
        4 => prop::collection::vec(block, 1..4).prop_map(Step::Lock),
        3 => any::<prop::sample::Index>().prop_map(|i| Step::Mint(i.index(100))),
        1 => any::<prop::sample::Index>().prop_map(|i| Step::Undo(i.index(100))),
        3 => (1u64..25, any::<bool>()).prop_map(|(t, retire)| Step::Burn(t, retire)),
        2 => any::<prop::sample::Index>().prop_map(|i| Step::Redeem(i.index(100))),
    ];
    prop::collection::vec(step, 1..50)
}

/// Single units: who holds each, the pool's offer in order, and through which route each came that is in custody.
#[derive(Default)]
struct Naive {
    held: BTreeMap<u64, TransferId>,
    offer: Vec<u64>,
    through: BTreeMap<u64, RouteId>,
}

/// Two routes of one pool.
fn routes() -> [RouteId; 2] {
    [sample::route().id, "another".parse().unwrap()]
}

fn units(blocks: &[SerialBlock]) -> Vec<u64> {
    blocks.iter().flat_map(|b| b.first()..=b.last()).collect()
}

impl Naive {
    /// Out of custody, or used up.
    fn left(&mut self, blocks: &[SerialBlock]) {
        for unit in units(blocks) {
            assert!(
                self.through.remove(&unit).is_some(),
                "unit {unit} left twice"
            );
        }
    }
}

/// The three books, and what is open in them.
struct Books {
    world: World,
    log: Book,
    naive: Naive,
    locked: Vec<(Transfer, Outbound)>,
    burned: Vec<(Transfer, Return)>,
    number: u64,
}

/// A leaf with the fields that all of them have.
fn leaf(kind: &str, transfer: TransferId, grams: u64, more: Value) -> Leaf {
    let mut fields = json!({
        "kind": kind, "at_ms": 1, "v": 1, "transfer": transfer, "pool": sample::pool().id(),
        "asset_class": sample::class().id(), "quantity_g": grams.to_string(),
        "evidence": {"grade": "A", "sha256": sample::hash(1), "type": "registry-receipt"},
    });
    let Value::Object(more) = more else {
        panic!("fields");
    };
    fields.as_object_mut().unwrap().extend(more);
    serde_json::from_value(fields).unwrap()
}

fn texts(blocks: &[SerialBlock]) -> Vec<String> {
    blocks.iter().map(ToString::to_string).collect()
}

impl Books {
    fn new() -> Self {
        let mut books = Self {
            world: World::new(),
            log: Book::default(),
            naive: Naive::default(),
            locked: Vec::new(),
            burned: Vec::new(),
            number: 0,
        };
        for id in routes() {
            let mut route = sample::route();
            route.id = id;
            let leaf =
                json!({"kind": "ROUTE", "at_ms": 1, "v": 1, "route": route, "signatures": []});
            books.record(Append::default(), serde_json::from_value(leaf).unwrap());
        }
        books
    }

    /// Appends an entry with its leaf, and applies the leaf as attesters do.
    fn record(&mut self, entry: Append, leaf: Leaf) -> Option<Transfer> {
        let entry = Append {
            leaves: vec![leaf.to_bytes()],
            ..entry
        };
        let appended = self.world.append(entry).unwrap();
        assert_eq!(appended.first_leaf, Some(self.log.size()));
        self.log.apply(&leaf).unwrap();
        appended.transfer
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Lock(blocks) => self.lock(blocks),
            Step::Mint(n) if !self.locked.is_empty() => {
                let (transfer, outbound) = self.locked.remove(n % self.locked.len());
                self.mint(&transfer, &outbound);
            }
            Step::Undo(n) if !self.locked.is_empty() => {
                let (transfer, outbound) = self.locked.remove(n % self.locked.len());
                self.undo(&transfer, &outbound);
            }
            Step::Burn(tonnes, retire) => self.burn(*tonnes, *retire),
            Step::Redeem(n) if !self.burned.is_empty() => {
                let (transfer, back) = self.burned.remove(n % self.burned.len());
                self.redeem(&transfer, &back);
            }
            Step::Mint(_) | Step::Undo(_) | Step::Redeem(_) => {}
        }
    }

    fn lock(&mut self, blocks: &[(u64, u64)]) {
        let blocks: Vec<_> = blocks
            .iter()
            .map(|(first, length)| sample::block(*first, first + length - 1))
            .collect();
        if normalise(&blocks).is_err() {
            return;
        }
        self.number += 1;
        let mut outbound = sample::outbound(self.number, &blocks);
        if self.number.is_multiple_of(2) {
            let [_, another] = routes();
            outbound.terms.route = another;
        }
        let taken = units(&blocks)
            .into_iter()
            .any(|unit| self.naive.held.contains_key(&unit));
        let admitted = match self.world.append(admission(&outbound)) {
            Ok(appended) => appended.transfer.unwrap(),
            Err(AppendError::Overlap { holder, .. }) => {
                assert!(taken, "refused though free");
                assert!(self.naive.held.values().any(|h| *h == holder));
                return;
            }
            Err(other) => panic!("{other}"),
        };
        assert!(!taken, "admitted though taken");
        for unit in units(&blocks) {
            self.naive.held.insert(unit, admitted.id());
            let route = outbound.terms.route.clone();
            self.naive.through.insert(unit, route);
        }
        let entry = Story::of(&admitted).locked(&outbound).append();
        let more = json!({"terms": outbound.terms, "units": texts(&outbound.units)});
        let logged = leaf(
            "LOCKED",
            admitted.id(),
            outbound.terms.quantity_g.grams(),
            more,
        );
        let locked = self.record(entry, logged).unwrap();
        self.locked.push((locked, outbound));
    }

    fn mint(&mut self, transfer: &Transfer, outbound: &Outbound) {
        let story = Story::of(transfer)
            .signed(outbound)
            .intends()
            .done(OperationKind::Mint, &[]);
        let entry = Append {
            book: vec![BookChange::Offer {
                transfer: transfer.id(),
            }],
            ..story.append()
        };
        let more = json!({"recipient": outbound.terms.recipient});
        self.record(
            entry,
            leaf("MINTED", transfer.id(), transfer.quantity().grams(), more),
        );
        self.naive
            .offer
            .extend(units(&normalise(&outbound.units).unwrap()));
    }

    fn undo(&mut self, transfer: &Transfer, outbound: &Outbound) {
        let grams = transfer.quantity().grams();
        let entry = Story::of(transfer).voided().append();
        let voided = self
            .record(entry, leaf("VOIDED", transfer.id(), grams, json!({})))
            .unwrap();
        let story = Story::of(&voided)
            .intends()
            .done(OperationKind::Unlock, &outbound.units);
        let entry = Append {
            book: vec![BookChange::Free {
                transfer: transfer.id(),
            }],
            ..story.append()
        };
        let more = json!({"units": texts(&outbound.units)});
        self.record(entry, leaf("UNLOCKED", transfer.id(), grams, more));
        self.naive.left(&outbound.units);
        self.naive.held.retain(|_, holder| *holder != transfer.id());
    }

    fn burn(&mut self, tonnes: u64, retire: bool) {
        let pool = sample::pool().id();
        let allocated = self.world.store.allocate(pool, tonnes).unwrap();
        let logged = self.log.allocate(&(*pool.as_bytes()).into(), tonnes);
        let logged =
            logged.map(|blocks| blocks.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(
            allocated.as_deref().map(texts),
            logged,
            "the log's book allocates alike"
        );
        let wanted = usize::try_from(tonnes).unwrap();
        let Some(blocks) = allocated else {
            assert!(self.naive.offer.len() < wanted);
            return;
        };
        let given: Vec<u64> = self.naive.offer.drain(..wanted).collect();
        assert_eq!(units(&blocks), given);
        self.number += 1;
        let purpose = if retire {
            Purpose::Retire
        } else {
            Purpose::Release
        };
        let back = sample::back(self.number, purpose, &blocks);
        let id = back.burn.id();
        for unit in given {
            self.naive.held.insert(unit, id);
        }
        let entry = Append {
            transfer: Some((id, 0)),
            events: vec![sample::burned(&back)],
            book: vec![BookChange::Allocate {
                burn: id,
                pool,
                blocks: blocks.clone(),
                written_off: isthmus_core::quantity::Quantity::ZERO,
            }],
            ..Append::default()
        };
        let more = json!({
            "number": back.burn.number, "holder": back.burn.holder, "purpose": purpose,
            "commitment": back.burn.commitment, "allocation": texts(&blocks),
        });
        let burned = self
            .record(entry, leaf("BURNED", id, back.burn.quantity.grams(), more))
            .unwrap();
        self.burned.push((burned, back));
    }

    fn redeem(&mut self, transfer: &Transfer, back: &Return) {
        let id = transfer.id();
        let (operation, kind, change, certificate) = match back.burn.purpose {
            Purpose::Release => (
                OperationKind::Release,
                "RELEASED",
                BookChange::Free { transfer: id },
                json!({}),
            ),
            Purpose::Retire => (
                OperationKind::Retire,
                "RETIRED",
                BookChange::Spend { transfer: id },
                json!({"certificate": "CERT-1"}),
            ),
        };
        let instructed = Event::Instructed(sample::instruction(back.burn.purpose));
        let story = Story::of(transfer)
            .then(instructed)
            .intends()
            .done(operation, &back.allocation);
        let mut more = certificate;
        more["units"] = json!(texts(&back.allocation));
        let logged = leaf(kind, id, back.burn.quantity.grams(), more);
        self.record(
            Append {
                book: vec![change],
                ..story.append()
            },
            logged,
        );
        self.naive.left(&back.allocation);
        if back.burn.purpose == Purpose::Release {
            self.naive.held.retain(|_, holder| *holder != id);
        }
    }

    /// Each unit is held by the same transfer in the store as in the model.
    fn compare(&self) {
        for unit in 1..=165 {
            let stored = self
                .world
                .store
                .custody_overlap(&[sample::block(unit, unit)])
                .unwrap();
            let holder = stored.map(|(_, holder)| holder);
            assert_eq!(holder, self.naive.held.get(&unit).copied(), "unit {unit}");
        }
        self.compare_outstanding();
        let pool = self.log.pool(&(*sample::pool().id().as_bytes()).into());
        if let Some(pool) = pool {
            assert!(pool.totals.holds());
        }
    }

    /// Each route's cap is used by the same units in all three.
    fn compare_outstanding(&self) {
        for route in routes() {
            let through = self.naive.through.values().filter(|r| **r == route).count();
            let stored = self.world.store.outstanding(&route).unwrap();
            assert_eq!(stored.tonnes(), u64::try_from(through).ok(), "{route}");
            assert_eq!(self.log.outstanding_g(route.as_str()), stored.grams());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_store_the_log_and_single_units_tell_the_same(steps in steps()) {
        let mut books = Books::new();
        for step in &steps {
            books.step(step);
            books.compare_outstanding();
        }
        books.compare();
        books.world = books.world.reopened();
        books.compare();
    }
}
