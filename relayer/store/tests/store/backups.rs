//! Copies: consistent while the store is written to, marked, and complete.

use isthmus_core::operation::OperationKind;
use isthmus_core::ports::Journal;
use isthmus_core::testing::sample;
use isthmus_prooflog::tree;
use isthmus_store::Store;

use crate::crashing::{check, entry, outbound};
use crate::world::{START, Story, World, lane, open};

#[test]
fn a_copy_taken_while_appends_go_on_is_one_moment_of_the_store() {
    let world = World::new();
    let elsewhere = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let store = &world.store;
        scope.spawn(|| {
            for number in 1..=300 {
                store.append(vec![entry(number)]).pop().unwrap().unwrap();
            }
        });
        for copy in 0..4 {
            let before = store.log().size().unwrap();
            let folder = elsewhere.path().join(copy.to_string());
            let size = store.backup(&folder).unwrap();
            assert!(size >= before, "what was acknowledged is in it");
            let (copied, _) = open(&folder);
            assert_eq!(check(&copied, before), size);
            let root = tree::root(&copied.log(), size).unwrap();
            assert_eq!(root, tree::root(&store.log(), size).unwrap());
        }
    });
    assert_eq!(check(&world.store, 300), 300, "and nothing changed here");
}

#[test]
fn a_copy_says_so_until_it_was_brought_up_to_date_and_all_its_work_is_due() {
    let world = World::new();
    let lock = lane(OperationKind::Lock);
    let transfers: Vec<_> = (1..=3)
        .map(|n| world.admit(n, &outbound(n).units))
        .collect();
    let ids: Vec<_> = transfers
        .iter()
        .map(isthmus_core::transfer::Transfer::id)
        .collect();
    let years = START.plus_ms(100_000_000_000);
    world
        .store
        .defer(&[(ids[0], years), (ids[1], START.plus_ms(5))])
        .unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().join("copy");
    world.clock.set(START.plus_ms(7));
    world.store.backup(&folder).unwrap();
    assert_eq!(world.store.restored().unwrap(), None, "this is no copy");
    assert_eq!(
        world.due(&lock, START, 10),
        [ids[2]],
        "nothing is due earlier here"
    );

    let (copy, _) = open(&folder);
    let restored = copy.restored().unwrap().unwrap();
    assert_eq!((restored.taken, restored.log_size), (START.plus_ms(7), 0));
    let mut due: Vec<_> = copy.due(&lock, START.plus_ms(7), 10).unwrap();
    due.sort_by_key(|(t, _)| ids.iter().position(|id| *id == t.id()));
    let due: Vec<_> = due.into_iter().map(|(t, _)| t).collect();
    assert_eq!(due, transfers);
    // What is put off in the copy stays put off, in one entry.
    copy.defer(&[(ids[0], years)]).unwrap();
    assert_eq!(copy.due(&lock, START.plus_ms(7), 10).unwrap().len(), 2);
    assert_eq!(copy.lane_backlog(&lock).unwrap().due, 3);
    drop(copy);
    let (copy, _) = open(&folder);
    assert!(
        copy.restored().unwrap().is_some(),
        "a restart does not settle it"
    );
    copy.settle_restored().unwrap();
    drop(copy);
    let (copy, _) = open(&folder);
    assert_eq!(copy.restored().unwrap(), None);
    // It goes on like any other.
    let told = Story::of(&transfers[2]).locked(&outbound(3)).append();
    copy.append(vec![told]).pop().unwrap().unwrap();
    assert_eq!(copy.due(&lock, years, 10).unwrap().len(), 2);
}

#[test]
fn what_exists_is_not_overwritten_and_what_was_left_behind_is_cleared() {
    let world = World::new();
    world.admit(1, &outbound(1).units);
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().join("copy");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("precious"), b"data").unwrap();
    let refused = world.store.backup(&folder).unwrap_err();
    assert!(refused.0.contains("exists"), "{refused}");
    assert!(folder.join("precious").exists());
    // A copy that was interrupted.
    let whole = elsewhere.path().join("whole");
    std::fs::create_dir(elsewhere.path().join("whole.part")).unwrap();
    std::fs::write(elsewhere.path().join("whole.part/CURRENT"), b"half").unwrap();
    world.store.backup(&whole).unwrap();
    let (copy, _) = open(&whole);
    assert_eq!(
        copy.transfer(sample::outbound(1, &outbound(1).units).terms.id())
            .unwrap()
            .unwrap()
            .length(),
        1
    );
    assert!(!elsewhere.path().join("whole.part").exists());
}

#[test]
fn a_copy_made_by_other_means_can_be_marked() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    store.append(vec![entry(1)]).pop().unwrap().unwrap();
    let held = Store::mark_restored(folder.path(), START);
    assert!(held.is_err(), "somebody has it open");
    drop(store);
    assert_eq!(Store::mark_restored(folder.path(), START).unwrap(), 1);
    let (store, _) = open(folder.path());
    assert_eq!(store.restored().unwrap().unwrap().log_size, 1);
    check(&store, 1);
}
