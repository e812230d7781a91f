//! Tasks out, answers in.

use isthmus_core::id::{Address, TransferId};
use isthmus_core::receipt::Lasting;
use isthmus_core::testing::sample;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::attester_service_client::AttesterServiceClient;
use tonic::Code;

use crate::control::tests::Server;
use crate::engine::board::{Answer, DeclinedItem, Share, TaskWork};
use crate::proof::testing::World;

#[tokio::test]
async fn a_task_is_pulled_and_its_answer_reaches_who_asked() {
    let server = Server::start(World::new()).await;
    let transfer = TransferId::new([5; 32]);
    let mut collecting = server.board.collect(
        TaskWork::Void {
            ledger: sample::chain(),
            gate: Address::new([0x33; 20]),
            transfer,
            epoch: 4,
        },
        Share::Live,
        2,
    );
    let mut client = AttesterServiceClient::new(server.caller("attester-1"));
    let request = pb::PullRequest {
        wait_ms: 0,
        limit: 8,
        checkpoint: String::new(),
    };
    let [task] = &client.pull(request).await.unwrap().into_inner().tasks[..] else {
        panic!("not one task");
    };
    let void = pb::VoidTask {
        ledger: "eip155:31337".into(),
        gate: sample::gate().to_string(),
        transfer: transfer.to_string(),
        epoch: 4,
    };
    assert_eq!(task.work, Some(pb::task::Work::Void(void)));

    let answer = |signature: Vec<u8>| pb::AnswerRequest {
        task: task.id.clone(),
        answer: Some(pb::answer_request::Answer::Signed(pb::Signed {
            signature: signature.into(),
        })),
    };
    let short = client.answer(answer(vec![1; 64])).await.unwrap_err();
    assert_eq!(short.code(), Code::InvalidArgument);
    client.answer(answer(vec![1; 65])).await.unwrap();
    let given = collecting.answers.recv().await.unwrap();
    assert_eq!(given, ("attester-1".into(), Answer::Signed(vec![1; 65])));

    let item = pb::DeclinedItem {
        transfer: transfer.to_string(),
        code: "no_lock".into(),
        reason: "not in the log".into(),
        later: true,
    };
    let declined = pb::AnswerRequest {
        task: task.id.clone(),
        answer: Some(pb::answer_request::Answer::Declined(pb::Declined {
            items: vec![item],
        })),
    };
    client.answer(declined).await.unwrap();
    let expected = DeclinedItem {
        transfer,
        code: "no_lock".into(),
        reason: "not in the log".into(),
        lasting: Lasting::Later,
    };
    let given = collecting.answers.recv().await.unwrap();
    assert_eq!(given.1, Answer::Declined(vec![expected]));
    for (wait_ms, limit) in [(30_001, 1), (0, 0), (0, 65)] {
        let request = pb::PullRequest {
            wait_ms,
            limit,
            checkpoint: String::new(),
        };
        let refused = client.pull(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

/// A copy that may be too old signs and admits nothing until all its attesters have said how far they have followed it.
#[tokio::test]
async fn a_copy_is_settled_by_attesters_whose_logs_it_contains() {
    let world = World::with_route();
    let own = world.checkpoints.newest().unwrap().note;
    let server = Server::start(world.copied()).await;
    let (store, checkpoints) = (&server.world.store, &server.world.checkpoints);
    let both = ["attester-1", "attester-2"];
    checkpoints.confirmed("attester-2", &both).unwrap();
    assert!(store.restored().unwrap().is_some(), "one of two");
    let mut client = AttesterServiceClient::new(server.caller("attester-1"));
    let mut pull = async |checkpoint: &str| {
        let request = pb::PullRequest {
            wait_ms: 0,
            limit: 1,
            checkpoint: checkpoint.to_owned(),
        };
        client.pull(request).await.unwrap();
        checkpoints.newest().map(|head| head.note)
    };
    let strange = crate::proof::testing::signed_elsewhere(7, false);
    let unsigned = pull(&strange).await.unwrap_err().to_string();
    assert!(unsigned.contains("isthmus recover"), "{unsigned}");
    let mut operator = server.operator("operator-1");
    let status = operator.status(pb::StatusRequest {}).await.unwrap();
    let concerns = status.into_inner().concerns;
    assert!(
        concerns.iter().any(|said| said.contains("is a copy of")),
        "{concerns:?}"
    );
    assert_eq!(pull(&own).await.unwrap(), own);
    assert_eq!(store.restored().unwrap(), None);
}

/// A relayer on an old copy of its store is told by its attesters what it has signed.
#[tokio::test]
async fn what_was_signed_and_is_not_in_the_store_stops_everything() {
    let server = Server::start(World::with_route()).await;
    let mut client = AttesterServiceClient::new(server.caller("attester-1"));
    let mut pull = async |checkpoint: &str| {
        let request = pb::PullRequest {
            wait_ms: 0,
            limit: 1,
            checkpoint: checkpoint.to_owned(),
        };
        client.pull(request).await.unwrap();
        server.world.store.paused().unwrap()
    };
    let own = server.world.checkpoints.newest().unwrap().note;
    assert_eq!(
        pull(&own).await,
        Vec::<String>::new(),
        "it is ours and there"
    );
    let strange = crate::proof::testing::signed_elsewhere(7, false);
    assert_eq!(
        pull(&strange).await,
        Vec::<String>::new(),
        "anybody can write one"
    );
    assert!(server.world.checkpoints.newest().is_ok());

    let longer = crate::proof::testing::signed_elsewhere(7, true);
    assert_eq!(pull(&longer).await, ["all"]);
    let error = server.world.checkpoints.newest().unwrap_err();
    assert!(
        matches!(error, crate::proof::CheckpointError::Lost(_)),
        "{error}"
    );
}
