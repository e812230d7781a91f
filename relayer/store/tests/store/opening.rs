//! Whose data a folder holds, and that one process at a time has it.

use isthmus_core::operation::OperationKind;
use isthmus_core::ports::Journal;
use isthmus_core::testing::sample;
use isthmus_core::transfer::Event;
use isthmus_proto::store::v1 as pb;
use isthmus_store::{AttesterStore, FORMAT, OpenError, Store};
use prost::Message;
use rocksdb::{DB, IteratorMode, Options};

use crate::world::{START, Story, World, admission, open};

fn try_open(path: &std::path::Path, network: &str, clock: &World) -> Result<Store, OpenError> {
    let clock = std::sync::Arc::clone(&clock.clock);
    Store::open(path, network, clock)
}

#[test]
fn another_networks_data_are_refused() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let Err(OpenError::ForeignNetwork {
        found, expected, ..
    }) = try_open(folder.path(), "mainnet", &world)
    else {
        panic!("a foreign network");
    };
    assert_eq!((found.as_str(), expected.as_str()), ("devnet", "mainnet"));
    assert!(
        try_open(folder.path(), "devnet", &world).is_ok(),
        "and left as they were"
    );
}

#[test]
fn an_attesters_folder_is_no_relayers_and_the_other_way_round() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    drop(AttesterStore::open(folder.path(), "devnet").unwrap());
    let refused = try_open(folder.path(), "devnet", &world);
    assert!(
        matches!(&refused, Err(OpenError::ForeignOwner { found, .. }) if found == "attester"),
        "{refused:?}"
    );
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    assert!(AttesterStore::open(folder.path(), "devnet").is_err());
    drop(open(folder.path()));
}

#[test]
fn a_newer_format_is_refused() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let options = Options::default();
    let names = DB::list_cf(&options, folder.path()).unwrap();
    let raw = DB::open_cf(&options, folder.path(), names).unwrap();
    let newer = pb::Meta {
        format: FORMAT + 1,
        network: "devnet".into(),
        owner: "relayer".into(),
    };
    raw.put_cf(
        raw.cf_handle("meta").unwrap(),
        b"meta",
        newer.encode_to_vec(),
    )
    .unwrap();
    drop(raw);
    let refused = try_open(folder.path(), "devnet", &world);
    assert!(matches!(refused, Err(OpenError::NewerFormat { found, .. }) if found == FORMAT + 1));
}

/// What format 1 did not have is computed from what it had.
#[test]
fn a_store_of_format_1_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let units = |n: u64| vec![sample::block(n * 10, n * 10 + n)];
    let (store, clock) = open(folder.path());
    for number in 1..=6u64 {
        clock.set(START.plus_ms(number * 1_000_000));
        let outbound = sample::outbound(number, &units(number));
        let admitted = store.append(vec![admission(&outbound)]).pop().unwrap();
        let admitted = admitted.unwrap().transfer.unwrap();
        let story = match number {
            1 => Story::of(&admitted).then(Event::WithdrawalRequested),
            2 => Story::of(&admitted).locked(&outbound),
            3 => Story::of(&admitted)
                .locked(&outbound)
                .signed(&outbound)
                .intends()
                .done(OperationKind::Mint, &[]),
            4 => Story::of(&admitted).locked(&outbound).signed(&outbound),
            _ => continue,
        };
        store.append(vec![story.append()]).pop().unwrap().unwrap();
    }
    let seen = |store: &Store| {
        let (route, class) = (sample::route().id, sample::class().id());
        let admitted = |ms| store.admitted_since(&route, &class, START.plus_ms(ms));
        let ids: Vec<_> = (1..=6)
            .map(|n| sample::outbound(n, &units(n)).terms.id())
            .collect();
        (
            store.lane_counts().unwrap(),
            store.unfinished().unwrap(),
            [0, 3_000_000, 5_000_000].map(|ms| admitted(ms).unwrap()),
            (1..=7)
                .map(|n| store.custody_overlap(&units(n)).unwrap())
                .collect::<Vec<_>>(),
            ids.iter()
                .map(|id| store.transfer(*id).unwrap())
                .collect::<Vec<_>>(),
        )
    };
    let before = seen(&store);
    drop(store);

    let options = Options::default();
    let names = DB::list_cf(&options, folder.path()).unwrap();
    let raw = DB::open_cf(&options, folder.path(), names).unwrap();
    for (family, prefix) in [
        ("spans", ""),
        ("admitted", ""),
        ("snapshots", ""),
        ("meta", "lane/"),
        ("meta", "unfinished/"),
    ] {
        let family = raw.cf_handle(family).unwrap();
        let mut cleared = 0;
        for entry in raw.iterator_cf(family, IteratorMode::Start) {
            let (key, _) = entry.unwrap();
            if key.starts_with(prefix.as_bytes()) {
                raw.delete_cf(family, key).unwrap();
                cleared += 1;
            }
        }
        assert!(cleared > 0, "{prefix}");
    }
    let older = pb::Meta {
        format: 1,
        network: "devnet".into(),
        owner: "relayer".into(),
    };
    let meta = raw.cf_handle("meta").unwrap();
    raw.put_cf(meta, b"meta", older.encode_to_vec()).unwrap();
    drop(raw);

    for _ in 0..2 {
        let (store, _) = open(folder.path());
        let after = seen(&store);
        let counted = |counts: &[(String, u64)]| -> Vec<(String, u64)> {
            counts.iter().filter(|(_, n)| *n > 0).cloned().collect()
        };
        assert_eq!(counted(&after.0), counted(&before.0));
        assert_eq!(counted(&after.1), counted(&before.1));
        assert_eq!(
            (after.2, after.3, after.4),
            (before.2, before.3.clone(), before.4.clone())
        );
    }
}

#[test]
fn a_second_opener_is_refused_while_the_first_has_it() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let refused = try_open(folder.path(), "devnet", &world);
    assert!(matches!(refused, Err(OpenError::Unavailable { .. })));
    drop(first);
    assert!(try_open(folder.path(), "devnet", &world).is_ok());
}
