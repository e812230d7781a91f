//! Lists, counters, cursors, nonces, drafts, and the log.

use isthmus_core::id::DraftId;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, Cursor, Draft, Journal};
use isthmus_core::receipt::Lasting;
use isthmus_core::testing::sample;
use isthmus_core::transfer::Event;
use isthmus_prooflog::tree::{self, MemoryTree};
use isthmus_store::Filter;
use proptest::prelude::*;

use crate::world::{START, Story, World, lane};

pub(crate) fn draft(number: u8, nonce: Option<u64>) -> Draft {
    Draft {
        id: DraftId::new([number; 32]),
        bytes: vec![number; 3],
        nonce,
        expires: nonce.map(|_| START),
    }
}

#[test]
fn drafts_belong_to_their_intent_and_come_oldest_first() {
    let world = World::new();
    let admitted = world.admit(1, &[sample::block(1, 10)]);
    let with = |drafts: &[u8], append: Append| Append {
        drafts: drafts
            .iter()
            .map(|n| draft(*n, Some(u64::from(*n))))
            .collect(),
        ..append
    };
    let outbound = sample::outbound(1, &[sample::block(1, 10)]);
    let minting = world
        .append(with(&[9], Story::of(&admitted).intends().append()))
        .unwrap()
        .transfer
        .unwrap();
    let lock = lane(OperationKind::Lock);
    assert_eq!(world.store.next_nonce(&lock).unwrap(), 10);
    let attempts = |lane| world.store.due(lane, START, 10).unwrap().remove(0).1;
    assert_eq!(attempts(&lock), [draft(9, Some(9))]);
    // A replacement without a new intent, then a lower nonce: the list grows, the nonce does not go back.
    let replaced = Append {
        transfer: Some((minting.id(), minting.length())),
        ..Append::default()
    };
    world.append(with(&[3], replaced)).unwrap();
    assert_eq!(attempts(&lock), [draft(9, Some(9)), draft(3, Some(3))]);
    assert_eq!(world.store.next_nonce(&lock).unwrap(), 10);
    // The next intent starts with none.
    let signed = Story::of(&minting)
        .done(OperationKind::Lock, &outbound.units)
        .signed(&outbound)
        .intends();
    let first = world
        .append(with(&[1, 2], signed.append()))
        .unwrap()
        .transfer
        .unwrap();
    let mint = lane(OperationKind::Mint);
    assert_eq!(attempts(&mint), [draft(1, Some(1)), draft(2, Some(2))]);
    let refused = Story::of(&first)
        .then(Event::Refused(sample::refusal(Lasting::Later)))
        .intends();
    world.append(with(&[4], refused.append())).unwrap();
    let world = world.reopened();
    let again = world.store.due(&mint, START, 10).unwrap().remove(0).1;
    assert_eq!(
        again,
        [draft(4, Some(4))],
        "the drafts of the refused intent stay behind"
    );
    assert_eq!(world.store.next_nonce(&mint).unwrap(), 5);
    assert_eq!(
        world.store.next_nonce(&lane(OperationKind::Void)).unwrap(),
        0
    );
}

#[test]
fn cursors_are_kept_per_ledger_with_what_they_caused() {
    let world = World::new();
    let (chain, registry) = (sample::chain(), sample::registry());
    assert_eq!(world.store.cursor(&chain).unwrap(), None);
    let at = |height, block| Cursor {
        height,
        block,
        last_number: height / 2,
    };
    let entry = |ledger: &isthmus_core::id::LedgerId, cursor: &Cursor| Append {
        cursor: Some((ledger.clone(), cursor.clone())),
        ..Append::default()
    };
    let (first, second) = (at(7, Some(sample::hash(7))), at(9, None));
    world.append(entry(&chain, &first)).unwrap();
    world.append(entry(&registry, &second)).unwrap();
    let world = world.reopened();
    assert_eq!(world.store.cursor(&chain).unwrap(), Some(first));
    assert_eq!(world.store.cursor(&registry).unwrap(), Some(second));
}

#[test]
fn counters_follow_every_state_and_outstanding_what_is_not_undone() {
    let world = World::new();
    let tonnes = || {
        world
            .store
            .outstanding(&sample::route().id)
            .unwrap()
            .tonnes()
            .unwrap()
    };
    let units = |n: u64| vec![sample::block(n * 10, n * 10 + 9)];
    assert_eq!(tonnes(), 0);
    let transfers: Vec<_> = (1..=3).map(|n| world.admit(n, &units(n))).collect();
    assert_eq!(tonnes(), 30);
    world.tell(Story::of(&transfers[0]).then(Event::WithdrawalRequested));
    assert_eq!(tonnes(), 20, "rejected");
    let outbound = sample::outbound(2, &units(2));
    let undone = Story::of(&transfers[1])
        .locked(&outbound)
        .voided()
        .intends()
        .done(OperationKind::Unlock, &outbound.units);
    world.tell(undone);
    assert_eq!(
        tonnes(),
        10,
        "returned, in one append with everything before it"
    );
    let outbound = sample::outbound(3, &units(3));
    let minted = Story::of(&transfers[2])
        .locked(&outbound)
        .signed(&outbound)
        .intends()
        .done(OperationKind::Mint, &[]);
    world.tell(minted);
    assert_eq!(tonnes(), 10, "completed still counts");
    let counts: Vec<_> = world
        .store
        .counts()
        .unwrap()
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .collect();
    let one = |state: &str| (state.to_owned(), 1);
    assert_eq!(counts, [one("completed"), one("rejected"), one("returned")]);
}

