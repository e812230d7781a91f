//! The stolen relayer's credential at the registry, with one approval of the two that a movement needs.

use isthmus_core::id::TransferId;
use isthmus_core::instruction::Instruction;
use isthmus_e2e::devnet::parties::{ALPHA, BETA};
use isthmus_e2e::devnet::{CUSTODY, Redemption};
use isthmus_prooflog::leaf::{Grams, Leaf};
use isthmus_prooflog::route::RouteView;
use isthmus_proto::v1;
use isthmus_proto::v1::task::Work;
use serde_json::{Value, json};

use crate::collusion::forged_log::{self, ForgedLog, word};
use crate::collusion::log::{taken, to_thief};
use crate::collusion::thief::{HONEST, Thief, approval};
use crate::liar::{Liar, give_back};
use crate::world::{TONNE_G, World, serial, unlock_reference};

/// Both honest attesters hear the thief, who hands the true log on.
async fn taken_over(world: &World, thief: &Thief<'_>) -> [Liar; 2] {
    let liars = [
        Liar::start(&world.devnet).await,
        Liar::start(&world.devnet).await,
    ];
    for (liar, attester) in liars.iter().zip(HONEST) {
        liar.take_over(&world.devnet, attester);
        thief.start(attester);
    }
    liars
}

/// The honest attesters hear the true relayer again.
fn freed(world: &World, thief: &Thief<'_>) {
    for attester in HONEST {
        thief.process(attester).kill9().unwrap();
        give_back(&world.devnet, attester);
        thief.start(attester);
    }
}

/// 10 t minted to alice, of which she has burned 5 t so that account 1002 gets the originals. The attesters are stopped.
async fn burned(world: &World) -> (Thief<'_>, TransferId, Redemption) {
    let (minted, class) = world.minted(0, 9).await;
    let thief = Thief::of(world);
    let instruction = Redemption::release_to(BETA).unwrap();
    let burn = world
        .devnet
        .burn(world.wallet(0), class, 5 * TONNE_G, instruction);
    let burn = burn.await.unwrap();
    world.devnet.wait_for(burn.id, "taken").await.unwrap();
    (thief, minted, burn)
}

fn release(reference: TransferId, units: &[String], to_account: &str) -> Value {
    json!({"reference": reference, "movement": "release", "custody_account": CUSTODY, "units": units, "to_account": to_account})
}

fn ask(burn: &Redemption) -> Work {
    let reference = burn.id.to_string();
    approval(burn.id, &reference, Some(&burn.instruction))
}

/// Release to the thief's account, retire, or release other units: each is rejected by those who verify, which closes it, and then
/// the burner gets what the burn says, once.
#[tokio::test]
async fn two_proposals_for_one_burn_give_once_and_to_the_burner() {
    let world = World::start().await;
    let (thief, _, burn) = burned(&world).await;
    let liars = taken_over(&world, &thief).await;
    let registry = &world.devnet.registry;
    let retire = json!({"reference": burn.id, "movement": "retire", "custody_account": CUSTODY, "units": [serial(0, 4)], "beneficiary": "Thief", "reason": "none"});
    let proposals = [
        release(burn.id, &[serial(0, 4)], ALPHA),
        retire,
        release(burn.id, &[serial(5, 9)], BETA),
        release(burn.id, &[serial(0, 9)], BETA),
    ];
    for (number, proposal) in proposals.iter().enumerate() {
        thief.propose(proposal).await;
        let second = release(burn.id, &[serial(0, 0)], ALPHA);
        let second = registry.propose(&second).await.unwrap();
        assert_eq!(second["refusal"]["code"], "reference_used", "{second}");
        for liar in &liars {
            let code = liar.declined(&format!("{number}"), ask(&burn)).await;
            assert_eq!(code, "other_proposal", "{proposal}");
        }
        let now = registry.operation(&burn.id.to_string()).await.unwrap();
        assert_eq!(now["refusal"]["code"], "rejected", "{now}");
    }
    freed(&world, &thief);
    let devnet = &world.devnet;
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    let again = registry.propose(&proposals[0]).await.unwrap();
    assert_eq!(again["refusal"]["code"], "reference_used", "{again}");
    assert_eq!(world.movements_of(burn.id).await, 1);
    let beta = (BETA.to_owned(), "held".to_owned());
    assert_eq!(world.lies(&serial(0, 4)).await, beta);
    let custody = (CUSTODY.to_owned(), "locked".to_owned());
    assert_eq!(world.lies(&serial(5, 9)).await, custody);
    world.assert_reserves_hold().await;
}

