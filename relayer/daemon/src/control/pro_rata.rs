//! The decision of two route admins that burns of an impaired pool get their part of what is left. The first signature is
//! durable, with the decision that it is under: it outlives a restart, and counts for no other decision. Attesters verify both
//! for themselves.

use std::sync::Arc;

use isthmus_core::id::{Hash32, PoolId};
use isthmus_core::ports::{Append, AppendError, BookChange, StoreError};
use isthmus_core::quantity::Quantity;
use isthmus_prooflog::leaf::{AdminSignature, Grams};
use isthmus_prooflog::pro_rata::{self, Decision};
use isthmus_prooflog::reserves::Row;
use isthmus_store::{FirstDecision, Impairment, Store};
use serde::{Deserialize, Serialize};

use crate::control::custody::pool_of;
use crate::control::error::{ApiError, FieldProblem};
use crate::control::shared::{Shared, blocking, stopped};
use crate::engine::{Fatal, leaves};
use crate::proof::reserves::Replay;

/// A route admin's signature under a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signed {
    pub(crate) key: Hash32,
    /// 64 bytes, hex.
    pub(crate) signature: String,
}

/// What is kept of whoever signed first.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct First {
    decision: Decision,
    signed: Signed,
}

/// Decisions about pools, one at a time: of two admins who decide at once, one is second.
#[derive(Debug, Default)]
pub(crate) struct ProRata {
    deciding: tokio::sync::Mutex<()>,
    replay: Replay,
}

impl ProRata {
    /// The pools' sums, from leaf bytes.
    pub(crate) fn rows(&self, shared: &Shared) -> Result<Vec<Row>, ApiError> {
        Ok(self.replay.rows(&shared.parts.store)?.1)
    }

    /// What would be decided now: what backs the equivalents, divided among all of them.
    pub(crate) fn decision(row: &Row) -> Option<Decision> {
        let totals = &row.totals;
        let backing = totals.circulating_g.checked_sub(totals.shortfall_g)?;
        row.impaired.map(|impaired| Decision {
            backing_g: Grams(backing),
            impaired,
            pool: row.pool,
            supply_g: Grams(totals.circulating_g),
            v: 1,
        })
    }

    /// Who handed in the first signature about a pool, under what would be decided now.
    pub(crate) fn first_by(
        store: &Store,
        pool: PoolId,
        decision: Option<Decision>,
    ) -> Result<String, StoreError> {
        let kept = decision.map(|decision| first(store, pool, decision));
        let kept = kept.transpose()?.flatten();
        Ok(kept.map(|(_, by)| by).unwrap_or_default())
    }

    /// Takes a signature in. True if it was the second one and the decision counts from now on.
    pub(crate) async fn decide(
        &self,
        shared: &Arc<Shared>,
        decision: Decision,
        signed: Signed,
        by: &str,
    ) -> Result<bool, ApiError> {
        let _deciding = self.deciding.lock().await;
        let pool = pool_of(&decision);
        let known = self.still_true(shared, pool, decision)?;
        is_admins(shared, &decision, &signed)?;
        let (reading, second) = (Arc::clone(shared), (signed.clone(), by.to_owned()));
        let first = blocking(move || second_or_keep(&reading, decision, second)).await?;
        let Some((first, first_by)) = first else {
            return Ok(false);
        };
        let signatures = [&first.signed, &signed].map(|signed| AdminSignature {
            key: alloy::primitives::B256::from(*signed.key.as_bytes()),
            signature: signed.signature.clone(),
        });
        let grams = |grams: Grams| Quantity::from_grams(grams.0).unwrap_or(Quantity::ZERO);
        let append = Append {
            leaves: vec![leaves::pro_rata(
                decision.document(),
                signatures.to_vec(),
                shared.now(),
            )],
            book: vec![BookChange::Decide {
                pool,
                shortfall: known.shortfall,
                impaired: Hash32::new(decision.impaired.0),
                backing: grams(decision.backing_g),
                supply: grams(decision.supply_g),
            }],
            ..Append::default()
        };
        let recorded = shared.parts.recorder.record(vec![append]).await;
        let recorded = recorded.map_err(|fatal| stopped(&fatal))?;
        // If we crash here the signature that is kept is under what is decided already, and that is not decided again.
        match recorded.into_iter().next() {
            Some(Ok(_)) => {
                tracing::warn!(%pool, first = %first_by, second = %by, "decided pro rata");
                Ok(true)
            }
            Some(Err(AppendError::Outdated { .. })) => {
                Err(wrong(pool, "more was taken away meanwhile: look again"))
            }
            Some(Err(error)) => Err(wrong(pool, &error.to_string())),
            None => Err(ApiError::Bug("an append got no answer".into())),
        }
    }

