//! Admission: what holders and exchanges ask for, checked against route, registry and custody book before anything is written.
//! A refusal here means that nothing happened; the registry, the attesters and the gate check everything again.

mod earlier;
mod redirect;
mod requests;
mod survey;

use std::collections::BTreeMap;
use std::sync::Arc;

use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{LedgerId, TransferId};
use isthmus_core::mandate::{Mandate, Wish};
use isthmus_core::policy::{self, Decision, Situation};
use isthmus_core::ports::{Append, AppendError, BookChange, BoxError};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::{Lasting, Refusal};
use isthmus_core::route::RouteDocument;
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::terms::{Outbound, OutboundTerms, Terms};
use isthmus_core::transfer::{Event, Transfer};
use isthmus_store::Store;

use crate::engine::admission::earlier::{Added, Earlier};
use crate::engine::admission::survey::Survey;
use crate::engine::classes::Classes;
use crate::engine::pause::Pauses;
use crate::engine::ports::Registry;
use crate::engine::{Fatal, Recorder};

/// Longest idempotency key, in bytes.
const MAX_KEY: usize = 128;

/// Terms and the holder's mandate for them.
#[derive(Clone, Debug)]
pub struct Order {
    /// The caller's idempotency key.
    pub key: String,
    /// What the holder agreed to.
    pub terms: OutboundTerms,
    /// The holder's signature over the TransferId of these terms.
    pub mandate: Mandate,
}

/// Whose wish a withdrawal is.
#[derive(Clone, Debug)]
pub enum WithdrawnBy {
    /// The holder's, signed.
    Holder(Mandate),
    /// An operator's, by name.
    Operator(String),
}

