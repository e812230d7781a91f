//! The decision of two route admins that burns of an impaired pool get their part of what is left. The first signature is
//! remembered in memory: after a restart it is handed in again. Attesters verify both for themselves.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use isthmus_core::id::{Hash32, PoolId};
use isthmus_core::ports::{Append, AppendError, BookChange};
use isthmus_core::quantity::Quantity;
use isthmus_prooflog::leaf::{AdminSignature, Grams};
use isthmus_prooflog::pro_rata::{self, Decision};
use isthmus_prooflog::reserves::Row;

use crate::control::custody::pool_of;
use crate::control::error::{ApiError, FieldProblem};
use crate::control::shared::{Shared, stopped};
use crate::engine::leaves;
use crate::proof::reserves::Replay;

/// A route admin's signature under a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) key: Hash32,
    /// 64 bytes, hex.
    pub(crate) signature: String,
}

/// Who signed first.
#[derive(Clone, Debug)]
struct First {
    decision: Decision,
    signed: Signed,
    by: String,
}

/// First signatures by pool, and the sums that decisions are about.
#[derive(Debug, Default)]
pub(crate) struct ProRata {
    first: Mutex<HashMap<PoolId, First>>,
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

    /// Who handed in the first signature about a pool.
    pub(crate) fn first_by(&self, pool: PoolId) -> String {
        let first = self.lock();
        first.get(&pool).map(|f| f.by.clone()).unwrap_or_default()
    }

    /// Takes a signature in. True if it was the second one and the decision counts from now on.
    pub(crate) async fn decide(
        &self,
        shared: &Shared,
        decision: Decision,
        signed: Signed,
        by: &str,
    ) -> Result<bool, ApiError> {
        let pool = pool_of(&decision);
        let known = shared.parts.store.impairment(pool)?;
        let known = known.ok_or_else(|| wrong(pool, "it is not impaired"))?;
        let rows = self.rows(shared)?;
        let row = rows.iter().find(|row| row.pool == decision.pool);
        if row.and_then(Self::decision) != Some(decision) {
            let reason = "the numbers have changed: look again, and sign what is shown now";
            return Err(wrong(pool, reason));
        }
        is_admins(shared, &decision, &signed)?;
        let Some(first) = self.second(pool, decision, &signed, by)? else {
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
                backing: grams(decision.backing_g),
                supply: grams(decision.supply_g),
            }],
            ..Append::default()
        };
        let recorded = shared.parts.recorder.record(vec![append]).await;
        let recorded = recorded.map_err(|fatal| stopped(&fatal))?;
        self.lock().remove(&pool);
        match recorded.into_iter().next() {
            Some(Ok(_)) => {
                tracing::warn!(%pool, first = %first.by, second = %by, "decided pro rata");
                Ok(true)
            }
            Some(Err(AppendError::Outdated { .. })) => {
                Err(wrong(pool, "more was taken away meanwhile: look again"))
            }
            Some(Err(error)) => Err(wrong(pool, &error.to_string())),
            None => Err(ApiError::Bug("an append got no answer".into())),
        }
    }

    /// The first signature, if another admin gave it under the same decision and another caller handed it in. Otherwise this is
    /// the first one.
    fn second(
        &self,
        pool: PoolId,
        decision: Decision,
        signed: &Signed,
        by: &str,
    ) -> Result<Option<First>, ApiError> {
        let mut waiting = self.lock();
        let same = waiting
            .get(&pool)
            .filter(|first| first.decision == decision);
        match same {
            Some(first) if first.by == by || first.signed.key == signed.key => {
                Err(ApiError::SecondPerson {
                    subject: pool.to_string(),
                    reason: format!(
                        "{} signed first: another admin must, as another caller",
                        first.by
                    ),
                })
            }
            Some(first) => Ok(Some(first.clone())),
            None => {
                let (signed, by) = (signed.clone(), by.to_owned());
                let first = First {
                    decision,
                    signed,
                    by,
                };
                waiting.insert(pool, first);
                Ok(None)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PoolId, First>> {
        // Entries are put in and taken out whole.
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
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
