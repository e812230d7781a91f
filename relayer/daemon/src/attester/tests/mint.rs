//! Mint batches: with everything right they are signed, and every rule has a case in which it alone is broken.

use isthmus_core::id::{Address, AssetClassId, Hash32, TransferId};
use isthmus_core::mandate::HolderKey;
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::policy::RouteStatus;
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Lasting;
use isthmus_core::terms::OutboundTerms;
use isthmus_prooflog::book::LockEnd;
use isthmus_prooflog::receipt::RegistryReceipt;
use isthmus_prooflog::serial::Block;

use super::world::{self, NOW, tonnes};
use crate::attester::decline::{Decline, Ground};
use crate::attester::lock::LoggedLock;
use crate::attester::ports::{Outcome, Record, Standing, StoredBlock};
use crate::attester::replica::LoggedRoute;
use crate::attester::reserves::Cover;
use crate::attester::route::{self, RouteFacts};
use crate::attester::verify_mint::{ItemFacts, MintBatch, check_batch, check_item};

/// Everything about one item, by value, so that a case can change it.
struct Case {
    batch: MintBatch,
    item: MintItem,
    lock: LoggedLock,
    route: LoggedRoute,
    admins: Vec<Hash32>,
    outstanding: Quantity,
    status: RouteStatus,
    receipt: RegistryReceipt,
    receipt_signer: u8,
    record: Option<Record>,
    holder: Option<HolderKey>,
    stored: Vec<StoredBlock>,
    outcome: Outcome,
    cover: Cover,
}

fn terms() -> OutboundTerms {
    world::terms(101, 525)
}

fn batch(items: Vec<MintItem>) -> MintBatch {
    MintBatch {
        ledger: world::CHAIN.parse().unwrap(),
        gate: world::GATE,
        items,
        log: LogHead {
            size: 2,
            root: Hash32::new([8; 32]),
        },
        epoch: 1,
        deadline_s: NOW.s() + 3600,
    }
}

fn right() -> Case {
    let terms = terms();
    let replica = world::replay(&[
        world::route_leaf(&world::route(), &world::admins()),
        world::locked(&terms),
    ]);
    Case {
        batch: batch(vec![world::item(&terms)]),
        item: world::item(&terms),
        lock: LoggedLock::read(&replica, terms.id(), 2).unwrap(),
        route: replica.route(&terms.route).unwrap(),
        admins: world::admins().iter().map(world::public).collect(),
        outstanding: tonnes(575),
        status: RouteStatus::Active,
        receipt: world::lock_receipt(&terms),
        receipt_signer: 1,
        record: None,
        holder: Some(world::holder_key()),
        stored: world::stored(&terms),
        outcome: Outcome::None,
        cover: Cover {
            custody: tonnes(1000),
            supply: tonnes(500),
            accounted: tonnes(500),
            pending: tonnes(425),
            other_gates: tonnes(70),
            deposits: tonnes(5),
        },
    }
}

impl Case {
    fn check(&self) -> Result<(), Decline> {
        let signer = world::key(self.receipt_signer);
        let record = self.record.clone().unwrap_or_else(|| Record::Executed {
            receipt: world::signed(&self.receipt, &signer),
        });
        let facts = ItemFacts {
            lock: &self.lock,
            route: RouteFacts {
                route: &self.route,
                signed: route::signed(&self.route, &self.admins),
                outstanding: self.outstanding,
                status: self.status.clone(),
            },
            record: &record,
            receipt_key: &world::registry_key().verifying_key().to_bytes(),
            holder: self.holder,
            stored: &self.stored,
            outcome: self.outcome,
            cover: self.cover,
        };
        check_item(&self.batch, &self.item, &facts, NOW)
    }
}

type Break = fn(&mut Case);