/// The thief proposes a release that must fail, says that the burn is owed, and wants it paid back in equivalents: to the burner,
/// so that both are given, or to itself.
#[tokio::test]
async fn a_wrong_release_is_not_made_and_not_repaid() {
    let world = World::start().await;
    let (thief, minted, burn) = burned(&world).await;
    let truth = ForgedLog::copy(&world.devnet).await;
    let terms = world.terms(0, 9).await;
    let class = terms.asset_class;
    let pool = world.route.pool(class).id();
    let owed = truth.with(&Leaf::Owed {
        at_ms: 1,
        v: 1,
        transfer: word(burn.id),
        pool: alloy::primitives::B256::from(*pool.as_bytes()),
        asset_class: alloy::primitives::B256::from(*class.as_bytes()),
        quantity_g: Grams(5 * TONNE_G),
        refusal: "account_closed".into(),
    });
    let liar = Liar::with_log(&world.devnet, HONEST[0], &owed).await;
    thief.start(HONEST[0]);
    thief
        .propose(&release(burn.id, &[serial(5, 9)], BETA))
        .await;
    assert_eq!(liar.declined("wrong", ask(&burn)).await, "other_proposal");
    let item = |transfer: TransferId, wallet: usize| v1::MintItem {
        transfer: transfer.to_string(),
        asset_class: class.to_string(),
        recipient: world.wallet(wallet).address().to_string(),
        quantity_g: 5 * TONNE_G,
    };
    for (task, item, code) in [
        ("repay the burner", item(burn.id, 0), "not_logged"),
        ("repay the thief", item(burn.id, 3), "not_logged"),
        ("mint again", item(minted, 0), "not_the_terms"),
    ] {
        let batch = thief.batch_of(&owed, vec![item]).await;
        assert_eq!(
            liar.declined(task, Work::MintBatch(batch.clone())).await,
            code
        );
        assert!(!thief.submit(&batch, &[thief.sign(&batch)]).await);
    }
    // An emptied attester, and a log in which the same units were locked for the thief and never minted.
    let stolen = to_thief(&world, &terms);
    let log = truth
        .without(&[minted, burn.id])
        .with(&forged_log::locked(&world.route, &stolen));
    let other = Liar::with_log(&world.devnet, HONEST[1], &log).await;
    thief.empty_but_captive(HONEST[1]);
    thief.start(HONEST[1]);
    let batch = Work::MintBatch(thief.batch(&log, &stolen).await);
    thief.stops(HONEST[1], &other, "stolen", batch).await;

    thief.empty(HONEST[1]);
    thief.start(HONEST[1]);
    thief.process(HONEST[0]).kill9().unwrap();
    thief.empty(HONEST[0]);
    thief.start(HONEST[0]);
    let devnet = &world.devnet;
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    assert_eq!(world.supply_t(class).await, 5);
    assert_eq!(world.custody_t().await, 5);
    assert_eq!(world.balance_t(3, class).await, 0);
}

