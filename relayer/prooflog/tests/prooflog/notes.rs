//! Signed notes and checkpoints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use isthmus_prooflog::note::{LogSigner, NoteError, VerifierKey, open, open_cosigned, peek};
use isthmus_prooflog::proof_file::ProofFile;
use isthmus_prooflog::tree::{self, Hash, MemoryTree, StoredHashes, TreeError};
use sha2::{Digest, Sha256};

const ORIGIN: &str = "isthmus.test/log";

fn tree_of(leaves: &[&str]) -> MemoryTree {
    let mut tree = MemoryTree::default();
    for leaf in leaves {
        tree.push(leaf.as_bytes()).unwrap();
    }
    tree
}

fn signer(last: Option<(u64, Hash)>) -> LogSigner {
    LogSigner::new(ORIGIN.into(), [1; 32], last)
}

fn not_signed(key: &str) -> NoteError {
    NoteError::NotSigned { key: key.into() }
}

/// A note of any text, signed by the log's key.
fn note(text: &str) -> String {
    let key = SigningKey::from_bytes(&[1; 32]);
    let id =
        &Sha256::digest([ORIGIN.as_bytes(), b"\n\x01", key.verifying_key().as_bytes()].concat())
            [..4];
    let blob = [id, &key.sign(text.as_bytes()).to_bytes()].concat();
    format!("{text}\n— {ORIGIN} {}\n", STANDARD.encode(blob))
}

#[test]
fn what_the_log_signs_opens_under_its_key_and_no_other() {
    let tree = tree_of(&["a", "b", "c"]);
    for size in 0..=3 {
        let note = signer(None).sign(&tree, size).unwrap();
        let checkpoint = open(note.as_bytes(), &signer(None).verifier()).unwrap();
        assert_eq!(checkpoint.origin, ORIGIN);
        assert_eq!(
            (checkpoint.size, checkpoint.root),
            (size, tree::root(&tree, size).unwrap())
        );
        assert_eq!(peek(note.as_bytes()).unwrap(), checkpoint);
        assert_eq!(
            note,
            self::note(&checkpoint.text()),
            "the format, built by hand"
        );

        let other_key = LogSigner::new(ORIGIN.into(), [2; 32], None).verifier();
        assert_eq!(open(note.as_bytes(), &other_key), Err(not_signed(ORIGIN)));
        let other_name = LogSigner::new("other/log".into(), [1; 32], None).verifier();
        assert_eq!(
            open(note.as_bytes(), &other_name),
            Err(not_signed("other/log"))
        );
        for (from, to) in [
            ("isthmus.test/log\n", "isthmus.test/lag\n"),
            (ORIGIN, "other/log"),
        ] {
            let forged = note.replacen(from, to, 1);
            assert_eq!(
                open(forged.as_bytes(), &signer(None).verifier()),
                Err(not_signed(ORIGIN))
            );
        }
    }
}

#[test]
fn a_checkpoint_of_another_origin_is_refused_although_the_key_signed_it() {
    let text = format!("other/log\n3\n{}\n", STANDARD.encode([7; 32]));
    assert_eq!(
        open(note(&text).as_bytes(), &signer(None).verifier()),
        Err(not_signed(ORIGIN))
    );
}

#[test]
fn signatures_of_strangers_are_ignored_but_a_wrong_one_of_the_log_is_not() {
    let tree = tree_of(&["a"]);
    let good = signer(None).sign(&tree, 1).unwrap();
    let key = signer(None).verifier();
    let stranger = format!("— stranger.test/key {}\n", STANDARD.encode([9; 68]));
    let (text, own) = good.split_once("\n\n").unwrap();
    for extra in [format!("{own}{stranger}"), format!("{stranger}{own}")] {
        assert!(open(format!("{text}\n\n{extra}").as_bytes(), &key).is_ok());
    }
    let only_stranger = format!("{text}\n\n{stranger}");
    assert_eq!(
        open(only_stranger.as_bytes(), &key),
        Err(not_signed(ORIGIN))
    );
    let other = signer(None).sign(&tree_of(&["b"]), 1).unwrap();
    let (_, wrong) = other.split_once("\n\n").unwrap();
    assert_eq!(
        open(format!("{text}\n\n{wrong}").as_bytes(), &key),
        Err(not_signed(ORIGIN))
    );
    // A further line by the same key is not read (signed-note: the first counts); it cannot make a bad note good.
    assert!(open(format!("{text}\n\n{wrong}{own}").as_bytes(), &key).is_err());
}

