//! Compare-and-append, batches, idempotency keys.

use isthmus_core::ports::{Append, AppendError, BookChange, Journal};
use isthmus_core::testing::sample;
use isthmus_core::transfer::{Event, State, Transfer};

use crate::world::{Story, World, admission};

#[test]
fn what_is_appended_is_read_back_and_replays_to_the_same() {
    let world = World::new();
    let outbound = sample::outbound(1, &[sample::block(1, 10)]);
    let admitted = world.admit(1, &outbound.units);
    let story = Story::of(&admitted).locked(&outbound).signed(&outbound);
    let told = world.tell(story);
    assert!(matches!(told.state(), State::Authorised { .. }));
    let world = world.reopened();
    assert_eq!(world.transfer(told.id()), told);
    let history = world.store.history(told.id()).unwrap();
    let events: Vec<Event> = history.iter().map(|r| r.event.clone()).collect();
    assert_eq!(Transfer::replay(&events).unwrap(), Some(told));
    let indexes: Vec<u64> = history.iter().map(|r| r.index).collect();
    assert_eq!(indexes, [0, 1, 2, 3, 4]);
}

#[test]
fn who_saw_another_length_conflicts_and_writes_nothing() {
    let world = World::new();
    let admitted = world.admit(1, &[sample::block(1, 10)]);
    let first = Story::of(&admitted).intends().append();
    let late = Append {
        leaves: vec![b"leaf".to_vec()],
        request: Some(("key".into(), admitted.id())),
        ..Story::of(&admitted)
            .then(Event::WithdrawalRequested)
            .append()
    };
    world.append(first).unwrap();
    let conflict = world.append(late).unwrap_err();
    assert!(
        matches!(
            conflict,
            AppendError::Conflict {
                expected: 1,
                found: 2,
                ..
            }
        ),
        "{conflict}"
    );
    assert_eq!(world.store.log().size().unwrap(), 0);
    assert_eq!(world.store.request("key").unwrap(), None);
    assert_eq!(world.transfer(admitted.id()).length(), 2);
    let again = world.append(admission(&sample::outbound(1, &[sample::block(1, 10)])));
    assert!(matches!(
        again,
        Err(AppendError::Conflict {
            expected: 0,
            found: 2,
            ..
        })
    ));
}

#[test]
fn entries_of_a_batch_see_those_before_them_and_fail_one_by_one() {
    let world = World::new();
    let outbound = sample::outbound(1, &[sample::block(1, 10)]);
    let opened = Transfer::open(&sample::requested(&outbound)).unwrap();
    let batch = vec![
        admission(&outbound),
        Story::of(&opened).intends().append(),
        // The second of the same length loses, in the same write.
        Story::of(&opened).then(Event::WithdrawalRequested).append(),
        admission(&sample::outbound(2, &[sample::block(10, 20)])),
        admission(&sample::outbound(3, &[sample::block(11, 20)])),
    ];
    let answers = world.store.append(batch);
    assert!(answers[0].is_ok() && answers[1].is_ok());
    assert!(matches!(answers[2], Err(AppendError::Conflict { .. })));
    assert!(
        matches!(&answers[3], Err(AppendError::Overlap { holder, .. }) if *holder == opened.id())
    );
    assert!(answers[4].is_ok());
    assert!(world.transfer(opened.id()).pending().is_some());
    let refused = sample::outbound(2, &[sample::block(10, 20)]).terms.id();
    assert_eq!(world.store.transfer(refused).unwrap(), None);
    assert_eq!(world.store.counts().unwrap(), [("requested".to_owned(), 2)]);
}

/// More transfers in one write than the writer keeps rebuilt between writes: the first one is still known at the end.
#[test]
fn a_write_larger_than_the_cache_knows_all_it_changed() {
    let world = World::new();
    let outbound = |n: u64| sample::outbound(n, &[sample::block(n * 10, n * 10 + 9)]);
    let opened = Transfer::open(&sample::requested(&outbound(1))).unwrap();
    let mut batch: Vec<Append> = (1..=8_200).map(|n| admission(&outbound(n))).collect();
    batch.push(Story::of(&opened).intends().append());
    let answers = world.store.append(batch);
    for answer in answers {
        answer.unwrap();
    }
    // The next write evicts and reads back from the database.
    let first = world.transfer(opened.id());
    let locked = world.tell(Story::of(&first).done(
        isthmus_core::operation::OperationKind::Lock,
        &outbound(1).units,
    ));
    assert_eq!(locked.length(), 3);
    assert_eq!(world.transfer(opened.id()), locked);
}

