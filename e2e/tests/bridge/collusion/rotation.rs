//! Signer sets that change: the set in force appoints the next one, transfers go on, and what was signed for the old set counts for
//! its grace and no longer.

use std::time::{Duration, Instant};

use alloy::primitives::{Address as EvmAddress, Bytes};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync as _;
use alloy::sol;
use alloy::sol_types::{SolCall, SolStruct as _, eip712_domain};
use isthmus_core::id::TransferId;
use isthmus_e2e::devnet::keys::EvmKey;
use isthmus_e2e::devnet::{CHAIN_ID, FINALITY_DEPTH, QUORUM};
use isthmus_evm::contract::evm_address;
use isthmus_proto::v1;
use isthmus_proto::v1::task::Work;

use crate::collusion::forged_log::ForgedLog;
use crate::collusion::log::taken;
use crate::collusion::thief::{HONEST, Thief};
use crate::liar::{Liar, give_back};
use crate::world::World;

sol! {
    struct RotateSigners {
        address[] signers;
        uint8 threshold;
        uint32 epoch;
    }

    interface RotatingGate {
        function rotateSigners(address[] calldata signers, uint8 threshold, bytes[] calldata signatures) external;
        function epoch() external view returns (uint32);
        function lastEpoch() external view returns (uint32);
        function rotationDelay() external view returns (uint32);
        function rotationGrace() external view returns (uint32);
    }
}

/// Longest wait for a delay or a grace of the devnet's gate.
const LONGEST: Duration = Duration::from_mins(1);

/// The gate, as those see it who rotate its signers.
struct Rotating<'a> {
    world: &'a World,
}

impl Rotating<'_> {
    async fn call<C: SolCall>(&self, call: C) -> C::Return {
        let url = self.world.devnet.chain.url.parse().unwrap();
        let rpc = ProviderBuilder::new().connect_http(url);
        let request = TransactionRequest::default()
            .to(evm_address(self.world.devnet.gate))
            .input(Bytes::from(call.abi_encode()).into());
        C::abi_decode_returns(&rpc.call(request).await.unwrap()).unwrap()
    }

    /// Appoints the next set, signed by these; whether the gate took it.
    async fn appoint(&self, thief: &Thief<'_>, next: &[&EvmKey], by: &[&EvmKey]) -> bool {
        let ascending = |keys: &[&EvmKey]| {
            let mut keys: Vec<EvmKey> = keys.iter().map(|key| (*key).clone()).collect();
            keys.sort_by_key(EvmKey::address);
            keys
        };
        let signers: Vec<EvmAddress> = ascending(next)
            .iter()
            .map(|key| evm_address(key.address()))
            .collect();
        let message = RotateSigners {
            signers: signers.clone(),
            threshold: QUORUM,
            epoch: self.call(RotatingGate::lastEpochCall {}).await + 1,
        };
        let domain = eip712_domain! {
            name: "Isthmus Gate",
            version: "1",
            chain_id: CHAIN_ID,
            verifying_contract: evm_address(self.world.devnet.gate),
        };
        let digest = message.eip712_signing_hash(&domain);
        let signature = |key: &EvmKey| {
            let signed = key.signer().sign_hash_sync(&digest).unwrap();
            Bytes::from(signed.as_bytes().to_vec())
        };
        let call = RotatingGate::rotateSignersCall {
            signers,
            threshold: QUORUM,
            signatures: ascending(by).iter().map(signature).collect(),
        };
        thief.send(Bytes::from(call.abi_encode())).await
    }

    /// Waits until an epoch is in force at a final block.
    async fn in_force(&self, epoch: u32) {
        let deadline = Instant::now() + LONGEST;
        while self.call(RotatingGate::epochCall {}).await != epoch {
            assert!(Instant::now() < deadline, "epoch {epoch} is not in force");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let chain = &self.world.devnet.chain;
        chain.mine(FINALITY_DEPTH + 1).await.unwrap();
    }

    /// Waits until the grace of the set before is over.
    async fn grace_over(&self) {
        let grace = self.call(RotatingGate::rotationGraceCall {}).await;
        let grace = Duration::from_secs(u64::from(grace) + 2);
        assert!(grace < LONGEST, "a test cannot wait for {grace:?}");
        tokio::time::sleep(grace).await;
        self.world.devnet.chain.mine(1).await.unwrap();
    }
}

