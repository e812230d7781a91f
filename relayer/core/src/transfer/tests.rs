//! Properties of the state machine: random walks over everything that may be said about a transfer, and one test for each of
//! the rules that it keeps.

use proptest::prelude::*;

use crate::id::Address;
use crate::instruction::Purpose;
use crate::operation::{Authorisation, Item, MintItem, Operation, OperationKind, Work};
use crate::quantity::Quantity;
use crate::receipt::Lasting;
use crate::terms::Terms;
use crate::testing::sample;
use crate::time::Timestamp;
use crate::transfer::catalogue::{
    EARLY, LATE, after, events, intended, outbound, returning, situations,
};
use crate::transfer::{Event, Next, State, Transfer};

const NEXT: &str = "intended: what comes next";

/// A transfer with everything that was ever true of it.
struct Walk {
    events: Vec<Event>,
    stages: Vec<Transfer>,
}

impl Walk {
    /// Follows `choices`, each among the events that are possible there.
    fn follow(outbound_first: bool, choices: &[usize]) -> Self {
        let first = if outbound_first {
            sample::requested(&sample::outbound(1, &[sample::block(1, 10)]))
        } else {
            sample::burned(&sample::back(1, Purpose::Retire, &[sample::block(1, 10)]))
        };
        let mut walk = Self {
            stages: vec![Transfer::open(&first).unwrap()],
            events: vec![first],
        };
        for choice in choices {
            let now = walk.stages.last().unwrap();
            let possible: Vec<(Event, Transfer)> = events(now)
                .into_iter()
                .filter_map(|(_, event)| now.apply(&event).ok().map(|after| (event, after)))
                .collect();
            if possible.is_empty() {
                break;
            }
            let (event, after) = possible[choice % possible.len()].clone();
            walk.events.push(event);
            walk.stages.push(after);
        }
        walk
    }

    fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }

    /// Each event with what was true before and after it.
    fn steps(&self) -> impl Iterator<Item = (&Transfer, &Event, &Transfer)> {
        let pairs = self.stages.iter().zip(&self.stages[1..]);
        self.events[1..]
            .iter()
            .zip(pairs)
            .map(|(event, (before, after))| (before, event, after))
    }
}

fn walk() -> impl Strategy<Value = Walk> {
    (any::<bool>(), prop::collection::vec(0usize..1000, 0..40))
        .prop_map(|(outbound_first, choices)| Walk::follow(outbound_first, &choices))
}

impl std::fmt::Debug for Walk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.events.iter().map(Event::name);
        f.debug_list().entries(names).finish()
    }
}

fn minted(event: &Event) -> bool {
    matches!(event, Event::Given(r) if r.operation == OperationKind::Mint)
}

