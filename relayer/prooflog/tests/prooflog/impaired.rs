//! What a registry takes away, makes good, or leaves to be divided; deposits; and redirections: from leaf bytes.

use alloy_primitives::{B256, Bytes};
use isthmus_prooflog::book::Book;
use isthmus_prooflog::gate::burn_id;
use isthmus_prooflog::leaf::{Grams, Leaf, Purpose, jcs_digest};
use isthmus_prooflog::pro_rata::Decision;
use isthmus_prooflog::redirect::Redirection;
use isthmus_prooflog::serial::{Block, normalise, total_g};
use proptest::prelude::*;
use serde_json::json;

use crate::book::{first, refused, replay};
use crate::world::{
    CHAIN_ID, CLASS, GATE, REGISTRY, blocks, burned, evidence, given, locked, minted, pool, serial,
    sign_digest, terms,
};

const T: u64 = 1_000_000;

fn grams(units: &[String]) -> Grams {
    Grams(total_g(&normalise(units).unwrap()))
}

fn impaired(units: &[String]) -> Leaf {
    Leaf::Impaired {
        at_ms: 7,
        v: 1,
        pool: pool(),
        asset_class: CLASS,
        reference: "registry:7".into(),
        units: units.to_vec(),
        quantity_g: grams(units),
        evidence: evidence("registry-receipt"),
    }
}

fn deposit_id(reference: &str) -> B256 {
    jcs_digest(&json!({"ledger": REGISTRY, "reference": reference, "v": 1}))
}

fn deposited(reference: &str, units: &[String]) -> Leaf {
    Leaf::Deposited {
        at_ms: 7,
        v: 1,
        pool: pool(),
        asset_class: CLASS,
        deposit: deposit_id(reference),
        ledger: REGISTRY.into(),
        reference: reference.into(),
        account: "1002".into(),
        units: units.to_vec(),
        quantity_g: grams(units),
        evidence: evidence("registry-receipt"),
    }
}

fn cured(reference: &str, units: &[String]) -> Leaf {
    Leaf::Cured {
        at_ms: 7,
        v: 1,
        pool: pool(),
        asset_class: CLASS,
        deposit: deposit_id(reference),
        quantity_g: grams(units),
    }
}

fn returned(reference: &str, units: &[String]) -> Leaf {
    Leaf::DepositReturned {
        at_ms: 7,
        v: 1,
        pool: pool(),
        asset_class: CLASS,
        deposit: deposit_id(reference),
        quantity_g: grams(units),
        units: Vec::new(),
        evidence: evidence("registry-receipt"),
    }
}

/// The registry took these units of a deposit, and no others.
fn reduced(reference: &str, gone: &[String]) -> Leaf {
    let mut leaf = returned(reference, gone);
    if let Leaf::DepositReturned { units, .. } = &mut leaf {
        *units = gone.to_vec();
    }
    leaf
}

fn decided(impaired: Option<B256>, backing_t: u64, supply_t: u64) -> Leaf {
    let decision = Decision {
        backing_g: Grams(backing_t * T),
        impaired: impaired.unwrap_or_default(),
        pool: pool(),
        supply_g: Grams(supply_t * T),
        v: 1,
    };
    Leaf::ProRata {
        at_ms: 7,
        v: 1,
        decision: decision.document(),
        signatures: Vec::new(),
    }
}

fn burned_of(number: u64, burned_t: u64, allocation: &[Block]) -> Leaf {
    let mut leaf = burned(number, Purpose::Release, allocation);
    let written_off = burned_t * T - total_g(allocation);
    if let Leaf::Burned {
        quantity_g,
        written_off_g,
        ..
    } = &mut leaf
    {
        *quantity_g = Grams(burned_t * T);
        *written_off_g = (written_off > 0).then_some(Grams(written_off));
    }
    leaf
}

fn sums(book: &Book) -> [u64; 6] {
    let totals = book.pool(&pool()).unwrap().totals;
    assert!(totals.holds(), "{totals:?}");
    let t = |grams: u64| grams / T;
    [
        t(totals.locked_g),
        t(totals.circulating_g),
        t(totals.pending_g),
        t(totals.owed_g),
        t(totals.unattributed_g),
        t(totals.shortfall_g),
    ]
}

/// The open impairment.
fn open(book: &Book) -> Option<B256> {
    book.pool(&pool()).unwrap().impairment()
}

fn circulating() -> Vec<Leaf> {
    vec![locked(&first()), minted(&first())]
}