#[test]
fn an_impossible_event_is_refused_and_leaves_nothing() {
    let world = World::new();
    let admitted = world.admit(1, &[sample::block(1, 10)]);
    let bad = Append {
        transfer: Some((admitted.id(), 1)),
        events: vec![
            Event::Quarantined(sample::finding()),
            Event::Quarantined(sample::finding()),
        ],
        leaves: vec![b"leaf".to_vec()],
        ..Append::default()
    };
    assert!(matches!(world.append(bad), Err(AppendError::Illegal(_))));
    assert_eq!(world.transfer(admitted.id()), admitted);
    assert_eq!(world.store.log().size().unwrap(), 0);
    let other = sample::outbound(9, &[sample::block(91, 92)]);
    let mislabelled = Append {
        transfer: Some((admitted.id(), 0)),
        ..admission(&other)
    };
    assert!(world.append(mislabelled).is_err());
    let foreign = Append {
        transfer: Some((sample::outbound(8, &[]).terms.id(), 0)),
        ..admission(&other)
    };
    assert!(
        matches!(world.append(foreign), Err(AppendError::Illegal(_))),
        "the id is not that of the terms"
    );
    assert_eq!(world.store.transfer(other.terms.id()).unwrap(), None);
    assert_eq!(world.store.custody_overlap(&other.units).unwrap(), None);
}

#[test]
fn an_idempotency_key_stands_for_one_transfer() {
    let world = World::new();
    let keyed = |number: u64| {
        let outbound = sample::outbound(number, &[sample::block(number * 10, number * 10 + 9)]);
        Append {
            request: Some(("key-1".into(), outbound.terms.id())),
            ..admission(&outbound)
        }
    };
    let first = world.append(keyed(1)).unwrap().transfer.unwrap();
    let reused = world.append(keyed(2));
    assert!(
        matches!(&reused, Err(AppendError::RequestReused { key, transfer }) if key == "key-1" && *transfer == first.id())
    );
    let world = world.reopened();
    assert_eq!(world.store.request("key-1").unwrap(), Some(first.id()));
    assert_eq!(world.store.request("key-2").unwrap(), None);
    let outbound = sample::outbound(2, &[sample::block(20, 29)]);
    assert_eq!(
        world.store.custody_overlap(&outbound.units).unwrap(),
        None,
        "nothing of it was kept"
    );
}

#[test]
fn drafts_come_with_the_intent_that_they_serve() {
    let world = World::new();
    let admitted = world.admit(1, &[sample::block(1, 10)]);
    let unintended = Append {
        transfer: Some((admitted.id(), 1)),
        drafts: vec![crate::reading::draft(1, None)],
        ..Append::default()
    };
    assert!(
        matches!(world.append(unintended), Err(AppendError::Illegal(_))),
        "R5"
    );
}

#[test]
fn many_callers_share_syncs_and_each_gets_its_own_answer() {
    let world = World::new();
    let before = world.store.syncs();
    std::thread::scope(|scope| {
        for caller in 0..8u64 {
            let store = &world.store;
            scope.spawn(move || {
                for n in 0..10 {
                    let number = caller * 100 + n + 1;
                    let outbound =
                        sample::outbound(number, &[sample::block(number * 10, number * 10 + 9)]);
                    let answer = store
                        .append(vec![admission(&outbound)])
                        .pop()
                        .unwrap()
                        .unwrap();
                    assert_eq!(answer.transfer.unwrap().id(), outbound.terms.id());
                }
            });
        }
    });
    assert!(
        world.store.syncs() - before < 80,
        "80 appends, {} syncs",
        world.store.syncs() - before
    );
    assert_eq!(
        world.store.counts().unwrap(),
        [("requested".to_owned(), 80)]
    );
}

#[test]
fn what_changes_nothing_is_not_synced() {
    let world = World::new();
    let admitted = world.admit(1, &[sample::block(1, 10)]);
    let before = world.store.syncs();
    let free = Append {
        book: vec![BookChange::Free {
            transfer: sample::outbound(7, &[]).terms.id(),
        }],
        ..Append::default()
    };
    assert!(world.append(free).is_err());
    assert!(
        world
            .append(admission(&sample::outbound(1, &[sample::block(1, 10)])))
            .is_err()
    );
    assert_eq!(world.store.syncs(), before);
    assert_eq!(admitted.length(), 1);
}
