//! The attester's memory: what was promised is kept across restarts.

use std::path::Path;
use std::sync::Arc;

use isthmus_core::id::{Address, Hash32};
use isthmus_store::AttesterStore;

use super::world;
use crate::attester::decline::{Decline, Ground};
use crate::attester::memory::{Memory, Promise};
use crate::attester::proposal::Allowed;

fn open(path: &Path) -> Memory {
    Memory::new(Arc::new(AttesterStore::open(path, "test").unwrap()))
}

/// R10, the attester's part of it: a second item for one id is never signed.
#[test]
fn one_item_per_transfer_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let item = world::item(&world::terms(1, 100));
    let other = isthmus_core::operation::MintItem {
        recipient: Address::new([0x66; 20]),
        ..item.clone()
    };
    let third = world::item(&world::terms(201, 300));
    assert_eq!(
        open(folder.path())
            .mints(std::slice::from_ref(&item))
            .unwrap(),
        [Ok(())]
    );
    let memory = open(folder.path());
    let answers = memory.mints(&[other, item, third]).unwrap();
    let grounds: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.map_err(|decline| decline.ground))
        .collect();
    assert_eq!(grounds, [Err(Ground::PromisedOtherwise), Ok(()), Ok(())]);
}

#[test]
fn no_mint_after_a_void_but_a_void_after_a_mint() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (
        world::item(&world::terms(1, 100)),
        world::item(&world::terms(201, 300)),
    );
    let memory = open(folder.path());
    assert_eq!(
        memory.mints(std::slice::from_ref(&first)).unwrap(),
        [Ok(())]
    );
    memory.void(first.transfer).unwrap();
    drop(memory);
    let answers = open(folder.path()).mints(&[second, first]).unwrap();
    assert_eq!(answers[0], Ok(()));
    assert_eq!(
        answers[1].as_ref().unwrap_err().ground,
        Ground::PromisedVoid
    );
}

fn approve(memory: &Memory, reference: &str, allowed: Allowed) -> Result<(), Decline> {
    let promise = promise(reference, allowed);
    memory.approvals(&[promise]).unwrap().remove(0)
}

fn promise(reference: &str, allowed: Allowed) -> Promise {
    Promise {
        reference: reference.into(),
        allowed,
        instruction: None,
    }
}

fn allowed(digest: u8, effect: u8) -> Allowed {
    Allowed {
        digest: Hash32::new([digest; 32]),
        effect: Hash32::new([effect; 32]),
    }
}

#[test]
fn another_proposal_only_after_the_first_is_seen_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (allowed(1, 7), allowed(2, 7));
    let memory = open(folder.path());
    assert_eq!(approve(&memory, "0xab", one), Ok(()));
    drop(memory);
    let memory = open(folder.path());
    assert_eq!(approve(&memory, "0xab", one), Ok(()), "the same again");
    let other = approve(&memory, "0xab", two);
    assert_eq!(other.unwrap_err().ground, Ground::OtherApproved);
    assert_eq!(approve(&memory, "0xcd", two), Ok(()), "another reference");
    assert!(memory.has_approved("0xab").unwrap());
    memory.closed(&["0xab"]).unwrap();
    assert!(!memory.has_approved("0xab").unwrap());
    assert_eq!(approve(&memory, "0xab", two), Ok(()));
}

/// The registry closed the first and another took its place before anybody looked, because the log gave the burn other units.
#[test]
fn a_proposal_of_another_effect_closes_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open(folder.path());
    assert_eq!(approve(&memory, "0xab", allowed(1, 7)), Ok(()));
    assert_eq!(approve(&memory, "0xab", allowed(2, 8)), Ok(()));
    drop(memory);
    let memory = open(folder.path());
    assert_eq!(approve(&memory, "0xab", allowed(2, 8)), Ok(()));
    let recut = approve(&memory, "0xab", allowed(3, 8));
    assert_eq!(
        recut.unwrap_err().ground,
        Ground::OtherApproved,
        "the same units, cut otherwise, close nothing"
    );
    memory.closed(&["0xab"]).unwrap();
    assert_eq!(approve(&memory, "0xab", allowed(3, 8)), Ok(()));
}

/// R5, R10: one write for many, each of which stands for itself.
#[test]
fn promises_of_one_pull_are_kept_together_and_decided_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(AttesterStore::open(folder.path(), "test").unwrap());
    let memory = Memory::new(Arc::clone(&store));
    assert_eq!(approve(&memory, "0xab", allowed(1, 7)), Ok(()));
    let before = store.syncs();
    let later = Promise {
        instruction: Some(2),
        ..promise("0xef", allowed(5, 9))
    };
    let earlier = Promise {
        instruction: Some(1),
        ..promise("0xef", allowed(6, 9))
    };
    let pulled = [
        promise("0xab", allowed(2, 7)),
        promise("0xcd", allowed(3, 7)),
        promise("0xcd", allowed(4, 7)),
        later,
        earlier,
        promise("0x12", allowed(8, 7)),
    ];
    let answers = memory.approvals(&pulled).unwrap();
    let grounds: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.map_err(|decline| decline.ground))
        .collect();
    let expected = [
        Err(Ground::OtherApproved),
        Ok(()),
        Err(Ground::OtherApproved),
        Ok(()),
        Err(Ground::OldInstruction),
        Ok(()),
    ];
    assert_eq!(grounds, expected);
    assert_eq!(store.syncs(), before + 1);
    assert_eq!(memory.approvals(&[]).unwrap(), []);
    assert_eq!(approve(&memory, "0xcd", allowed(3, 7)), Ok(()));
    assert_eq!(store.syncs(), before + 1, "nothing new is not written");
    drop((memory, store));
    let memory = open(folder.path());
    for reference in ["0xab", "0xcd", "0xef", "0x12"] {
        assert!(memory.has_approved(reference).unwrap(), "{reference}");
    }
    memory.closed(&["0xab", "0xcd", "0x34"]).unwrap();
    let left = ["0xab", "0xcd", "0xef"].map(|name| memory.has_approved(name).unwrap());
    assert_eq!(left, [false, false, true]);
}
