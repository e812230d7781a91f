//! The due index: order, pages, deferral, lanes.

use isthmus_core::id::TransferId;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, Backlog, DueOrder, Journal};
use isthmus_core::testing::sample;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::Event;

use crate::world::{DEADLINE, START, Story, World, admission, attest, lane};

fn outbound(number: u64) -> isthmus_core::terms::Outbound {
    sample::outbound(number, &[sample::block(number * 10, number * 10 + 9)])
}

#[test]
fn the_oldest_due_time_comes_first_and_pages_are_cut() {
    let world = World::new();
    let lock = lane(OperationKind::Lock);
    let mut ids = Vec::new();
    for (number, after_ms) in [(1, 30), (2, 10), (3, 20), (4, 1_000)] {
        let due = Some(START.plus_ms(after_ms));
        let entry = Append {
            due,
            ..admission(&outbound(number))
        };
        ids.push(world.append(entry).unwrap().transfer.unwrap().id());
    }
    let now = START.plus_ms(500);
    assert_eq!(world.due(&lock, now, 10), [ids[1], ids[2], ids[0]]);
    assert_eq!(world.due(&lock, now, 2), [ids[1], ids[2]]);
    assert_eq!(world.due(&lock, START, 10), []);
    assert_eq!(world.due(&attest(), now, 10), []);
    let backlog = world.store.lane_backlog(&lock).unwrap();
    assert_eq!((backlog.due, backlog.oldest), (4, Some(START.plus_ms(10))));
    let world = world.reopened();
    assert_eq!(
        world.due(&lock, START.plus_ms(1_000), 10),
        [ids[1], ids[2], ids[0], ids[3]]
    );
}

#[test]
fn a_transfer_is_in_the_lane_of_its_next_work_only() {
    let world = World::new();
    let admitted = world.admit(1, &outbound(1).units);
    let (lock, mint) = (lane(OperationKind::Lock), lane(OperationKind::Mint));
    let all = |expected: [usize; 3]| {
        let found = [&lock, &attest(), &mint].map(|lane| world.due(lane, START, 10).len());
        assert_eq!(found, expected);
    };
    all([1, 0, 0]);
    let locked = world.tell(Story::of(&admitted).locked(&outbound(1)));
    all([0, 1, 0]);
    let signed = world.tell(Story::of(&locked).signed(&outbound(1)));
    all([0, 0, 1]);
    let quarantined = world.tell(Story::of(&signed).then(Event::Quarantined(sample::finding())));
    all([0, 0, 0]);
    let resumed = Event::Resolved {
        resolution: isthmus_core::transfer::Resolution::Resume,
        by: ["ana".into(), "ben".into()],
    };
    let resumed = world.tell(Story::of(&quarantined).then(resumed));
    all([0, 0, 1]);
    world.tell(Story::of(&resumed).intends().done(OperationKind::Mint, &[]));
    all([0, 0, 0]);
}

#[test]
fn what_is_deferred_comes_later_and_what_ended_is_left_alone() {
    let world = World::new();
    let lock = lane(OperationKind::Lock);
    let (one, two) = (
        world.admit(1, &outbound(1).units),
        world.admit(2, &outbound(2).units),
    );
    let later = START.plus_ms(5_000);
    let syncs = world.store.syncs();
    world.store.defer(&[(one.id(), later)]).unwrap();
    assert_eq!(world.store.syncs(), syncs, "not worth a sync");
    assert_eq!(world.due(&lock, START, 10), [two.id()]);
    assert_eq!(world.due(&lock, later, 10), [two.id(), one.id()]);
    // Deferred again: it is there once.
    world
        .store
        .defer(&[(one.id(), later.plus_ms(1)), (one.id(), later.plus_ms(2))])
        .unwrap();
    assert_eq!(world.due(&lock, later.plus_ms(9), 10), [two.id(), one.id()]);
    world.tell(Story::of(&one).then(Event::WithdrawalRequested));
    let stranger = sample::outbound(9, &[]).terms.id();
    world
        .store
        .defer(&[(one.id(), START), (stranger, START)])
        .unwrap();
    assert_eq!(world.due(&lock, later.plus_ms(9), 10), [two.id()]);
    assert_eq!(world.store.lane_backlog(&lock).unwrap().due, 1);
}

