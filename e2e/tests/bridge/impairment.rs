//! What a registry takes away from custody: the pool's mints and redemptions stop, what is missing is in the reserves, and the pool
//! goes on once it is made good, or once two people have divided what is left.

use std::time::Duration;

use isthmus_core::id::TransferId;
use isthmus_e2e::devnet::parties::{ALPHA, BETA};
use isthmus_e2e::devnet::{CUSTODY, Redemption};
use isthmus_proto::v1;
use tonic::{Code, Status};

use crate::world::{TONNE_G, World, serial};

#[tokio::test]
async fn a_pool_goes_on_once_what_was_taken_away_is_made_good() {
    let world = World::start().await;
    let (_, class) = world.minted(0, 19).await;
    let devnet = &world.devnet;
    let taken = [serial(0, 4)];
    devnet.registry.cancel(&taken, CUSTODY).await.unwrap();
    let pool = missing(&world, 5).await;
    assert_eq!(pool.locked_g, 15 * TONNE_G, "{pool:?}");
    world.assert_reserves_hold().await;

    // Nothing of the class is minted or given.
    let waiting = world.terms(20, 24).await;
    let waiting = devnet.admit(&waiting).await.unwrap();
    let to_beta = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 2 * TONNE_G, to_beta);
    let burn = burn.await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let held = devnet.transfer(waiting).await.unwrap().unwrap();
    assert_eq!(held.transfer.unwrap().state, "requested");
    assert!(devnet.transfer(burn.id).await.unwrap().is_none());

    // A deposit that is more than is missing does not make it good, and neither does one without its name.
    let impaired = devnet.impairments().await.unwrap();
    let note = impaired[0].make_good_note.clone();
    assert_eq!(impaired[0].shortfall_g, 5 * TONNE_G);
    let registry = &devnet.registry;
    let more = [serial(100, 105)];
    registry.deposit(ALPHA, &more, Some(&note)).await.unwrap();
    let nameless = [serial(110, 114)];
    registry.deposit(ALPHA, &nameless, None).await.unwrap();
    let both = |deposits: &[v1::Deposit]| deposits.len() == 2;
    let deposits = deposits(&world, both).await;
    assert!(
        deposits.iter().all(|d| d.standing == "open"),
        "{deposits:?}"
    );
    missing(&world, 5).await;

    let replacement = [serial(30, 34)];
    let made_good = registry.deposit(ALPHA, &replacement, Some(&note)).await;
    made_good.unwrap();
    missing(&world, 0).await;
    assert!(devnet.impairments().await.unwrap().is_empty());
    devnet.wait_for(waiting, "completed").await.unwrap();
    give(&world, burn.id, &burn.instruction).await;
    world.assert_reserves_hold().await;

    // The replacement backs the equivalents like what was locked: the last burn gets it.
    let to_beta = Redemption::release_to(BETA).unwrap();
    let rest = devnet.burn(world.wallet(0), class, 23 * TONNE_G, to_beta);
    let rest = rest.await.unwrap();
    give(&world, rest.id, &rest.instruction).await;
    let (account, state) = world.lies(&replacement[0]).await;
    assert_eq!((account.as_str(), state.as_str()), (BETA, "held"));
    world.assert_reserves_hold().await;
    devnet.audit(rest.id).await.unwrap();
}

#[tokio::test]
async fn a_burn_whose_units_are_taken_away_gets_others() {
    let world = World::start().await;
    let (_, class) = world.minted(0, 19).await;
    let devnet = &world.devnet;
    for attester in &devnet.attesters {
        attester.kill9().unwrap();
    }
    let to_beta = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 6 * TONNE_G, to_beta);
    let burn = burn.await.unwrap();
    devnet.wait_for(burn.id, "taken").await.unwrap();
    devnet.instruct(burn.id, &burn.instruction).await.unwrap();
    let proposed = |t: &v1::Transfer| t.pending == "release";
    let waited = devnet.wait_until(burn.id, "being released", proposed).await;
    waited.unwrap();
    // Two tonnes of the burn's, one of what circulates.
    let taken = [serial(4, 6)];
    devnet.registry.cancel(&taken, CUSTODY).await.unwrap();
    missing(&world, 3).await;
    for attester in &devnet.attesters {
        attester.start().unwrap();
    }
    let note = devnet.impairments().await.unwrap()[0]
        .make_good_note
        .clone();
    let replacement = [serial(30, 32)];
    let made_good = devnet.registry.deposit(ALPHA, &replacement, Some(&note));
    made_good.await.unwrap();
    missing(&world, 0).await;
    devnet.wait_for(burn.id, "completed").await.unwrap();
    for given in [serial(0, 3), serial(7, 8)] {
        let (account, state) = world.lies(&given).await;
        assert_eq!((account.as_str(), state.as_str()), (BETA, "held"));
    }
    assert_eq!(world.movements_of(burn.id).await, 1);
    world.assert_reserves_hold().await;
    devnet.audit(burn.id).await.unwrap();
}

