//! Orders: each is readable or refused by itself, with field, value and remedy.

use isthmus_core::mandate::Mandate;
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::{Lasting, Refusal};
use isthmus_core::terms::{MAX_UNITS, OutboundKind, OutboundTerms};
use isthmus_proto::v1 as pb;

use crate::control::error::{ApiError, FieldProblem};
use crate::control::parse::id;
use crate::engine::admission::Order;

/// Most orders in one call.
const MAX_ORDERS: usize = 500;

/// Orders, each readable or refused by itself. Only their number fails the call.
pub(crate) fn orders(request: pb::SubmitRequest) -> Result<Vec<Result<Order, Refusal>>, ApiError> {
    let count = request.orders.len();
    if count == 0 || count > MAX_ORDERS {
        let remedy = format!("1 to {MAX_ORDERS} orders in one call");
        return Err(ApiError::field("orders", count.to_string(), remedy));
    }
    Ok(request
        .orders
        .into_iter()
        .map(|o| order(o).map_err(malformed))
        .collect())
}

fn malformed(problem: FieldProblem) -> Refusal {
    Refusal {
        code: "malformed".into(),
        field: problem.field,
        value: problem.value,
        message: problem.remedy,
        lasting: Lasting::Never,
    }
}

fn order(order: pb::Order) -> Result<Order, FieldProblem> {
    let terms = order
        .terms
        .ok_or_else(|| FieldProblem::new("terms", "", "an order needs the holder's terms"))?;
    Ok(Order {
        key: order.idempotency_key,
        terms: outbound(terms)?,
        mandate: mandate(&order.mandate)?,
    })
}

fn outbound(terms: pb::OutboundTerms) -> Result<OutboundTerms, FieldProblem> {
    if terms.units.is_empty() || terms.units.len() > MAX_UNITS {
        let (found, remedy) = (
            terms.units.len().to_string(),
            format!("1 to {MAX_UNITS} serials"),
        );
        return Err(FieldProblem::new("terms.units", found, remedy));
    }
    let quantity_g = Quantity::from_grams(terms.quantity_g).map_err(|error| {
        FieldProblem::new(
            "terms.quantity_g",
            terms.quantity_g.to_string(),
            error.to_string(),
        )
    })?;
    Ok(OutboundTerms {
        account: id("terms.account", &terms.account)?,
        asset_class: id("terms.asset_class", &terms.asset_class)?,
        destination: id("terms.destination", &terms.destination)?,
        gate: id("terms.gate", &terms.gate)?,
        kind: OutboundKind::Outbound,
        nonce: id("terms.nonce", &terms.nonce)?,
        origin: id("terms.origin", &terms.origin)?,
        quantity_g,
        recipient: id("terms.recipient", &terms.recipient)?,
        route: id("terms.route", &terms.route)?,
        units: terms.units,
        v: 1,
    })
}

pub(super) fn mandate(bytes: &[u8]) -> Result<Mandate, FieldProblem> {
    Mandate::from_bytes(bytes).map_err(|error| {
        FieldProblem::new(
            "mandate",
            format!("{} bytes", bytes.len()),
            error.to_string(),
        )
    })
}
