//! What no relayer can help: a registry that takes locked units away, a chain that reorganises below its depth.

use std::sync::Arc;

use isthmus_core::ports::Moved;

use crate::holders::APART;
use crate::names;
use crate::scenario::Scenario;
use crate::world::{DEPTH, Shared};

/// Who makes good what the registry takes away.
pub const GUARANTOR: u64 = 999;
/// How often the moment is looked for.
const LOOK_MS: u64 = 500;

/// The registry cancels locked units; when everything works again, somebody makes them good.
pub async fn correction(shared: Shared, at_ms: u64, scenario: Scenario) {
    shared.pause(at_ms).await;
    let units = loop {
        let locked = {
            let mut world = shared.world();
            let all: Vec<_> = world.books.locked().collect();
            let count = u64::try_from(all.len()).unwrap();
            let place = usize::try_from(world.dice.below(count.max(1))).unwrap();
            all.get(place).copied()
        };
        match locked {
            Some((first, _)) => break names::block(first, first),
            None => shared.pause(LOOK_MS).await,
        }
    };
    let now = shared.now();
    {
        let mut world = shared.world();
        world.oracle.taken_g += names::tonnes(1).grams();
        world.oracle.taken.push(units.clone());
        let cancelled = Moved {
            reference: "correction-1".into(),
            from: names::custody(),
            to: None,
            note: Some("retro-cancellation".into()),
            asset_class: Some(names::class().id()),
            units: vec![units.clone()],
        };
        Arc::make_mut(&mut world.books).moves_by_itself(cancelled, now);
    }
    shared.fact(&format!("registry cancels {units}"));
    let wait = (scenario.safety_ms + 5_000).saturating_sub(shared.clock.elapsed_ms());
    shared.pause(wait).await;
    let first = GUARANTOR * APART + 1;
    let pool = names::route().pool(names::class().id()).id();
    let good = names::block(first, first);
    let now = shared.now();
    {
        let mut world = shared.world();
        let deposit = Moved {
            reference: "deposit-1".into(),
            from: names::account(GUARANTOR),
            to: Some(names::custody()),
            note: Some(format!("make-good:{pool}")),
            asset_class: Some(names::class().id()),
            units: vec![good.clone()],
        };
        Arc::make_mut(&mut world.books).moves_by_itself(deposit, now);
        world.oracle.taken_g -= names::tonnes(1).grams();
    }
    shared.fact(&format!("somebody makes it good with {good}"));
}

/// Blocks that were final go.
pub async fn deep_reorganisation(shared: Shared, at_ms: u64) {
    shared.pause(at_ms).await;
    let blocks = {
        let mut world = shared.world();
        world
            .oracle
            .excuses
            .push("the chain has rewritten what was final");
        DEPTH + world.dice.within(1, 3)
    };
    shared.reorganise(blocks);
}
