//! Random legal histories hold the pool identity at every leaf; changed ones are refused.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use isthmus_prooflog::book::{Book, Totals};
use isthmus_prooflog::leaf::{Leaf, Purpose};
use isthmus_prooflog::serial::Block;
use proptest::prelude::*;
use serde_json::Value;

use crate::world::{
    another_route, book, burned, given, locked, minted, owed, pool, serial, terms, unlocked, voided,
};

/// What to do next; the numbers choose among what is possible.
#[derive(Clone, Copy, Debug)]
enum Act {
    Lock(u64, u64),
    Mint(usize),
    Void(usize),
    Unlock(usize),
    Burn(u64, bool),
    Owe(usize),
    Give(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (1..400_u64, 1..40_u64).prop_map(|(first, t)| Act::Lock(first, t)),
        3 => any::<usize>().prop_map(Act::Mint),
        1 => any::<usize>().prop_map(Act::Void),
        1 => any::<usize>().prop_map(Act::Unlock),
        2 => (1..60_u64, any::<bool>()).prop_map(|(t, retire)| Act::Burn(t, retire)),
        1 => any::<usize>().prop_map(Act::Owe),
        2 => any::<usize>().prop_map(Act::Give),
    ]
}

/// A model that knows each unit by its number, kept apart from the book.
#[derive(Default)]
struct Model {
    open: Vec<Value>,
    voided: Vec<Value>,
    burns: Vec<(u64, Purpose, Vec<Block>)>,
    taken: std::collections::BTreeSet<u64>,
    totals: Totals,
    /// Which route brought each unit that is in custody.
    through: BTreeMap<u64, &'static str>,
    nonce: u8,
    burned: u64,
}

fn grams(terms: &Value) -> u64 {
    terms["quantity_g"].as_str().unwrap().parse().unwrap()
}

fn pick<T>(list: &mut Vec<T>, choice: usize) -> Option<T> {
    (!list.is_empty()).then(|| list.remove(choice % list.len()))
}

fn numbers(blocks: &[Block]) -> impl Iterator<Item = u64> + '_ {
    blocks.iter().flat_map(|block| block.first..=block.last)
}

/// Two routes of one pool.
const ROUTES: [&str; 2] = ["verra-evm", "another"];

fn two_routes() -> Book {
    let mut book = book();
    book.apply(&another_route()).unwrap();
    book
}

impl Model {
    /// Out of custody, or used up.
    fn left(&mut self, blocks: &[Block]) {
        for unit in numbers(blocks) {
            assert!(
                self.through.remove(&unit).is_some(),
                "unit {unit} left twice"
            );
        }
    }

    /// Routes take turns.
    fn next_terms(&mut self, first: u64, tonnes: u64) -> (&'static str, Value) {
        self.nonce += 1;
        let route = ROUTES[usize::from(self.nonce % 2)];
        let mut terms = terms(&[serial(first, first + tonnes - 1)], self.nonce);
        terms["route"] = route.into();
        (route, terms)
    }

    fn outstanding_g(&self, route: &str) -> u64 {
        let units = self.through.values().filter(|through| **through == route);
        units.map(|_| 1_000_000).sum()
    }

