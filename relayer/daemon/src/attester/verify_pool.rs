//! What a burn's pool allows: that a route of it redeems for the purpose, that nothing of it is missing, and if something was
//! written off, that route admins of this attester's own decided exactly that.

use std::sync::Arc;

use isthmus_core::id::Hash32;
use isthmus_core::instruction::Purpose;
use isthmus_core::pool::Pool;
use isthmus_core::route::{RouteDocument, RouteSignature};
use isthmus_prooflog::book::{BurnStory, DecidedStory, ImpairedStory, PoolBook};
use isthmus_prooflog::{pro_rata, receipt, serial};

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::ports::Record;
use crate::attester::replica::LoggedRoute;

/// How many of the attester's route admins must have signed.
const ADMINS_NEEDED: usize = 2;

/// That a route of the pool, under two of the attester's own admins, redeems for `purpose`. Equivalents are interchangeable, so
/// any of the pool's routes will do.
pub fn redeems(
    mut routes: impl Iterator<Item = LoggedRoute>,
    admins: &[Hash32],
    pool: &Pool,
    purpose: Purpose,
) -> Result<(), Decline> {
    let of_pool = |document: &RouteDocument, signatures: &[RouteSignature]| {
        document.pool(pool.asset_class) == *pool
            && document.redemption.contains(&purpose)
            && document.verify(signatures, admins).is_ok()
    };
    let found = routes.any(|route| of_pool(&route.document, &route.signatures));
    require(found, Ground::NotRedeemable, || {
        format!("no route of pool {} redeems for {purpose:?}", pool.id())
    })
}

/// That nothing is missing, or two admins decided what each burn gets.
pub fn is_sound(pool: &PoolBook, burn: &BurnStory, admins: &[Hash32]) -> Result<(), Decline> {
    // Whatever is proposed names units that are gone: it is closed, so that another can take its place.
    require(burn.lost.is_empty(), Ground::OtherProposal, || {
        String::from("the registry has taken some of its units away")
    })?;
    if let Some(decided) = &burn.decided {
        decided_by(decided, admins)?;
    }
    if pool.totals.shortfall_g == 0 {
        return Ok(());
    }
    let Some(decided) = &pool.decided else {
        let reason = format!("{} g of its pool are missing", pool.totals.shortfall_g);
        return Err(Decline::new(Ground::Impaired, reason));
    };
    decided_by(decided, admins)
}

/// What was taken away by the log, and decided about, before this burn got its part.
pub fn taken(pool: &PoolBook, burn: &BurnStory) -> Vec<Arc<ImpairedStory>> {
    let of_burn = burn.decided.as_ref().map(|decided| &decided.impaired);
    let of_pool = pool.decided.as_ref().map(|decided| &decided.impaired);
    let mut taken: Vec<Arc<ImpairedStory>> = Vec::new();
    for story in of_burn.into_iter().chain(of_pool).flatten() {
        if !taken.contains(story) {
            taken.push(Arc::clone(story));
        }
    }
    taken
}

/// That the registry, by a receipt under its own key, really took these units out of the pool's custody. Else whoever has the
/// log's key could invent a loss, or tell of an old one anew, for what people once decided.
pub fn was_taken(
    story: &ImpairedStory,
    record: &Record,
    pool: &Pool,
    receipt_key: &[u8; 32],
) -> Result<(), Decline> {
    let no = |what: &str| {
        let reason = format!("of what was taken away by {:?}: {what}", story.reference);
        Decline::new(Ground::Impaired, reason)
    };
    let jws = match record {
        Record::Executed { receipt } => receipt,
        Record::Absent | Record::Proposed { .. } | Record::Refused(_) => {
            return Err(no("the registry knows nothing"));
        }
    };
    let bad = |error: String| Decline::new(Ground::BadReceipt, error);
    let found = receipt::open(jws, receipt_key).map_err(|e| bad(e.to_string()))?;
    let units = serial::normalise(&found.units).map_err(|e| bad(e.to_string()))?;
    // A movement may be of several pools, and of more than one leaf holds.
    let within = |block: &serial::Block| block.without(&units).is_empty();
    let movement = found.movement.as_str();
    let same = [
        ("movement", matches!(movement, "cancel" | "correction")),
        ("reference", found.reference == story.reference),
        ("registry", found.registry == pool.origin.as_str()),
        (
            "account",
            found.custody_account == pool.custody_account.as_str(),
        ),
        ("units", story.units.iter().all(within)),
    ];
    match same.into_iter().find(|(_, holds)| !holds) {
        Some((field, _)) => Err(no(&format!("the receipt's {field} is not what was logged"))),
        None => Ok(()),
    }
}

/// That two of the admins signed the decision, and that it divides what was there among what circulated.
fn decided_by(decided: &DecidedStory, admins: &[Hash32]) -> Result<(), Decline> {
    let trusted: Vec<(String, [u8; 32])> = admins
        .iter()
        .map(|key| (key.to_string(), *key.as_bytes()))
        .collect();
    let signers = pro_rata::signed_by(&decided.document, &decided.signatures, &trusted);
    require(signers.len() >= ADMINS_NEEDED, Ground::Impaired, || {
        format!("{} of the route admins signed the decision", signers.len())
    })?;
    let (decision, totals) = (&decided.decision, &decided.totals);
    let backing = totals.circulating_g.checked_sub(totals.shortfall_g);
    let fair = decision.supply_g.0 == totals.circulating_g && Some(decision.backing_g.0) == backing;
    require(fair, Ground::Impaired, || {
        format!(
            "the decision divides {} g among {} g, the log had {} g circulating and {} g missing",
            decision.backing_g.0, decision.supply_g.0, totals.circulating_g, totals.shortfall_g
        )
    })
}

#[cfg(test)]
mod tests;
