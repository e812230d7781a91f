//! A copy of a store: whatever is written on it while its log was longer once would be a fork.

use std::sync::Arc;

use isthmus_core::policy::RouteStatus;
use isthmus_core::testing::sample;
use isthmus_core::time::Clock;

use super::*;
use crate::proof::testing::{Hands, World};

#[tokio::test]
async fn on_a_copy_nothing_is_recorded_and_nothing_admitted_until_it_is_settled() {
    let world = World::with_route();
    let copy = world.copied();
    let clock: Arc<dyn Clock> = Arc::<Hands>::clone(&copy.clock);
    let pauses = Pauses::new(Arc::clone(&copy.store), clock);
    let (route, registry, chain) = (sample::route().id, sample::registry(), sample::chain());
    let status = || pauses.route_status(&route, [&registry, &chain]).unwrap();
    assert_eq!(status(), RouteStatus::Paused);
    let waiting = tokio::time::timeout(2 * COPY, pauses.begun()).await;
    assert!(waiting.is_err(), "nobody has vouched for it");
    copy.store.settle_restored().unwrap();
    let begun = tokio::time::timeout(Duration::from_mins(1), pauses.begun()).await;
    begun.unwrap().unwrap();
    assert_eq!(status(), RouteStatus::Active);
}