/// The registry has taken one tonne away that circulates. The thief hides what it can.
#[tokio::test]
async fn a_tonne_short_nothing_is_minted() {
    let world = World::start().await;
    let (minted, class) = world.minted(0, 9).await;
    let thief = Thief::of(&world);
    let terms = taken(&world, 10, 19).await;
    let truth = ForgedLog::copy(&world.devnet).await;
    let cancelled = json!({"units": [serial(0, 0)], "account": CUSTODY, "state": "cancelled"});
    let registry = &world.devnet.registry;
    let key = &world.devnet.parties.registry.admin;
    let corrected = registry.post(key, "/v1/admin/units", &cancelled).await;
    assert_eq!(corrected.unwrap().0, 200);

    let hidden = truth.without(&[minted]);
    for (attester, log) in [(HONEST[0], &truth), (HONEST[1], &hidden)] {
        let liar = Liar::with_log(&world.devnet, attester, log).await;
        thief.empty_but_captive(attester);
        thief.start(attester);
        let batch = thief.batch(log, &terms).await;
        let work = Work::MintBatch(batch.clone());
        if attester == HONEST[0] {
            assert_eq!(liar.declined("short", work).await, "reserves_short");
        } else {
            thief.stops(attester, &liar, "short", work).await;
        }
        assert!(!thief.submit(&batch, &[thief.sign(&batch)]).await);
    }
    assert_eq!(world.supply_t(class).await, 10);
}

/// What a thief has proposed before it was thrown out, under the id of a burn to come and for a lock to be undone, does not hold up
/// those to whom the references belong.
#[tokio::test]
async fn garbage_proposals_are_closed_by_the_attesters() {
    let world = World::start().await;
    let devnet = &world.devnet;
    let (_, class) = world.minted(0, 9).await;
    let document = serde_json::to_value(&world.route).unwrap();
    let next = RouteView::of(&document).unwrap().burn_id(1).unwrap();
    let next = TransferId::new(next.0);
    devnet
        .chain
        .pause_gate(&devnet.parties.gate_guardian)
        .await
        .unwrap();
    let locked = devnet.admit(&world.terms(10, 19).await).await.unwrap();
    devnet.wait_for(locked, "authorised").await.unwrap();
    let thief = Thief::of(&world);
    thief.propose(&release(next, &[serial(0, 9)], ALPHA)).await;
    let unlock = unlock_reference(locked);
    let garbage = json!({"reference": unlock, "movement": "unlock", "custody_account": CUSTODY, "units": [serial(0, 9)], "to_account": BETA});
    thief.propose(&garbage).await;

    for attester in HONEST {
        thief.start(attester);
    }
    let instruction: Instruction = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 4 * TONNE_G, instruction);
    let burn = burn.await.unwrap();
    assert_eq!(burn.id, next, "the thief knew it");
    devnet.wait_for(burn.id, "taken").await.unwrap();
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    devnet.wait_for(burn.id, "completed").await.unwrap();
    devnet.withdraw(locked, ALPHA).await.unwrap();
    devnet.wait_for(locked, "returned").await.unwrap();
    assert_eq!(world.movements_of(burn.id).await, 1);
    assert_eq!(world.movements_of(unlock).await, 1);
    let held = |account: &str| (account.to_owned(), "held".to_owned());
    assert_eq!(world.lies(&serial(0, 3)).await, held(BETA));
    assert_eq!(world.lies(&serial(10, 19)).await, held(ALPHA));
    assert_eq!(world.lies(&serial(4, 9)).await.1, "locked");
    world.assert_reserves_hold().await;
}

/// With a holder's true mandate the thief locks units where no route of the bridge would ever look for them.
#[tokio::test]
async fn a_stolen_credential_locks_into_its_own_custody_only() {
    use base64::Engine as _;
    let world = World::start().await;
    let terms = world.terms(0, 9).await;
    let mandate = world.devnet.order(&terms).unwrap().mandate;
    let mandate = base64::engine::general_purpose::STANDARD.encode(&mandate);
    let lock = json!({"reference": terms.id(), "account": ALPHA, "custody_account": "9002", "units": terms.units, "mandate": mandate});
    let registry = &world.devnet.registry;
    let body = json!({"locks": [lock]});
    let answer = registry
        .post(registry.relayer_key(), "/v1/locks", &body)
        .await;
    let (status, answer) = answer.unwrap();
    assert_eq!(status, 200, "{answer}");
    let refusal = &answer["results"][0]["refusal"];
    assert_eq!(refusal["code"], "not_authorised", "{answer}");
    assert_eq!(refusal["field"], "custody_account", "{answer}");
    assert_eq!(world.lies(&serial(0, 9)).await.1, "held");
}