#[test]
#[allow(clippy::too_many_lines, reason = "one table, a row a rule")]
fn an_item_is_signed_only_if_every_rule_holds() {
    right().check().expect("nothing is wrong");
    let later = Ground::Policy(Lasting::Later);
    let never = Ground::Policy(Lasting::Never);
    let cases: [(&str, Ground, Break); 44] = [
        ("another transfer", Ground::NotTheTerms, |c| {
            c.item.transfer = TransferId::new([1; 32]);
        }),
        ("another class", Ground::NotTheTerms, |c| {
            c.item.asset_class = AssetClassId::new([1; 32]);
        }),
        ("another recipient", Ground::NotTheTerms, |c| {
            c.item.recipient = Address::new([1; 20]);
        }),
        ("another quantity", Ground::NotTheTerms, |c| {
            c.item.quantity = tonnes(426);
        }),
        ("another chain", Ground::NotTheTerms, |c| {
            c.batch.ledger = "eip155:1".parse().unwrap();
        }),
        ("another gate", Ground::NotTheTerms, |c| {
            c.batch.gate = Address::new([1; 20]);
        }),
        ("logged as minted", Ground::Ended, |c| {
            c.lock.end = LockEnd::Minted;
        }),
        ("logged as voided", Ground::Ended, |c| {
            c.lock.end = LockEnd::Voided;
        }),
        ("logged as unlocked", Ground::Ended, |c| {
            c.lock.end = LockEnd::Unlocked;
        }),
        ("minted at the gate", Ground::Minted, |c| {
            c.outcome = Outcome::Minted;
        }),
        ("voided at the gate", Ground::Voided, |c| {
            c.outcome = Outcome::Voided;
        }),
        ("no lock", Ground::NotLocked, |c| {
            c.record = Some(Record::Absent);
        }),
        ("a proposal is no lock", Ground::NotLocked, |c| {
            c.record = Some(world::proposed(&1.into()));
        }),
        ("receipt of a stranger", Ground::BadReceipt, |c| {
            c.receipt_signer = 99;
        }),
        ("no receipt", Ground::BadReceipt, |c| {
            c.record = Some(Record::Executed {
                receipt: "x".into(),
            });
        }),
        ("malformed units", Ground::BadReceipt, |c| {
            c.receipt.units = vec!["x".into()];
        }),
        ("another movement", Ground::OtherLock, |c| {
            c.receipt.movement = "release".into();
        }),
        ("another form", Ground::BadReceipt, |c| c.receipt.v = 2),
        ("another reference", Ground::OtherLock, |c| {
            c.receipt.reference = "x".into();
        }),
        ("another registry", Ground::BadReceipt, |c| {
            c.receipt.registry = "vcs:other".into();
        }),
        ("another account", Ground::OtherLock, |c| {
            c.receipt.account = Some("1002".into());
        }),
        ("another custody", Ground::OtherLock, |c| {
            c.receipt.custody_account = "9002".into();
        }),
        ("other units", Ground::OtherLock, |c| {
            c.receipt.units = vec![world::serial(102, 526)];
        }),
        ("fewer tonnes", Ground::OtherLock, |c| {
            c.receipt.quantity_t = 424;
        }),
        ("no mandate", Ground::NoMandate, |c| {
            c.receipt.mandate = None;
        }),
        ("mandate of another", Ground::NoMandate, |c| {
            c.receipt.mandate = Some(world::mandate(&terms(), &world::key(99)));
        }),
        ("mandate for another", Ground::NoMandate, |c| {
            c.receipt.mandate = Some(world::mandate(&world::terms(1, 9), &world::holder()));
        }),
        ("unreadable mandate", Ground::NoMandate, |c| {
            c.receipt.mandate = Some("!".into());
        }),
        ("no holder key", Ground::NoMandate, |c| c.holder = None),
        ("taken away", Ground::NotInCustody, |c| {
            c.stored[0].standing = Standing::Elsewhere;
        }),
        ("in another account", Ground::NotInCustody, |c| {
            c.stored[0].account = "1001".parse().unwrap();
        }),
        ("a unit is missing", Ground::NotInCustody, |c| {
            c.stored[0].serial = world::serial(101, 524);
        }),
        ("another series", Ground::NotInCustody, |c| {
            c.stored[0].serial = world::serial(101, 525).replace("1507", "1508");
        }),
        ("unreadable block", Ground::NotInCustody, |c| {
            c.stored[0].serial = "x".into();
        }),
        ("locked by another", Ground::NotInCustody, |c| {
            c.stored[0].reference = Some("x".into());
        }),
        ("relabelled", Ground::OtherClass, |c| {
            c.stored[0].class.labels = vec!["CCP".into()];
        }),
        ("one admin", Ground::RouteUnsigned, |c| {
            c.route.signatures.truncate(1);
        }),
        ("one admin twice", Ground::RouteUnsigned, |c| {
            c.route.signatures[1] = c.route.signatures[0].clone();
        }),
        ("admins of another", Ground::RouteUnsigned, |c| {
            c.admins[0] = Hash32::new([1; 32]);
        }),
        ("another pool", Ground::OtherPool, |c| {
            c.lock.pool.gate = Address::new([1; 20]);
        }),
        ("paused", later, |c| c.status = RouteStatus::Paused),
        ("over the cap", later, |c| c.outstanding = tonnes(576)),
        (
            "a gram that the log does not know",
            Ground::UnloggedSupply,
            |c| {
                c.cover.accounted = Quantity::from_grams(499_999_999).unwrap();
            },
        ),
        ("reserves short by a gram", Ground::ReservesShort, |c| {
            c.cover.custody = c
                .cover
                .custody
                .checked_sub(Quantity::from_grams(1).unwrap())
                .unwrap();
        }),
    ];
    for (what, ground, break_it) in cases {
        let mut case = right();
        break_it(&mut case);
        assert_eq!(case.check().expect_err(what).ground, ground, "{what}");
    }
    let mut narrowed = right();
    let mut document = world::route();
    document.allow_accounts = vec!["1002".parse().unwrap()];
    let leaf = world::route_leaf(&document, &world::admins());
    narrowed.route = world::replay(&[leaf]).route(&document.id).unwrap();
    assert_eq!(
        narrowed.check().unwrap_err().ground,
        never,
        "the route's own policy"
    );
}

