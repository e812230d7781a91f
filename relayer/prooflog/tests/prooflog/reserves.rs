//! Reserves from leaf bytes under a signed checkpoint.

use isthmus_prooflog::leaf::{Leaf, Purpose};
use isthmus_prooflog::reserves::{ReservesError, recompute};
use isthmus_prooflog::tree::MemoryTree;

use crate::world::{
    CLASS, World, blocks, burned, given, locked, minted, pool, route, serial, terms,
};

fn leaves() -> Vec<Vec<u8>> {
    let (a, b) = (terms(&[serial(1, 100)], 1), terms(&[serial(201, 250)], 2));
    let some = blocks(&[serial(1, 10)]);
    let more = blocks(&[serial(11, 15)]);
    [
        World::new(0).route_leaf(&route(1)),
        locked(&a),
        locked(&b),
        minted(&a),
        burned(1, Purpose::Release, &some),
        given(1, Purpose::Release, &some),
        burned(2, Purpose::Retire, &more),
    ]
    .iter()
    .map(Leaf::to_bytes)
    .collect()
}

fn checkpoint(leaves: &[Vec<u8>]) -> String {
    let mut tree = MemoryTree::default();
    for leaf in leaves {
        tree.push(leaf).unwrap();
    }
    World::new(0).log().sign(&tree, tree.size()).unwrap()
}

#[test]
fn the_rows_add_up() {
    let leaves = leaves();
    let note = checkpoint(&leaves);
    let (checkpoint, rows) = recompute(&leaves, note.as_bytes(), &World::new(0).policy()).unwrap();
    assert_eq!(checkpoint.size, 7);
    let [row] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!((row.pool, row.asset_class), (pool(), CLASS));
    let t = 1_000_000;
    let totals = row.totals;
    assert_eq!(
        (
            totals.locked_g,
            totals.circulating_g,
            totals.pending_g,
            totals.owed_g
        ),
        (140 * t, 85 * t, 50 * t, 5 * t)
    );
    assert!(totals.holds());
}

#[test]
fn leaves_that_are_not_the_checkpoints_are_refused() {
    let leaves = leaves();
    let note = checkpoint(&leaves);
    let policy = World::new(0).policy();
    let fails = |leaves: &[Vec<u8>]| {
        let error = recompute(leaves, note.as_bytes(), &policy).unwrap_err();
        assert!(
            matches!(error, ReservesError::NotTheLog { size: 7, .. }),
            "{error}"
        );
    };
    fails(&leaves[..6]);
    fails(&[]);
    fails(&[leaves.clone(), vec![leaves[0].clone()]].concat());
    let mut swapped = leaves.clone();
    swapped.swap(1, 2);
    fails(&swapped);
    let mut changed = leaves.clone();
    changed[3].push(b' ');
    fails(&changed);
}

#[test]
fn a_checkpoint_of_somebody_else_is_refused() {
    let leaves = leaves();
    let note = checkpoint(&leaves);
    let error = recompute(&leaves, note.as_bytes(), &World::new(1).policy()).unwrap_err();
    assert!(matches!(error, ReservesError::Note(_)), "{error}");
}

#[test]
fn a_log_that_lies_is_refused_although_it_is_signed() {
    let policy = World::new(0).policy();
    let error =
        |leaves: &[Vec<u8>]| recompute(leaves, checkpoint(leaves).as_bytes(), &policy).unwrap_err();
    let mut two_mints = leaves();
    two_mints.push(two_mints[3].clone());
    assert!(error(&two_mints).to_string().contains("(R10)"));
    let mut garbage = leaves();
    garbage[2] = b"{}".to_vec();
    assert!(matches!(
        error(&garbage),
        ReservesError::Leaf { index: 2, .. }
    ));
    let mut forged_route = leaves();
    forged_route[0] = World::new(1).route_leaf(&route(1)).to_bytes();
    assert!(matches!(
        error(&forged_route),
        ReservesError::Route { index: 0, found: 0 }
    ));
}

#[test]
fn an_empty_log_has_no_pools() {
    let note = checkpoint(&[]);
    let (_, rows) = recompute(&[], note.as_bytes(), &World::new(0).policy()).unwrap();
    assert!(rows.is_empty());
}