#[tokio::test]
async fn two_people_divide_what_is_left() {
    let world = World::start().await;
    let (_, class) = world.minted(0, 19).await;
    let devnet = &world.devnet;
    let taken = [serial(5, 14)];
    devnet.registry.cancel(&taken, CUSTODY).await.unwrap();
    missing(&world, 10).await;
    let to_beta = Redemption::release_to(BETA).unwrap();
    let burn = devnet.burn(world.wallet(0), class, 5 * TONNE_G, to_beta);
    let burn = burn.await.unwrap();

    // Twenty circulate, ten are left: two different admins decide, by two callers.
    let decision = devnet.impairments().await.unwrap()[0].decision.clone();
    assert!(decision.contains(r#""backing_g":"10000000""#), "{decision}");
    let [(first, first_key), (second, second_key)] = &devnet.parties.route_admins;
    let unfair = decision.replace("10000000", "9000000");
    let unfair = devnet.decide_pro_rata(&unfair, first_key, first).await;
    assert_eq!(code(unfair), Code::FailedPrecondition);
    let once = devnet.decide_pro_rata(&decision, first_key, first).await;
    assert!(!once.unwrap());
    // What was said once outlives whoever heard it.
    devnet.relayer.kill9().unwrap();
    devnet.start_relayer().await.unwrap();
    assert_eq!(devnet.impairments().await.unwrap()[0].first_by, *first);
    let twice = devnet.decide_pro_rata(&decision, first_key, first).await;
    assert!(twice.is_err(), "one person is not two");
    let both = devnet.decide_pro_rata(&decision, second_key, second).await;
    assert!(both.unwrap());

    // Five tonnes get two whole ones; three are written off.
    give(&world, burn.id, &burn.instruction).await;
    assert_eq!(world.custody_t().await, 8);
    let pool = missing(&world, 7).await;
    assert_eq!(pool.circulating_g, 15 * TONNE_G, "{pool:?}");
    world.assert_reserves_hold().await;
    devnet.audit(burn.id).await.unwrap();

    // The last burn takes what is left and not a tonne less: nothing stays behind.
    let retire = Redemption::retire_for("Acme Ltd", "2025 emissions");
    let rest = devnet.burn(world.wallet(0), class, 15 * TONNE_G, retire);
    let rest = rest.await.unwrap();
    give(&world, rest.id, &rest.instruction).await;
    let pool = missing(&world, 0).await;
    assert_eq!((pool.locked_g, pool.circulating_g), (0, 0), "{pool:?}");
    assert_eq!(world.custody_t().await, 0);
    devnet.audit(rest.id).await.unwrap();

    // And everything goes on.
    world.minted(40, 49).await;
    world.assert_reserves_hold().await;
}

#[tokio::test]
async fn units_that_nobody_locked_go_back_to_their_sender() {
    let world = World::start().await;
    let (_, class) = world.minted(0, 9).await;
    let devnet = &world.devnet;
    let units = [serial(50, 54)];
    devnet.registry.deposit(ALPHA, &units, None).await.unwrap();
    let open = |deposits: &[v1::Deposit]| deposits.len() == 1;
    let deposit = deposits(&world, open).await.remove(0);
    assert_eq!(
        (deposit.sender.as_str(), deposit.standing.as_str()),
        (ALPHA, "open")
    );
    let pool = devnet.reserves().await.unwrap().remove(0);
    assert_eq!(pool.unattributed_g, 5 * TONNE_G, "{pool:?}");
    assert_eq!(pool.locked_g, 15 * TONNE_G, "{pool:?}");
    world.assert_reserves_hold().await;

    // It halts nothing.
    world.minted(20, 24).await;
    assert_eq!(world.supply_t(class).await, 15);

    let exchange = devnet.return_deposit(&deposit.id, "exchange-a").await;
    assert_eq!(code(exchange), Code::PermissionDenied);
    let ordered = devnet.return_deposit(&deposit.id, "operator-1").await;
    assert_eq!(ordered.unwrap().standing, "returning");
    let returned = |deposits: &[v1::Deposit]| deposits[0].standing == "returned";
    deposits_until(&world, returned).await;
    let (account, state) = world.lies(&units[0]).await;
    assert_eq!((account.as_str(), state.as_str()), (ALPHA, "held"));
    let reference = format!("return:{}", deposit.reference);
    assert_eq!(world.movements_of(&reference).await, 1);
    let again = devnet.return_deposit(&deposit.id, "operator-2").await;
    assert_eq!(again.unwrap().standing, "returned");
    let pool = devnet.reserves().await.unwrap().remove(0);
    assert_eq!(pool.unattributed_g, 0, "{pool:?}");
    world.assert_reserves_hold().await;
}

/// Waits until the pool misses so many tonnes.
async fn missing(world: &World, tonnes: u64) -> v1::PoolReserves {
    for _ in 0..300 {
        let pools = world.devnet.reserves().await.unwrap();
        if let Some(pool) = pools
            .into_iter()
            .find(|p| p.shortfall_g == tonnes * TONNE_G)
        {
            assert!(pool.holds, "{pool:?}");
            return pool;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!(
        "{tonnes} t are not missing: {:?}",
        world.devnet.reserves().await
    );
}

async fn deposits(world: &World, until: impl Fn(&[v1::Deposit]) -> bool) -> Vec<v1::Deposit> {
    deposits_until(world, until).await
}

async fn deposits_until(world: &World, until: impl Fn(&[v1::Deposit]) -> bool) -> Vec<v1::Deposit> {
    for _ in 0..300 {
        let deposits = world.devnet.deposits().await.unwrap();
        if until(&deposits) {
            return deposits;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("deposits: {:?}", world.devnet.deposits().await);
}

/// Discloses a burn's instruction and waits until it is carried out.
async fn give(
    world: &World,
    burn: TransferId,
    instruction: &isthmus_core::instruction::Instruction,
) {
    world.devnet.wait_for(burn, "taken").await.unwrap();
    world.devnet.instruct(burn, instruction).await.unwrap();
    world.devnet.wait_for(burn, "completed").await.unwrap();
}

fn code<T: std::fmt::Debug>(answer: anyhow::Result<T>) -> Code {
    let status: Status = answer.unwrap_err().downcast().unwrap();
    status.code()
}
