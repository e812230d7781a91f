//! The relayer's disk is full, or takes no byte at all: work stops, reading goes on, nothing is lost, and once there is room the
//! process ends by itself and goes on from what is durable.

use std::time::{Duration, Instant};

use isthmus_core::id::TransferId;
use isthmus_core::terms::OutboundTerms;
use tonic::{Code, Status};

use crate::halts::status;
use crate::world::World;

/// How long halting and ending may take.
const SOON: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_full_disk_stops_the_work_and_not_the_reading() {
    // What is written already is larger: the next write of the journal is too much.
    survives(64 * 1024).await;
}

#[tokio::test]
async fn a_disk_that_takes_no_byte_stops_the_work_and_not_the_reading() {
    survives(0).await;
}

async fn survives(limit: u64) {
    let world = World::start().await;
    let devnet = &world.devnet;
    let (earlier, class) = world.minted(0, 9).await;

    devnet.relayer.limit_files(Some(limit)).unwrap();
    let orders = submit_until_refused(&world).await;
    await_concern(&world).await;
    reads_go_on(&world, earlier).await;
    // It is minted, so the store is not even asked.
    let withdrawn = devnet.withdraw(earlier, "1001").await.unwrap_err();
    refused(&withdrawn, Code::FailedPrecondition);

    devnet.relayer.limit_files(None).unwrap();
    let code = devnet.relayer.ended(SOON).await.unwrap();
    assert_eq!(code, Some(5), "it ends as stopped, not as misconfigured");
    devnet.start_relayer().await.unwrap();
    for terms in &orders {
        // Whether it was durable when the disk failed or not: the same order again is the same transfer.
        let id = devnet.admit(terms).await.unwrap();
        devnet.wait_for(id, "completed").await.unwrap();
        assert_eq!(world.movements_of(id).await, 1);
        assert_eq!(devnet.chain.mints_of(id).await.unwrap(), 1);
    }
    let tonnes = 10 + u64::try_from(orders.len()).unwrap();
    assert_eq!(world.custody_t().await, tonnes);
    assert_eq!(world.supply_t(class).await, tonnes);
    world.assert_reserves_hold().await;
}

/// Orders of one tonne until the disk fails under one; all that were asked for.
async fn submit_until_refused(world: &World) -> Vec<OutboundTerms> {
    let mut orders = Vec::new();
    for number in 0..200 {
        let terms = world.terms(10 + number, 10 + number).await;
        orders.push(terms);
        if let Err(error) = world.devnet.admit(&orders[orders.len() - 1]).await {
            refused(&error, Code::Unavailable);
            return orders;
        }
    }
    panic!("200 orders fitted on a full disk");
}

/// An answer, and not a connection that broke: logs go to the same disk, and a line that cannot be written ends nothing.
fn refused(error: &anyhow::Error, code: Code) {
    let status: &Status = error.downcast_ref().expect("a gRPC status");
    assert_eq!(status.code(), code, "{status:?}");
}

async fn await_concern(world: &World) {
    let deadline = Instant::now() + SOON;
    loop {
        let concerns = status(&world.devnet).await.concerns;
        if concerns
            .iter()
            .any(|concern| concern.starts_with("the disk: "))
        {
            return;
        }
        assert!(Instant::now() < deadline, "{concerns:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn reads_go_on(world: &World, earlier: TransferId) {
    let devnet = &world.devnet;
    let found = devnet.transfer(earlier).await.unwrap().unwrap();
    assert_eq!(found.transfer.unwrap().state, "completed");
    assert!(
        devnet
            .reserves()
            .await
            .unwrap()
            .iter()
            .all(|pool| pool.holds)
    );
    devnet.relayer.check().unwrap();
}
