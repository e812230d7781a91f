//! Releases, retirements and unlocks: with everything right they are approved, and every rule has a case in which it alone is
//! broken.

use isthmus_core::id::{Address, AssetClassId, Hash32, TransferId};
use isthmus_core::instruction::{Instruction, Purpose};
use isthmus_core::receipt::{Lasting, Refusal};
use isthmus_core::terms::Burn;
use isthmus_prooflog::book::LockEnd;
use serde_json::{Value, json};

use super::world::{self, tonnes};
use crate::attester::decline::{Decline, Ground};
use crate::attester::lock::LoggedLock;
use crate::attester::ports::{Outcome, Record, Standing, StoredBlock};
use crate::attester::proposal::Allowed;
use crate::attester::verify_redemption::{self, Backing, LoggedBurn, RedemptionFacts};
use crate::attester::verify_unlock::{self, UnlockFacts};

fn refusal() -> Refusal {
    Refusal {
        code: "not_in_custody".into(),
        field: String::new(),
        value: String::new(),
        message: String::new(),
        lasting: Lasting::Never,
    }
}

/// A redemption of 150 t that takes all of one lock and a part of the next.
struct Redemption {
    logged: LoggedBurn,
    burned: Option<Burn>,
    locks: Vec<LoggedLock>,
    records: Vec<Record>,
    outcomes: Vec<Outcome>,
    instruction: Vec<u8>,
    proposal: Value,
    record: Option<Record>,
    stored: Vec<StoredBlock>,
}

fn redemption() -> Redemption {
    let (one, two) = (world::terms(1, 100), world::terms(201, 300));
    let burn = world::burn(150);
    let allocation = world::blocks(&[world::serial(1, 100), world::serial(201, 250)]);
    let replica = world::replay(&[
        world::route_leaf(&world::route(), &world::admins()),
        world::locked(&one),
        world::locked(&two),
        world::minted(&one),
        world::minted(&two),
        world::burned(&burn, &allocation),
    ]);
    let logged = LoggedBurn::read(&replica, burn.id()).unwrap();
    let behind: Vec<TransferId> = replica
        .origins(&logged.allocation)
        .unwrap()
        .into_iter()
        .collect();
    let mut expected = vec![one.id(), two.id()];
    expected.sort();
    assert_eq!(behind, expected);
    let terms = [&one, &two];
    let lock =
        |terms: &&_| LoggedLock::read(&replica, isthmus_core::terms::OutboundTerms::id(terms), 6);
    Redemption {
        logged,
        burned: Some(burn.clone()),
        locks: terms.iter().map(lock).collect::<Result<_, _>>().unwrap(),
        records: terms
            .iter()
            .map(|terms| world::lock_record(terms))
            .collect(),
        outcomes: vec![Outcome::Minted; 2],
        instruction: serde_json::to_vec(&world::instruction()).unwrap(),
        proposal: json!({
            "reference": burn.id().to_string(),
            "movement": "retire",
            "custody_account": "9001",
            // The order and the cuts are the relayer's business.
            "units": [world::serial(201, 250), world::serial(1, 50), world::serial(51, 100)],
            "beneficiary": "Acme Ltd",
            "reason": "2025 emissions",
        }),
        record: None,
        stored: terms
            .iter()
            .flat_map(|terms| world::stored(terms))
            .collect(),
    }
}

impl Redemption {
    fn check(&self) -> Result<Hash32, Decline> {
        let backing: Vec<Backing<'_>> = (self.locks.iter().zip(&self.records).zip(&self.outcomes))
            .map(|((lock, record), outcome)| Backing {
                lock,
                record,
                outcome: *outcome,
            })
            .collect();
        verify_redemption::check(&RedemptionFacts {
            logged: &self.logged,
            burned: self.burned.as_ref(),
            backing: &backing,
            deposits: &[],
            instruction: &self.instruction,
            receipt_key: &world::registry_key().verifying_key().to_bytes(),
            proposed: &self
                .record
                .clone()
                .unwrap_or_else(|| world::proposed(&self.proposal)),
            stored: &self.stored,
        })
        .map(|(allowed, _)| allowed.digest)
    }

    fn burn(&mut self) -> &mut Burn {
        self.burned.as_mut().unwrap()
    }
}

type BreakRedemption = fn(&mut Redemption);
type BreakUnlock = fn(&mut Unlock);