#[test]
fn malformed_checkpoints_are_refused_although_signed() {
    let root = STANDARD.encode([7; 32]);
    let key = signer(None).verifier();
    for text in [
        format!("{ORIGIN}\n"),
        format!("{ORIGIN}\n3\n"),
        format!("{ORIGIN}\n03\n{root}\n"),
        format!("{ORIGIN}\n+3\n{root}\n"),
        format!("{ORIGIN}\n-3\n{root}\n"),
        format!("{ORIGIN}\n\n{root}\n"),
        format!("{ORIGIN}\n18446744073709551616\n{root}\n"),
        format!("{ORIGIN}\n3\n{}\n", STANDARD.encode([7; 31])),
        format!("{ORIGIN}\n3\n{}\n", root.trim_end_matches('=')),
        format!("{ORIGIN}\n3 \n{root}\n"),
    ] {
        let error = open(note(&text).as_bytes(), &key).unwrap_err();
        assert!(
            matches!(error, NoteError::Malformed(_)),
            "{text:?}: {error}"
        );
        assert!(peek(note(&text).as_bytes()).is_err());
    }
    let zero = format!("{ORIGIN}\n0\n{root}\nextension\n");
    assert_eq!(open(note(&zero).as_bytes(), &key).unwrap().size, 0);
}

#[test]
fn only_what_extends_the_last_checkpoint_is_signed() {
    let tree = tree_of(&["a", "b", "c", "d", "e"]);
    let mut log = signer(None);
    log.sign(&tree, 3).unwrap();
    let refused = |size| Err(NoteError::DoesNotExtend { size, signed: 3 });
    assert_eq!(log.sign(&tree, 2), refused(2), "rollback");
    assert_eq!(log.sign(&tree, 0), refused(0), "rollback to nothing");
    let fork = tree_of(&["a", "b", "X", "d", "e"]);
    assert_eq!(
        log.sign(&fork, 3),
        refused(3),
        "another tree of the same size"
    );
    assert_eq!(log.sign(&fork, 5), refused(5), "a fork");
    assert!(log.sign(&tree, 3).is_ok(), "the same again");
    assert!(log.sign(&tree, 5).is_ok());

    let remembered = (4, tree::root(&tree, 4).unwrap());
    let mut restarted = signer(Some(remembered));
    assert_eq!(
        restarted.sign(&tree, 3),
        Err(NoteError::DoesNotExtend { size: 3, signed: 4 })
    );
    assert!(restarted.sign(&fork, 5).is_err());
    assert!(restarted.sign(&tree, 5).is_ok());
    let restored = tree_of(&["a", "b"]);
    let lost = signer(Some(remembered)).sign(&restored, 5).unwrap_err();
    assert!(
        matches!(lost, NoteError::Tree(TreeError::Storage { .. })),
        "{lost}"
    );
}

/// A store whose upper hashes are of another tree than its leaves.
struct Rotten(MemoryTree, MemoryTree);

impl StoredHashes for Rotten {
    fn get(&self, index: u64) -> Result<Option<Hash>, TreeError> {
        // Stored hash 6 is the root over the first four leaves.
        if index == 6 {
            self.1.get(index)
        } else {
            self.0.get(index)
        }
    }
}

#[test]
fn a_store_with_a_wrong_upper_hash_does_not_make_the_log_fork() {
    let honest = tree_of(&["a", "b", "c", "d", "e"]);
    let other = tree_of(&["a", "b", "c", "X", "e"]);
    let signed = (3, tree::root(&honest, 3).unwrap());
    let mut log = signer(Some(signed));
    let error = log.sign(&Rotten(honest.clone(), other), 5).unwrap_err();
    assert_eq!(error, NoteError::DoesNotExtend { size: 5, signed: 3 });
    assert!(log.sign(&honest, 5).is_ok());
}