    /// That the pool is impaired as the decision says, and that nobody has decided the same before.
    fn still_true(
        &self,
        shared: &Shared,
        pool: PoolId,
        decision: Decision,
    ) -> Result<Impairment, ApiError> {
        let known = shared.parts.store.impairment(pool)?;
        let known = known.ok_or_else(|| {
            let named = shared.parts.store.impairments();
            let named: Vec<_> = named.iter().flatten().map(|(p, _)| p.to_string()).collect();
            let others = match named.as_slice() {
                [] => "nothing is missing from any pool".to_owned(),
                [_, ..] => format!("one of {}", named.join(", ")),
            };
            ApiError::from(FieldProblem::new("decision.pool", pool.to_string(), others))
        })?;
        let rows = self.rows(shared)?;
        let row = rows.iter().find(|row| row.pool == decision.pool);
        if row.and_then(Self::decision) != Some(decision) {
            let reason = "the numbers have changed: look again with `isthmus impairment list`, and sign what is shown now";
            return Err(wrong(pool, reason));
        }
        let numbers = [decision.backing_g, decision.supply_g].map(|grams| grams.0);
        let decided = known.decided.map(|(b, s)| [b.grams(), s.grams()]);
        if decided == Some(numbers) {
            return Err(wrong(pool, "this is decided already"));
        }
        Ok(known)
    }
}

/// Under which name the first signature about a pool is kept.
fn subject(pool: PoolId) -> String {
    format!("pro-rata:{pool}")
}

/// The first signature under exactly this decision, and who handed it in.
fn first(
    store: &Store,
    pool: PoolId,
    decision: Decision,
) -> Result<Option<(First, String)>, StoreError> {
    let Some(kept) = store.decision(&subject(pool))? else {
        return Ok(None);
    };
    let first: First = serde_json::from_str(&kept.what)
        .map_err(|error| StoreError(format!("a first signature is corrupt: {error}")))?;
    Ok((first.decision == decision).then_some((first, kept.by)))
}

/// The first signature, if another admin gave it under the same decision and another caller handed it in. Otherwise this is the
/// first one, and is kept before anybody is told.
fn second_or_keep(
    shared: &Shared,
    decision: Decision,
    (signed, by): (Signed, String),
) -> Result<Option<(First, String)>, ApiError> {
    let (store, pool) = (&shared.parts.store, pool_of(&decision));
    match first(store, pool, decision)? {
        Some((first, first_by)) if first_by == by || first.signed.key == signed.key => {
            Err(ApiError::SecondPerson {
                subject: pool.to_string(),
                reason: format!(
                    "{first_by} handed in the signature of {} first: another admin must sign, and another caller hand it in",
                    first.signed.key
                ),
            })
        }
        Some(first) => Ok(Some(first)),
        None => {
            let what = serde_json::to_string(&First { decision, signed })
                .map_err(|error| ApiError::Bug(error.to_string()))?;
            let kept = FirstDecision {
                by,
                what,
                occasion: 0,
                at: shared.now(),
            };
            let kept = store.put_decision(&subject(pool), &kept);
            kept.map_err(|error| stopped(&Fatal(error)))?;
            Ok(None)
        }
    }
}

/// That a configured route admin signed exactly this.
fn is_admins(shared: &Shared, decision: &Decision, signed: &Signed) -> Result<(), ApiError> {
    let people = shared.parts.access.people();
    let admins: Vec<(String, [u8; 32])> = people
        .route_admins
        .iter()
        .map(|admin| (admin.name.clone(), *admin.key.as_bytes()))
        .collect();
    let signature = AdminSignature {
        key: alloy::primitives::B256::from(*signed.key.as_bytes()),
        signature: signed.signature.clone(),
    };
    let document = decision.document();
    if !pro_rata::signed_by(&document, &[signature], &admins).is_empty() {
        return Ok(());
    }
    let message = pro_rata::message(&document).replace('\n', "\\n");
    let remedy = format!("the signature of a configured route admin over {message}");
    Err(FieldProblem::new("signature", signed.key.to_string(), remedy).into())
}

fn wrong(pool: PoolId, reason: &str) -> ApiError {
    ApiError::WrongState {
        subject: pool.to_string(),
        reason: reason.to_owned(),
    }
}