#[test]
#[allow(clippy::too_many_lines, reason = "one table, a row a rule")]
fn a_redemption_is_approved_only_if_every_rule_holds() {
    let right = redemption();
    let Record::Proposed { digest, .. } = world::proposed(&right.proposal) else {
        unreachable!()
    };
    assert_eq!(right.check(), Ok(digest), "nothing is wrong");
    let other_instruction = |change: fn(&mut Instruction)| {
        let mut instruction = world::instruction();
        change(&mut instruction);
        serde_json::to_vec(&instruction).unwrap()
    };
    assert!(!other_instruction(|_| ()).is_empty());
    let cases: [(&str, Ground, BreakRedemption); 35] = [
        // A log that leaves out a release and the next holder's lock would give that holder's units away.
        ("locked again by somebody else", Ground::NotInCustody, |r| {
            r.stored[0].reference = Some(world::terms(1, 99).id().to_string());
        }),
        ("locked by nothing known", Ground::NotInCustody, |r| {
            r.stored[0].reference = None;
        }),
        ("no longer locked", Ground::NotInCustody, |r| {
            r.stored[1].standing = Standing::Elsewhere;
        }),
        ("not all there", Ground::NotInCustody, |r| {
            r.stored.truncate(1);
        }),
        ("not final", Ground::NotBurned, |r| r.burned = None),
        ("another number", Ground::OtherBurn, |r| r.burn().number = 2),
        ("another chain id", Ground::OtherBurn, |r| {
            r.burn().chain_id = 1;
        }),
        ("another chain", Ground::OtherBurn, |r| {
            r.burn().ledger = "eip155:1".parse().unwrap();
        }),
        ("another gate", Ground::OtherBurn, |r| {
            r.burn().gate = Address::new([1; 20]);
        }),
        ("another class", Ground::OtherBurn, |r| {
            r.burn().asset_class = AssetClassId::new([1; 32]);
        }),
        ("another holder", Ground::OtherBurn, |r| {
            r.burn().holder = Address::new([1; 20]);
        }),
        ("another quantity", Ground::OtherBurn, |r| {
            r.burn().quantity = tonnes(149);
        }),
        ("another purpose", Ground::OtherBurn, |r| {
            r.burn().purpose = Purpose::Release;
        }),
        ("another commitment", Ground::OtherBurn, |r| {
            r.burn().commitment = Hash32::new([1; 32]);
        }),
        ("a pool of another gate", Ground::OtherBurn, |r| {
            r.logged.pool.gate = Address::new([1; 20]);
        }),
        ("a pool of another class", Ground::OtherBurn, |r| {
            r.logged.pool.asset_class = AssetClassId::new([1; 32]);
        }),
        ("a pool of another chain", Ground::OtherBurn, |r| {
            r.logged.pool.destination = "eip155:1".parse().unwrap();
        }),
        ("a lock that was not minted", Ground::NotLocked, |r| {
            r.outcomes[1] = Outcome::None;
        }),
        ("a lock that the registry lacks", Ground::NotLocked, |r| {
            r.records[1] = Record::Absent;
        }),
        ("a lock of other units", Ground::OtherLock, |r| {
            r.records[1] = {
                let mut receipt = world::lock_receipt(&world::terms(201, 300));
                receipt.units = vec![world::serial(301, 400)];
                Record::Executed {
                    receipt: world::signed(&receipt, &world::registry_key()),
                }
            }
        }),
        ("a lock of another pool", Ground::OtherPool, |r| {
            r.locks[1].pool.custody_account = "9002".parse().unwrap();
        }),
        ("no instruction", Ground::OtherInstruction, |r| {
            r.instruction = vec![];
        }),
        (
            "an instruction for another",
            Ground::OtherInstruction,
            |r| {
                let text = String::from_utf8(r.instruction.clone()).unwrap();
                r.instruction = text.replace("Acme", "Evil").into_bytes();
            },
        ),
        ("nothing proposed", Ground::NotProposed, |r| {
            r.record = Some(Record::Absent);
        }),
        ("refused", Ground::ProposalRefused, |r| {
            r.record = Some(Record::Refused(refusal()));
        }),
        ("done", Ground::Done, |r| {
            r.record = Some(Record::Executed {
                receipt: String::new(),
            });
        }),
        ("a digest of something else", Ground::BadDigest, |r| {
            r.record = Some(Record::Proposed {
                digest: Hash32::new([1; 32]),
                proposal: r.proposal.clone(),
            });
        }),
        ("another reference", Ground::OtherProposal, |r| {
            r.proposal["reference"] = "x".into();
        }),
        ("another movement", Ground::OtherProposal, |r| {
            r.proposal["movement"] = "release".into();
        }),
        ("another custody", Ground::OtherProposal, |r| {
            r.proposal["custody_account"] = "9002".into();
        }),
        ("other units", Ground::OtherProposal, |r| {
            r.proposal["units"] = json!([world::serial(1, 150)]);
        }),
        ("somebody receives it", Ground::OtherProposal, |r| {
            r.proposal["to_account"] = "6666".into();
        }),
        ("another beneficiary", Ground::OtherProposal, |r| {
            r.proposal["beneficiary"] = "Evil Ltd".into();
        }),
        ("another reason", Ground::OtherProposal, |r| {
            r.proposal["reason"] = "x".into();
        }),
        ("a field nobody knows", Ground::OtherProposal, |r| {
            r.proposal["also"] = 1.into();
        }),
    ];
    for (what, ground, break_it) in cases {
        let mut case = redemption();
        break_it(&mut case);
        assert_eq!(case.check().expect_err(what).ground, ground, "{what}");
    }
}

