//! What counts beside a burn's own instruction, and what may be given back that nobody locked.

use std::sync::Arc;

use alloy::primitives::{Address as EvmAddress, B256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use isthmus_core::id::{Address, Hash32, TransferId};
use isthmus_core::instruction::{Instruction, Purpose};
use isthmus_prooflog::book::RedirectStory;
use isthmus_prooflog::leaf::{self, AdminSignature, Leaf, jcs_digest};
use isthmus_prooflog::pro_rata::{self, Decision};
use isthmus_prooflog::receipt::RegistryReceipt;
use isthmus_prooflog::redirect::Redirection;
use isthmus_store::AttesterStore;
use serde_json::{Value, json};

use super::world;
use crate::attester::decline::{Decline, Ground};
use crate::attester::memory::{Memory, Promise};
use crate::attester::ports::{Record, Standing, StoredBlock};
use crate::attester::proposal::Allowed;
use crate::attester::verify_deposit::{self, LoggedDeposit, ReturnFacts};
use crate::attester::{verify_pool, verify_redirect};

fn ground<T: std::fmt::Debug>(answer: Result<T, Decline>) -> Ground {
    answer.unwrap_err().ground
}

fn route_leaf() -> Leaf {
    world::route_leaf(&world::route(), &world::admins())
}

fn admins() -> [Hash32; 2] {
    world::admins().each_ref().map(world::public)
}

fn evidence() -> leaf::EvidenceRef {
    leaf::EvidenceRef {
        grade: "A".into(),
        sha256: B256::ZERO,
        r#type: "registry-receipt".into(),
    }
}

fn to(account: &str) -> Instruction {
    Instruction::Release {
        account: account.parse().unwrap(),
        salt: Hash32::new([4; 32]),
        v: 1,
    }
}

/// The burn of a key, and its redirection by another.
fn redirected(
    burner: &PrivateKeySigner,
    by: &PrivateKeySigner,
) -> (isthmus_core::terms::Burn, RedirectStory) {
    let burn = isthmus_core::terms::Burn {
        holder: Address::new(burner.address().into_array()),
        ..world::burn(10)
    };
    let redirection = Redirection {
        burn: B256::from(*burn.id().as_bytes()),
        counter: 4,
        purpose: leaf::Purpose::Release,
        commitment: B256::from(*to("1002").commitment().as_bytes()),
    };
    let gate = EvmAddress::from(*burn.gate.as_bytes());
    let digest = redirection.digest(burn.chain_id, gate);
    let signature = by.sign_hash_sync(&digest).unwrap().as_bytes().to_vec();
    let signature = signature.into();
    (
        burn,
        RedirectStory {
            redirection,
            signature,
        },
    )
}

#[test]
fn only_the_burners_last_instruction_counts() {
    let (burner, thief) = (PrivateKeySigner::random(), PrivateKeySigner::random());
    let (burn, story) = redirected(&burner, &burner);
    let own = world::instruction();
    assert_eq!(verify_redirect::check(&burn, None, &own), Ok(0));
    let now = verify_redirect::check(&burn, Some(&story), &to("1002"));
    assert_eq!(now, Ok(4));
    let not_any_more = verify_redirect::check(&burn, Some(&story), &own);
    assert_eq!(ground(not_any_more), Ground::OtherInstruction);
    for (instruction, story) in [
        (to("1003"), Some(&story)),
        (to("1002"), None),
        (to("1002"), Some(&redirected(&burner, &thief).1)),
    ] {
        let answer = verify_redirect::check(&burn, story, &instruction);
        assert_eq!(ground(answer), Ground::OtherInstruction);
    }
    let mut other_burn = story.clone();
    other_burn.redirection.burn = B256::repeat_byte(1);
    let answer = verify_redirect::check(&burn, Some(&other_burn), &to("1002"));
    assert_eq!(ground(answer), Ground::OtherInstruction);
}

/// A log that leaves the redirection out, shown later, changes nothing.
#[test]
fn an_earlier_instruction_is_never_approved_after_a_later_one() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let store = AttesterStore::open(folder.path(), "test").unwrap();
        Memory::new(Arc::new(store))
    };
    let allowed = |byte| Allowed {
        digest: Hash32::new([byte; 32]),
        effect: Hash32::new([9; 32]),
    };
    let (old, new) = (allowed(1), allowed(2));
    let approve = |memory: &Memory, counter, allowed| {
        let promise = Promise {
            reference: "burn".into(),
            allowed,
            instruction: Some(counter),
        };
        memory.approvals(&[promise]).unwrap().remove(0)
    };
    let memory = open();
    assert_eq!(approve(&memory, 0, old), Ok(()));
    // The earlier proposal was closed before anybody looked: the later instruction takes its place.
    assert_eq!(approve(&memory, 3, new), Ok(()));
    drop(memory);
    let memory = open();
    assert_eq!(approve(&memory, 3, new), Ok(()));
    for counter in [0, 2] {
        let answer = approve(&memory, counter, new);
        assert_eq!(ground(answer), Ground::OldInstruction);
    }
    assert_eq!(ground(approve(&memory, 3, old)), Ground::OtherApproved);
}