#[test]
fn blocks_that_lie_whole_or_in_parts_count_the_same() {
    let mut case = right();
    let part = |first, last| StoredBlock {
        serial: world::serial(first, last),
        ..world::stored(&terms()).remove(0)
    };
    // Merged with a neighbour below, cut in the middle, and a stranger's block far away that is not locked.
    case.stored = vec![part(1, 300), part(301, 525), part(9000, 9001)];
    case.stored[2].standing = Standing::Elsewhere;
    case.check().expect("the same units");
}

/// The pool bears what the registry takes away: once it is whole, and the reserves say so, the transfer is minted all the same.
#[test]
fn a_lock_that_lost_units_is_signed_only_for_what_is_left_and_if_they_are_gone() {
    let part = |first, last| StoredBlock {
        serial: world::serial(first, last),
        ..world::stored(&terms()).remove(0)
    };
    let cut = |lost_to: u64| {
        let mut case = right();
        case.lock.lost = vec![Block::parse(&world::serial(101, lost_to)).unwrap()];
        case.stored = vec![part(101, lost_to)];
        case.stored[0].standing = Standing::Elsewhere;
        if lost_to < 525 {
            case.stored.push(part(lost_to + 1, 525));
        }
        case
    };
    cut(110).check().expect("the rest lies there");
    cut(525).check().expect("nothing of it need be left");
    let cases: [(&str, Ground, Break); 5] = [
        ("it lies there still", Ground::NotInCustody, |c| {
            c.stored[0].standing = Standing::Locked;
        }),
        ("more is gone", Ground::NotInCustody, |c| {
            c.stored[1].standing = Standing::Elsewhere;
        }),
        ("the rest is not shown", Ground::NotInCustody, |c| {
            c.stored.truncate(1);
        }),
        ("relabelled", Ground::OtherClass, |c| {
            c.stored[0].class.labels = vec!["CCP".into()];
        }),
        ("not made good", Ground::ReservesShort, |c| {
            c.cover.custody = tonnes(990);
        }),
    ];
    for (what, ground, break_it) in cases {
        let mut case = cut(110);
        break_it(&mut case);
        assert_eq!(case.check().expect_err(what).ground, ground, "{what}");
    }
    let mut relocked = cut(110);
    relocked.stored[0].standing = Standing::Locked;
    relocked.stored[0].reference = Some("another lock".into());
    relocked.check().expect("somebody else's by now");
}

