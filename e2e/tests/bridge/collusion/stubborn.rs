//! Attesters that do not want to: real gRPC clients with the tokens of bought attesters, at the true relayer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use isthmus_core::id::TransferId;
use isthmus_e2e::devnet::Devnet;
use isthmus_e2e::devnet::keys::EvmKey;
use isthmus_proto::v1;
use isthmus_proto::v1::answer_request::Answer;
use isthmus_proto::v1::attester_service_client::AttesterServiceClient;
use isthmus_proto::v1::task::Work;
use tokio::task::JoinSet;
use tonic::Request;

use crate::collusion::thief::{self, HONEST, Thief};
use crate::world::World;

/// What a stubborn attester declines.
#[derive(Clone)]
enum Declines {
    /// Everything, before anybody else can answer.
    All,
    /// These, in every batch; it signs whatever does not contain one of them.
    These(Arc<Mutex<BTreeSet<String>>>),
}

/// An attester that pulls and answers as it likes. Stopped when dropped.
struct Stubborn {
    declines: Declines,
    key: EvmKey,
    gate: isthmus_core::id::Address,
    token: String,
    later: bool,
}

impl Stubborn {
    fn start(self, devnet: &Devnet, running: &mut JoinSet<()>) {
        let url = devnet.control_url().to_owned();
        running.spawn(async move {
            let channel = tonic::transport::Endpoint::from_shared(url).unwrap();
            let mut client = AttesterServiceClient::new(channel.connect_lazy());
            loop {
                let pulled = client.pull(self.request(v1::PullRequest {
                    wait_ms: 1000,
                    limit: 64,
                    checkpoint: String::new(),
                }));
                let Ok(pulled) = pulled.await else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                for task in pulled.into_inner().tasks {
                    let Some(Work::MintBatch(batch)) = task.work else {
                        continue;
                    };
                    let answer = v1::AnswerRequest {
                        task: task.id,
                        answer: Some(self.answer(&batch)),
                    };
                    // The relayer may be gone by the end of the test.
                    drop(client.answer(self.request(answer)).await);
                }
            }
        });
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    fn answer(&self, batch: &v1::MintBatchTask) -> Answer {
        let refused = |item: &&v1::MintItem| match &self.declines {
            Declines::All => true,
            Declines::These(these) => these.lock().unwrap().contains(&item.transfer),
        };
        let no = |item: &v1::MintItem| v1::DeclinedItem {
            transfer: item.transfer.clone(),
            code: "stubborn".into(),
            reason: "it does not want to".into(),
            later: self.later,
        };
        let items: Vec<_> = batch.items.iter().filter(refused).map(no).collect();
        if items.is_empty() {
            let signature = thief::sign(self.gate, batch, &self.key);
            return Answer::Signed(v1::Signed {
                signature: signature.into(),
            });
        }
        Answer::Declined(v1::Declined { items })
    }
}

/// Of three attesters one declines a single item for ever, and one everything at once: whatever else is in the batch is minted, by
/// the two that sign. When the first one relents the rest is minted too.
#[tokio::test]
async fn attesters_that_decline_for_ever_stop_only_what_they_decline() {
    let world = World::start().await;
    let devnet = &world.devnet;
    let thief = Thief::of(&world);
    let (mut ids, mut orders) = (Vec::new(), Vec::new());
    for number in 0..8 {
        let terms = world.terms(number * 10, number * 10 + 9).await;
        ids.push(terms.id());
        orders.push(devnet.order(&terms).unwrap());
    }
    let these = Arc::new(Mutex::new(BTreeSet::from([ids[3].to_string()])));
    let mut running = JoinSet::new();
    for (index, declines) in [(1, Declines::These(Arc::clone(&these))), (2, Declines::All)] {
        let attester = &devnet.parties.attesters[index];
        let stubborn = Stubborn {
            declines,
            key: attester.key.clone(),
            gate: devnet.gate,
            token: devnet.parties.token(&attester.name).unwrap().to_owned(),
            later: true,
        };
        stubborn.start(devnet, &mut running);
    }
    thief.start(HONEST[0]);
    // Submitted together they are locked together, and asked for in one batch.
    let mut exchange = devnet.control("exchange-a").unwrap().transfers();
    exchange.submit(v1::SubmitRequest { orders }).await.unwrap();
    for id in ids.iter().filter(|id| **id != ids[3]) {
        devnet.wait_for(*id, "completed").await.unwrap();
    }
    assert_eq!(outcome(&world, ids[3]).await, 0);
    these.lock().unwrap().clear();
    devnet.wait_for(ids[3], "completed").await.unwrap();
    world.assert_reserves_hold().await;
}

async fn outcome(world: &World, id: TransferId) -> u8 {
    world.devnet.chain.outcome(id).await.unwrap()
}

/// Two callers with the role of an attester, and no signer's key, decline everything for ever and at once. The three attesters sign
/// all the same: a stranger's no is nobody's.
#[tokio::test]
async fn nobody_declines_in_anothers_name() {
    let world = World::start().await;
    let devnet = &world.devnet;
    devnet.relayer.kill9().unwrap();
    let folder = devnet.party_folder("relayer");
    let path = folder.join("relayer.toml");
    let mut config = std::fs::read_to_string(&path).unwrap();
    let mut running = JoinSet::new();
    for name in ["stranger-1", "stranger-2"] {
        let token = format!("token-of-{name}-0123456789");
        std::fs::write(folder.join(format!("secrets/{name}.token")), &token).unwrap();
        let key = EvmKey::random();
        config = format!(
            "{config}\n[[control.identity]]\nname = \"{name}\"\nroles = [\"attester\"]\nsigners = [\"{}\"]\ntoken_file = \"secrets/{name}.token\"\n",
            key.address()
        );
        let stranger = Stubborn {
            declines: Declines::All,
            key,
            gate: devnet.gate,
            token,
            later: false,
        };
        stranger.start(devnet, &mut running);
    }
    std::fs::write(&path, config).unwrap();
    devnet.start_relayer().await.unwrap();
    for from in [0, 10, 20] {
        world.minted(from, from + 9).await;
    }
}