#[test]
fn a_route_redeems_only_for_what_two_own_admins_signed() {
    let replica = world::replay(&[route_leaf(), world::locked(&world::terms(1, 100))]);
    let pool = world::route().pool(world::class().id());
    let admins = admins();
    let redeems =
        |admins: &[Hash32], purpose| verify_pool::redeems(replica.routes(), admins, &pool, purpose);
    assert_eq!(redeems(&admins, Purpose::Release), Ok(()));
    let strangers = [Hash32::new([1; 32]), Hash32::new([2; 32])];
    assert_eq!(
        ground(redeems(&strangers, Purpose::Release)),
        Ground::NotRedeemable
    );
    let mut other = pool.clone();
    other.custody_account = "9002".parse().unwrap();
    let answer = verify_pool::redeems(replica.routes(), &admins, &other, Purpose::Release);
    assert_eq!(ground(answer), Ground::NotRedeemable);
}

/// Ten of the tonnes leave custody.
fn taken_away(pool: B256, asset_class: B256) -> Leaf {
    Leaf::Impaired {
        at_ms: 1,
        v: 1,
        pool,
        asset_class,
        reference: "registry:9".into(),
        units: vec![world::serial(1, 10)],
        quantity_g: leaf::Grams(10_000_000),
        evidence: evidence(),
    }
}

/// A pool of 100 t of which 10 were taken away, with a burn of 5 t, and what was decided by whom.
fn divided(backing_t: u64, signers: &[usize]) -> Result<(), Decline> {
    const T: u64 = 1_000_000;
    let terms = world::terms(1, 100);
    let pool = world::route().pool(terms.asset_class);
    let word = B256::from(*pool.id().as_bytes());
    let class = B256::from(*terms.asset_class.as_bytes());
    let mut leaves = vec![route_leaf(), world::locked(&terms), world::minted(&terms)];
    let impaired = taken_away(word, class);
    let book = world::replay(&[&leaves[..], std::slice::from_ref(&impaired)].concat());
    let decision = Decision {
        backing_g: leaf::Grams(backing_t * T),
        impaired: book.pool_book(pool.id()).unwrap().impairment().unwrap(),
        pool: word,
        supply_g: leaf::Grams(100 * T),
        v: 1,
    };
    let document = decision.document();
    let sign = |index: &usize| {
        let key = &world::admins()[*index];
        let signature = ed25519_dalek::Signer::sign(key, pro_rata::message(&document).as_bytes());
        AdminSignature {
            key: B256::from(key.verifying_key().to_bytes()),
            signature: hex::encode(signature.to_bytes()),
        }
    };
    let burn = world::burn(5);
    if backing_t == 0 {
        // Nothing is decided: the burn was before.
        leaves.push(world::burned(&burn, &world::blocks(&[world::serial(1, 5)])));
        let mut later = impaired;
        if let Leaf::Impaired { units, .. } = &mut later {
            *units = vec![world::serial(6, 15)];
        }
        leaves.push(later);
    } else {
        let signatures = signers.iter().map(sign).collect();
        let written_off = decision.written_off_g(5 * T, 10 * T);
        let last = 15 - written_off / T;
        let mut leaf = world::burned(&burn, &world::blocks(&[world::serial(11, last)]));
        if let Leaf::Burned { written_off_g, .. } = &mut leaf {
            *written_off_g = Some(leaf::Grams(written_off));
        }
        leaves.push(impaired);
        leaves.push(Leaf::ProRata {
            at_ms: 1,
            v: 1,
            decision: document.clone(),
            signatures,
        });
        leaves.push(leaf);
    }
    let replica = world::replay(&leaves);
    let book = replica.pool_book(pool.id()).unwrap();
    verify_pool::is_sound(book, replica.burn(burn.id()).unwrap(), &admins())
}

