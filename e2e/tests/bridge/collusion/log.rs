//! A log that lies: leaves twice, leaves of what never happened, routes that nobody signed.

use std::time::Duration;

use alloy::primitives::B256;
use isthmus_core::id::{Hash32, TransferId};
use isthmus_core::quantity::Quantity;
use isthmus_core::terms::OutboundTerms;
use isthmus_e2e::devnet::keys::EdKey;
use isthmus_e2e::devnet::parties::ALPHA;
use isthmus_e2e::devnet::{CUSTODY, REGISTRY};
use isthmus_prooflog::leaf::{AdminSignature, Leaf};
use isthmus_proto::v1;
use isthmus_proto::v1::task::Work;
use serde_json::json;

use crate::collusion::forged_log::{self, ForgedLog};
use crate::collusion::thief::{HONEST, Thief, approval};
use crate::liar::Liar;
use crate::world::{World, serial, unlock_reference};

/// A lock that the registry has executed and the log has, and nobody has signed for.
pub(super) async fn taken(world: &World, from: u64, to: u64) -> OutboundTerms {
    let terms = world.terms(from, to).await;
    let id = world.devnet.admit(&terms).await.unwrap();
    world.devnet.wait_for(id, "taken").await.unwrap();
    terms
}

/// The same units for somebody else, under another id.
pub(super) fn to_thief(world: &World, terms: &OutboundTerms) -> OutboundTerms {
    OutboundTerms {
        recipient: world.wallet(3).address(),
        nonce: Hash32::new([9; 32]),
        ..terms.clone()
    }
}

/// The thief logs one lock twice: under its own id, and under another with itself as the recipient.
#[tokio::test]
async fn two_leaves_for_one_lock_mint_once() {
    let world = World::start().await;
    let thief = Thief::of(&world);
    let terms = taken(&world, 0, 9).await;
    let stolen = to_thief(&world, &terms);
    let truth = ForgedLog::copy(&world.devnet).await;
    let leaf = forged_log::locked(&world.route, &stolen);

    // In one log an attester meets both, and follows it no further.
    for (attester, second) in [
        (HONEST[0], forged_log::locked(&world.route, &terms)),
        (HONEST[1], leaf.clone()),
    ] {
        let both = truth.with(&second);
        let liar = Liar::with_log(&world.devnet, attester, &both).await;
        let batch = thief.batch(&both, &terms).await;
        liar.ask("both", Work::MintBatch(batch));
        thief.start(attester);
        let process = thief.process(attester);
        let code = process.ended(Duration::from_mins(1)).await.unwrap();
        assert!(code.is_some_and(|code| code != 0), "{attester}: {code:?}");
        assert!(liar.answers("both").is_empty(), "{attester} answered");
        thief.empty(attester);
    }
    // In two logs, each attester meets one of them.
    let fork = truth.without(&[terms.id()]).with(&leaf);
    let (one, other) = (
        Liar::with_log(&world.devnet, HONEST[0], &truth).await,
        Liar::with_log(&world.devnet, HONEST[1], &fork).await,
    );
    thief.start(HONEST[0]);
    thief.start(HONEST[1]);
    let batch = thief.batch(&fork, &stolen).await;
    let code = other
        .declined("stolen", Work::MintBatch(batch.clone()))
        .await;
    assert_eq!(code, "not_locked");
    assert!(!thief.submit(&batch, &[thief.sign(&batch)]).await);
    let batch = thief.batch(&truth, &terms).await;
    let signed = one.signed("true", Work::MintBatch(batch.clone())).await;
    assert!(thief.submit(&batch, &[signed, thief.sign(&batch)]).await);
    assert_eq!(world.balance_t(0, terms.asset_class).await, 10);
    assert_eq!(world.supply_t(terms.asset_class).await, 10);
    assert_eq!(world.custody_t().await, 10);
    assert_eq!(world.devnet.chain.outcome(stolen.id()).await.unwrap(), 0);
}

/// The thief collects a quorum's signatures, keeps them, says that nobody signed and that the gate has voided, and asks for the
/// units back.
#[tokio::test]
async fn nobody_signed_does_not_win_an_unlock() {
    let world = World::start().await;
    let thief = Thief::of(&world);
    let terms = taken(&world, 0, 9).await;
    let (id, reference) = (terms.id(), unlock_reference(terms.id()));
    let truth = ForgedLog::copy(&world.devnet).await;
    let liar = Liar::with_log(&world.devnet, HONEST[0], &truth).await;
    thief.start(HONEST[0]);
    let batch = thief.batch(&truth, &terms).await;
    let signed = liar.signed("mint", Work::MintBatch(batch.clone())).await;

    let unlock = json!({"reference": reference, "movement": "unlock", "custody_account": CUSTODY, "units": [serial(0, 9)], "to_account": ALPHA});
    thief.propose(&unlock).await;
    let ask = || approval(id, &reference, None);
    assert_eq!(liar.declined("nobody signed", ask()).await, "not_voided");
    liar.serve(&truth.with(&forged_log::voided(&world.route, &terms)));
    assert_eq!(liar.declined("voided, it says", ask()).await, "not_voided");
    assert_eq!(world.lies(&serial(0, 9)).await, locked());

    // What was kept back still mints, to the recipient of the mandate and nobody else.
    assert!(thief.submit(&batch, &[signed, thief.sign(&batch)]).await);
    assert_eq!(world.balance_t(0, terms.asset_class).await, 10);
    assert_eq!(liar.declined("minted", ask()).await, "minted");
    assert_eq!(world.lies(&serial(0, 9)).await, locked());
    assert_eq!(world.movements_of(&reference).await, 0);
}