    /// The leaf for this act, if the act is possible now; `Err` is a leaf that must be refused.
    fn leaf(&mut self, act: Act, book: &Book) -> Option<Result<Leaf, Leaf>> {
        Some(Ok(match act {
            Act::Lock(first, t) => {
                let (route, terms) = self.next_terms(first, t);
                let leaf = locked(&terms);
                if (first..first + t).any(|unit| self.taken.contains(&unit)) {
                    return Some(Err(leaf));
                }
                self.taken.extend(first..first + t);
                self.through
                    .extend((first..first + t).map(|unit| (unit, route)));
                self.totals.locked_g += grams(&terms);
                self.totals.pending_g += grams(&terms);
                self.open.push(terms);
                leaf
            }
            Act::Mint(choice) => {
                let terms = pick(&mut self.open, choice)?;
                self.totals.pending_g -= grams(&terms);
                self.totals.circulating_g += grams(&terms);
                minted(&terms)
            }
            Act::Void(choice) => {
                let terms = pick(&mut self.open, choice)?;
                self.voided.push(terms.clone());
                voided(&terms)
            }
            Act::Unlock(choice) => {
                let terms = pick(&mut self.voided, choice)?;
                self.totals.pending_g -= grams(&terms);
                self.totals.locked_g -= grams(&terms);
                let unit = Block::parse(terms["units"][0].as_str().unwrap()).unwrap();
                self.taken.retain(|n| !(unit.first..=unit.last).contains(n));
                self.left(&[unit]);
                unlocked(&terms)
            }
            Act::Burn(t, retire) => {
                let purpose = if retire {
                    Purpose::Retire
                } else {
                    Purpose::Release
                };
                let possible = self.totals.circulating_g >= t * 1_000_000;
                let allocation = book.allocate(&pool(), t);
                assert_eq!(allocation.is_some(), possible);
                let allocation = allocation?;
                self.burned += 1;
                self.totals.circulating_g -= t * 1_000_000;
                self.totals.owed_g += t * 1_000_000;
                self.burns.push((self.burned, purpose, allocation.clone()));
                burned(self.burned, purpose, &allocation)
            }
            Act::Owe(choice) => {
                let (number, _, blocks) = self.burns.get(choice % self.burns.len().max(1))?;
                owed(*number, isthmus_prooflog::serial::total_g(blocks))
            }
            Act::Give(choice) => {
                let (number, purpose, blocks) = pick(&mut self.burns, choice)?;
                let total = isthmus_prooflog::serial::total_g(&blocks);
                self.totals.locked_g -= total;
                self.totals.owed_g -= total;
                self.left(&blocks);
                if purpose == Purpose::Release {
                    let back: Vec<_> = numbers(&blocks).collect();
                    self.taken.retain(|n| !back.contains(n));
                }
                given(number, purpose, &blocks)
            }
        }))
    }
}

/// A legal history, checked against the model at every leaf.
fn history(acts: &[Act]) -> Vec<Leaf> {
    let (mut model, mut book) = (Model::default(), two_routes());
    let mut leaves = Vec::new();
    for act in acts {
        match model.leaf(*act, &book) {
            Some(Ok(leaf)) => {
                book.apply(&leaf).unwrap();
                leaves.push(leaf);
            }
            Some(Err(illegal)) => assert!(book.apply(&illegal).is_err(), "{illegal:?}"),
            None => {}
        }
        let totals = book.pool(&pool()).map(|p| p.totals).unwrap_or_default();
        assert_eq!(totals, model.totals);
        assert!(totals.holds(), "{totals:?}");
        for route in ROUTES {
            assert_eq!(book.outstanding_g(route), model.outstanding_g(route));
        }
    }
    leaves
}

fn accepted(leaves: &[Leaf]) -> bool {
    let mut book = two_routes();
    leaves.iter().all(|leaf| book.apply(leaf).is_ok())
}

/// Every way to change one leaf that no legal history has.
fn changed(leaf: &Leaf, field: usize) -> Option<Leaf> {
    let mut value: Value = serde_json::from_slice(&leaf.to_bytes()).unwrap();
    let field = ["transfer", "pool", "asset_class", "quantity_g", "recipient"][field];
    let other = match field {
        "quantity_g" => "123456789".to_owned(),
        "recipient" => format!("0x{}", "99".repeat(20)),
        _ => B256::repeat_byte(0x99).to_string(),
    };
    *value.get_mut(field)? = other.into();
    Leaf::parse(&serde_json::to_vec(&value).unwrap()).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn legal_histories_hold_the_pool_identity_and_changed_ones_are_refused(
        acts in proptest::collection::vec(act(), 1..60), at in any::<usize>(), field in 0..5_usize
    ) {
        let leaves = history(&acts);
        prop_assert!(accepted(&leaves));
        if !leaves.is_empty() {
            let at = at % leaves.len();
            if let Some(leaf) = changed(&leaves[at], field) {
                let mut forged = leaves.clone();
                forged[at] = leaf;
                prop_assert!(!accepted(&forged), "{field} of {:?}", leaves[at]);
            }
            let mut twice = leaves.clone();
            twice.insert(at, leaves[at].clone());
            let again_is_no_contradiction = matches!(leaves[at], Leaf::Owed { .. });
            prop_assert_eq!(accepted(&twice), again_is_no_contradiction);
        }
    }
}
