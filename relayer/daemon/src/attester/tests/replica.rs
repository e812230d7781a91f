//! What the replay knows besides the book.

use isthmus_core::route::RouteDocument;
use isthmus_core::terms::OutboundTerms;
use isthmus_prooflog::leaf::Leaf;

use super::world::{self, blocks, serial, terms};
use crate::attester::replica::Replica;

fn start() -> Replica {
    world::replay(&[world::route_leaf(&world::route(), &world::admins())])
}

fn live(replica: &Replica, terms: &OutboundTerms) -> Vec<u64> {
    let pool = world::route().pool(terms.asset_class).id();
    replica.live(pool).map(|(_, grams)| grams).collect()
}

#[test]
fn a_lock_is_live_until_it_is_minted_or_voided() {
    for end in [world::minted, world::voided] {
        let mut replica = start();
        let terms = terms(1, 100);
        replica.apply(&world::locked(&terms)).unwrap();
        assert_eq!(live(&replica, &terms), [100_000_000]);
        replica.apply(&end(&terms)).unwrap();
        assert!(live(&replica, &terms).is_empty());
    }
}

#[test]
fn units_come_from_the_lock_that_brought_them_last() {
    let mut replica = start();
    let (low, high) = (terms(1, 100), terms(101, 200));
    for leaf in [world::locked(&low), world::locked(&high)] {
        replica.apply(&leaf).unwrap();
    }
    let origins = |replica: &Replica, first, last| {
        replica
            .origins(&blocks(&[serial(first, last)]))
            .map(|locks| locks.into_iter().collect::<Vec<_>>())
    };
    let mut both = vec![low.id(), high.id()];
    both.sort();
    assert_eq!(origins(&replica, 50, 150), Some(both));
    assert_eq!(origins(&replica, 1, 100), Some(vec![low.id()]));
    assert_eq!(origins(&replica, 150, 201), None, "201 came by no lock");
    assert_eq!(origins(&replica, 300, 301), None);

    // Voided, unlocked and locked again by another transfer over a part.
    for leaf in [world::voided(&high), world::unlocked(&high)] {
        replica.apply(&leaf).unwrap();
    }
    let again = terms(120, 150);
    replica.apply(&world::locked(&again)).unwrap();
    assert_eq!(origins(&replica, 120, 150), Some(vec![again.id()]));
    assert_eq!(origins(&replica, 101, 119), Some(vec![high.id()]));
    assert_eq!(origins(&replica, 151, 200), Some(vec![high.id()]));
}

#[test]
fn pauses_are_by_scope() {
    let mut replica = start();
    let route = world::route();
    let other = RouteDocument {
        id: "other".parse().unwrap(),
        origin: "vcs:other".parse().unwrap(),
        ..route.clone()
    };
    let leaf = |scope: &str| Leaf::Paused {
        at_ms: 1,
        v: 1,
        scope: scope.into(),
        by: "guardian".into(),
    };
    assert!(!replica.is_paused(&route));
    replica.apply(&leaf("route:verra-evm")).unwrap();
    assert!(replica.is_paused(&route) && !replica.is_paused(&other));
    let resumed = Leaf::Resumed {
        at_ms: 1,
        v: 1,
        scope: "route:verra-evm".into(),
        by: "operator".into(),
    };
    replica.apply(&resumed).unwrap();
    assert!(!replica.is_paused(&route));
    replica.apply(&leaf("ledger:vcs:other")).unwrap();
    assert!(!replica.is_paused(&route) && replica.is_paused(&other));
    replica.apply(&leaf("all")).unwrap();
    assert!(replica.is_paused(&route) && replica.is_paused(&other));
}