/// The lane that defers may have read the transfer before somebody changed it.
#[test]
fn a_deferral_that_comes_after_a_change_moves_the_new_work_not_the_old() {
    let world = World::new();
    let admitted = world.admit(1, &outbound(1).units);
    let locked = world.tell(Story::of(&admitted).locked(&outbound(1)));
    let later = START.plus_ms(50);
    world.store.defer(&[(locked.id(), later)]).unwrap();
    assert_eq!(
        world.due(&lane(OperationKind::Lock), later, 10),
        [],
        "not back in the old lane"
    );
    assert_eq!(world.due(&attest(), START, 10), []);
    assert_eq!(world.due(&attest(), later, 10), [locked.id()]);
    let signed = world.tell(Story::of(&locked).signed(&outbound(1)));
    assert_eq!(
        world.due(&lane(OperationKind::Mint), START, 10),
        [signed.id()],
        "an event makes it due at once"
    );
    assert_eq!(world.store.lane_backlog(&attest()).unwrap().due, 0);
}

#[test]
fn deferrals_and_appends_at_the_same_time_leave_one_entry_each() {
    let world = World::new();
    let admitted: Vec<_> = (1..=20)
        .map(|n| world.admit(n, &outbound(n).units))
        .collect();
    std::thread::scope(|scope| {
        let store = &world.store;
        let transfers = &admitted;
        scope.spawn(move || {
            for round in 0..50 {
                let entries: Vec<_> = transfers
                    .iter()
                    .map(|t| (t.id(), START.plus_ms(round)))
                    .collect();
                store.defer(&entries).unwrap();
            }
        });
        for (number, transfer) in (1..).zip(transfers) {
            let appended =
                store.append(vec![Story::of(transfer).locked(&outbound(number)).append()]);
            assert!(appended[0].is_ok());
        }
    });
    assert_eq!(
        world
            .store
            .lane_backlog(&lane(OperationKind::Lock))
            .unwrap()
            .due,
        0
    );
    assert_eq!(world.store.lane_backlog(&attest()).unwrap().due, 20);
    assert_eq!(world.due(&attest(), START.plus_ms(100), 100).len(), 20);
}

#[test]
fn a_batch_that_nears_its_deadline_takes_its_transfer_back_to_the_attesters() {
    let world = World::new();
    let admitted = world.admit(1, &outbound(1).units);
    let signed = world.tell(
        Story::of(&admitted)
            .locked(&outbound(1))
            .signed(&outbound(1)),
    );
    let mint = lane(OperationKind::Mint);
    assert_eq!(world.due(&mint, START, 10), [signed.id()]);
    assert_eq!(world.due(&attest(), DEADLINE, 10), [], "nobody looked yet");
    world.clock.set(DEADLINE);
    assert_eq!(
        world.due(&mint, DEADLINE, 10),
        [],
        "not worth sending any more"
    );
    assert_eq!(world.due(&attest(), DEADLINE, 10), [signed.id()]);
    assert_eq!(world.store.lane_backlog(&mint).unwrap().due, 0);
    // Once a mint is pending its outcome is unknown: it stays in its lane, whatever the time (R4).
    let other = world.admit(2, &outbound(2).units);
    world.clock.set(START);
    let pending = world.tell(
        Story::of(&other)
            .locked(&outbound(2))
            .signed(&outbound(2))
            .intends(),
    );
    world.clock.set(DEADLINE);
    assert_eq!(
        world.due(&mint, Timestamp::from_ms(u64::MAX), 10),
        [pending.id()]
    );
}

#[test]
fn live_work_can_be_asked_for_before_backlog() {
    let world = World::new();
    let lock = lane(OperationKind::Lock);
    let ids: Vec<_> = [30, 10, 20, 1_000]
        .into_iter()
        .zip(1..)
        .map(|(after_ms, number)| {
            let due = Some(START.plus_ms(after_ms));
            let entry = Append {
                due,
                ..admission(&outbound(number))
            };
            world.append(entry).unwrap().transfer.unwrap().id()
        })
        .collect();
    let newest = |now, limit| -> Vec<_> {
        let order = DueOrder::NewestFirst;
        let page = world.store.due_in(&lock, now, limit, order).unwrap();
        page.into_iter()
            .map(|(transfer, _)| transfer.id())
            .collect()
    };
    let now = START.plus_ms(500);
    assert_eq!(newest(now, 10), [ids[0], ids[2], ids[1]]);
    assert_eq!(newest(now, 2), [ids[0], ids[2]]);
    assert_eq!(newest(START, 10), []);
    // What one order has learned about where the lane begins does not hide anything from the other.
    assert_eq!(world.due(&lock, now, 1), [ids[1]]);
    world.store.defer(&[(ids[1], START.plus_ms(400))]).unwrap();
    assert_eq!(newest(now, 10), [ids[1], ids[0], ids[2]]);
    world.store.defer(&[(ids[3], START)]).unwrap();
    assert_eq!(world.due(&lock, now, 10), [ids[3], ids[2], ids[0], ids[1]]);
}

