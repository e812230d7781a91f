//! The vector files. Every file in the folder must have a reader here, and every reader a file.

use std::collections::BTreeSet;
use std::path::PathBuf;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use isthmus_prooflog::evm_evidence::EvmEvidence;
use isthmus_prooflog::gate::{check_quorum, signer_of};
use isthmus_prooflog::note::{LogSigner, VerifierKey, open, open_cosigned};
use isthmus_prooflog::proof_file::ProofFile;
use isthmus_prooflog::serial::Block;
use isthmus_prooflog::tree::{
    self, Hash, MemoryTree, check_consistency, check_inclusion, consistency, inclusion, root,
};
use serde_json::Value;

type Reader = fn(&[u8]);

const READERS: [(&str, Reader); 9] = [
    ("rfc6962.json", rfc6962),
    ("log.json", log),
    ("checkpoint-5.txt", checkpoint_5),
    ("checkpoint-7.txt", checkpoint_7),
    ("leaf-3.tlog-proof", leaf_3),
    ("policy.txt", policy),
    ("receipt.json", receipt),
    ("eip712.json", eip712),
    ("serials.csv", serials),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// A vector file's bytes.
pub(crate) fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn every_vector_file_is_read() {
    let mut unread: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        unread.remove("SOURCE.md"),
        "the folder says where its files are from"
    );
    for (name, reader) in READERS {
        assert!(unread.remove(name), "{name} is missing");
        reader(&read(name));
    }
    assert!(unread.is_empty(), "nobody reads {unread:?}");
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn hash(value: &Value) -> Hash {
    hex::decode(value.as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

fn size(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn tree_of(leaves: &[Vec<u8>]) -> MemoryTree {
    let mut tree = MemoryTree::default();
    for leaf in leaves {
        tree.push(leaf).unwrap();
    }
    tree
}

fn rfc6962(bytes: &[u8]) {
    let file = json(bytes);
    let leaves: Vec<_> = file["leaves"]
        .as_array()
        .unwrap()
        .iter()
        .map(|leaf| hex::decode(leaf.as_str().unwrap()).unwrap())
        .collect();
    let (tree, roots) = (tree_of(&leaves), hashes(&file["roots"]));
    assert_eq!((leaves.len(), roots.len()), (8, 9));
    for (n, expected) in (0..).zip(&roots) {
        assert_eq!(root(&tree, n).unwrap(), *expected, "root of {n}");
    }
    let at = |n: u64| roots[usize::try_from(n).unwrap()];
    let paths = file["inclusion"].as_array().unwrap();
    assert_eq!(paths.len(), 5);
    for case in paths {
        let (index, n, path) = (
            size(&case["index"]),
            size(&case["size"]),
            hashes(&case["path"]),
        );
        assert_eq!(inclusion(&tree, index, n).unwrap(), path);
        let leaf = tree::leaf_hash(&leaves[usize::try_from(index).unwrap()]);
        check_inclusion(&path, leaf, index, n, at(n)).unwrap();
    }
    let proofs = file["consistency"].as_array().unwrap();
    assert_eq!(proofs.len(), 4);
    for case in proofs {
        let (from, to, proof) = (
            size(&case["from"]),
            size(&case["to"]),
            hashes(&case["proof"]),
        );
        assert_eq!(consistency(&tree, from, to).unwrap(), proof);
        check_consistency(&proof, (from, at(from)), (to, at(to))).unwrap();
    }
    // A path out of a real log of 3.6 million certificates.
    let log = &file["log"];
    let path = hashes(&log["path"]);
    assert_eq!(path.len(), 22);
    let (leaf, index, n) = (
        hash(&log["leaf_hash"]),
        size(&log["index"]),
        size(&log["size"]),
    );
    check_inclusion(&path, leaf, index, n, hash(&log["root"])).unwrap();
    assert!(check_inclusion(&path, leaf, index + 1, n, hash(&log["root"])).is_err());
}

fn log_leaves() -> Vec<Vec<u8>> {
    let file = json(&read("log.json"));
    file["leaves_utf8"]
        .as_array()
        .unwrap()
        .iter()
        .map(|leaf| leaf.as_str().unwrap().as_bytes().to_vec())
        .collect()
}

fn log_key() -> VerifierKey {
    VerifierKey::parse(json(&read("log.json"))["log_vkey"].as_str().unwrap()).unwrap()
}

fn witness_key() -> VerifierKey {
    VerifierKey::parse(json(&read("log.json"))["witness_vkey"].as_str().unwrap()).unwrap()
}

fn log(bytes: &[u8]) {
    let file = json(bytes);
    let (leaves, tree) = (log_leaves(), tree_of(&log_leaves()));
    let (leaf_hashes, roots) = (hashes(&file["leaf_hashes_hex"]), hashes(&file["roots_hex"]));
    assert_eq!((leaves.len(), leaf_hashes.len(), roots.len()), (7, 7, 8));
    for (leaf, expected) in leaves.iter().zip(&leaf_hashes) {
        assert_eq!(tree::leaf_hash(leaf), *expected);
    }
    for (n, expected) in (0..).zip(&roots) {
        assert_eq!(root(&tree, n).unwrap(), *expected);
    }
    assert_eq!(
        inclusion(&tree, 3, 7).unwrap(),
        hashes(&file["inclusion"]["proof_hex"])
    );
    assert_eq!(
        consistency(&tree, 5, 7).unwrap(),
        hashes(&file["consistency"]["proof_hex"])
    );
    let seed = hash(&file["log_seed_hex"]);
    let origin = file["origin"].as_str().unwrap();
    let mut signer = LogSigner::new(origin.into(), seed, None);
    assert_eq!(signer.verifier().to_string(), file["log_vkey"]);
    for (n, field) in [(5, "checkpoint5"), (7, "checkpoint7")] {
        let expected = file[field].as_str().unwrap();
        let ours = signer.sign(&tree, n).unwrap();
        assert!(
            expected.starts_with(&ours),
            "all but the witness's line: {ours}"
        );
        assert_eq!(expected.as_bytes(), read(&format!("checkpoint-{n}.txt")));
    }
}

fn checkpoint(bytes: &[u8], n: u64) {
    let checkpoint = open(bytes, &log_key()).unwrap();
    assert_eq!(checkpoint.origin, "bridge.example/log/1");
    let expected = root(&tree_of(&log_leaves()), n).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (n, expected));
    assert_eq!(
        open_cosigned(bytes, &log_key(), &witness_key()).unwrap(),
        checkpoint
    );
}

fn checkpoint_5(bytes: &[u8]) {
    checkpoint(bytes, 5);
}

fn checkpoint_7(bytes: &[u8]) {
    checkpoint(bytes, 7);
}

fn leaf_3(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    let proof = ProofFile::parse(text).unwrap();
    assert_eq!(proof.index, 3);
    assert_eq!(proof.checkpoint.as_bytes(), read("checkpoint-7.txt"));
    assert_eq!(proof.to_string(), text);
    let checkpoint = open(proof.checkpoint.as_bytes(), &log_key()).unwrap();
    let leaf = tree::leaf_hash(&log_leaves()[3]);
    check_inclusion(&proof.path, leaf, 3, checkpoint.size, checkpoint.root).unwrap();
}

/// Of the tlog-policy only the keys are ours to read.
fn policy(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    let keys: Vec<_> = text
        .split_whitespace()
        .filter_map(|word| VerifierKey::parse(word).ok())
        .collect();
    assert_eq!(keys, [log_key(), witness_key()]);
}

fn receipt(bytes: &[u8]) {
    let file = json(bytes);
    let field = |name: &str| -> Bytes { serde_json::from_value(file[name].clone()).unwrap() };
    let block_hash: B256 = serde_json::from_value(file["blockHash"].clone()).unwrap();
    let header = field("headerRlp");
    assert_eq!(keccak256(&header), block_hash);
    let evidence = |tx_index| EvmEvidence {
        block_hash,
        block_number: 0x0121_eac0,
        chain_id: 1,
        event_index: 0,
        gate: Address::repeat_byte(0x33),
        header_rlp: header.clone(),
        proof: serde_json::from_value(file["proof"].clone()).unwrap(),
        receipt: field("receipt"),
        tx_hash: B256::ZERO,
        tx_index,
        v: 1,
    };
    // Header, trie and receipt hold; the event in it is that of another contract's design.
    let event = evidence(size(&file["txIndex"])).events().unwrap_err();
    assert!(event.to_string().contains("none of the gate's"), "{event}");
    let elsewhere = evidence(2).events().unwrap_err();
    assert!(
        elsewhere.to_string().contains("receipts root"),
        "{elsewhere}"
    );
}

fn eip712(bytes: &[u8]) {
    let file = json(bytes);
    let digest: B256 = serde_json::from_value(file["digest"].clone()).unwrap();
    let signers: Vec<Address> = serde_json::from_value(file["signers"].clone()).unwrap();
    let signatures: Vec<Bytes> = serde_json::from_value(file["signatures"].clone()).unwrap();
    assert_eq!((signers.len(), signatures.len()), (3, 3));
    for (signer, signature) in signers.iter().zip(&signatures) {
        assert_eq!(signer_of(digest, signature), Some(*signer));
    }
    check_quorum(digest, &signatures, &signers, 3).unwrap();
}

/// `ok,serial,space,first,last` or `bad,serial,why,,`: the same list is true of the adapter's parser.
fn serials(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    let (mut good, mut bad) = (0, 0);
    for line in text.lines().skip(1) {
        let columns: Vec<_> = line.split(',').collect();
        match columns.as_slice() {
            ["ok", serial, space, first, last] => {
                let block = Block::parse(serial).unwrap_or_else(|e| panic!("{e}"));
                assert_eq!(block.to_string(), *serial);
                assert_eq!(block.space, *space, "{serial}");
                assert_eq!(block.first.to_string(), *first);
                assert_eq!(block.last.to_string(), *last);
                good += 1;
            }
            ["bad", serial, why, "", ""] => {
                assert!(Block::parse(serial).is_err(), "{serial}: {why}");
                bad += 1;
            }
            _ => panic!("{line}"),
        }
    }
    assert!(good >= 12 && bad >= 30, "{good} good, {bad} bad");
}
