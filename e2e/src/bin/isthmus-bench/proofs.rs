//! Verifying that a leaf is in the log, as an auditor does.

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use isthmus_prooflog::tree::{self, Hash, StoredHashes, TreeError};

use crate::figures::Figures;
use crate::usage::to_f64;

/// Leaves of the log.
const LEAVES: u64 = 1_000_000;
/// Proofs that are verified.
const PROOFS: u64 = 20_000;
/// Size of a `MINTED` leaf.
const LEAF_BYTES: usize = 600;

/// A log in memory.
#[derive(Default)]
struct Hashes(Vec<Hash>);

impl StoredHashes for Hashes {
    fn get(&self, index: u64) -> Result<Option<Hash>, TreeError> {
        let index = usize::try_from(index).ok();
        Ok(index.and_then(|index| self.0.get(index)).copied())
    }
}

fn leaf(number: u64) -> Vec<u8> {
    let mut leaf = vec![b'x'; LEAF_BYTES];
    leaf.splice(..8, number.to_be_bytes());
    leaf
}

/// Hashing the leaf is part of it.
pub(crate) fn measure(out: &mut impl Write, figures: &mut Figures) -> anyhow::Result<()> {
    let mut hashes = Hashes::default();
    for number in 0..LEAVES {
        let added = tree::append(&hashes, number, tree::leaf_hash(&leaf(number)))?;
        hashes.0.extend(added);
    }
    let root = tree::root(&hashes, LEAVES)?;
    let numbers = (0..PROOFS).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % LEAVES);
    let proofs: Vec<_> = numbers
        .map(|number| {
            Ok((
                number,
                leaf(number),
                tree::inclusion(&hashes, number, LEAVES)?,
            ))
        })
        .collect::<Result<_, TreeError>>()?;
    let begun = Instant::now();
    for (number, leaf, proof) in &proofs {
        let hash = tree::leaf_hash(black_box(leaf));
        tree::check_inclusion(proof, hash, *number, LEAVES, root)?;
    }
    let us = begun.elapsed().as_secs_f64() * 1e6 / to_f64(PROOFS)?;
    writeln!(out, "proofs: a leaf among {LEAVES} verified in {us:.2} µs")?;
    figures.set("inclusion_verify_us", us);
    Ok(())
}
