//! What a stolen relayer can do with everything it has: nothing leaves custody, nobody signs what is not true.

use std::path::Path;
use std::time::Duration;

use isthmus_core::id::{Address, AssetClassId, TransferId};
use isthmus_e2e::devnet::parties::BETA;
use isthmus_e2e::devnet::{CHAIN, CUSTODY, REGISTRY, Redemption};
use isthmus_proto::v1;
use isthmus_proto::v1::answer_request::Answer;
use isthmus_proto::v1::task::Work;
use serde_json::json;

use crate::liar::Liar;
use crate::world::{TONNE_G, World, serial};

#[tokio::test]
async fn the_relayer_holds_no_secret_of_an_attester() {
    let world = World::start().await;
    let secrets = world.devnet.parties.attester_secrets();
    assert_eq!(secrets.len(), 6, "key and registry credential of three");
    let mut files = 0;
    for_each_file(&world.devnet.party_folder("relayer"), &mut |path| {
        let bytes = std::fs::read(path).unwrap();
        files += 1;
        for secret in &secrets {
            let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
            assert!(!holds(secret.as_bytes()), "{}", path.display());
            if let Ok(raw) = hex::decode(secret) {
                assert!(!holds(&raw), "{}", path.display());
            }
        }
    });
    assert!(files > 10, "configuration, secrets and store were read");
}

fn for_each_file(folder: &Path, look: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            for_each_file(&path, look);
        } else {
            look(&path);
        }
    }
}

/// The attesters are taken over by a relayer that lies: it asks them to approve a release without a burn, to mint to the thief, to
/// mint what was never locked and to void what is minted. It hands the true log on, so they can see for themselves.
#[tokio::test]
async fn attesters_sign_nothing_that_is_not_true() {
    let world = World::start().await;
    let (minted, class) = world.minted(0, 9).await;
    for attester in &world.devnet.attesters {
        attester.kill9().unwrap();
    }
    let terms = world.terms(10, 19).await;
    let locked = world.devnet.admit(&terms).await.unwrap();
    world.devnet.wait_for(locked, "taken").await.unwrap();
    let liar = Liar::start(&world.devnet).await;
    for attester in &world.devnet.parties.attesters {
        liar.take_over(&world.devnet, &attester.name);
    }
    let thief = world.wallet(3).address();
    let nothing = TransferId::new([7; 32]);
    let reference = forged_release(&world, nothing).await;
    let approval = v1::ApprovalTask {
        ledger: REGISTRY.to_owned(),
        transfer: nothing.to_string(),
        reference: reference.clone(),
        instruction: isthmus_core::jcs::bytes(&Redemption::release_to(BETA).unwrap()).into(),
    };
    liar.ask("release", Work::Approval(approval));
    let void = v1::VoidTask {
        ledger: CHAIN.to_owned(),
        gate: world.devnet.gate.to_string(),
        transfer: minted.to_string(),
        epoch: 1,
    };
    liar.ask("void", Work::Void(void));
    let to_thief = mint_task(&world, locked, class, thief, 10).await;
    liar.ask("to the thief", to_thief);
    let unlocked = mint_task(&world, nothing, class, thief, 10).await;
    liar.ask("unlocked", unlocked);
    let again = mint_task(&world, minted, class, world.alice(), 10).await;
    liar.ask("again", again);
    let honest = mint_task(&world, locked, class, world.alice(), 10).await;
    liar.ask("honest", honest);
    for attester in &world.devnet.attesters {
        attester.start().unwrap();
    }
    for (task, codes) in [
        ("release", ["not_logged"].as_slice()),
        ("void", &["minted", "ended"]),
        ("to the thief", &["not_the_terms"]),
        ("unlocked", &["not_logged"]),
        ("again", &["minted", "ended"]),
    ] {
        for answer in liar.answered(task, 3).await {
            let Answer::Declined(declined) = answer else {
                panic!("{task}: {answer:?}");
            };
            let code = declined.items[0].code.as_str();
            assert!(codes.contains(&code), "{task}: {declined:?}");
        }
    }
    // They do sign what is true.
    for answer in liar.answered("honest", 3).await {
        assert!(matches!(answer, Answer::Signed(_)), "{answer:?}");
    }
    let now = world.devnet.registry.operation(&reference).await.unwrap();
    assert_eq!(now["status"], "proposed", "{now}");
    assert_eq!(now["approvals"], json!([]), "{now}");
    let custody = ("9001".to_owned(), "locked".to_owned());
    assert_eq!(world.lies(&serial(0, 9)).await, custody);
}

