//! The due index: order, pages, deferral, lanes.

use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, Journal};
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