fn locked() -> (String, String) {
    (CUSTODY.to_owned(), "locked".to_owned())
}

/// Two versions of a route that the thief wrote: one with signatures of its own keys, one with those of the true version.
#[tokio::test]
async fn a_forged_route_mints_nothing() {
    let world = World::start().await;
    let thief = Thief::of(&world);
    let terms = taken(&world, 0, 9).await;
    let truth = ForgedLog::copy(&world.devnet).await;
    let mut generous = world.route.clone();
    generous.version = 2;
    generous.max_per_transfer_g = Quantity::from_tonnes(1_000_000).unwrap();
    let own: Vec<_> = (0..2).map(|_| EdKey::random()).collect();
    let by = |keys: &[&EdKey], of: &isthmus_core::route::RouteDocument| {
        let signature = |key: &&EdKey| AdminSignature {
            key: B256::from(*key.public().as_bytes()),
            signature: hex::encode(key.sign(&of.message())),
        };
        keys.iter().map(signature).collect::<Vec<_>>()
    };
    let [(_, first), (_, second)] = &world.devnet.parties.route_admins;
    for (attester, signatures) in [
        (HONEST[0], by(&[&own[0], &own[1]], &generous)),
        (HONEST[1], by(&[first, second], &world.route)),
    ] {
        let route = Leaf::Route {
            at_ms: 1,
            v: 1,
            route: serde_json::to_value(&generous).unwrap(),
            signatures,
        };
        let log = truth.with(&route);
        let liar = Liar::with_log(&world.devnet, attester, &log).await;
        thief.start(attester);
        let batch = thief.batch(&log, &terms).await;
        let code = liar
            .declined("forged", Work::MintBatch(batch.clone()))
            .await;
        assert_eq!(code, "route_unsigned", "{attester}");
        assert!(!thief.submit(&batch, &[thief.sign(&batch)]).await);
    }
    assert_eq!(world.supply_t(terms.asset_class).await, 0);
    assert_eq!(world.lies(&serial(0, 9)).await, locked());
}

/// Everything between the holder's mandate and the gate that names a recipient is the holder's.
#[tokio::test]
async fn nobodys_recipient_changes() {
    let world = World::start().await;
    let thief = Thief::of(&world);
    let terms = taken(&world, 0, 9).await;
    let stolen = to_thief(&world, &terms);
    locks_need_the_holder(&world, &stolen).await;

    let truth = ForgedLog::copy(&world.devnet).await;
    let log = truth
        .without(&[terms.id()])
        .with(&forged_log::locked(&world.route, &stolen));
    let one = Liar::with_log(&world.devnet, HONEST[0], &truth).await;
    let other = Liar::with_log(&world.devnet, HONEST[1], &log).await;
    thief.start(HONEST[0]);
    thief.start(HONEST[1]);
    let item = |transfer: TransferId| v1::MintItem {
        transfer: transfer.to_string(),
        asset_class: terms.asset_class.to_string(),
        recipient: stolen.recipient.to_string(),
        quantity_g: terms.quantity_g.grams(),
    };
    let changed = thief.batch_of(&truth, vec![item(terms.id())]).await;
    let code = one
        .declined("changed", Work::MintBatch(changed.clone()))
        .await;
    assert_eq!(code, "not_the_terms");
    let own = thief.batch_of(&log, vec![item(stolen.id())]).await;
    let code = other.declined("own", Work::MintBatch(own.clone())).await;
    assert_eq!(code, "not_locked");
    for batch in [&changed, &own] {
        let twice = [thief.sign(batch), thief.sign(batch)];
        assert!(
            !thief.submit(batch, &twice).await,
            "one attester signs once"
        );
    }
    assert_eq!(world.balance_t(3, terms.asset_class).await, 0);
    assert_eq!(world.supply_t(terms.asset_class).await, 0);
}

/// With the relayer's credential: units that the holder did not sign for are not locked, and those that are locked are not
/// locked again for somebody else.
async fn locks_need_the_holder(world: &World, stolen: &OutboundTerms) {
    let registry = &world.devnet.registry;
    let of_another = world
        .devnet
        .order(&world.terms(0, 9).await)
        .unwrap()
        .mandate;
    let other = to_thief(world, &world.terms(10, 19).await);
    for (terms, code) in [(stolen, "not_held"), (&other, "mandate_invalid")] {
        let lock = json!({"reference": terms.id(), "account": ALPHA, "custody_account": CUSTODY, "units": terms.units, "mandate": base64(&of_another)});
        let body = json!({"locks": [lock]});
        let key = registry.relayer_key();
        let (status, answer) = registry.post(key, "/v1/locks", &body).await.unwrap();
        assert_eq!(status, 200, "{answer} at {REGISTRY}");
        assert_eq!(answer["results"][0]["refusal"]["code"], code, "{answer}");
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