#[test]
fn a_burn_ends_once_and_must_be_logged() {
    let terms = world::terms(1, 100);
    let burn = world::burn(100);
    let allocation = world::blocks(&terms.units);
    let mut leaves = vec![
        world::route_leaf(&world::route(), &world::admins()),
        world::locked(&terms),
        world::minted(&terms),
    ];
    let ground =
        |leaves: &[_]| LoggedBurn::read(&world::replay(leaves), burn.id()).map_err(|d| d.ground);
    assert_eq!(ground(&leaves).unwrap_err(), Ground::NotLogged);
    leaves.push(world::burned(&burn, &allocation));
    assert!(ground(&leaves).is_ok());
    leaves.push(world::retired(&burn, &allocation));
    assert_eq!(ground(&leaves).unwrap_err(), Ground::Ended);
}

/// The unlock of a lock that the gate has voided.
struct Unlock {
    lock: LoggedLock,
    outcome: Outcome,
    locked: Record,
    proposal: Value,
    record: Option<Record>,
}

fn unlock() -> Unlock {
    let terms = world::terms(1, 100);
    let replica = world::replay(&[
        world::route_leaf(&world::route(), &world::admins()),
        world::locked(&terms),
    ]);
    Unlock {
        lock: LoggedLock::read(&replica, terms.id(), 2).unwrap(),
        outcome: Outcome::Voided,
        locked: world::lock_record(&terms),
        proposal: json!({
            "reference": format!("unlock:{}", terms.id()),
            "movement": "unlock",
            "custody_account": "9001",
            "units": terms.units,
            "to_account": "1001",
        }),
        record: None,
    }
}

impl Unlock {
    fn check(&self) -> Result<Allowed, Decline> {
        verify_unlock::check(&UnlockFacts {
            lock: &self.lock,
            outcome: self.outcome,
            locked: &self.locked,
            receipt_key: &world::registry_key().verifying_key().to_bytes(),
            proposed: &self
                .record
                .clone()
                .unwrap_or_else(|| world::proposed(&self.proposal)),
        })
    }
}

/// R3: nothing is unlocked unless the gate says `Voided`, finally, for that TransferId.
#[test]
fn an_unlock_is_approved_only_if_every_rule_holds() {
    unlock().check().expect("nothing is wrong");
    let cases: [(&str, Ground, BreakUnlock); 14] = [
        ("not voided", Ground::NotVoided, |u| {
            u.outcome = Outcome::None;
        }),
        ("minted", Ground::Minted, |u| u.outcome = Outcome::Minted),
        ("logged as minted", Ground::Ended, |u| {
            u.lock.end = LockEnd::Minted;
        }),
        ("logged as unlocked", Ground::Ended, |u| {
            u.lock.end = LockEnd::Unlocked;
        }),
        ("a lock that the registry lacks", Ground::NotLocked, |u| {
            u.locked = Record::Absent;
        }),
        ("a lock of somebody else", Ground::OtherLock, |u| {
            u.locked = {
                let mut receipt = world::lock_receipt(&world::terms(1, 100));
                receipt.account = Some("1002".into());
                Record::Executed {
                    receipt: world::signed(&receipt, &world::registry_key()),
                }
            }
        }),
        ("a receipt of a stranger", Ground::BadReceipt, |u| {
            u.locked = Record::Executed {
                receipt: world::signed(
                    &world::lock_receipt(&world::terms(1, 100)),
                    &world::key(99),
                ),
            }
        }),
        ("nothing proposed", Ground::NotProposed, |u| {
            u.record = Some(Record::Absent);
        }),
        ("to somebody else", Ground::OtherProposal, |u| {
            u.proposal["to_account"] = "6666".into();
        }),
        ("to nobody", Ground::OtherProposal, |u| {
            u.proposal["to_account"] = Value::Null;
        }),
        ("other units", Ground::OtherProposal, |u| {
            u.proposal["units"] = json!([world::serial(1, 99)]);
        }),
        ("from elsewhere", Ground::OtherProposal, |u| {
            u.proposal["custody_account"] = "9002".into();
        }),
        ("as a release", Ground::OtherProposal, |u| {
            u.proposal["movement"] = "release".into();
        }),
        ("under the burn's reference", Ground::OtherProposal, |u| {
            u.proposal["reference"] = u.lock.id().to_string().into();
        }),
    ];
    for (what, ground, break_it) in cases {
        let mut case = unlock();
        break_it(&mut case);
        assert_eq!(case.check().expect_err(what).ground, ground, "{what}");
    }
    let mut logged = unlock();
    logged.lock.end = LockEnd::Voided;
    logged.check().expect("a VOIDED leaf may be there or not");
}
