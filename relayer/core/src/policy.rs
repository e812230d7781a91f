//! Policy: may this transfer use this route now? Pure, so that attesters decide it again for themselves.

use crate::asset_class::AssetClass;
use crate::id::RouteId;
use crate::quantity::Quantity;
use crate::receipt::{Lasting, Refusal};
use crate::route::RouteDocument;
use crate::serial_block::{self, SerialBlock};
use crate::terms::{MAX_UNITS, OutboundTerms};
use crate::time::Timestamp;

mod limits;
#[cfg(test)]
mod tests;

pub use limits::{mint_not_before, not_before, rolling};

/// Whether the route is open, as decided by operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteStatus {
    /// It takes transfers.
    Active,
    /// It takes none until it is resumed.
    Paused,
}

/// What policy looks at besides the terms.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The units' class as the registry states it.
    pub class: &'a AssetClass,
    /// The units, parsed.
    pub units: &'a [SerialBlock],
    /// What is locked through the route already, without this transfer.
    pub outstanding: Quantity,
    /// Whether the route is open.
    pub status: RouteStatus,
}

/// Policy's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Allowed,
    /// It may not.
    Refused(Refusal),
    /// Not yet.
    NotBefore(Timestamp),
}

/// Decides whether `terms` may use `route`. The first broken rule answers.
pub fn decide(
    route: &RouteDocument,
    terms: &OutboundTerms,
    situation: &Situation<'_>,
    _now: Timestamp,
) -> Decision {
    let broken = wrong_route(route, terms)
        .or_else(|| wrong_units(route, terms, situation))
        .or_else(|| wrong_quantity(route, terms, situation))
        .or_else(|| closed(&route.id, situation));
    broken.map_or(Decision::Allowed, Decision::Refused)
}

fn wrong_route(route: &RouteDocument, terms: &OutboundTerms) -> Option<Refusal> {
    let pairs = [
        ("route", terms.route.to_string(), route.id.to_string()),
        ("origin", terms.origin.to_string(), route.origin.to_string()),
        (
            "destination",
            terms.destination.to_string(),
            route.destination.to_string(),
        ),
        ("gate", terms.gate.to_string(), route.gate.to_string()),
    ];
    for (field, found, expected) in pairs {
        if found != expected {
            return Some(never(
                "wrong_route",
                field,
                found,
                format!("route {} has {expected}", route.id),
            ));
        }
    }
    if !route.allow_accounts.is_empty() && !route.allow_accounts.contains(&terms.account) {
        let message = format!(
            "route {} is open to listed accounts only: ask the exchange to add this one",
            route.id
        );
        return Some(never(
            "not_allowed",
            "account",
            terms.account.to_string(),
            message,
        ));
    }
    None
}

fn wrong_units(
    route: &RouteDocument,
    terms: &OutboundTerms,
    situation: &Situation<'_>,
) -> Option<Refusal> {
    if situation.units.is_empty() || situation.units.len() > MAX_UNITS {
        let message = format!("name 1 to {MAX_UNITS} serial blocks");
        return Some(never(
            "wrong_units",
            "units",
            situation.units.len().to_string(),
            message,
        ));
    }
    if let Err(overlap) = serial_block::normalise(situation.units) {
        return Some(never(
            "overlaps",
            "units",
            terms.units.join(" "),
            overlap.to_string(),
        ));
    }
    let sum = serial_block::total(situation.units);
    if terms.quantity_g != sum {
        let message = format!(
            "the serial blocks hold {} g: state exactly that",
            sum.grams()
        );
        return Some(never(
            "wrong_quantity",
            "quantity_g",
            terms.quantity_g.grams().to_string(),
            message,
        ));
    }
    if situation.class.id() != terms.asset_class {
        let message = format!(
            "the registry's class of these units is {}",
            situation.class.id()
        );
        return Some(never(
            "wrong_class",
            "asset_class",
            terms.asset_class.to_string(),
            message,
        ));
    }
    let (field, value, allowed) = route.eligible.refuses(situation.class)?;
    Some(never(
        "not_eligible",
        field,
        value,
        format!("route {} takes {allowed}", route.id),
    ))
}

fn wrong_quantity(
    route: &RouteDocument,
    terms: &OutboundTerms,
    situation: &Situation<'_>,
) -> Option<Refusal> {
    let grams = terms.quantity_g.grams().to_string();
    if !terms.quantity_g.is_multiple_of(route.step_g) {
        return Some(never(
            "wrong_step",
            "quantity_g",
            grams,
            format!("a whole multiple of {} g", route.step_g.grams()),
        ));
    }
    if terms.quantity_g < route.min_per_transfer_g || terms.quantity_g > route.max_per_transfer_g {
        let message = format!(
            "route {} takes {} to {} a transfer",
            route.id, route.min_per_transfer_g, route.max_per_transfer_g
        );
        return Some(never("out_of_bounds", "quantity_g", grams, message));
    }
    let after = situation
        .outstanding
        .checked_add(terms.quantity_g)
        .unwrap_or(Quantity::MAX);
    if after > route.outstanding_cap_g {
        let message = format!(
            "route {} may have {} outstanding and has {}",
            route.id, route.outstanding_cap_g, situation.outstanding
        );
        return Some(Refusal {
            lasting: Lasting::Later,
            ..never("over_cap", "quantity_g", grams, message)
        });
    }
    None
}

fn closed(route: &RouteId, situation: &Situation<'_>) -> Option<Refusal> {
    match situation.status {
        RouteStatus::Active => None,
        RouteStatus::Paused => {
            let message = format!("route {route} is paused: wait until an operator resumes it");
            Some(Refusal {
                lasting: Lasting::Later,
                ..never("paused", "route", route.to_string(), message)
            })
        }
    }
}

fn never(code: &str, field: &str, value: String, message: String) -> Refusal {
    Refusal {
        code: code.into(),
        field: field.into(),
        value,
        message,
        lasting: Lasting::Never,
    }
}