#[test]
fn lists_are_newest_first_by_pages_and_filters() {
    let world = World::new();
    let ids: Vec<_> = (1..=5)
        .map(|n| world.admit(n, &[sample::block(n * 10, n * 10 + 9)]).id())
        .collect();
    let all = Filter::default();
    let page = |filter: &Filter, before, limit| {
        let listed = world.store.list(filter, before, limit).unwrap();
        let last = listed.last().map(|l| l.serial);
        (listed.into_iter().map(|l| l.id).collect::<Vec<_>>(), last)
    };
    let (first, last) = page(&all, None, 2);
    assert_eq!(first, [ids[4], ids[3]]);
    let (rest, _) = page(&all, last, 10);
    assert_eq!(rest, [ids[2], ids[1], ids[0]]);
    world.tell(Story::of(&world.transfer(ids[1])).then(Event::WithdrawalRequested));
    let rejected = Filter {
        state: Some("rejected".into()),
        route: None,
    };
    assert_eq!(page(&rejected, None, 10).0, [ids[1]]);
    let elsewhere = Filter {
        state: None,
        route: Some("other".into()),
    };
    assert_eq!(page(&elsewhere, None, 10).0, []);
    assert_eq!(world.store.times(ids[0]).unwrap(), Some((START, START)));
    assert_eq!(
        world
            .store
            .times(sample::outbound(9, &[]).terms.id())
            .unwrap(),
        None
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn the_stored_tree_is_the_one_of_its_leaves(batches in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5), 1..8)) {
        let world = World::new();
        let mut memory = MemoryTree::default();
        let mut leaves = Vec::new();
        for batch in batches {
            // Every second entry of a batch fails after its leaves were staged: they must not be in the tree.
            let entries: Vec<Append> = batch.iter().flat_map(|leaf| {
                let good = Append { leaves: vec![leaf.clone(), leaf.clone()], ..Append::default() };
                let bad = Append { transfer: Some((sample::outbound(1, &[]).terms.id(), 5)), ..good.clone() };
                [good, bad]
            }).collect();
            let answers = world.store.append(entries);
            for (n, leaf) in batch.into_iter().enumerate() {
                prop_assert_eq!(answers[2 * n].as_ref().unwrap().first_leaf, Some(memory.size()));
                prop_assert!(answers[2 * n + 1].is_err());
                for _ in 0..2 {
                    memory.push(&leaf).unwrap();
                    leaves.push(leaf.clone());
                }
            }
        }
        let log = world.store.log();
        let size = log.size().unwrap();
        prop_assert_eq!(size, memory.size());
        prop_assert_eq!(log.leaves(0, usize::MAX).unwrap(), leaves.clone());
        let root = tree::root(&memory, size).unwrap();
        prop_assert_eq!(tree::root(&log, size).unwrap(), root);
        let expected = (size > 0).then_some((size, root));
        prop_assert_eq!(world.store.checkpoint_intent().unwrap(), expected, "durable before it can be signed");
        for index in 0..size {
            prop_assert_eq!(tree::inclusion(&log, index, size).unwrap(), tree::inclusion(&memory, index, size).unwrap());
        }
    }
}

#[test]
fn leaves_are_found_by_their_transfer() {
    let world = World::new();
    let first = world.admit(1, &[sample::block(1, 10)]);
    let second = world.admit(2, &[sample::block(11, 20)]);
    let leaf = |transfer: &isthmus_core::transfer::Transfer, text: &str| Append {
        leaves: vec![text.as_bytes().to_vec()],
        ..Story::of(transfer).intends().append()
    };
    world
        .append(Append {
            leaves: vec![b"route".to_vec()],
            ..Append::default()
        })
        .unwrap();
    world.append(leaf(&second, "b")).unwrap();
    world.append(leaf(&first, "a")).unwrap();
    let log = world.store.log();
    assert_eq!(log.leaves_of(first.id()).unwrap(), [2]);
    assert_eq!(log.leaves_of(second.id()).unwrap(), [1]);
    assert_eq!(log.leaf(2).unwrap(), Some(b"a".to_vec()));
    assert_eq!(log.leaf(3).unwrap(), None);
    assert_eq!(log.leaves(1, 1).unwrap(), [b"b".to_vec()]);
}