#[test]
fn an_impaired_pool_gives_only_by_what_two_own_admins_decided() {
    assert_eq!(ground(divided(0, &[])), Ground::Impaired);
    assert_eq!(divided(90, &[0, 1]), Ok(()));
    for (backing_t, admins) in [
        (90, &[][..]),
        (90, &[0]),
        (90, &[0, 0]),
        // Signed by both, and not what the log had.
        (80, &[0, 1]),
        (91, &[0, 1]),
    ] {
        let answer = divided(backing_t, admins);
        assert_eq!(ground(answer), Ground::Impaired, "{backing_t} {admins:?}");
    }
}

/// Whoever has the log's key may tell of losses: only what the registry itself signed is one.
#[test]
fn a_decision_is_about_what_the_registry_took_away() {
    let terms = world::terms(1, 100);
    let pool = world::route().pool(terms.asset_class);
    let word = B256::from(*pool.id().as_bytes());
    let class = B256::from(*terms.asset_class.as_bytes());
    let mut leaves = vec![route_leaf(), world::locked(&terms), world::minted(&terms)];
    leaves.push(taken_away(word, class));
    let impaired = world::replay(&leaves)
        .pool_book(pool.id())
        .unwrap()
        .impairment();
    let decision = Decision {
        backing_g: leaf::Grams(90_000_000),
        impaired: impaired.unwrap(),
        pool: word,
        supply_g: leaf::Grams(100_000_000),
        v: 1,
    };
    leaves.push(Leaf::ProRata {
        at_ms: 1,
        v: 1,
        decision: decision.document(),
        signatures: Vec::new(),
    });
    let burn = world::burn(5);
    let mut leaf = world::burned(&burn, &world::blocks(&[world::serial(11, 14)]));
    if let Leaf::Burned { written_off_g, .. } = &mut leaf {
        *written_off_g = Some(leaf::Grams(1_000_000));
    }
    leaves.push(leaf);
    let replica = world::replay(&leaves);
    let book = replica.pool_book(pool.id()).unwrap();
    let taken = verify_pool::taken(book, replica.burn(burn.id()).unwrap());
    assert_eq!(
        taken.len(),
        1,
        "one leaf, behind the burn and behind the pool"
    );
    let right = RegistryReceipt {
        account: None,
        mandate: None,
        movement: "cancel".into(),
        quantity_t: 12,
        reference: "registry:9".into(),
        units: vec![world::serial(1, 12)],
        ..world::lock_receipt(&terms)
    };
    let check = |receipt: &RegistryReceipt, key| {
        let receipt = world::signed(receipt, &key);
        let record = Record::Executed { receipt };
        let own = world::registry_key().verifying_key().to_bytes();
        verify_pool::was_taken(&taken[0], &record, &pool, &own)
    };
    assert_eq!(check(&right, world::registry_key()), Ok(()));
    assert_eq!(ground(check(&right, world::holder())), Ground::BadReceipt);
    let breaks: [fn(&mut RegistryReceipt); 4] = [
        |r| r.movement = "release".into(),
        |r| r.reference = "registry:8".into(),
        |r| r.custody_account = "9002".into(),
        |r| r.units = vec![world::serial(2, 12)],
    ];
    for change in breaks {
        let mut receipt = right.clone();
        change(&mut receipt);
        let answer = check(&receipt, world::registry_key());
        assert_eq!(ground(answer), Ground::Impaired, "{receipt:?}");
    }
    let own = world::registry_key().verifying_key().to_bytes();
    let nothing = verify_pool::was_taken(&taken[0], &Record::Absent, &pool, &own);
    assert_eq!(ground(nothing), Ground::Impaired);
}

const REFERENCE: &str = "deposit:8";

struct Return {
    deposit: LoggedDeposit,
    receipt: RegistryReceipt,
    key: ed25519_dalek::SigningKey,
    proposal: Value,
    stored: Vec<StoredBlock>,
}

