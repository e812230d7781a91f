//! Whose data a folder holds, and that one process at a time has it.

use isthmus_core::id::TransferId;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::Journal;
use isthmus_core::quantity::Quantity;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::testing::sample;
use isthmus_core::transfer::{Event, Transfer};
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

fn units(number: u64) -> Vec<SerialBlock> {
    vec![sample::block(number * 10, number * 10 + number)]
}

/// Transfers in several states, admitted minutes apart.
fn lived_in(path: &std::path::Path) -> Store {
    let (store, clock) = open(path);
    for number in 1..=6u64 {
        clock.set(START.plus_ms(number * 1_000_000));
        let outbound = sample::outbound(number, &units(number));
        let admitted = store.append(vec![admission(&outbound)]).pop().unwrap();
        let begun = Story::of(&admitted.unwrap().transfer.unwrap());
        let told = match number {
            1 => begun.then(Event::WithdrawalRequested),
            2 => begun.locked(&outbound),
            3 => begun
                .locked(&outbound)
                .signed(&outbound)
                .intends()
                .done(OperationKind::Mint, &[]),
            4 => begun.locked(&outbound).signed(&outbound),
            _ => continue,
        };
        store.append(vec![told.append()]).pop().unwrap().unwrap();
    }
    store
}

/// Everything that format 2 computes from format 1.
#[derive(Debug, PartialEq)]
struct Seen {
    lanes: Vec<(String, u64)>,
    unfinished: Vec<(String, u64)>,
    admitted: Vec<Quantity>,
    held: Vec<Option<(SerialBlock, TransferId)>>,
    transfers: Vec<Option<Transfer>>,
}

fn seen(store: &Store) -> Seen {
    let (route, class) = (sample::route().id, sample::class().id());
    let since = |ms| store.admitted_since(&route, &class, START.plus_ms(ms));
    let id = |n| sample::outbound(n, &units(n)).terms.id();
    let counted = |counts: Vec<(String, u64)>| counts.into_iter().filter(|(_, n)| *n > 0).collect();
    Seen {
        lanes: counted(store.lane_counts().unwrap()),
        unfinished: counted(store.unfinished().unwrap()),
        admitted: [0, 3_000_000, 5_000_000]
            .map(|ms| since(ms).unwrap())
            .into(),
        held: (1..=7)
            .map(|n| store.custody_overlap(&units(n)).unwrap())
            .collect(),
        transfers: (1..=6).map(|n| store.transfer(id(n)).unwrap()).collect(),
    }
}

/// Takes from a folder what format 1 did not have.
fn downgrade(path: &std::path::Path) {
    let options = Options::default();
    let names = DB::list_cf(&options, path).unwrap();
    let raw = DB::open_cf(&options, path, names).unwrap();
    for (family, prefix) in [
        ("spans", ""),
        ("admitted", ""),
        ("snapshots", ""),
        ("meta", "lane/"),
        ("meta", "unfinished/"),
    ] {
        let family = raw.cf_handle(family).unwrap();
        let mut cleared = 0;
        for stored in raw.iterator_cf(family, IteratorMode::Start) {
            let (key, _) = stored.unwrap();
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
}

/// What format 1 did not have is computed from what it had, once.
#[test]
fn a_store_of_format_1_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let store = lived_in(folder.path());
    let before = seen(&store);
    drop(store);
    downgrade(folder.path());
    for _ in 0..2 {
        let (store, _) = open(folder.path());
        assert_eq!(seen(&store), before);
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