/// Proposes, with the relayer's credential, to give minted units away; and tries the relayer's own approver.
async fn forged_release(world: &World, burn: TransferId) -> String {
    let registry = &world.devnet.registry;
    let reference = burn.to_string();
    let theft = json!({"reference": reference, "movement": "release", "custody_account": CUSTODY, "units": [serial(0, 9)], "to_account": BETA});
    let proposed = registry.propose(&theft).await.unwrap();
    assert_eq!(proposed["status"], "proposed", "{proposed}");
    let own = registry.approve_as_relayer(&reference, &proposed["digest"]);
    let own = own.await.unwrap();
    assert_eq!(own["refusal"]["code"], "proposer_cannot_approve", "{own}");
    reference
}

/// A batch of one item under the log's newest checkpoint.
async fn mint_task(
    world: &World,
    transfer: TransferId,
    class: AssetClassId,
    recipient: Address,
    tonnes: u64,
) -> Work {
    let mut proofs = world.devnet.control("auditor").unwrap().proofs();
    let note = proofs.checkpoint(v1::CheckpointRequest {}).await.unwrap();
    let head = isthmus_prooflog::note::peek(note.into_inner().note.as_bytes()).unwrap();
    let item = v1::MintItem {
        transfer: transfer.to_string(),
        asset_class: class.to_string(),
        recipient: recipient.to_string(),
        quantity_g: tonnes * TONNE_G,
    };
    Work::MintBatch(v1::MintBatchTask {
        ledger: CHAIN.to_owned(),
        gate: world.devnet.gate.to_string(),
        items: vec![item],
        log_size: head.size,
        log_root: head.root.to_vec().into(),
        epoch: 1,
        deadline_s: world.devnet.chain.time_s().await.unwrap() + 600,
    })
}

#[tokio::test]
async fn an_attester_with_an_empty_store_signs_only_what_it_has_followed() {
    let world = World::start().await;
    let (_, class) = world.minted(0, 9).await;
    // Two of three must sign, and the third is gone: the emptied one is needed.
    for attester in &world.devnet.attesters {
        attester.kill9().unwrap();
    }
    let folder = world.devnet.party_folder("attester-1");
    std::fs::remove_dir_all(folder.join("data")).unwrap();
    let terms = world.terms(10, 19).await;
    let id = world.devnet.admit(&terms).await.unwrap();
    world.devnet.wait_for(id, "taken").await.unwrap();

    let config = std::fs::read(folder.join("attester.toml")).unwrap();
    let liar = Liar::start(&world.devnet).await;
    liar.take_over(&world.devnet, "attester-1");
    liar.withhold(true);
    let honest = mint_task(&world, id, class, world.alice(), 10).await;
    liar.ask("honest", honest);
    world.devnet.attesters[0].start().unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let early = liar.answers("honest");
    assert!(
        !early.iter().any(|a| matches!(a, Answer::Signed(_))),
        "{early:?}"
    );
    world.devnet.attesters[0].check().unwrap();
    liar.withhold(false);
    let answers = liar.answered("honest", 1).await;
    assert!(matches!(answers[0], Answer::Signed(_)), "{answers:?}");

    world.devnet.attesters[0].kill9().unwrap();
    std::fs::write(folder.join("attester.toml"), config).unwrap();
    world.devnet.attesters[0].start().unwrap();
    world.devnet.attesters[1].start().unwrap();
    world.devnet.wait_for(id, "completed").await.unwrap();
    assert_eq!(world.devnet.chain.mints_of(id).await.unwrap(), 1);
    world.devnet.audit(id).await.unwrap();
}
