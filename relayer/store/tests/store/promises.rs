//! What an attester promised to sign.

use isthmus_core::testing::sample;
use isthmus_prooflog::tree::{self, MemoryTree};
use isthmus_store::{AttesterStore, Remembered};

fn promise(subject: &str, number: u64) -> (String, isthmus_core::id::Hash32) {
    (subject.to_owned(), sample::hash(number))
}

#[test]
fn one_subject_is_promised_one_thing_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let store = AttesterStore::open(folder.path(), "devnet").unwrap();
    assert_eq!(
        store.remember(&[promise("a", 1), promise("b", 2)]).unwrap(),
        [Remembered::Now; 2]
    );
    drop(store);
    let store = AttesterStore::open(folder.path(), "devnet").unwrap();
    let answers = store
        .remember(&[promise("a", 1), promise("b", 3), promise("c", 3)])
        .unwrap();
    assert_eq!(
        answers,
        [
            Remembered::Before,
            Remembered::Otherwise(sample::hash(2)),
            Remembered::Now
        ]
    );
    assert_eq!(store.promised("b").unwrap(), Some(sample::hash(2)));
    let mut book = store.promises().unwrap();
    book.forget("b");
    book.write().unwrap();
    assert_eq!(
        store.remember(&[promise("b", 3)]).unwrap(),
        [Remembered::Now]
    );
}

#[test]
fn two_promises_for_one_subject_in_one_call_are_two() {
    let folder = tempfile::tempdir().unwrap();
    let store = AttesterStore::open(folder.path(), "devnet").unwrap();
    let answers = store
        .remember(&[promise("a", 1), promise("a", 2), promise("a", 1)])
        .unwrap();
    assert_eq!(
        answers,
        [
            Remembered::Now,
            Remembered::Otherwise(sample::hash(1)),
            Remembered::Before
        ]
    );
    assert_eq!(store.promised("a").unwrap(), Some(sample::hash(1)));
}

#[test]
fn many_promises_are_decided_in_turn_and_become_durable_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = AttesterStore::open(folder.path(), "devnet").unwrap();
    store.remember(&[promise("a", 1)]).unwrap();
    let before = store.syncs();
    for is_written in [false, true] {
        let mut book = store.promises().unwrap();
        book.promise("b", sample::hash(2));
        book.forget("a");
        book.raise("c", 5);
        let seen = (book.promised("a"), book.promised("b"), book.counter("c"));
        let (a, b, c) = (seen.0.unwrap(), seen.1.unwrap(), seen.2.unwrap());
        assert_eq!((a, b, c), (None, Some(sample::hash(2)), 5));
        if is_written {
            book.write().unwrap();
        }
    }
    assert_eq!(store.syncs(), before + 1);
    drop(store);
    let store = AttesterStore::open(folder.path(), "devnet").unwrap();
    let book = store.promises().unwrap();
    assert_eq!(book.promised("a").unwrap(), None);
    assert_eq!(book.promised("b").unwrap(), Some(sample::hash(2)));
    assert_eq!(book.counter("c").unwrap(), 5);
}

#[test]
fn nothing_is_promised_that_was_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = AttesterStore::open(folder.path(), "devnet").unwrap();
    let mut book = store.promises().unwrap();
    book.promise("a", sample::hash(1));
    drop(book);
    assert_eq!(store.promised("a").unwrap(), None);
    let before = store.syncs();
    store.promises().unwrap().write().unwrap();
    assert_eq!(store.syncs(), before, "nothing to write");
}

#[test]
fn of_many_that_promise_at_a_time_one_is_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = AttesterStore::open(folder.path(), "devnet").unwrap();
    for round in 0..20 {
        let subject = format!("subject-{round}");
        let first = std::thread::scope(|scope| {
            let ask = |number| {
                let (store, subject) = (&store, &subject);
                scope.spawn(move || {
                    store
                        .remember(&[promise(subject, number)])
                        .unwrap()
                        .remove(0)
                })
            };
            let asked: Vec<_> = (0..4).map(ask).collect();
            let answers: Vec<_> = asked.into_iter().map(|a| a.join().unwrap()).collect();
            answers
                .into_iter()
                .filter(|a| *a == Remembered::Now)
                .count()
        });
        assert_eq!(first, 1);
    }
}

#[test]
fn the_followed_log_and_the_stop_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = AttesterStore::open(folder.path(), "devnet").unwrap();
    let leaves: Vec<Vec<u8>> = (0..7u8).map(|n| vec![n; 5]).collect();
    let mut memory = MemoryTree::default();
    for leaf in &leaves {
        memory.push(leaf).unwrap();
    }
    let root = tree::root(&memory, 7).unwrap();
    store.extend_log(&leaves[..3]).unwrap();
    assert_eq!(store.root_with(&leaves[3..]).unwrap(), (7, root));
    assert_eq!(store.log().size().unwrap(), 3, "asking writes nothing");
    store.extend_log(&leaves[3..]).unwrap();
    assert_eq!(store.stopped().unwrap(), None);
    store.stop("two roots of size 7").unwrap();
    drop(store);
    let store = AttesterStore::open(folder.path(), "devnet").unwrap();
    assert_eq!(tree::root(&store.log(), 7).unwrap(), root);
    assert_eq!(store.log().leaves(0, 10).unwrap(), leaves);
    assert_eq!(
        store.stopped().unwrap().as_deref(),
        Some("two roots of size 7")
    );
}
