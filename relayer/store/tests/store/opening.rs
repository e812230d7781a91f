//! Whose data a folder holds, and that one process at a time has it.

use isthmus_proto::store::v1 as pb;
use isthmus_store::{AttesterStore, FORMAT, OpenError, Store};
use prost::Message;
use rocksdb::{DB, Options};

use crate::world::{World, open};

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