#[test]
fn what_is_taken_away_is_missing_until_it_is_made_good() {
    let mut book = replay(&circulating());
    book.apply(&impaired(&[serial(3, 12)])).unwrap();
    assert_eq!(sums(&book), [90, 100, 0, 0, 0, 10]);
    let offered = book.allocate(&pool(), 3).unwrap();
    assert_eq!(offered, blocks(&[serial(1, 2), serial(13, 13)]));
    let burn = burned(1, Purpose::Release, &offered);
    assert!(book.apply(&burn).is_err(), "nothing is decided");
    let units = [serial(401, 410)];
    book.apply(&deposited("deposit:8", &units)).unwrap();
    assert_eq!(sums(&book), [100, 100, 0, 0, 10, 10]);
    book.apply(&cured("deposit:8", &units)).unwrap();
    assert_eq!(sums(&book), [100, 100, 0, 0, 0, 0]);
    book.apply(&burn).unwrap();
    let last = book.allocate(&pool(), 97).unwrap();
    assert_eq!(last.last(), blocks(&units).last(), "after everything else");
    // What was taken away may be locked again, what makes good may not.
    book.apply(&locked(&terms(&[serial(3, 12)], 7))).unwrap();
    let again = locked(&terms(&[serial(401, 401)], 8));
    assert!(book.apply(&again).is_err());
}

#[test]
fn what_is_left_is_divided_and_nothing_stays_behind() {
    let mut book = replay(&circulating());
    book.apply(&impaired(&[serial(1, 10)])).unwrap();
    book.apply(&decided(open(&book), 90, 100)).unwrap();
    // 5 × 90 ÷ 100 = 4.5: four whole tonnes.
    let four = blocks(&[serial(11, 14)]);
    let too_much = burned(1, Purpose::Release, &blocks(&[serial(11, 15)]));
    assert!(book.apply(&too_much).is_err());
    book.apply(&burned_of(1, 5, &four)).unwrap();
    assert_eq!(sums(&book), [90, 95, 0, 4, 0, 9]);
    let whole = given(1, Purpose::Release, &blocks(&[serial(11, 15)]));
    assert!(book.apply(&whole).is_err());
    book.apply(&given(1, Purpose::Release, &four)).unwrap();
    let rest = book.allocate(&pool(), 86).unwrap();
    book.apply(&burned_of(2, 95, &rest)).unwrap();
    assert_eq!(sums(&book), [86, 0, 0, 86, 0, 0]);
    book.apply(&given(2, Purpose::Release, &rest)).unwrap();
    assert_eq!(sums(&book), [0; 6]);
}

/// As much is missing of as much, by a leaf to the byte like the one that was decided about: what two people signed is not
/// about that.
#[test]
fn a_decision_counts_for_one_impairment() {
    let units = [serial(401, 410)];
    let mut leaves = circulating();
    leaves.push(impaired(&[serial(1, 10)]));
    let first = open(&replay(&leaves));
    assert!(first.is_some());
    let old = decided(first, 90, 100);
    let known = replay(&[leaves.clone(), vec![old.clone()]].concat());
    assert!(known.pool(&pool()).unwrap().decided.is_some());
    // More is taken away: nobody has decided about that.
    let more = impaired(&[serial(11, 20)]);
    let known = replay(&[leaves.clone(), vec![old.clone(), more]].concat());
    assert!(known.pool(&pool()).unwrap().decided.is_none());
    // Taken away by halves it is another one.
    let mut halves = circulating();
    halves.extend([impaired(&[serial(1, 5)]), impaired(&[serial(6, 10)])]);
    refused(&halves, &old, "another impairment");
    leaves.extend([deposited("deposit:8", &units), cured("deposit:8", &units)]);
    assert_eq!(open(&replay(&leaves)), None);
    leaves.push(locked(&terms(&[serial(1, 10)], 7)));
    leaves.push(impaired(&[serial(1, 10)]));
    refused(&leaves, &old, "another impairment");
    let again = open(&replay(&leaves));
    assert_ne!(again, first);
    replay(&[leaves, vec![decided(again, 90, 100)]].concat());
}

#[test]
fn a_burn_of_which_nothing_is_left_has_ended() {
    let mut book = replay(&circulating());
    book.apply(&impaired(&[serial(1, 60)])).unwrap();
    book.apply(&decided(open(&book), 40, 100)).unwrap();
    book.apply(&burned_of(1, 1, &[])).unwrap();
    assert_eq!(sums(&book), [40, 99, 0, 0, 0, 59]);
    let nothing = given(1, Purpose::Release, &[]);
    assert!(book.apply(&nothing).is_err());
}

