//! What is known here, for whoever names something that is not: a mistyped name must not pass for one of which nothing is to be
//! done.

use std::collections::BTreeSet;

use isthmus_core::id::{LedgerId, RouteId};
use isthmus_core::ports::StoreError;

use crate::control::error::{ApiError, FieldProblem};
use crate::control::parse;
use crate::control::shared::Shared;
use crate::engine::pause::Scope;

/// Most names in one remedy.
const MOST_NAMED: usize = 20;

/// A ledger that is configured here.
pub(crate) fn ledger(shared: &Shared, field: &str, text: &str) -> Result<LedgerId, FieldProblem> {
    let id: LedgerId = parse::id(field, text)?;
    let known = ledgers(shared);
    if known.contains(id.as_str()) {
        return Ok(id);
    }
    Err(FieldProblem::new(field, text, one_of(&known)))
}

/// A route that somebody has proposed here.
pub(crate) fn route(shared: &Shared, field: &str, text: &str) -> Result<RouteId, ApiError> {
    let id: RouteId = parse::id(field, text)?;
    let known = routes(shared)?;
    if known.contains(id.as_str()) {
        return Ok(id);
    }
    Err(FieldProblem::new(field, text, one_of(&known)).into())
}

/// A scope of something that is known.
pub(crate) fn scope(shared: &Shared, text: &str) -> Result<Scope, ApiError> {
    let Ok(scope) = text.parse::<Scope>() else {
        let remedy = "all, route:<id> or ledger:<id>";
        return Err(FieldProblem::new("scope", text, remedy).into());
    };
    match &scope {
        Scope::All => {}
        Scope::Route(id) => drop(route(shared, "scope", id.as_str())?),
        Scope::Ledger(id) => drop(ledger(shared, "scope", id.as_str())?),
    }
    Ok(scope)
}

/// Ids of the routes that somebody has proposed.
pub(crate) fn routes(shared: &Shared) -> Result<BTreeSet<String>, StoreError> {
    let routes = shared.parts.store.routes()?.into_iter();
    Ok(routes.map(|route| route.document.id.to_string()).collect())
}

fn ledgers(shared: &Shared) -> BTreeSet<String> {
    let ledgers = shared.parts.ledgers.iter();
    let ids = ledgers.map(|handle| handle.ledger.profile().id.to_string());
    ids.collect()
}

/// A remedy.
pub(crate) fn one_of(known: &BTreeSet<String>) -> String {
    let names: Vec<_> = known.iter().take(MOST_NAMED).map(String::as_str).collect();
    match (names.as_slice(), known.len()) {
        ([], _) => "none is known here yet".into(),
        (_, all) if all > MOST_NAMED => format!("one of {} and others", names.join(", ")),
        (_, _) => format!("one of {}", names.join(", ")),
    }
}
