//! A route is amended while transfers run: what was admitted keeps what it was admitted under.

use isthmus_core::quantity::Quantity;
use isthmus_core::route::RouteDocument;

use crate::world::World;

fn tonnes(t: u64) -> Quantity {
    Quantity::from_tonnes(t).unwrap()
}

#[tokio::test]
async fn a_version_that_forbids_what_is_under_way_is_refused_and_any_other_takes_its_place() {
    let world = World::start().await;
    let devnet = &world.devnet;
    for attester in &devnet.attesters {
        attester.kill9().unwrap();
    }
    // Two transfers under way that nobody can mint for now.
    let large = devnet.admit(&world.terms(0, 49).await).await.unwrap();
    let small = devnet.admit(&world.terms(50, 50).await).await.unwrap();
    devnet.wait_for(large, "taken").await.unwrap();
    devnet.wait_for(small, "taken").await.unwrap();

    let next = |route: RouteDocument| RouteDocument {
        version: 2,
        ..route
    };
    let refused = [
        (
            "what transfer",
            RouteDocument {
                max_per_transfer_g: tonnes(49),
                ..world.route.clone()
            },
        ),
        (
            "what transfer",
            RouteDocument {
                allow_accounts: vec!["1002".parse().unwrap()],
                ..world.route.clone()
            },
        ),
        (
            "that are outstanding",
            RouteDocument {
                outstanding_cap_g: tonnes(50),
                ..world.route.clone()
            },
        ),
    ];
    for (why, route) in refused {
        let error = devnet.activate_route(&next(route)).await.unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains(why), "{text}");
    }
    // Tighter for those to come, and still what these two were admitted under.
    let tighter = next(RouteDocument {
        max_per_transfer_g: tonnes(50),
        outstanding_cap_g: tonnes(55),
        ..world.route.clone()
    });
    let active = devnet.activate_route(&tighter).await.unwrap();
    assert_eq!((active.version, active.status.as_str()), (2, "active"));
    let order = devnet.order(&world.terms(60, 69).await).unwrap();
    let refusal = devnet.submit(order).await.unwrap().unwrap_err();
    assert_eq!(refusal.code, "over_cap", "{refusal:?}");

    for attester in &devnet.attesters {
        attester.start().unwrap();
    }
    devnet.wait_for(large, "completed").await.unwrap();
    devnet.wait_for(small, "completed").await.unwrap();
    world.minted(70, 71).await;
    world.assert_reserves_hold().await;
}