#[test]
fn a_burn_keeps_what_it_has_left_and_gets_what_the_pool_offers_next() {
    let mut book = replay(&circulating());
    let allocation = blocks(&[serial(1, 10)]);
    let burn = burned(1, Purpose::Release, &allocation);
    book.apply(&burn).unwrap();
    book.apply(&impaired(&[serial(8, 12)])).unwrap();
    assert_eq!(sums(&book), [95, 90, 0, 10, 0, 5]);
    let old = given(1, Purpose::Release, &allocation);
    assert!(book.apply(&old).is_err(), "some of it is gone");
    let reallocated = |units: &[String]| Leaf::Reallocated {
        at_ms: 8,
        v: 1,
        transfer: burn_id(CHAIN_ID, GATE, 1),
        pool: pool(),
        asset_class: CLASS,
        quantity_g: Grams(10 * T),
        allocation: units.to_vec(),
    };
    let other = reallocated(&[serial(1, 7), serial(21, 23)]);
    assert!(book.apply(&other).is_err());
    let right = [serial(1, 7), serial(13, 15)];
    book.apply(&reallocated(&right)).unwrap();
    assert_eq!(sums(&book), [95, 90, 0, 10, 0, 5]);
    assert!(book.apply(&reallocated(&right)).is_err(), "once");
    assert_eq!(book.outstanding_g("verra-evm"), 95 * T);
    let now = given(1, Purpose::Release, &blocks(&right));
    book.apply(&now).unwrap();
    assert_eq!(book.outstanding_g("verra-evm"), 85 * T);
    assert_eq!(sums(&book), [85, 90, 0, 0, 0, 5]);
}

#[test]
fn a_lock_that_lost_units_is_minted_in_full_and_offers_the_rest() {
    let mut book = replay(&[locked(&first())]);
    book.apply(&impaired(&[serial(1, 10)])).unwrap();
    assert_eq!(sums(&book), [90, 0, 100, 0, 0, 10]);
    assert!(book.apply(&impaired(&[serial(10, 11)])).is_err(), "twice");
    // The mint was out in the world already.
    book.apply(&minted(&first())).unwrap();
    assert_eq!(sums(&book), [90, 100, 0, 0, 0, 10]);
    assert_eq!(book.allocate(&pool(), 90), Some(blocks(&[serial(11, 100)])));
    assert_eq!(book.allocate(&pool(), 91), None);
}

#[test]
fn a_deposit_backs_nothing_and_goes_back() {
    let mut book = replay(&circulating());
    let units = [serial(401, 405)];
    book.apply(&deposited("deposit:8", &units)).unwrap();
    assert_eq!(sums(&book), [105, 100, 0, 0, 5, 0]);
    assert_eq!(book.allocate(&pool(), 101), None);
    book.apply(&returned("deposit:8", &units)).unwrap();
    assert_eq!(sums(&book), [100, 100, 0, 0, 0, 0]);
    assert!(book.apply(&returned("deposit:8", &units)).is_err(), "once");
}

#[test]
fn of_a_deposit_that_lost_a_part_the_rest_goes_back() {
    let units = [serial(401, 410)];
    let mut log = circulating();
    log.push(deposited("deposit:8", &units));
    for wrong in [&units[..], &[serial(410, 411)], &[serial(1, 2)]] {
        refused(&log, &reduced("deposit:8", wrong), "deposit");
    }
    log.push(reduced("deposit:8", &[serial(404, 405)]));
    assert_eq!(sums(&replay(&log)), [108, 100, 0, 0, 8, 0]);
    refused(&log, &reduced("deposit:8", &[serial(404, 405)]), "deposit");
    refused(&log, &deposited("deposit:9", &[serial(406, 406)]), "R7");
    refused(&log, &returned("deposit:8", &units), "another quantity");
    // What was taken may come again.
    log.push(deposited("deposit:9", &[serial(404, 405)]));
    let rest = [serial(401, 403), serial(406, 410)];
    log.push(returned("deposit:8", &rest));
    assert_eq!(sums(&replay(&log)), [102, 100, 0, 0, 2, 0]);
}

