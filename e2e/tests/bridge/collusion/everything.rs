//! Every credential of the relayer at once, against the ledgers themselves and its own API.

use alloy::primitives::{B256, Bytes};
use alloy::sol_types::SolCall;
use isthmus_core::id::TransferId;
use isthmus_e2e::devnet::parties::{ALPHA, BETA};
use isthmus_e2e::devnet::{CHAIN_ID, CUSTODY};
use isthmus_evm::contract::Gate;
use isthmus_evm::eip712;
use isthmus_proto::v1;
use serde_json::json;

use crate::collusion::forged_log::ForgedLog;
use crate::collusion::log::taken;
use crate::collusion::thief::Thief;
use crate::world::{World, serial, unlock_reference};

#[tokio::test]
async fn with_every_credential_nothing_is_minted_and_nothing_leaves_custody() {
    let world = World::start().await;
    let (minted, class) = world.minted(0, 9).await;
    let thief = Thief::of(&world);
    let terms = taken(&world, 10, 19).await;
    at_the_gate(&world, &thief, &terms).await;
    at_the_registry(&world, &thief, minted, terms.id()).await;
    at_its_own_api(&world, terms.id()).await;
    assert_eq!(world.supply_t(class).await, 10);
    assert_eq!(world.balance_t(0, class).await, 10);
    assert_eq!(world.balance_t(3, class).await, 0);
    assert_eq!(world.custody_t().await, 20);
    assert_eq!(world.devnet.registry.movements().await.unwrap().len(), 2);
    for lock in [serial(0, 9), serial(10, 19)] {
        let custody = (CUSTODY.to_owned(), "locked".to_owned());
        assert_eq!(world.lies(&lock).await, custody);
    }
}

/// One attester's signature, that twice, and those of the relayer's own keys.
async fn at_the_gate(world: &World, thief: &Thief<'_>, terms: &isthmus_core::terms::OutboundTerms) {
    let log = ForgedLog::copy(&world.devnet).await;
    let batch = thief.batch(&log, terms).await;
    let own = thief.sign(&batch);
    let parties = &world.devnet.parties;
    let of_relayer = |key: &isthmus_e2e::devnet::keys::EvmKey| thief.sign_by(&batch, key);
    for signatures in [
        vec![],
        vec![own.clone()],
        vec![own.clone(), own.clone()],
        vec![own.clone(), of_relayer(&parties.mint)],
        vec![of_relayer(&parties.mint), of_relayer(&parties.void)],
    ] {
        assert!(!thief.submit(&batch, &signatures).await, "{signatures:?}");
    }
    let void = eip712::void_digest(CHAIN_ID, world.devnet.gate, terms.id(), 1);
    let key = thief.accomplice().key.signing_key().unwrap();
    let call = Gate::voidTransferCall {
        transferId: B256::from(*terms.id().as_bytes()),
        epoch: 1,
        signatures: vec![Bytes::from(eip712::sign(void, &key).to_vec())],
    };
    assert!(!thief.send(Bytes::from(call.abi_encode())).await);
    assert_eq!(world.devnet.chain.outcome(terms.id()).await.unwrap(), 0);
}

/// One approval, and that of the relayer's own approver, for everything in custody.
async fn at_the_registry(world: &World, thief: &Thief<'_>, minted: TransferId, locked: TransferId) {
    let registry = &world.devnet.registry;
    let all = [serial(0, 9), serial(10, 19)];
    let number = |byte| TransferId::new([byte; 32]);
    let proposals = [
        json!({"reference": number(1), "movement": "release", "custody_account": CUSTODY, "units": all, "to_account": BETA}),
        json!({"reference": number(2), "movement": "retire", "custody_account": CUSTODY, "units": all}),
        json!({"reference": unlock_reference(minted), "movement": "unlock", "custody_account": CUSTODY, "units": [serial(0, 9)], "to_account": ALPHA}),
        json!({"reference": unlock_reference(locked), "movement": "unlock", "custody_account": CUSTODY, "units": [serial(10, 19)], "to_account": BETA}),
    ];
    for proposal in proposals {
        let digest = thief.propose(&proposal).await;
        let reference = proposal["reference"].as_str().unwrap();
        let own = registry.approve_as_relayer(reference, &digest).await;
        let own = own.unwrap();
        assert_eq!(own["refusal"]["code"], "proposer_cannot_approve", "{own}");
    }
    // A mandate is good for one transfer.
    let mandate = registry.operation(&locked.to_string()).await.unwrap()["mandate"].clone();
    let lock = json!({"reference": number(3), "account": ALPHA, "custody_account": CUSTODY, "units": [serial(20, 29)], "mandate": mandate});
    let body = json!({"locks": [lock]});
    let answer = registry
        .post(registry.relayer_key(), "/v1/locks", &body)
        .await;
    let (_, answer) = answer.unwrap();
    let refusal = &answer["results"][0]["refusal"];
    assert_eq!(refusal["code"], "mandate_invalid", "{answer}");
}

/// All tokens: of exchanges, operators and attesters. What the holder signs for is still the holder's.
async fn at_its_own_api(world: &World, locked: TransferId) {
    let control = |name: &str| world.devnet.control(name).unwrap();
    let withdrawn = v1::WithdrawRequest {
        id: locked.to_string(),
        mandate: vec![7; 64].into(),
    };
    let answer = control("exchange-a").transfers().withdraw(withdrawn).await;
    assert!(answer.is_err(), "{answer:?}");
    let mut route = world.route.clone();
    route.version = 2;
    route.custody_account = "9002".parse().unwrap();
    let key = isthmus_e2e::devnet::keys::EdKey::random();
    let request = v1::ProposeRouteRequest {
        document: String::from_utf8(isthmus_core::jcs::bytes(&route)).unwrap(),
        signature: Some(v1::RouteSignature {
            key: key.public().to_string(),
            signature: key.sign(&route.message()).to_vec().into(),
        }),
    };
    let answer = control("exchange-a").routes().propose(request).await;
    assert!(answer.is_err(), "{answer:?}");
}
