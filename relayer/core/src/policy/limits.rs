//! Limits that depend on time: how much of a class passes within a window, and how long a large lock waits for its mint. Pure:
//! what was admitted since a moment is asked of the caller.

use crate::quantity::Quantity;
use crate::receipt::Lasting;
use crate::route::RouteDocument;
use crate::time::Timestamp;

use super::{Decision, never};

/// How exactly the time is found at which a transfer fits: admissions are counted by the minute.
const GRAIN_MS: u64 = 60_000;

/// Whether the route's rolling limit takes `quantity` now. `admitted_since` says how much of this class was admitted through
/// the route at or after a moment, without this transfer; everything counts, however small. It never grows with the moment.
pub fn rolling<E>(
    route: &RouteDocument,
    quantity: Quantity,
    now: Timestamp,
    mut admitted_since: impl FnMut(Timestamp) -> Result<Quantity, E>,
) -> Result<Decision, E> {
    let Some(limit) = &route.rolling_limit else {
        return Ok(Decision::Allowed);
    };
    if quantity > limit.per_class_g {
        let message = format!(
            "route {} takes {} of one class within {} ms",
            route.id, limit.per_class_g, limit.window_ms
        );
        let grams = quantity.grams().to_string();
        return Ok(Decision::Refused(never(
            "over_rolling_limit",
            "quantity_g",
            grams,
            message,
        )));
    }
    let start = Timestamp::from_ms(now.ms().saturating_sub(limit.window_ms));
    let mut fits = |since: Timestamp| {
        let after = admitted_since(since)?.checked_add(quantity);
        Ok(after.is_some_and(|after| after <= limit.per_class_g))
    };
    if fits(start)? {
        return Ok(Decision::Allowed);
    }
    // The window has moved past enough of them at the latest when it has moved past all.
    let (mut too_early, mut enough) = (0, limit.window_ms);
    while enough - too_early > GRAIN_MS {
        let middle = too_early.midpoint(enough);
        if fits(start.plus_ms(middle))? {
            enough = middle;
        } else {
            too_early = middle;
        }
    }
    Ok(Decision::NotBefore(now.plus_ms(enough)))
}

/// Before when a lock of this quantity, locked at `locked_at` by the registry's own time, is not minted.
pub fn mint_not_before(
    route: &RouteDocument,
    quantity: Quantity,
    locked_at: Timestamp,
) -> Option<Timestamp> {
    let big = route.big_transfer.as_ref()?;
    (quantity >= big.from_g).then(|| locked_at.plus_ms(big.delay_ms))
}

/// A refusal that says when to come again.
pub fn not_before(
    route: &RouteDocument,
    quantity: Quantity,
    at: Timestamp,
) -> crate::receipt::Refusal {
    let message = format!(
        "the rolling limit of route {} is reached: not before {} ms since the epoch",
        route.id,
        at.ms()
    );
    crate::receipt::Refusal {
        lasting: Lasting::Later,
        ..never(
            "over_rolling_limit",
            "quantity_g",
            quantity.grams().to_string(),
            message,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;
    use crate::route::{BigTransfer, RollingLimit};
    use crate::testing::sample;

    const HOUR: u64 = 3_600_000;

    fn tonnes(t: u64) -> Quantity {
        Quantity::from_tonnes(t).unwrap()
    }

    /// 100 t an hour; 50 t and more wait for two.
    fn route() -> RouteDocument {
        RouteDocument {
            big_transfer: Some(BigTransfer {
                delay_ms: 2 * HOUR,
                from_g: tonnes(50),
            }),
            rolling_limit: Some(RollingLimit {
                per_class_g: tonnes(100),
                window_ms: HOUR,
            }),
            ..sample::route()
        }
    }

    fn decide(admitted: &[(u64, u64)], t: u64, now: u64) -> Decision {
        let since = |since: Timestamp| {
            let counted = admitted.iter().filter(|(at, _)| *at >= since.ms());
            Ok::<_, Infallible>(tonnes(counted.map(|(_, t)| t).sum()))
        };
        let Ok(decided) = rolling(&route(), tonnes(t), Timestamp::from_ms(now), since);
        decided
    }

    #[test]
    fn a_window_takes_as_much_as_it_says_and_then_says_when() {
        let noon = 12 * HOUR;
        assert_eq!(decide(&[], 100, noon), Decision::Allowed);
        assert_eq!(decide(&[(noon - 1, 60)], 40, noon), Decision::Allowed);
        assert_eq!(
            decide(&[(noon - HOUR - 1, 100)], 100, noon),
            Decision::Allowed,
            "what is older than the window does not count"
        );
        let Decision::NotBefore(at) = decide(&[(noon - HOUR / 2, 60), (noon - 1, 40)], 10, noon)
        else {
            panic!("the limit was passed");
        };
        let exact = noon + HOUR / 2;
        assert!(
            (exact + 1..=exact + GRAIN_MS).contains(&at.ms()),
            "{} {exact}",
            at.ms()
        );
        let Decision::Refused(refusal) = decide(&[], 101, noon) else {
            panic!("more than the limit at once");
        };
        assert_eq!(
            (refusal.code.as_str(), refusal.lasting),
            ("over_rolling_limit", Lasting::Never)
        );
    }

    #[test]
    fn a_route_without_limits_asks_nothing() {
        let asked = |_| -> Result<Quantity, ()> { panic!("nothing needs to be known") };
        let free = rolling(&sample::route(), tonnes(1000), Timestamp::from_ms(5), asked);
        assert_eq!(free, Ok(Decision::Allowed));
        let locked = Timestamp::from_ms(7);
        assert_eq!(
            mint_not_before(&sample::route(), tonnes(1000), locked),
            None
        );
    }

    #[test]
    fn a_large_lock_waits_and_one_just_below_does_not() {
        let locked = Timestamp::from_ms(7);
        let below = Quantity::from_grams(49_999_999).unwrap();
        assert_eq!(mint_not_before(&route(), below, locked), None);
        assert_eq!(
            mint_not_before(&route(), tonnes(50), locked),
            Some(Timestamp::from_ms(7 + 2 * HOUR))
        );
    }

    proptest! {
        /// Whatever was admitted: nobody gets past the limit within any window, and who comes when told is let in.
        #[test]
        fn no_window_holds_more_than_the_limit(
            wishes in prop::collection::vec((10 * HOUR..14 * HOUR, 1..=100_u64), 1..60),
        ) {
            let mut wishes = wishes;
            wishes.sort_unstable();
            let mut admitted: Vec<(u64, u64)> = Vec::new();
            for (at, t) in wishes {
                match decide(&admitted, t, at) {
                    Decision::Allowed => admitted.push((at, t)),
                    Decision::NotBefore(later) => {
                        prop_assert!(later.ms() > at);
                        prop_assert_eq!(decide(&admitted, t, later.ms()), Decision::Allowed);
                    }
                    Decision::Refused(refusal) => prop_assert!(false, "{}", refusal),
                }
            }
            for (end, _) in &admitted {
                let within = admitted.iter().filter(|(at, _)| at <= end && at + HOUR >= *end);
                let sum: u64 = within.map(|(_, t)| t).sum();
                prop_assert!(sum <= 100, "{} t within an hour before {}", sum, end);
            }
        }
    }
}
