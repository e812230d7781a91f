//! A transfer as it is kept is the one that its history leads to, for every history.

use std::sync::Arc;

use isthmus_core::id::TransferId;
use isthmus_core::instruction::Purpose;
use isthmus_core::operation::{Authorisation, OperationKind, SignedBatch};
use isthmus_core::ports::{Append, BookChange, Journal};
use isthmus_core::receipt::Lasting;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::terms::{Outbound, Terms};
use isthmus_core::testing::sample;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, Next, Resolution, Transfer};
use proptest::prelude::*;

use crate::reading::draft;
use crate::world::{DEADLINE, START, World, admission};

/// Everything that might happen next, possible or not.
fn events(transfer: &Transfer) -> (Vec<Event>, Arc<SignedBatch>) {
    let mut events = vec![
        Event::WithdrawalRequested,
        Event::Quarantined(sample::finding()),
        Event::Lapsed(sample::refusal(Lasting::Later)),
        Event::Refused(sample::refusal(Lasting::Later)),
        Event::Refused(sample::refusal(Lasting::Never)),
        Event::Authorised(Authorisation::Void(sample::signed_void())),
        Event::Instructed(sample::instruction(Purpose::Release)),
        Event::Instructed(sample::instruction(Purpose::Retire)),
    ];
    for resolution in [Resolution::Resume, Resolution::Withdraw] {
        let by = ["ana".into(), "ben".into()];
        events.push(Event::Resolved { resolution, by });
    }
    for at in [START, Timestamp::from_ms(u64::MAX)] {
        if let Next::Do(work) = transfer.next(at) {
            events.push(Event::Intended(work));
        }
    }
    for purpose in [Purpose::Release, Purpose::Retire] {
        let counter = transfer.redirections() + 1;
        events.push(Event::Redirected(sample::redirection(counter, purpose)));
    }
    let units = match transfer.terms() {
        Terms::Outbound(outbound) => outbound.units.clone(),
        Terms::Return(back) => back.allocation.clone(),
    };
    let shifted: Vec<SerialBlock> = units
        .iter()
        .map(|b| sample::block(b.first() + 5000, b.last() + 5000))
        .collect();
    events.push(Event::Reallocated(shifted));
    for operation in OperationKind::ALL {
        let receipt = sample::receipt(operation, transfer.quantity(), &units);
        events.extend([
            Event::Locked(receipt.clone()),
            Event::Given(receipt.clone()),
            Event::Voided(receipt.clone()),
            Event::Unlocked(receipt),
        ]);
    }
    let items = match transfer.terms() {
        Terms::Outbound(outbound) => vec![sample::mint_item(outbound)],
        Terms::Return(_) => Vec::new(),
    };
    let deadline = DEADLINE.plus_ms(transfer.length());
    let batch = sample::batch(items, deadline);
    events.push(Event::Authorised(Authorisation::Mint(Arc::clone(&batch))));
    (events, batch)
}

fn opening(kind: usize) -> Append {
    let units = [sample::block(10, 14), sample::block(20, 21)];
    let purpose = match kind {
        0 => return admission(&sample::outbound(1, &units)),
        1 => Purpose::Release,
        _ => Purpose::Retire,
    };
    let back = sample::back(1, purpose, &units);
    Append {
        transfer: Some((back.burn.id(), 0)),
        events: vec![sample::burned(&back)],
        ..Append::default()
    }
}