#[test]
fn named_transfers_are_read_if_they_are_due_in_the_lane() {
    let world = World::new();
    let (lock, mint) = (lane(OperationKind::Lock), lane(OperationKind::Mint));
    let ids: Vec<_> = (1..=4)
        .map(|number| {
            let entry = Append {
                due: Some(START.plus_ms(number * 10)),
                ..admission(&outbound(number))
            };
            world.append(entry).unwrap().transfer.unwrap().id()
        })
        .collect();
    let due = |lane, now, named: &[TransferId]| -> Vec<_> {
        let due = world.store.due_of(lane, now, named).unwrap();
        due.into_iter().map(|(transfer, _)| transfer.id()).collect()
    };
    let named = [ids[2], ids[0], TransferId::new([9; 32])];
    assert_eq!(due(&lock, START.plus_ms(30), &named), named[..2]);
    assert_eq!(due(&lock, START.plus_ms(29), &named), [ids[0]]);
    assert_eq!(due(&mint, START.plus_ms(30), &named), []);
    world.store.defer(&[(ids[0], START.plus_ms(31))]).unwrap();
    assert_eq!(due(&lock, START.plus_ms(30), &named), [ids[2]]);
    assert_eq!(due(&lock, Timestamp::from_ms(u64::MAX), &named), named[..2]);
}

/// Whoever looks for the first entry remembers where it is. An entry written before that, at whatever moment, is found.
#[test]
fn what_becomes_due_earlier_than_all_that_was_seen_is_seen_too() {
    let world = World::new();
    let lock = lane(OperationKind::Lock);
    let late = START.plus_ms(1_000_000);
    let first = world.append(Append {
        due: Some(late),
        ..admission(&outbound(1))
    });
    let first = first.unwrap().transfer.unwrap().id();
    assert_eq!(world.due(&lock, late, 10), [first]);
    assert_eq!(world.due(&lock, START, 10), []);
    std::thread::scope(|scope| {
        let (store, lock) = (&world.store, &lock);
        let looking = scope.spawn(move || {
            let mut seen = std::collections::BTreeSet::new();
            while seen.len() < 200 {
                for (transfer, _) in store.due(lock, late, 500).unwrap() {
                    seen.insert(transfer.id());
                }
            }
        });
        // Each is due before all the others.
        for number in 2..=200 {
            let due = Some(Timestamp::from_ms(late.ms() - number));
            let entry = Append {
                due,
                ..admission(&outbound(number))
            };
            store.append(vec![entry]).pop().unwrap().unwrap();
            let oldest = store.due(lock, late, 1).unwrap().remove(0).0;
            assert_eq!(oldest.id(), outbound(number).terms.id());
        }
        looking.join().unwrap();
    });
    assert_eq!(world.due(&lock, late, 500).len(), 200);
}

/// A page costs what it holds. Counted in time, generously: passing over what is gone would take a hundred times as long.
#[test]
fn what_was_put_off_a_hundred_thousand_times_is_not_passed_over() {
    let world = World::new();
    let lock = lane(OperationKind::Lock);
    let ids: Vec<_> = (1..=500)
        .map(|n| (admission(&outbound(n)), outbound(n).terms.id()))
        .collect();
    let (entries, ids): (Vec<_>, Vec<_>) = ids.into_iter().unzip();
    for answer in world.store.append(entries) {
        answer.unwrap();
    }
    for round in 1..=200 {
        let later: Vec<_> = ids.iter().map(|id| (*id, START.plus_ms(round))).collect();
        world.store.defer(&later).unwrap();
    }
    let empty = || {
        let asked = std::time::Instant::now();
        assert_eq!(world.due(&lock, START.plus_ms(199), 10), []);
        asked.elapsed()
    };
    let first = empty();
    let again = (0..20).map(|_| empty()).min().unwrap();
    assert!(
        again * 5 < first.max(std::time::Duration::from_millis(5)),
        "{first:?}, then {again:?}"
    );
    assert_eq!(world.due(&lock, START.plus_ms(200), 1000).len(), 500);
}
