//! The tree against the recursive definitions of RFC 6962 §2.1, for every index and size up to 130.

use std::cell::Cell;

use isthmus_prooflog::tree::{
    Hash, MemoryTree, StoredHashes, TreeError, append, check_consistency, check_inclusion,
    consistency, empty_root, inclusion, leaf_hash, root, stored_count,
};
use sha2::{Digest, Sha256};

const MAX: usize = 130;

fn leaf(i: usize) -> Vec<u8> {
    format!("leaf {i}").into_bytes()
}

fn tree() -> MemoryTree {
    let mut tree = MemoryTree::default();
    for i in 0..MAX {
        tree.push(&leaf(i)).unwrap();
    }
    tree
}

/// `MTH(D)`.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            let bytes = [&[1], mth(left).as_slice(), mth(right).as_slice()].concat();
            Sha256::digest(bytes).into()
        }
    }
}

/// The largest power of two smaller than `n`.
fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// `PATH(m, D)`.
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return vec![];
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if m < k {
        [path(m, left), vec![mth(right)]].concat()
    } else {
        [path(m - k, right), vec![mth(left)]].concat()
    }
}

/// `SUBPROOF(m, D, b)`.
fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { vec![] } else { vec![mth(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if m <= k {
        [subproof(m, left, whole), vec![mth(right)]].concat()
    } else {
        [subproof(m - k, right, false), vec![mth(left)]].concat()
    }
}

fn hashes() -> Vec<Hash> {
    (0..MAX)
        .map(|i| Sha256::digest([&[0], leaf(i).as_slice()].concat()).into())
        .collect()
}

fn wide(n: usize) -> u64 {
    n.try_into().unwrap()
}

#[test]
fn roots_and_stored_counts_are_those_of_the_definition() {
    let (tree, hashes) = (tree(), hashes());
    for size in 0..=MAX {
        assert_eq!(root(&tree, wide(size)).unwrap(), mth(&hashes[..size]));
    }
    assert_eq!(root(&tree, 0).unwrap(), empty_root());
    let mut grown = MemoryTree::default();
    for (i, hash) in hashes.iter().enumerate() {
        let added = append(&grown, wide(i), *hash).unwrap();
        let count = stored_count(wide(i)) + wide(added.len());
        assert_eq!(count, stored_count(wide(i + 1)));
        assert_eq!(leaf_hash(&leaf(i)), *hash);
        grown.push(&leaf(i)).unwrap();
    }
    assert_eq!(grown.size(), wide(MAX));
}

#[test]
fn every_inclusion_path_is_the_definitions_and_verifies() {
    let (tree, hashes) = (tree(), hashes());
    for size in 1..=MAX {
        let top = mth(&hashes[..size]);
        for index in 0..size {
            let proof = inclusion(&tree, wide(index), wide(size)).unwrap();
            assert_eq!(proof, path(index, &hashes[..size]), "{index} in {size}");
            check_inclusion(&proof, hashes[index], wide(index), wide(size), top).unwrap();
        }
    }
}

#[test]
fn every_consistency_proof_is_the_definitions_and_verifies() {
    let (tree, hashes) = (tree(), hashes());
    for to in 0..=MAX {
        for from in 0..=to {
            let proof = consistency(&tree, wide(from), wide(to)).unwrap();
            if from > 0 {
                let expected = subproof(from, &hashes[..to], true);
                assert_eq!(proof, expected, "{from} to {to}");
            }
            let (old, new) = (mth(&hashes[..from]), mth(&hashes[..to]));
            check_consistency(&proof, (wide(from), old), (wide(to), new)).unwrap();
        }
    }
}

#[test]
fn changed_inclusion_paths_are_refused() {
    let (tree, hashes) = (tree(), hashes());
    for size in 1..=33 {
        let top = mth(&hashes[..size]);
        for index in 0..size {
            let proof = inclusion(&tree, wide(index), wide(size)).unwrap();
            let check = |proof: &[Hash], leaf: Hash, index: usize, size: usize| {
                check_inclusion(proof, leaf, wide(index), wide(size), top)
            };
            for i in 0..proof.len() {
                let mut wrong = proof.clone();
                wrong[i][31] ^= 1;
                assert_eq!(
                    check(&wrong, hashes[index], index, size),
                    Err(TreeError::BadProof)
                );
                let mut short = proof.clone();
                short.remove(i);
                assert_eq!(
                    check(&short, hashes[index], index, size),
                    Err(TreeError::BadProof)
                );
                let mut swapped = proof.clone();
                swapped.rotate_left(1);
                let same = swapped == proof;
                assert_eq!(check(&swapped, hashes[index], index, size).is_ok(), same);
            }
            let long = [proof.clone(), vec![top]].concat();
            assert_eq!(
                check(&long, hashes[index], index, size),
                Err(TreeError::BadProof)
            );
            let other = hashes[(index + 1) % MAX];
            assert_eq!(check(&proof, other, index, size), Err(TreeError::BadProof));
            if index > 0 {
                let moved = check(&proof, hashes[index], index - 1, size);
                assert_eq!(moved, Err(TreeError::BadProof));
            }
            assert!(
                check_inclusion(&proof, hashes[index], wide(index), wide(size), [0; 32]).is_err()
            );
        }
    }
}

#[test]
fn changed_consistency_proofs_are_refused() {
    let (tree, hashes) = (tree(), hashes());
    for to in 1..=33 {
        for from in 0..=to {
            let proof = consistency(&tree, wide(from), wide(to)).unwrap();
            let (old, new) = (mth(&hashes[..from]), mth(&hashes[..to]));
            let check = |proof: &[Hash], old: Hash, new: Hash| {
                check_consistency(proof, (wide(from), old), (wide(to), new))
            };
            for i in 0..proof.len() {
                let mut wrong = proof.clone();
                wrong[i][0] ^= 1;
                assert_eq!(check(&wrong, old, new), Err(TreeError::BadProof));
                let mut short = proof.clone();
                short.remove(i);
                assert_eq!(check(&short, old, new), Err(TreeError::BadProof));
            }
            let long = [proof.clone(), vec![new]].concat();
            assert_eq!(
                check(&long, old, new),
                Err(TreeError::BadProof),
                "{from} {to}"
            );
            assert_eq!(
                check(&proof, [9; 32], new),
                Err(TreeError::BadProof),
                "{from} {to}"
            );
            if from > 0 {
                assert_eq!(check(&proof, old, [9; 32]), Err(TreeError::BadProof));
            }
        }
    }
}

#[test]
fn questions_outside_the_tree_are_refused() {
    let tree = tree();
    let outside = |asked, size| Err(TreeError::OutOfRange { asked, size });
    assert_eq!(inclusion(&tree, 5, 5), outside(5, 5));
    assert_eq!(inclusion(&tree, 0, 0), outside(0, 0));
    assert_eq!(consistency(&tree, 6, 5), outside(6, 5));
    let zero = [0; 32];
    assert_eq!(
        check_inclusion(&[], zero, 5, 5, zero),
        Err(TreeError::OutOfRange { asked: 5, size: 5 })
    );
    assert_eq!(
        check_consistency(&[], (6, zero), (5, zero)),
        Err(TreeError::OutOfRange { asked: 6, size: 5 })
    );
    let huge = u64::MAX;
    assert_eq!(
        check_inclusion(&[zero], zero, huge - 1, huge, zero),
        Err(TreeError::BadProof)
    );
    assert_eq!(
        check_consistency(&[zero], (1, zero), (huge, zero)),
        Err(TreeError::BadProof)
    );
}

struct Broken(MemoryTree, Cell<bool>);

impl StoredHashes for Broken {
    fn get(&self, index: u64) -> Result<Option<Hash>, TreeError> {
        if self.1.get() {
            let detail = "the disk is gone".into();
            return Err(TreeError::Storage { index, detail });
        }
        self.0.get(index)
    }
}

#[test]
fn a_storage_that_fails_or_lacks_a_hash_is_named() {
    let broken = Broken(tree(), Cell::new(false));
    let missing = root(&broken, wide(MAX) + 1).unwrap_err();
    assert!(missing.to_string().contains("it is missing"), "{missing}");
    assert!(inclusion(&broken, 0, wide(MAX) * 2).is_err());
    assert!(consistency(&broken, 3, wide(MAX) * 2).is_err());
    broken.1.set(true);
    for error in [
        root(&broken, 3).unwrap_err(),
        inclusion(&broken, 1, 3).unwrap_err(),
        consistency(&broken, 1, 3).unwrap_err(),
        append(&broken, 3, [0; 32]).unwrap_err(),
    ] {
        assert!(error.to_string().contains("the disk is gone"), "{error}");
    }
}