#[test]
fn an_origin_that_is_no_key_name_signs_nothing() {
    for origin in ["", "a b", "a+b", "a\nb"] {
        let mut log = LogSigner::new(origin.into(), [1; 32], None);
        assert!(
            matches!(
                log.sign(&MemoryTree::default(), 0),
                Err(NoteError::BadKey { .. })
            ),
            "{origin:?}"
        );
    }
}

#[test]
fn verifier_keys_are_read_and_written_alike_or_refused() {
    let vkey = signer(None).verifier().to_string();
    assert_eq!(VerifierKey::parse(&vkey).unwrap().to_string(), vkey);
    let (name, rest) = vkey.split_once('+').unwrap();
    let (id, key) = rest.split_once('+').unwrap();
    let short = STANDARD.encode(&STANDARD.decode(key).unwrap()[..32]);
    let unknown = STANDARD.encode([&[9], &STANDARD.decode(key).unwrap()[1..]].concat());
    for bad in [
        String::new(),
        name.to_owned(),
        format!("{name}+{id}"),
        format!("{name}+00000000+{key}"),
        format!("{name}+{}+{key}", id.to_uppercase() + "0"),
        format!("other+{id}+{key}"),
        format!("+{id}+{key}"),
        format!("{name}+{id}+{short}"),
        format!("{name}+{id}+{unknown}"),
        format!("{name}+{id}+{key}x"),
    ] {
        assert!(
            matches!(VerifierKey::parse(&bad), Err(NoteError::BadKey { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn a_cosignature_is_not_the_logs_signature() {
    // Of the vectors: the log's key and the witness's, both under one checkpoint.
    let log = VerifierKey::parse(
        "bridge.example/log/1+508d9f6d+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
    )
    .unwrap();
    let witness = VerifierKey::parse(
        "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU",
    )
    .unwrap();
    let note = crate::vectors::read("checkpoint-7.txt");
    assert!(log.is_log() && !witness.is_log());
    assert_eq!(open(&note, &witness), Err(not_signed("witness.example/w1")));
    assert_eq!(
        open_cosigned(&note, &log, &log),
        Err(not_signed("bridge.example/log/1"))
    );
    assert_eq!(
        open_cosigned(&note, &log, &witness).unwrap(),
        open(&note, &log).unwrap()
    );
    let text = String::from_utf8(note).unwrap();
    let uncosigned: String = text
        .split_inclusive('\n')
        .filter(|line| !line.contains("— witness"))
        .collect();
    assert!(open(uncosigned.as_bytes(), &log).is_ok());
    assert_eq!(
        open_cosigned(uncosigned.as_bytes(), &log, &witness),
        Err(not_signed("witness.example/w1"))
    );
    let later = text.replacen("qGKdYhp", "qGKdZhp", 1);
    assert_ne!(later, text);
    assert!(
        open_cosigned(later.as_bytes(), &log, &witness).is_err(),
        "another time"
    );
}

#[test]
fn proof_files_are_read_and_written_alike_or_refused() {
    let good = String::from_utf8(crate::vectors::read("leaf-3.tlog-proof")).unwrap();
    assert_eq!(ProofFile::parse(&good).unwrap().to_string(), good);
    let extra = good.replace("index 3", "extra AAAA\nindex 3");
    assert_eq!(
        ProofFile::parse(&extra).unwrap(),
        ProofFile::parse(&good).unwrap()
    );
    let hash = STANDARD.encode([1; 32]);
    for bad in [
        String::new(),
        good.replace("@v1", "@v2"),
        good.replace("index 3\n", ""),
        good.replace("index 3", "index 03"),
        good.replace("index 3", "index +3"),
        good.replace("index 3", "index "),
        good.replace("index 3", "index 18446744073709551616"),
        good.replace("index 3", "index 3\r"),
        good.replace("index 3", "extra AAAA\nextra AAAA\nindex 3"),
        good.replacen("eVj0", "eVj", 1),
        good.replacen("\n\n", "\n", 2),
        good.replace(
            "index 3\n",
            &format!("index 3\n{}", format!("{hash}\n").repeat(64)),
        ),
    ] {
        assert!(ProofFile::parse(&bad).is_err(), "{bad}");
    }
}
