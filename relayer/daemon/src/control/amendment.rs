//! What transfers under way forbid in a new version of their route. Attesters judge a lock by the newest version in the log, so a
//! version under which a transfer that was admitted could not be minted does not become active: it keeps what it was admitted
//! under.

use isthmus_core::policy::{self, Decision, RouteStatus, Situation};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Lasting;
use isthmus_core::route::RouteDocument;
use isthmus_core::terms::Terms;

use crate::control::concerns::lanes_of;
use crate::control::error::{ApiError, FieldProblem};
use crate::control::shared::Shared;

/// States in which a mint is still to come.
const NOT_MINTED: [&str; 3] = ["requested", "taken", "authorised"];
/// Most transfers that an answer names.
const MOST_NAMED: usize = 5;

/// Every problem of `route` that transfers under way have with it. Reads the disk, and a registry where a class is not known.
pub(crate) fn forbidden(
    shared: &Shared,
    route: &RouteDocument,
) -> Result<Vec<FieldProblem>, ApiError> {
    let parts = &shared.parts;
    let mut problems = Vec::new();
    let outstanding = parts.store.outstanding(&route.id)?;
    if route.outstanding_cap_g < outstanding {
        let remedy = format!(
            "at least the {} g that are outstanding, or nothing that is under way is minted",
            outstanding.grams()
        );
        let found = route.outstanding_cap_g.grams().to_string();
        problems.push(FieldProblem::new("outstanding_cap_g", found, remedy));
    }
    let mut ids = Vec::new();
    for lane in lanes_of(shared) {
        parts.store.waiting(&lane, |waiting| {
            let concerned = waiting.route == route.id.as_str();
            if concerned && NOT_MINTED.contains(&waiting.state.as_str()) {
                ids.push(waiting.id);
            }
            Ok(true)
        })?;
    }
    for id in ids {
        let Some(transfer) = parts.recorder.journal().transfer(id)? else {
            continue;
        };
        if let Some(refused) = refusal(shared, route, transfer.terms())? {
            let remedy = format!("what transfer {id} was admitted under: {refused}");
            problems.push(FieldProblem::new("document", id.to_string(), remedy));
        }
        if problems.len() >= MOST_NAMED {
            break;
        }
    }
    Ok(problems)
}

/// Why this version would never let the transfer be minted.
fn refusal(
    shared: &Shared,
    route: &RouteDocument,
    terms: &Terms,
) -> Result<Option<String>, ApiError> {
    let Terms::Outbound(outbound) = terms else {
        return Ok(None);
    };
    let class = shared.parts.admission.class_of(terms);
    // This runs on a thread that may block.
    let class = tokio::runtime::Handle::current().block_on(class);
    let class = class.map_err(ApiError::Ledger)?;
    let situation = Situation {
        class: &class,
        units: &outbound.units,
        outstanding: Quantity::ZERO,
        status: RouteStatus::Active,
    };
    let decided = policy::decide(route, &outbound.terms, &situation, shared.now());
    Ok(match decided {
        Decision::Refused(refusal) if refusal.lasting == Lasting::Never => {
            Some(refusal.to_string())
        }
        Decision::Refused(_) | Decision::Allowed | Decision::NotBefore(_) => None,
    })
}