fn right() -> Return {
    let units = vec![world::serial(301, 305)];
    let terms = world::terms(1, 100);
    let named = json!({"ledger": world::REGISTRY, "reference": REFERENCE, "v": 1});
    let id = jcs_digest(&named);
    let pool = world::route().pool(terms.asset_class);
    let leaf = Leaf::Deposited {
        at_ms: 1,
        v: 1,
        pool: B256::from(*pool.id().as_bytes()),
        asset_class: B256::from(*terms.asset_class.as_bytes()),
        deposit: id,
        ledger: world::REGISTRY.into(),
        reference: REFERENCE.into(),
        account: "1002".into(),
        units: units.clone(),
        quantity_g: leaf::Grams(5_000_000),
        evidence: evidence(),
    };
    let replica = world::replay(&[route_leaf(), leaf]);
    let deposit = LoggedDeposit::read(&replica, TransferId::new(id.0)).unwrap();
    Return {
        deposit,
        receipt: RegistryReceipt {
            account: Some("1002".into()),
            mandate: None,
            movement: "deposit".into(),
            quantity_t: 5,
            reference: REFERENCE.into(),
            units: units.clone(),
            ..world::lock_receipt(&terms)
        },
        key: world::registry_key(),
        proposal: json!({
            "reference": format!("return:{REFERENCE}"),
            "movement": "return",
            "custody_account": "9001",
            "units": units,
            "to_account": "1002",
        }),
        stored: vec![StoredBlock {
            serial: units[0].clone(),
            account: world::route().custody_account,
            standing: Standing::Locked,
            class: world::class(),
            reference: Some(REFERENCE.into()),
        }],
    }
}

impl Return {
    fn check(&self) -> Result<Hash32, Decline> {
        verify_deposit::check(&ReturnFacts {
            deposit: &self.deposit,
            record: &Record::Executed {
                receipt: world::signed(&self.receipt, &self.key),
            },
            receipt_key: &world::registry_key().verifying_key().to_bytes(),
            proposed: &world::proposed(&self.proposal),
            stored: &self.stored,
        })
        .map(|allowed| allowed.digest)
    }
}

type Break = fn(&mut Return);

#[test]
fn a_deposit_goes_back_to_its_sender_only_if_every_rule_holds() {
    let expected = Hash32::new(jcs_digest(&right().proposal).0);
    assert_eq!(right().check(), Ok(expected), "nothing is wrong");
    let mut correction = right();
    correction.receipt.movement = "correction".into();
    correction.receipt.custody_account = "1002".into();
    correction.receipt.account = Some("9001".into());
    assert_eq!(correction.check(), Ok(expected), "by the registry itself");
    let cases: [(&str, Ground, Break); 11] = [
        ("another receiver", Ground::OtherProposal, |r| {
            r.proposal["to_account"] = "1003".into();
        }),
        ("a release", Ground::OtherProposal, |r| {
            r.proposal["movement"] = "release".into();
        }),
        ("other units", Ground::OtherProposal, |r| {
            r.proposal["units"] = json!([world::serial(301, 306)]);
        }),
        ("another sender", Ground::OtherLock, |r| {
            r.receipt.account = Some("1003".into());
        }),
        ("another account", Ground::OtherLock, |r| {
            r.receipt.custody_account = "9002".into();
        }),
        ("a lock", Ground::OtherLock, |r| {
            r.receipt.movement = "lock".into();
        }),
        ("other units came", Ground::OtherLock, |r| {
            r.receipt.units = vec![world::serial(302, 306)];
        }),
        ("signed by another", Ground::BadReceipt, |r| {
            r.key = world::holder();
        }),
        ("locked by a lock", Ground::NotInCustody, |r| {
            r.stored[0].reference = Some(world::terms(301, 305).id().to_string());
        }),
        ("gone", Ground::NotInCustody, |r| {
            r.stored[0].standing = Standing::Elsewhere;
        }),
        ("it makes its pool good", Ground::Ended, |r| {
            r.deposit.end = isthmus_prooflog::book::DepositEnd::Cured;
        }),
    ];
    for (what, expected, change) in cases {
        let mut facts = right();
        change(&mut facts);
        assert_eq!(ground(facts.check()), expected, "{what}");
    }
}
