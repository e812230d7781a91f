//! A short run of each target in `make test`: the whole corpus, then mutations of it. `make fuzz` searches for longer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy only knows the test functions themselves"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use isthmus_fuzz::{TARGETS, Target};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// For mutations of one target.
const BUDGET: Duration = Duration::from_secs(1);
/// Largest mutated input.
const LARGEST: usize = 64 * 1024;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

fn mutated(seeds: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = seeds.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes.insert(at, random.random()),
            2 => drop(bytes.drain(at..(at + random.random_range(0..16)).min(bytes.len()))),
            3 => {
                let other = seeds.choose(random).unwrap();
                let from = random.random_range(0..=other.len());
                let until = (from + random.random_range(0..64)).min(other.len());
                bytes.splice(at..at, other[from..until].iter().copied());
            }
            _ => bytes.truncate(at),
        }
    }
    bytes.truncate(LARGEST);
    bytes
}

fn run(name: &str, target: Target) {
    let seeds = corpus(name);
    for bytes in &seeds {
        target(bytes);
    }
    let seed =
        std::env::var("ISTHMUS_SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    let mut random = StdRng::seed_from_u64(seed);
    let until = Instant::now() + BUDGET;
    let mut runs = 0_u64;
    while Instant::now() < until {
        let bytes = mutated(&seeds, &mut random);
        let outcome = std::panic::catch_unwind(|| target(&bytes));
        assert!(
            outcome.is_ok(),
            "{name}: ISTHMUS_SEED={seed}, input {runs}: {:?}",
            String::from_utf8_lossy(&bytes)
        );
        runs += 1;
    }
    assert!(runs > 10, "{name} is too slow to be fuzzed: {runs} runs");
}

#[test]
fn every_target_survives_its_corpus_and_mutations_of_it() {
    for (name, target) in TARGETS {
        run(name, target);
    }
}