/// What the store answers, by snapshot, is what replaying its own history leads to, and its drafts are those given last.
fn compare(world: &World, id: TransferId, drafts: &[isthmus_core::ports::Draft]) {
    let history = world.store.history(id).unwrap();
    let events: Vec<_> = history.into_iter().map(|recorded| recorded.event).collect();
    let replayed = Transfer::replay(&events).unwrap().unwrap();
    // A reallocation changes the terms of a return but not its identity.
    assert_eq!(world.transfer(id), replayed);
    let Some(lane) = replayed.lane(START) else {
        return;
    };
    let page = world
        .store
        .due(&lane, Timestamp::from_ms(START.ms()), 10)
        .unwrap();
    assert_eq!(page.len(), 1, "{lane}");
    assert_eq!(page[0].0, replayed);
    let pending = replayed.pending().is_some();
    assert_eq!(page[0].1, if pending { drafts } else { &[] });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_is_what_the_history_leads_to(
        kind in 0usize..3,
        choices in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), any::<bool>()), 1..40),
    ) {
        let mut world = World::new();
        let mut transfer = world.append(opening(kind)).unwrap().transfer.unwrap();
        let mut drafts = Vec::new();
        for (number, (choice, drafted, restarted)) in (0u8..).zip(choices) {
            let (events, batch) = events(&transfer);
            let possible: Vec<_> = events.into_iter().filter(|e| transfer.apply(e).is_ok()).collect();
            let Some(event) = (!possible.is_empty()).then(|| choice.get(&possible).clone()) else {
                break;
            };
            let intends = matches!(event, Event::Intended(_));
            if intends {
                drafts.clear();
            }
            let mut entry = Append {
                transfer: Some((transfer.id(), transfer.length())),
                events: vec![event],
                batches: vec![batch],
                ..Append::default()
            };
            if intends && drafted {
                entry.drafts = vec![draft(number, None), draft(number + 100, None)];
                drafts.clone_from(&entry.drafts);
            }
            transfer = world.append(entry).unwrap().transfer.unwrap();
            if restarted {
                world = world.reopened();
            }
            compare(&world, transfer.id(), &drafts);
        }
    }
}

/// A replacement of a draft is added to those of its intent, also by whoever read the transfer back.
#[test]
fn drafts_of_one_intent_add_up_across_restarts() {
    let mut world = World::new();
    let outbound: Outbound = sample::outbound(1, &[sample::block(1, 10)]);
    let admitted = world.admit(1, &outbound.units);
    let Next::Do(work) = admitted.next(START) else {
        panic!("nothing to do");
    };
    let mut length = 1;
    let mut events = vec![Event::Intended(work)];
    for number in 1..=3 {
        let entry = Append {
            transfer: Some((admitted.id(), length)),
            events: std::mem::take(&mut events),
            drafts: vec![draft(number, None)],
            ..Append::default()
        };
        length = world.append(entry).unwrap().transfer.unwrap().length();
        world = world.reopened();
        let expected: Vec<_> = (1..=number).map(|n| draft(n, None)).collect();
        compare(&world, admitted.id(), &expected);
    }
}

/// Burns of one page: each entry is checked against what those before it in the same write left of the offer.
#[test]
fn allocations_in_one_write_see_those_before_them_and_fail_one_by_one() {
    let world = World::new();
    crate::custody::mint(&world, 1, &[sample::block(1, 10)]);
    let burn = |number: u64, first: u64, last: u64| {
        let blocks = vec![sample::block(first, last)];
        let back = sample::back(number, Purpose::Release, &blocks);
        let pool = sample::pool().id();
        let burn = back.burn.id();
        Append {
            transfer: Some((burn, 0)),
            events: vec![sample::burned(&back)],
            leaves: vec![format!("burn {number}").into_bytes()],
            book: vec![BookChange::Allocate {
                burn,
                pool,
                blocks,
                written_off: isthmus_core::quantity::Quantity::ZERO,
            }],
            cursor: Some((
                sample::chain(),
                isthmus_core::ports::Cursor {
                    height: number,
                    block: None,
                    last_number: number,
                },
            )),
            ..Append::default()
        }
    };
    let before = (world.store.syncs(), world.store.log().size().unwrap());
    let answers = world.store.append(vec![
        burn(1, 1, 4),
        // What it would have got before the first one: refused, and neither its leaf nor its cursor is kept.
        burn(2, 1, 3),
        burn(3, 5, 7),
        burn(4, 8, 10),
        burn(5, 11, 11),
    ]);
    let done: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, false, true, true, false]);
    assert_eq!(world.store.syncs(), before.0 + 1, "one synced write");
    assert_eq!(world.store.log().size().unwrap(), before.1 + 3);
    let cursor = world.store.cursor(&sample::chain()).unwrap().unwrap();
    assert_eq!(cursor.last_number, 4, "of the last entry that counts");
    let indexes: Vec<_> = answers
        .iter()
        .filter_map(|a| a.as_ref().ok()?.first_leaf)
        .collect();
    assert_eq!(indexes, [before.1, before.1 + 1, before.1 + 2]);
}