#[test]
fn a_batch_names_a_near_deadline_and_the_log_followed_here() {
    let batch = batch(vec![world::item(&terms())]);
    let root = Some(batch.log.root);
    check_batch(&batch, root, NOW).expect("nothing is wrong");
    let at = |deadline_s| MintBatch {
        deadline_s,
        ..batch.clone()
    };
    let day_s = 24 * 3600;
    check_batch(&at(NOW.s() + day_s), root, NOW).expect("24 h is the limit");
    let cases = [
        (at(NOW.s()), root, Ground::DeadlinePassed),
        (at(NOW.s() + day_s + 1), root, Ground::DeadlineTooFar),
        (at(u64::MAX), root, Ground::DeadlineTooFar),
        (batch.clone(), None, Ground::LogBehind),
        (batch.clone(), Some(Hash32::new([1; 32])), Ground::OtherLog),
    ];
    for (batch, root, ground) in cases {
        assert_eq!(check_batch(&batch, root, NOW).unwrap_err().ground, ground);
    }
}

#[test]
fn the_lock_must_be_in_the_part_of_the_log_that_is_signed() {
    let terms = terms();
    let route = world::route_leaf(&world::route(), &world::admins());
    let replica = world::replay(&[route, world::locked(&terms)]);
    let read = |id, size| LoggedLock::read(&replica, id, size).map(|lock| lock.id());
    assert_eq!(read(terms.id(), 2), Ok(terms.id()));
    assert_eq!(read(terms.id(), 1).unwrap_err().ground, Ground::NotLogged);
    let other = TransferId::new([1; 32]);
    assert_eq!(read(other, 2).unwrap_err().ground, Ground::NotLogged);
}

#[test]
fn terms_with_an_unknown_field_or_form_are_not_the_holders() {
    let odd = |field: &str, value: u8| {
        let mut odd = serde_json::to_value(terms()).unwrap();
        odd[field] = value.into();
        let id = isthmus_prooflog::leaf::jcs_digest(&odd);
        let mut leaf = world::locked(&terms());
        if let isthmus_prooflog::leaf::Leaf::Locked {
            terms, transfer, ..
        } = &mut leaf
        {
            (*terms, *transfer) = (odd, id);
        }
        (TransferId::new(id.0), leaf)
    };
    let mut replica = world::replay(&[world::route_leaf(&world::route(), &world::admins())]);
    let (_, other_form) = odd("v", 2);
    replica
        .apply(&other_form)
        .expect_err("a log with another form is not followed");
    let (id, unknown_field) = odd("extra", 1);
    replica.apply(&unknown_field).unwrap();
    let read = LoggedLock::read(&replica, id, 2);
    assert_eq!(read.unwrap_err().ground, Ground::BadTerms);
}

/// A stolen relayer may log a lock with any time; the delay runs from the time that the registry signed.
#[test]
fn a_large_lock_is_signed_only_after_its_routes_delay() {
    let delay_ms = 3_600_000;
    let decide = |from: u64, waited_ms: u64| {
        let route = isthmus_core::route::RouteDocument {
            big_transfer: Some(isthmus_core::route::BigTransfer {
                delay_ms,
                from_g: tonnes(from),
            }),
            ..world::route()
        };
        let leaves = [
            world::route_leaf(&route, &world::admins()),
            world::locked(&terms()),
        ];
        let mut case = right();
        case.route = world::replay(&leaves).route(&terms().route).unwrap();
        case.receipt.at_ms = NOW.ms() - waited_ms;
        case.check().map_err(|decline| decline.ground)
    };
    let later = Err(Ground::Policy(Lasting::Later));
    assert_eq!(decide(425, delay_ms - 1), later);
    assert_eq!(decide(425, delay_ms), Ok(()));
    assert_eq!(decide(426, 0), Ok(()), "not as large as that");
}
