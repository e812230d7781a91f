//! What proves a batch of mints is kept once, and every transfer of the batch has it.

use std::path::Path;

use isthmus_core::id::TransferId;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, BookChange, Journal};
use isthmus_core::receipt::{Evidence, EvidenceKind, Receipt};
use isthmus_core::testing::sample;
use isthmus_core::transfer::Event;
use isthmus_proto::store::v1 as pb;
use prost::Message;
use rocksdb::{DB, IteratorMode, Options};

use crate::world::{Story, World, open};

/// The file of a batch; each caller has its own copy, as adapters have after another look at the chain.
fn file() -> Evidence {
    Evidence::new(EvidenceKind::EvmReceipt, vec![0xab; 20_000])
}

/// Locked, signed and sent; then the gate minted it.
fn minted(world: &World, number: u64) -> (TransferId, Append) {
    let outbound = sample::outbound(number, &[sample::block(number * 10, number * 10)]);
    let admitted = world.admit(number, &outbound.units);
    let sent = Story::of(&admitted)
        .locked(&outbound)
        .signed(&outbound)
        .intends();
    let receipt = Receipt {
        evidence: file(),
        ..sample::receipt(OperationKind::Mint, outbound.terms.quantity_g, &[])
    };
    (admitted.id(), sent.then(Event::Given(receipt)).append())
}

fn proof(world: &World, id: TransferId) -> Evidence {
    let history = world.store.history(id).unwrap();
    let Some(Event::Given(receipt)) = history.into_iter().last().map(|recorded| recorded.event)
    else {
        panic!("it was not given last");
    };
    receipt.evidence
}

fn raw(path: &Path) -> DB {
    let options = Options::default();
    let names = DB::list_cf(&options, path).unwrap();
    DB::open_cf(&options, path, names).unwrap()
}

fn files(path: &Path) -> usize {
    let raw = raw(path);
    let family = raw.cf_handle("evidence").unwrap();
    raw.iterator_cf(family, IteratorMode::Start).count()
}

/// Bytes of the journal's largest event.
fn largest_event(path: &Path) -> usize {
    let raw = raw(path);
    let family = raw.cf_handle("journal").unwrap();
    let events = raw.iterator_cf(family, IteratorMode::Start);
    events.map(|stored| stored.unwrap().1.len()).max().unwrap()
}

#[test]
fn transfers_of_a_batch_share_the_file_that_proves_it() {
    let world = World::new();
    let (one, first) = minted(&world, 1);
    let (two, second) = minted(&world, 2);
    let (three, third) = minted(&world, 3);
    for appended in world.store.append(vec![first, second]) {
        appended.unwrap();
    }
    // The third one is seen later.
    world.append(third).unwrap();
    let world = world.reopened();
    for id in [one, two, three] {
        assert_eq!(proof(&world, id), file());
    }
    let folder = world.closed();
    assert_eq!(files(folder.path()), 1);
    assert!(largest_event(folder.path()) < 1000);
}

/// Nothing of an entry that fails is kept: those that come with it must not rely on it.
#[test]
fn what_an_entry_that_fails_would_have_kept_the_next_one_keeps() {
    let world = World::new();
    let (one, mut first) = minted(&world, 1);
    let (two, second) = minted(&world, 2);
    first.book.push(BookChange::Withhold {
        pool: sample::pool().id(),
        blocks: vec![sample::block(900, 901)],
    });
    let answers = world.store.append(vec![first, second]);
    assert!(answers[0].is_err() && answers[1].is_ok(), "{answers:?}");
    assert_eq!(world.store.history(one).unwrap().len(), 1);
    assert_eq!(proof(&world, two), file());
}

/// Format 2 kept the file in each event.
#[test]
fn what_was_kept_with_its_event_is_still_read() {
    let world = World::new();
    let (id, entry) = minted(&world, 1);
    world.append(entry).unwrap();
    let last = world.transfer(id).length() - 1;
    let folder = world.closed();
    let raw = raw(folder.path());
    let (journal, evidence) = (raw.cf_handle("journal"), raw.cf_handle("evidence"));
    let (journal, evidence) = (journal.unwrap(), evidence.unwrap());
    let key = [id.as_bytes().as_slice(), &last.to_be_bytes()].concat();
    let stored = raw.get_cf(journal, &key).unwrap().unwrap();
    let mut event = pb::Event::decode(stored.as_slice()).unwrap();
    let Some(pb::event::Kind::Given(receipt)) = &mut event.kind else {
        panic!("{event:?}");
    };
    let named = std::mem::take(&mut receipt.evidence_sha256);
    receipt.evidence = raw.get_cf(evidence, &named).unwrap().unwrap();
    raw.put_cf(journal, &key, event.encode_to_vec()).unwrap();
    raw.delete_cf(evidence, &named).unwrap();
    let older = pb::Meta {
        format: 2,
        network: "devnet".into(),
        owner: "relayer".into(),
    };
    let meta = raw.cf_handle("meta").unwrap();
    raw.put_cf(meta, b"meta", older.encode_to_vec()).unwrap();
    drop(raw);
    for _ in 0..2 {
        let (store, _) = open(folder.path());
        let history = store.history(id).unwrap();
        assert!(
            matches!(&history.last().unwrap().event, Event::Given(r) if r.evidence == file()),
            "{history:?}"
        );
    }
    assert_eq!(files(folder.path()), 0, "it is not rewritten");
}
