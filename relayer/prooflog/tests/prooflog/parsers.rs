//! No parser panics, whatever it is given: arbitrary bytes, and good files with something changed.

use std::sync::LazyLock;

use alloy_primitives::Address;
use isthmus_prooflog::bundle::Bundle;
use isthmus_prooflog::evm_evidence::EvmEvidence;
use isthmus_prooflog::gate::signer_of;
use isthmus_prooflog::leaf::{Leaf, Purpose};
use isthmus_prooflog::note::{self, VerifierKey};
use isthmus_prooflog::policy::Policy;
use isthmus_prooflog::proof_file::ProofFile;
use isthmus_prooflog::receipt;
use isthmus_prooflog::serial::{Block, normalise, total_g};
use isthmus_prooflog::verify::verify;
use proptest::prelude::*;

use crate::stories::{completed, returned, withdrawn};
use crate::world::{World, book, burned, locked, serial, terms};
use crate::{evm, world};

/// Gives the bytes to everything that reads bytes.
fn read_all(bytes: &[u8]) {
    let key = World::new(0).vkey();
    drop(note::open(bytes, &key));
    drop(note::peek(bytes));
    if let Ok(leaf) = Leaf::parse(bytes) {
        assert_eq!(leaf.to_bytes(), bytes);
        drop(book().apply(&leaf));
    }
    if let Ok(evidence) = EvmEvidence::parse(bytes) {
        drop(evidence.events());
    }
    drop(Bundle::parse(bytes));
    if let Some(signer) = signer_of(world::CLASS, bytes) {
        assert_ne!(signer, Address::ZERO);
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(proof) = ProofFile::parse(&text) {
        drop(proof.to_string());
    }
    drop(Policy::parse(&text));
    drop(VerifierKey::parse(&text));
    drop(receipt::open(&text, &[1; 32]));
    if let Ok(block) = Block::parse(&text) {
        assert_eq!(block.to_string(), text);
        drop(normalise(&[text.to_string(), text.to_string()]));
    }
}

/// Built once: a bundle has signatures and a trie.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(good_files);

fn good_files() -> Vec<Vec<u8>> {
    let terms = terms(&[serial(1, 10)], 1);
    let parts = completed();
    let event = evm::minted(world::CLASS, world::CLASS, 1);
    let mut files: Vec<_> = parts.bundle().files.into_values().collect();
    files.push(parts.archive());
    files.push(World::new(0).policy_text(&[world::CLASS]).into_bytes());
    files.push(World::new(0).vkey().to_string().into_bytes());
    files.push(serial(1, 10).into_bytes());
    files.push(b"7331-385170050-385170149-VCU-013-MER-CN-14-1718-01012016-31122016-0".to_vec());
    files.push(locked(&terms).to_bytes());
    files.push(burned(1, Purpose::Retire, &[Block::parse(&serial(1, 3)).unwrap()]).to_bytes());
    files.push(evm::bytes(&evm::evidence(&event)));
    files
}

#[test]
fn good_files_are_read() {
    for file in GOOD.iter() {
        read_all(file);
    }
}

static STORIES: LazyLock<[Bundle; 3]> = LazyLock::new(|| {
    [
        completed().bundle(),
        withdrawn().bundle(),
        returned(Purpose::Release).bundle(),
    ]
});

/// One change to a file.
#[derive(Clone, Debug)]
enum Change {
    Flip(usize, u8),
    Cut(usize),
    Repeat(usize, usize),
    Number(usize, &'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let numbers = [
        "0",
        "18446744073709551615",
        "9223372036854775807",
        "-1",
        "1e999",
        "\"\"",
        "null",
        "{}",
        "[]",
    ];
    prop_oneof![
        (any::<usize>(), 1..=255_u8).prop_map(|(at, bits)| Change::Flip(at, bits)),
        any::<usize>().prop_map(Change::Cut),
        (any::<usize>(), 1..100_usize).prop_map(|(at, n)| Change::Repeat(at, n)),
        (any::<usize>(), proptest::sample::select(numbers.to_vec()))
            .prop_map(|(at, n)| Change::Number(at, n)),
    ]
}

fn changed(mut file: Vec<u8>, change: &Change) -> Vec<u8> {
    let length = file.len().max(1);
    match change {
        Change::Flip(at, bits) => {
            if let Some(byte) = file.get_mut(at % length) {
                *byte ^= bits;
            }
        }
        Change::Cut(at) => file.truncate(at % length),
        Change::Repeat(at, n) => {
            let from = at % length;
            let piece = file[from..(from + n).min(file.len())].to_vec();
            file.splice(from..from, piece);
        }
        Change::Number(at, number) => {
            // In place of a run of digits.
            let from = file
                .iter()
                .skip(at % length)
                .position(u8::is_ascii_digit)
                .map(|i| i + at % length);
            if let Some(from) = from {
                let run = file[from..]
                    .iter()
                    .take_while(|b| b.is_ascii_digit())
                    .count();
                file.splice(from..from + run, number.bytes());
            }
        }
    }
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_bytes_panic_nobody(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        read_all(&bytes);
    }

    #[test]
    fn arbitrary_text_panics_nobody(text in "\\PC{0,200}") {
        read_all(text.as_bytes());
    }

    #[test]
    fn changed_files_panic_nobody(which in any::<prop::sample::Index>(), changes in proptest::collection::vec(change(), 1..4)) {
        let file = changes.iter().fold(which.get(&GOOD).clone(), changed);
        read_all(&file);
    }

    #[test]
    fn blocks_never_overflow(numbers in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..6)) {
        let serials: Vec<_> = numbers.iter().map(|(a, b)| serial((*a).max(1), *b)).collect();
        if let Ok(blocks) = normalise(&serials) {
            total_g(&blocks);
        }
        let top = u64::MAX;
        let edge = [serial(top, top), serial(top - 1, top - 1)];
        prop_assert_eq!(normalise(&edge).unwrap()[0].quantity_t(), 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A changed file in a bundle whose manifest fits: no panic, and never a pass.
    #[test]
    fn changed_bundles_panic_nobody_and_never_pass(
        story in 0..3_usize, which in any::<prop::sample::Index>(), change in change()
    ) {
        let bundle = &STORIES[story];
        let manifest = &bundle.manifest;
        let mut files = bundle.files.clone();
        let paths: Vec<_> = files.keys().cloned().collect();
        let path = which.get(&paths);
        let before = files[path].clone();
        let after = changed(before.clone(), &change);
        prop_assume!(before != after);
        files.insert(path.clone(), after);
        let forged = Bundle::new(manifest.transfer, manifest.kind, manifest.asset_class, manifest.quantity_g.0, manifest.log_size, files);
        let report = verify(&forged.to_archive().unwrap(), &World::new(0).policy(), None);
        prop_assert!(!report.passed(), "{path} {change:?}");
    }
}