/// Below a quarantine.
fn really(state: &State) -> &State {
    match state {
        State::Quarantined { at, .. } => at,
        State::Requested
        | State::Taken { .. }
        | State::Authorised { .. }
        | State::Withdrawing { .. }
        | State::Voided { .. }
        | State::Owed { .. }
        | State::Completed { .. }
        | State::Returned { .. }
        | State::Rejected { .. } => state,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_prefix_of_a_history_replays_to_what_was_true_then(walk in walk()) {
        for (length, live) in (1..).zip(&walk.stages) {
            let replayed = Transfer::replay(&walk.events[..length]).unwrap().unwrap();
            prop_assert_eq!(&replayed, live);
            prop_assert_eq!(live.length(), u64::try_from(length).unwrap());
        }
    }

    #[test]
    fn next_is_pure_and_what_it_decides_may_be_intended(walk in walk(), at in any::<u64>()) {
        let now = Timestamp::from_ms(at);
        for transfer in &walk.stages {
            prop_assert_eq!(transfer.next(now), transfer.next(now));
            if let (Next::Do(work), None) = (transfer.next(now), transfer.pending()) {
                let after = transfer.apply(&Event::Intended(work.clone())).unwrap();
                prop_assert_eq!(after.pending(), Some(&work));
            }
        }
    }

    #[test]
    fn quantities_are_conserved(walk in walk()) {
        for transfer in &walk.stages {
            let (take, end) = match transfer.state() {
                State::Completed { take, give: end } | State::Returned { take, undo: end } => (Some(take), Some(end)),
                State::Requested
                | State::Taken { .. }
                | State::Authorised { .. }
                | State::Withdrawing { .. }
                | State::Voided { .. }
                | State::Owed { .. }
                | State::Rejected { .. }
                | State::Quarantined { .. } => (transfer.state().take(), None),
            };
            for receipt in take.into_iter().chain(end) {
                prop_assert_eq!(receipt.quantity, transfer.quantity());
            }
        }
    }

    #[test]
    fn an_end_is_an_end(walk in walk()) {
        for transfer in walk.stages.iter().filter(|t| t.state().is_final()) {
            prop_assert_eq!(transfer.next(EARLY), Next::Done);
            for (name, event) in events(transfer) {
                prop_assert!(transfer.apply(&event).is_err(), "{} after the end", name);
            }
        }
    }

    #[test]
    fn r1_lock_before_mint_and_burn_before_release_or_retire(walk in walk()) {
        for (before, event, _) in walk.steps() {
            if let Event::Given(_) = event {
                let take = before.state().take().expect("taken before it is given");
                let expected = if minted(event) { OperationKind::Lock } else { OperationKind::Burn };
                prop_assert_eq!(take.operation, expected);
            }
        }
    }

    #[test]
    fn r3_nothing_is_unlocked_unless_the_gate_said_voided(walk in walk()) {
        for transfer in &walk.stages {
            let asked = matches!(transfer.next(EARLY), Next::Do(Work::Ledger(Operation::Unlock { .. })));
            let done = matches!(transfer.state(), State::Returned { .. });
            if asked || done {
                prop_assert_eq!(walk.count(|e| matches!(e, Event::Voided(_))), 1);
            }
        }
    }

    #[test]
    fn r4_an_unknown_outcome_is_asked_for_before_anything_else(walk in walk()) {
        for transfer in &walk.stages {
            let Some(pending) = transfer.pending() else { continue };
            for now in [EARLY, LATE] {
                if let Next::Do(work) = transfer.next(now) {
                    prop_assert_eq!(&work, pending);
                }
            }
            let illegal = transfer.apply(&intended(transfer, EARLY));
            prop_assert!(illegal.is_err(), "a second intent while the first one's outcome is unknown");
        }
    }

    #[test]
    fn r5_nothing_of_ours_happens_without_its_intent(walk in walk()) {
        for (before, event, _) in walk.steps() {
            let step = before.pending().map(|work| work.lane().step.as_str());
            if let Event::Locked(_) = event {
                prop_assert_eq!(step, Some("lock"));
            }
            if let Event::Authorised(_) = event {
                prop_assert_eq!(step, Some("attest"));
            }
            if let Event::Refused(_) = event {
                prop_assert!(step.is_some_and(|step| step != "attest"));
            }
        }
    }

    #[test]
    fn r10_one_id_has_one_outcome(walk in walk()) {
        let given = walk.count(|e| matches!(e, Event::Given(_)));
        let voided = walk.count(|e| matches!(e, Event::Voided(_)));
        prop_assert!(given + voided <= 1, "{} given, {} voided", given, voided);
        prop_assert!(walk.count(|e| matches!(e, Event::Locked(_))) <= 1);
        prop_assert!(walk.count(|e| matches!(e, Event::Unlocked(_))) <= voided);
    }

    #[test]
    fn a_quarantine_stops_intents_and_keeps_facts(walk in walk()) {
        for (before, event, after) in walk.steps() {
            if let State::Quarantined { .. } = before.state() {
                let intended = matches!(event, Event::Intended(_));
                prop_assert!(!intended);
                let resolved = matches!(event, Event::Resolved { .. }) || after.state().is_final();
                let still = matches!(after.state(), State::Quarantined { .. });
                prop_assert!(resolved != still, "only two people or an end lift it");
            }
            if let Event::Quarantined(_) = event {
                prop_assert_eq!(really(after.state()), before.state());
                prop_assert_eq!(after.pending(), before.pending());
            }
        }
    }
}

#[test]
fn apply_answers_every_pair_and_never_changes_the_other_transfer() {
    for (name, transfer) in situations() {
        let untouched = transfer.clone();
        for (event_name, event) in events(&transfer) {
            if let Ok(after) = transfer.apply(&event) {
                assert_eq!(after.id(), transfer.id(), "{name}, {event_name}");
                assert_eq!(
                    after.length(),
                    transfer.length() + 1,
                    "{name}, {event_name}"
                );
            }
        }
        assert_eq!(transfer, untouched);
    }
}

#[test]
fn r2_a_lock_never_expires() {
    let end = Timestamp::from_ms(u64::MAX);
    let attests = |t: &Transfer| {
        matches!(
            t.next(end),
            Next::Do(Work::Attest {
                item: Item::Mint(_),
                ..
            })
        )
    };
    let taken = after(outbound(), &[NEXT, "locked"]);
    assert!(attests(&taken), "locked for ever, still to be minted");
    let signed = after(taken, &[NEXT, "authorised: the mint"]);
    assert!(attests(&signed), "an expired batch is signed again");
    let lapsed = after(signed, &["lapsed"]);
    assert!(
        matches!(lapsed.state(), State::Taken { .. }),
        "and the lock stands"
    );
    let never_signed = after(outbound(), &[NEXT, "locked", NEXT]);
    assert_eq!(never_signed.next(end), never_signed.next(EARLY));
}

#[test]
fn r3_also_when_nobody_signed() {
    let mut transfer = after(outbound(), &[NEXT, "locked", "withdrawal_requested"]);
    for expected in ["attest", "void", "unlock"] {
        let Next::Do(work) = transfer.next(LATE) else {
            panic!("{:?}", transfer.next(LATE));
        };
        assert_eq!(work.lane().step.as_str(), expected);
        let answer = match expected {
            "attest" => "authorised: the void",
            "void" => "voided",
            _ => "unlocked",
        };
        transfer = after(transfer, &[NEXT, answer]);
    }
    assert!(matches!(transfer.state(), State::Returned { .. }));
}

#[test]
fn a_withdrawal_that_loses_against_the_mint_completes() {
    let leaving = after(
        outbound(),
        &[
            NEXT,
            "locked",
            NEXT,
            "authorised: the mint",
            NEXT,
            "withdrawal_requested",
        ],
    );
    let minted = after(
        leaving,
        &[NEXT, "authorised: the void", NEXT, "given: minted"],
    );
    assert!(matches!(minted.state(), State::Completed { .. }));
}

#[test]
fn a_withdrawal_while_the_lock_may_have_happened_waits_for_it() {
    let wanted = after(outbound(), &[NEXT, "withdrawal_requested"]);
    assert!(matches!(wanted.state(), State::Requested));
    assert!(matches!(
        after(wanted.clone(), &["locked"]).state(),
        State::Withdrawing { .. }
    ));
    assert!(matches!(
        after(wanted, &["refused: for ever"]).state(),
        State::Rejected { .. }
    ));
}

#[test]
fn r6_quantities_are_computed_from_the_units() {
    let honest = sample::outbound(1, &[sample::block(1, 10)]);
    let mut claims_more = honest.clone();
    claims_more.terms.quantity_g = Quantity::from_tonnes(11).unwrap();
    assert!(Transfer::open(&sample::requested(&honest)).is_ok());
    assert!(Transfer::open(&sample::requested(&claims_more)).is_err());
    let mut twice = honest;
    twice.units = vec![sample::block(1, 5), sample::block(5, 9)];
    assert!(Transfer::open(&sample::requested(&twice)).is_err());
    let mut short = sample::back(1, Purpose::Retire, &[sample::block(1, 10)]);
    short.allocation = vec![sample::block(1, 9)];
    assert!(Transfer::open(&sample::burned(&short)).is_err());
}

#[test]
fn r8_a_retired_unit_is_never_released() {
    let retired = after(
        returning(Purpose::Retire),
        &["instructed: retire", NEXT, "given: retired"],
    );
    for (name, event) in events(&retired) {
        assert!(retired.apply(&event).is_err(), "{name}");
    }
    let burned_to_release = after(returning(Purpose::Release), &["instructed: release", NEXT]);
    let units = [sample::block(1, 10)];
    let other = sample::receipt(OperationKind::Retire, burned_to_release.quantity(), &units);
    assert!(
        burned_to_release.apply(&Event::Given(other)).is_err(),
        "burned for another purpose"
    );
}

#[test]
fn r9_the_asset_class_is_the_same_on_both_sides() {
    let taken = after(outbound(), &[NEXT, "locked"]);
    let Terms::Outbound(terms) = taken.terms() else {
        panic!("outbound");
    };
    let Next::Do(Work::Attest {
        item: Item::Mint(item),
        ..
    }) = taken.next(EARLY)
    else {
        panic!("the quorum is asked");
    };
    assert_eq!(item.asset_class, terms.terms.asset_class);
    let asked = after(taken, &[NEXT]);
    let changed = |change: fn(&mut MintItem)| {
        let mut item = item.clone();
        change(&mut item);
        Event::Authorised(Authorisation::Mint(sample::batch(vec![item], LATE)))
    };
    let wrong: [fn(&mut MintItem); 3] = [
        |item| item.asset_class = crate::id::AssetClassId::new([9; 32]),
        |item| item.recipient = Address::new([9; 20]),
        |item| item.quantity = Quantity::from_tonnes(1).unwrap(),
    ];
    for change in wrong {
        assert!(asked.apply(&changed(change)).is_err());
    }
    assert!(asked.apply(&changed(|_| ())).is_ok());
}

#[test]
fn a_refusal_for_now_is_decided_anew_and_one_for_ever_leads_back() {
    let minting = after(
        outbound(),
        &[NEXT, "locked", NEXT, "authorised: the mint", NEXT],
    );
    let later = after(minting.clone(), &["refused: for now"]);
    assert!(matches!(later.state(), State::Authorised { .. }) && later.pending().is_none());
    let never = after(minting, &["refused: for ever"]);
    assert!(matches!(never.state(), State::Withdrawing { .. }));
    let asked = after(outbound(), &[NEXT, "locked", NEXT]);
    let refusal = Event::Refused(sample::refusal(Lasting::Later));
    assert!(
        asked.apply(&refusal).is_err(),
        "attesters decline, ledgers refuse"
    );
}