#[test]
fn lies_about_custody_are_refused() {
    let units = [serial(401, 405)];
    let start = circulating();
    let with = |leaf: Leaf| [start.clone(), vec![leaf]].concat();
    let taken = with(impaired(&[serial(1, 10)]));
    refused(&start, &impaired(&[serial(95, 101)]), "custody");
    refused(&start, &impaired(&units), "custody");
    refused(&taken, &impaired(&[serial(10, 11)]), "custody");
    let now = open(&replay(&taken));
    refused(
        &start,
        &decided(now, 90, 100),
        "nothing of its pool is missing",
    );
    refused(&taken, &decided(now, 100, 100), "nothing to decide");
    refused(&taken, &decided(None, 90, 100), "another impairment");
    refused(&start, &deposited("deposit:8", &[serial(100, 101)]), "R7");
    let there = with(deposited("deposit:8", &units));
    refused(&there, &deposited("deposit:8", &units), "R10");
    refused(&there, &deposited("deposit:9", &units), "R7");
    refused(&there, &cured("deposit:8", &units), "more than is missing");
    refused(&taken, &cured("deposit:8", &units), "not in custody");
    refused(&start, &returned("deposit:8", &units), "not in custody");
    let mut other = deposited("deposit:8", &units);
    if let Leaf::Deposited { deposit, .. } = &mut other {
        *deposit = deposit_id("deposit:9");
    }
    refused(&start, &other, "hash of ledger and reference");
    let mut wrong = impaired(&[serial(1, 10)]);
    if let Leaf::Impaired { quantity_g, .. } = &mut wrong {
        *quantity_g = Grams(9 * T);
    }
    refused(&start, &wrong, "R6");
}

#[test]
fn only_who_burned_redirects_and_only_forwards() {
    let key = k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let stranger = k256::ecdsa::SigningKey::from_slice(&[8; 32]).unwrap();
    let some = blocks(&[serial(1, 10)]);
    let mut burn = burned(1, Purpose::Retire, &some);
    if let Leaf::Burned { holder, .. } = &mut burn {
        *holder = alloy_primitives::Address::from_private_key(&key);
    }
    let start = [circulating(), vec![burn]].concat();
    let redirected = |counter: u64, key: &k256::ecdsa::SigningKey, chain_id: u64| {
        let wanted = Redirection {
            burn: burn_id(CHAIN_ID, GATE, 1),
            counter,
            purpose: Purpose::Release,
            commitment: B256::repeat_byte(9),
        };
        let signature: Bytes = sign_digest(key, wanted.digest(chain_id, GATE));
        Leaf::Redirected {
            at_ms: 8,
            v: 1,
            transfer: wanted.burn,
            counter,
            purpose: wanted.purpose,
            commitment: wanted.commitment,
            signature,
        }
    };
    let right = redirected(2, &key, CHAIN_ID);
    refused(&start, &redirected(2, &stranger, CHAIN_ID), "signed");
    refused(&start, &redirected(2, &key, 1), "signed");
    refused(&start, &redirected(0, &key, CHAIN_ID), "counter");
    let mut other = right.clone();
    if let Leaf::Redirected { commitment, .. } = &mut other {
        *commitment = B256::repeat_byte(8);
    }
    refused(&start, &other, "signed");
    refused(&circulating(), &right, "never burned");
    let done = [start.clone(), vec![right]].concat();
    for old in [1, 2] {
        refused(&done, &redirected(old, &key, CHAIN_ID), "counter");
    }
    refused(&start, &given(1, Purpose::Release, &some), "purpose");
    let mut book = replay(&done);
    book.apply(&given(1, Purpose::Release, &some)).unwrap();
    let late = book.apply(&redirected(3, &key, CHAIN_ID));
    assert!(late.is_err(), "it has ended");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// However burns are cut, all of what was left is given for all of what circulated, and nobody gets more than was burned.
    #[test]
    fn dividing_gives_all_and_no_more(
        lost in 1u64..100,
        cuts in prop::collection::vec(1u64..40, 1..40),
    ) {
        let mut book = replay(&circulating());
        book.apply(&impaired(&[serial(1, lost)])).unwrap();
        book.apply(&decided(open(&book), 100 - lost, 100)).unwrap();
        let (mut left, mut number, mut all) = (100, 0, 0);
        for cut in cuts.into_iter().chain([100]) {
            let burn_t = cut.min(left);
            if burn_t == 0 {
                break;
            }
            number += 1;
            left -= burn_t;
            let written_off = book.pool(&pool()).unwrap().written_off_g(burn_t * T).unwrap();
            let given_t = burn_t - written_off / T;
            prop_assert!(given_t >= burn_t * (100 - lost) / 100);
            let allocation = book.allocate(&pool(), given_t).unwrap();
            book.apply(&burned_of(number, burn_t, &allocation)).unwrap();
            sums(&book);
            all += given_t;
        }
        prop_assert_eq!((left, all), (0, 100 - lost));
        prop_assert_eq!(sums(&book)[5], 0);
    }
}
