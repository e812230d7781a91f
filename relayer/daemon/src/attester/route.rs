//! Whether a transfer may use its route: the route counts only under two of the attester's own route admins, and policy is
//! decided again from the attester's own readings.

use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::Hash32;
use isthmus_core::policy::{Decision, RouteStatus, Situation, decide, mint_not_before};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Lasting;
use isthmus_core::time::Timestamp;

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::lock::{LoggedLock, counted};
use crate::attester::replica::LoggedRoute;

/// What a route's policy looks at, as this attester sees it.
#[derive(Clone, Debug)]
pub struct RouteFacts<'a> {
    /// The route in the log.
    pub route: &'a LoggedRoute,
    /// Whether it counts: what [`signed`] says.
    pub signed: Result<(), Decline>,
    /// What is locked through the route, without this transfer.
    pub outstanding: Quantity,
    /// Whether the log says that it is paused.
    pub status: RouteStatus,
}

/// That two of the attester's own route admins have signed the route: once for all items of a batch, or these two signatures would
/// be half of what an item costs.
pub fn signed(route: &LoggedRoute, admins: &[Hash32]) -> Result<(), Decline> {
    let verified = route.document.verify(&route.signatures, admins);
    verified.map_err(|error| Decline::new(Ground::RouteUnsigned, error.to_string()))
}

/// That a large lock has waited as long as its route says, by the time that the registry signed: nobody can date it back.
pub fn waited(
    facts: &RouteFacts<'_>,
    lock: &LoggedLock,
    locked_at: Timestamp,
    now: Timestamp,
) -> Result<(), Decline> {
    match mint_not_before(&facts.route.document, lock.terms.quantity_g, locked_at) {
        Some(at) if now < at => Err(Decline::new(
            Ground::Policy(Lasting::Later),
            format!("its route delays it: not before {} ms", at.ms()),
        )),
        Some(_) | None => Ok(()),
    }
}

/// That the transfer may use its route, now.
pub fn allows(
    facts: &RouteFacts<'_>,
    lock: &LoggedLock,
    class: &AssetClass,
    now: Timestamp,
) -> Result<(), Decline> {
    let document = &facts.route.document;
    facts.signed.clone()?;
    let pool = document.pool(lock.terms.asset_class);
    require(pool == lock.pool, Ground::OtherPool, || {
        format!(
            "the lock is in pool {}, the route's is {}",
            lock.pool.id(),
            pool.id()
        )
    })?;
    let units = lock
        .units
        .iter()
        .map(counted)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Decline::new(Ground::BadTerms, "a unit of the lock cannot be counted"))?;
    let situation = Situation {
        class,
        units: &units,
        outstanding: facts.outstanding,
        status: facts.status.clone(),
    };
    match decide(document, &lock.terms, &situation, now) {
        Decision::Allowed => Ok(()),
        Decision::Refused(refusal) => Err(Decline::policy(&refusal)),
        Decision::NotBefore(at) => Err(Decline::new(
            Ground::Policy(Lasting::Later),
            format!("not before {}", at.ms()),
        )),
    }
}