/// Why a request about a transfer was not carried out. Nothing happened, except after `Fatal`.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// There is no such transfer.
    #[error("transfer {0} is not known here")]
    Unknown(TransferId),
    /// It may not be done.
    #[error("{0}")]
    Refused(Refusal),
    /// Ask again later.
    #[error("a ledger that had to be asked did not answer")]
    Unavailable(#[source] BoxError),
    /// The journal failed.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

/// Takes orders in.
#[derive(Debug)]
pub struct Admission {
    recorder: Recorder,
    store: Arc<Store>,
    pauses: Arc<Pauses>,
    registries: BTreeMap<LedgerId, Arc<dyn Registry>>,
    classes: Arc<Classes>,
    /// Held from reading what is outstanding to writing, so that two orders cannot both take the last of a cap.
    deciding: tokio::sync::Mutex<()>,
}

/// An order that passed every check.
struct Admissible {
    order: Order,
    units: Vec<SerialBlock>,
    route: RouteDocument,
}

impl Admission {
    /// Over these registries.
    pub fn new(
        recorder: Recorder,
        store: Arc<Store>,
        pauses: Arc<Pauses>,
        registries: BTreeMap<LedgerId, Arc<dyn Registry>>,
        classes: Arc<Classes>,
    ) -> Self {
        Self {
            recorder,
            store,
            pauses,
            registries,
            classes,
            deciding: tokio::sync::Mutex::default(),
        }
    }

    /// The profile of a transfer's class.
    pub async fn class_of(&self, terms: &Terms) -> Result<AssetClass, BoxError> {
        self.classes.of(terms).await
    }

    /// Admits or refuses each order by itself, in order. Asked again, the same order gets the transfer that exists.
    pub async fn submit(
        &self,
        orders: Vec<Order>,
    ) -> Result<Vec<Result<Transfer, Refusal>>, Fatal> {
        let survey = self.survey(&orders).await;
        let _deciding = self.deciding.lock().await;
        let mut answers: Vec<Option<Result<Transfer, Refusal>>> = Vec::new();
        let mut admitted: Vec<(usize, TransferId)> = Vec::new();
        let mut appends = Vec::new();
        let mut added = Added::default();
        for (index, order) in orders.into_iter().enumerate() {
            if let Some(known) = self.known(&order)? {
                answers.push(Some(known));
                continue;
            }
            let earlier = added.before(&order.terms);
            match self.check(order, &survey, earlier)? {
                Ok(admissible) => {
                    added.add(&admissible.order.terms);
                    admitted.push((index, admissible.order.terms.id()));
                    appends.push(admissible.append());
                    answers.push(None);
                }
                Err(refusal) => answers.push(Some(Err(refusal))),
            }
        }
        let ids: Vec<_> = admitted.iter().map(|(_, id)| *id).collect();
        let live = self.recorder.live();
        live.come_in(&ids, self.recorder.clock().now());
        let recorded = self.recorder.record(appends).await?;
        for ((index, id), recorded) in admitted.into_iter().zip(recorded) {
            if recorded.is_err() {
                live.forget(id);
            }
            let answer = self.admitted(id, recorded)?;
            if let Some(slot) = answers.get_mut(index) {
                *slot = Some(answer);
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// The answer to an order that was given before: by its key, or by its terms.
    fn known(&self, order: &Order) -> Result<Option<Result<Transfer, Refusal>>, Fatal> {
        if order.key.is_empty() || order.key.len() > MAX_KEY {
            let message =
                format!("choose 1 to {MAX_KEY} characters, the same for every repetition");
            let refusal = never("malformed", "idempotency_key", order.key.clone(), message);
            return Ok(Some(Err(refusal)));
        }
        let id = order.terms.id();
        if let Some(known) = self.store.request(&order.key).map_err(Fatal)?
            && known != id
        {
            return Ok(Some(Err(reused(&order.key, known))));
        }
        let transfer = self.recorder.journal().transfer(id).map_err(Fatal)?;
        Ok(transfer.map(Ok))
    }

    fn admitted(
        &self,
        id: TransferId,
        recorded: Result<isthmus_core::ports::Appended, AppendError>,
    ) -> Result<Result<Transfer, Refusal>, Fatal> {
        let refusal = match recorded {
            Ok(appended) => {
                if let Some(transfer) = appended.transfer {
                    return Ok(Ok(transfer));
                }
                never("internal", "", String::new(), "nothing was written".into())
            }
            // The same order twice in one call, or from two callers at once: the first one counts.
            Err(AppendError::Conflict { .. }) => {
                let transfer = self.recorder.journal().transfer(id).map_err(Fatal)?;
                return Ok(transfer.ok_or_else(|| {
                    never("internal", "", id.to_string(), "it was not written".into())
                }));
            }
            Err(AppendError::Overlap { block, holder }) => {
                let message = format!(
                    "these units are in transfer {holder}, which has not given them back: no unit is in two transfers"
                );
                never("overlaps", "units", block, message)
            }
            Err(AppendError::RequestReused { key, transfer }) => reused(&key, transfer),
            Err(
                error @ (AppendError::Allocation { .. }
                | AppendError::Displaced { .. }
                | AppendError::Outdated { .. }
                | AppendError::Illegal(_)),
            ) => never("illegal", "terms", id.to_string(), error.to_string()),
            Err(AppendError::Store(error)) => return Err(Fatal(error)),
        };
        Ok(Err(refusal))
    }

    /// What the route's rolling limit says, with what was admitted earlier in the same call.
    fn rolling(
        &self,
        route: &RouteDocument,
        terms: &OutboundTerms,
        earlier: Quantity,
    ) -> Result<Decision, Fatal> {
        let class = &terms.asset_class;
        let now = self.recorder.clock().now();
        policy::rolling(route, terms.quantity_g, now, |since| {
            let admitted = self.store.admitted_since(&route.id, class, since);
            let admitted = admitted.map_err(Fatal)?;
            Ok(admitted.checked_add(earlier).unwrap_or(Quantity::MAX))
        })
    }

    /// Everything but the custody book, which the write itself checks. The outer error stops the process.
    fn check(
        &self,
        order: Order,
        survey: &Survey,
        earlier: Earlier,
    ) -> Result<Result<Admissible, Refusal>, Fatal> {
        let terms = &order.terms;
        let Some(route) = self.store.active_route(&terms.route).map_err(Fatal)? else {
            let known = self.store.current_routes().map_err(Fatal)?;
            let known: Vec<_> = known.iter().map(|r| r.document.id.to_string()).collect();
            let known = if known.is_empty() {
                "none".into()
            } else {
                known.join(", ")
            };
            let message = format!("no active route has this id; active: {known}");
            let route = terms.route.to_string();
            return Ok(Err(never("unknown_route", "route", route, message)));
        };
        let route = route.document;
        let ledgers = [&route.origin, &route.destination];
        let status = self
            .pauses
            .route_status(&route.id, ledgers)
            .map_err(Fatal)?;
        let outstanding = self.store.outstanding(&route.id).map_err(Fatal)?;
        let rolling = self.rolling(&route, terms, earlier.class)?;
        let decided = survey.facts(terms).and_then(|facts| {
            let id = terms.id();
            let mandate = order.mandate.verify(Wish::Transfer, id, facts.holder_key);
            mandate.map_err(|error| {
                never(
                    "mandate_invalid",
                    "mandate",
                    id.to_string(),
                    error.to_string(),
                )
            })?;
            let situation = Situation {
                class: &facts.class,
                units: &facts.units,
                outstanding: outstanding
                    .checked_add(earlier.route)
                    .unwrap_or(Quantity::MAX),
                status,
            };
            let now = self.recorder.clock().now();
            allowed(
                &route,
                terms,
                policy::decide(&route, terms, &situation, now),
            )?;
            allowed(&route, terms, rolling)?;
            facts.in_account(terms)?;
            self.classes.learn(&facts.class);
            serial_block::normalise(&facts.units).map_err(|error| {
                never(
                    "overlaps",
                    "units",
                    terms.units.join(" "),
                    error.to_string(),
                )
            })
        });
        Ok(decided.map(|units| Admissible {
            order,
            units,
            route,
        }))
    }
}

/// Policy's answer as admission gives it.
fn allowed(
    route: &RouteDocument,
    terms: &OutboundTerms,
    decision: Decision,
) -> Result<(), Refusal> {
    match decision {
        Decision::Allowed => Ok(()),
        Decision::Refused(refusal) => Err(refusal),
        Decision::NotBefore(at) => Err(policy::not_before(route, terms.quantity_g, at)),
    }
}

impl Admissible {
    fn append(self) -> Append {
        let Self {
            order,
            units,
            route,
        } = self;
        let id = order.terms.id();
        let pool = route.pool(order.terms.asset_class).id();
        Append {
            transfer: Some((id, 0)),
            book: vec![BookChange::Reserve {
                transfer: id,
                pool,
                route: route.id,
                blocks: units.clone(),
            }],
            request: Some((order.key, id)),
            events: vec![Event::Requested {
                terms: Terms::Outbound(Outbound {
                    units,
                    pool,
                    custody_account: route.custody_account,
                    terms: order.terms,
                }),
                mandate: Some(order.mandate),
            }],
            ..Append::default()
        }
    }
}

fn reused(key: &str, transfer: TransferId) -> Refusal {
    let message =
        format!("this key stands for transfer {transfer}: choose another for other terms");
    never(
        "idempotency_key_reused",
        "idempotency_key",
        key.to_owned(),
        message,
    )
}

fn never(code: &str, field: &str, value: String, message: String) -> Refusal {
    Refusal {
        code: code.into(),
        field: field.into(),
        value: shortened(value),
        message,
        lasting: Lasting::Never,
    }
}

/// Most characters of a caller's value that are said back.
const MOST_VALUE: usize = 200;

fn shortened(mut value: String) -> String {
    if let Some((end, _)) = value.char_indices().nth(MOST_VALUE) {
        value.truncate(end);
    }
    value
}

fn later(code: &str, field: &str, value: String, message: String) -> Refusal {
    Refusal {
        lasting: Lasting::Later,
        ..never(code, field, value, message)
    }
}
