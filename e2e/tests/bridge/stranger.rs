//! Somebody else has the relayer's key of a lane: that can mint nothing, and is noticed by the nonce that it took.

use std::time::Duration;

use isthmus_core::id::Address;

use crate::halts::{halted, resume_as_two};
use crate::world::World;

#[tokio::test]
async fn a_nonce_used_by_a_stranger_halts_the_chain_until_two_people_know() {
    let world = World::start().await;
    let (devnet, chain) = (&world.devnet, &world.devnet.chain);
    let (_, class) = world.minted(0, 9).await;
    chain.stop_blocks().await.unwrap();
    let id = devnet.admit(&world.terms(20, 29).await).await.unwrap();
    devnet.wait_for(id, "authorised").await.unwrap();
    while chain.waiting().await.unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The stranger pays more, so that the mint never lands.
    chain.empty_mempool().await.unwrap();
    let somewhere = Address::new([7; 20]);
    chain
        .pay_ether(&devnet.parties.mint, somewhere)
        .await
        .unwrap();
    chain.mine(10).await.unwrap();
    let why = halted(devnet).await;
    assert!(why.contains("somebody else has the key"), "{why}");
    assert_eq!(chain.mints_of(id).await.unwrap(), 0);
    chain.resume_blocks().await.unwrap();
    resume_as_two(devnet, false).await.unwrap();
    devnet.wait_for(id, "completed").await.unwrap();
    assert_eq!(chain.mints_of(id).await.unwrap(), 1);
    assert_eq!(world.balance_t(0, class).await, 20);
    world.assert_reserves_hold().await;
}