/// The third attester is replaced while transfers are under way: all of them complete, each minted once.
#[tokio::test]
async fn signers_change_under_load_and_transfers_go_on() {
    let world = World::start().await;
    let devnet = &world.devnet;
    let thief = Thief::beside(&world);
    let gate = Rotating { world: &world };
    let attesters = &devnet.parties.attesters;
    let (kept, removed) = ([&attesters[0].key, &attesters[1].key], &attesters[2].key);
    let stranger = EvmKey::random();
    assert!(
        !gate
            .appoint(
                &thief,
                &[kept[0], kept[1], &stranger],
                &[removed, &stranger]
            )
            .await,
        "one of the set is no quorum"
    );
    let mut ids: Vec<TransferId> = Vec::new();
    let mut submit = async |ids: &mut Vec<TransferId>, count: u64| {
        for _ in 0..count {
            let number = u64::try_from(ids.len()).unwrap();
            let terms = world.terms(number * 5, number * 5 + 4).await;
            ids.push(devnet.admit(&terms).await.unwrap());
        }
    };
    submit(&mut ids, 6).await;
    assert!(
        gate.appoint(&thief, &[kept[0], kept[1], &stranger], &kept)
            .await
    );
    submit(&mut ids, 6).await;
    gate.in_force(2).await;
    submit(&mut ids, 6).await;
    gate.grace_over().await;
    submit(&mut ids, 6).await;
    for id in &ids {
        devnet.wait_for(*id, "completed").await.unwrap();
        assert_eq!(devnet.chain.mints_of(*id).await.unwrap(), 1);
    }
    world.assert_reserves_hold().await;
    // A bundle of each epoch.
    for id in [ids[0], ids[23]] {
        devnet
            .download_bundle(id, &devnet.folder().join("epochs"))
            .await
            .unwrap();
    }
}

/// The thief keeps a batch that an honest attester and the bought one have signed, until the bought one has been removed.
#[tokio::test]
async fn what_the_old_set_has_signed_ends_with_its_grace() {
    let world = World::start().await;
    let thief = Thief::of(&world);
    let gate = Rotating { world: &world };
    let [early, late] = [taken(&world, 0, 9).await, taken(&world, 10, 19).await];
    let log = ForgedLog::copy(&world.devnet).await;
    let liar = Liar::with_log(&world.devnet, HONEST[0], &log).await;
    thief.start(HONEST[0]);
    let attesters = &world.devnet.parties.attesters;
    let kept = [&attesters[0].key, &attesters[1].key];
    let mut kept_back = Vec::new();
    for (task, terms) in [("early", &early), ("late", &late)] {
        let batch = thief.batch(&log, terms).await;
        let signed = liar.signed(task, Work::MintBatch(batch.clone())).await;
        let signatures = [signed, thief.sign(&batch)];
        kept_back.push((batch, signatures));
    }
    let stranger = EvmKey::random();
    assert!(
        gate.appoint(&thief, &[kept[0], kept[1], &stranger], &kept)
            .await
    );
    gate.in_force(2).await;
    // Within the grace it counts: what is on its way arrives.
    let (batch, signatures) = &kept_back[0];
    assert!(thief.submit(batch, signatures).await);
    assert_eq!(world.supply_t(early.asset_class).await, 10);
    gate.grace_over().await;
    let (batch, signatures) = &kept_back[1];
    assert!(!thief.submit(batch, signatures).await, "the grace is over");

    // For the new set the removed one's signature is nobody's, and honest attesters sign for no other set.
    let new = v1::MintBatchTask {
        epoch: 2,
        ..thief.batch(&log, &late).await
    };
    let signed = liar.signed("new", Work::MintBatch(new.clone())).await;
    let removed = thief.sign(&new);
    assert!(!thief.submit(&new, &[signed.clone(), removed]).await);
    let old = thief.batch(&log, &late).await;
    let code = liar.declined("old", Work::MintBatch(old)).await;
    assert_eq!(code, "other_epoch");
    assert_eq!(world.supply_t(late.asset_class).await, 10);

    thief.process(HONEST[0]).kill9().unwrap();
    give_back(&world.devnet, HONEST[0]);
    thief.start(HONEST[0]);
    thief.start(HONEST[1]);
    for id in [early.id(), late.id()] {
        world.devnet.wait_for(id, "completed").await.unwrap();
        assert_eq!(world.devnet.chain.mints_of(id).await.unwrap(), 1);
    }
}
