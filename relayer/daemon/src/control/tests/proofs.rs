//! The log over the wire, checked with the auditor's own functions.

use isthmus_core::instruction::Purpose;
use isthmus_core::testing::sample;
use isthmus_prooflog::note;
use isthmus_prooflog::proof_file::ProofFile;
use isthmus_prooflog::tree;
use isthmus_prooflog::verify::verify;
use isthmus_proto::v1 as pb;
use tonic::Code;

use crate::control::tests::{Server, reason};
use crate::error_code::ErrorCode;
use crate::proof::testing::{World, nobody};

#[tokio::test]
async fn checkpoint_leaves_inclusion_and_consistency_fit_together() {
    let server = Server::start(World::with_route()).await;
    let key = server.world.checkpoints.verifier();
    let mut client = server.proofs("auditor");
    let first = client
        .checkpoint(pb::CheckpointRequest {})
        .await
        .unwrap()
        .into_inner();
    let first = note::open(first.note.as_bytes(), &key).unwrap();
    for n in 1..=6 {
        server.world.locked(n, &[sample::block(n * 10, n * 10 + 3)]);
    }
    let second = client
        .checkpoint(pb::CheckpointRequest {})
        .await
        .unwrap()
        .into_inner();
    let checkpoint = note::open(second.note.as_bytes(), &key).unwrap();
    assert_eq!((first.size, checkpoint.size, second.size), (1, 7, 7));

    let request = pb::LeavesRequest {
        start: 0,
        limit: 1000,
    };
    let leaves = client.leaves(request).await.unwrap().into_inner();
    assert_eq!((leaves.leaves.len(), leaves.size), (7, 7));
    let mut replica = tree::MemoryTree::default();
    for leaf in &leaves.leaves {
        replica.push(leaf).unwrap();
    }
    assert_eq!(tree::root(&replica, 7).unwrap(), checkpoint.root);

    for index in 0..7 {
        let answer = client
            .inclusion(pb::InclusionRequest { index })
            .await
            .unwrap()
            .into_inner();
        let proof = ProofFile::parse(&answer.proof).unwrap();
        assert_eq!((proof.index, &proof.checkpoint), (index, &second.note));
        let hash = tree::leaf_hash(&answer.leaf);
        tree::check_inclusion(&proof.path, hash, index, 7, checkpoint.root).unwrap();
    }
    let request = pb::ConsistencyRequest { from: 1, to: 7 };
    let hashes = client
        .consistency(request)
        .await
        .unwrap()
        .into_inner()
        .hashes;
    let hashes: Vec<_> = hashes
        .iter()
        .map(|h| h.as_ref().try_into().unwrap())
        .collect();
    tree::check_consistency(&hashes, (1, first.root), (7, checkpoint.root)).unwrap();
}

#[tokio::test]
async fn what_the_log_does_not_have_is_out_of_range() {
    let server = Server::start(World::with_route()).await;
    let mut client = server.proofs("auditor");
    let index = client
        .inclusion(pb::InclusionRequest { index: 1 })
        .await
        .unwrap_err();
    assert_eq!(index.code(), Code::OutOfRange);
    for (from, to) in [(0, 2), (2, 1)] {
        let refused = client
            .consistency(pb::ConsistencyRequest { from, to })
            .await;
        assert_eq!(
            refused.unwrap_err().code(),
            Code::OutOfRange,
            "{from} to {to}"
        );
    }
    for limit in [0, 1001] {
        let refused = client
            .leaves(pb::LeavesRequest { start: 0, limit })
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    let beyond = client
        .leaves(pb::LeavesRequest { start: 9, limit: 1 })
        .await
        .unwrap();
    assert!(beyond.into_inner().leaves.is_empty());
}

#[tokio::test]
async fn leaves_come_in_answers_that_any_client_can_read() {
    let server = Server::start(World::with_route()).await;
    let large: Vec<_> = (0..300).map(|_| vec![b'x'; 14 * 1024]).collect();
    let store = &server.world.store;
    store.set_paused("all", None, large).unwrap();
    let request = pb::LeavesRequest {
        start: 0,
        limit: 1000,
    };
    let answer = server
        .proofs("auditor")
        .leaves(request)
        .await
        .unwrap()
        .into_inner();
    assert!(
        (200..300).contains(&answer.leaves.len()),
        "{}",
        answer.leaves.len()
    );
    assert_eq!(answer.size, 301);
}

#[tokio::test]
async fn a_bundle_over_the_wire_verifies() {
    let server = Server::start(World::with_route()).await;
    let minted = server.world.minted(1, &[sample::block(1, 5)]);
    let request = |transfer: String| pb::BundleRequest {
        transfer,
        kept_size: 1,
    };
    let mut client = server.proofs("auditor");
    let answer = client
        .bundle(request(minted.id().to_string()))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        answer.file_name,
        format!("{}.isthmus-proof.tar", minted.id())
    );
    let report = verify(&answer.archive, &server.world.policy(), None);
    assert!(report.passed(), "{:?}", report.failed());

    let unknown = client
        .bundle(request(nobody().to_string()))
        .await
        .unwrap_err();
    assert_eq!(
        (unknown.code(), reason(&unknown)),
        (Code::NotFound, ErrorCode::UnknownTransfer)
    );
    let early = server.world.admitted(2, &[sample::block(6, 7)]);
    let early = client
        .bundle(request(early.id().to_string()))
        .await
        .unwrap_err();
    assert_eq!(
        (early.code(), reason(&early)),
        (Code::FailedPrecondition, ErrorCode::ProofNotReady)
    );
}

#[tokio::test]
async fn reserves_stand_next_to_what_the_ledgers_say() {
    let server = Server::start(World::with_route()).await;
    server.world.minted(1, &[sample::block(1, 10)]);
    server.world.burned(1, 4, Purpose::Retire);
    let answer = server
        .proofs("auditor")
        .reserves(pb::ReservesRequest {})
        .await
        .unwrap();
    let answer = answer.into_inner();
    let [row] = &answer.pools[..] else {
        panic!("not one pool: {answer:?}");
    };
    assert_eq!(answer.log_size, 4);
    assert_eq!(
        (row.locked_g, row.circulating_g, row.owed_g),
        (10_000_000, 6_000_000, 4_000_000)
    );
    assert!(row.holds);
    assert_eq!(
        (row.origin.as_str(), row.destination.as_str()),
        ("vcs:sandbox", "eip155:31337")
    );
    // The registry counts 12 t, the chain does not answer.
    assert_eq!(
        (row.custody_observed_g, row.supply_observed_g),
        (Some(12_000_000), None)
    );
}
