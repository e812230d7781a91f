//! Status says what it cost: what is in the store, not what this process has seen.

use isthmus_core::id::Hash32;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::{Append, Fee, Spent};
use isthmus_core::testing::sample;
use isthmus_core::time::Clock as _;
use isthmus_core::transfer::Event;
use isthmus_proto::v1 as pb;

use crate::control::tests::Server;
use crate::engine::settle;
use crate::proof::testing::World;

#[tokio::test]
async fn fees_are_those_in_the_store() {
    let world = World::with_route();
    for number in 1..=2 {
        let transfer = world.admitted(number, &[sample::block(number * 10, number * 10 + 4)]);
        let spent = Spent {
            ledger: sample::chain(),
            operation: OperationKind::Mint,
            transaction: Hash32::new([1; 32]),
            fee: Fee {
                gas: 110_000,
                wei: 1_000_000_000_000_000_000_000,
            },
            settled: true,
        };
        world.write(Append {
            spent: vec![spent],
            ..settle::append(&transfer, Event::WithdrawalRequested, world.clock.now())
        });
    }
    let server = Server::start(world).await;
    let status = server
        .operator("auditor")
        .status(pb::StatusRequest {})
        .await;
    let status = status.unwrap().into_inner();
    let expected = pb::Fees {
        ledger: sample::chain().to_string(),
        operation: "mint".into(),
        transactions: 1,
        transfers: 2,
        gas: 110_000,
        wei: "1000000000000000000000".into(),
    };
    assert_eq!(status.fees, [expected]);
}
