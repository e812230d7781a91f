//! Admission: what holders and exchanges ask for, checked against route, registry and custody book before anything is written.
//! A refusal here means that nothing happened; the registry, the attesters and the gate check everything again.

mod survey;

use std::collections::BTreeMap;
use std::sync::Arc;

use isthmus_core::id::{LedgerId, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::mandate::{Mandate, Wish};
use isthmus_core::policy::{self, Decision, Situation};
use isthmus_core::ports::{Append, AppendError, BookChange, BoxError};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::{Lasting, Refusal};
use isthmus_core::route::RouteDocument;
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::terms::{Outbound, OutboundTerms, Terms};
use isthmus_core::transfer::{Event, State, Transfer};
use isthmus_store::Store;

use crate::engine::admission::survey::Survey;
use crate::engine::classes::Classes;
use crate::engine::pause::Pauses;
use crate::engine::ports::{AccountStatus, Registry, SurveyError};
use crate::engine::{Fatal, Recorder, settle};

/// Longest idempotency key, in bytes.
const MAX_KEY: usize = 128;
/// How often a request that lost a race is decided anew.
const RACES: usize = 5;

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
        let mut added: BTreeMap<String, Quantity> = BTreeMap::new();
        for (index, order) in orders.into_iter().enumerate() {
            if let Some(known) = self.known(&order)? {
                answers.push(Some(known));
                continue;
            }
            let earlier = added
                .entry(order.terms.route.to_string())
                .or_insert(Quantity::ZERO);
            match self.check(order, &survey, *earlier)? {
                Ok(admissible) => {
                    let quantity = admissible.order.terms.quantity_g;
                    *earlier = earlier.checked_add(quantity).unwrap_or(Quantity::MAX);
                    admitted.push((index, admissible.order.terms.id()));
                    appends.push(admissible.append());
                    answers.push(None);
                }
                Err(refusal) => answers.push(Some(Err(refusal))),
            }
        }
        let recorded = self.recorder.record(appends).await?;
        for ((index, id), recorded) in admitted.into_iter().zip(recorded) {
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
            Err(error @ (AppendError::Allocation { .. } | AppendError::Illegal(_))) => {
                never("illegal", "terms", id.to_string(), error.to_string())
            }
            Err(AppendError::Store(error)) => return Err(Fatal(error)),
        };
        Ok(Err(refusal))
    }

    /// Everything but the custody book, which the write itself checks. The outer error stops the process.
    fn check(
        &self,
        order: Order,
        survey: &Survey,
        earlier: Quantity,
    ) -> Result<Result<Admissible, Refusal>, Fatal> {
        let terms = &order.terms;
        let Some(route) = self.store.active_route(&terms.route).map_err(Fatal)? else {
            let message = "no active route has this id: see `isthmus route list`".to_owned();
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
                outstanding: outstanding.checked_add(earlier).unwrap_or(Quantity::MAX),
                status,
            };
            let now = self.recorder.clock().now();
            match policy::decide(&route, terms, &situation, now) {
                Decision::Allowed => {}
                Decision::Refused(refusal) => return Err(refusal),
                Decision::NotBefore(at) => {
                    let message = format!("not before {} ms since the epoch", at.ms());
                    return Err(later("not_before", "route", route.id.to_string(), message));
                }
            }
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

    /// Undoes a transfer that is not minted yet. Asked again it answers with the transfer as it is.
    pub async fn withdraw(
        &self,
        id: TransferId,
        by: &WithdrawnBy,
    ) -> Result<Transfer, RequestError> {
        let transfer = self.transfer(id)?;
        let Terms::Outbound(outbound) = transfer.terms() else {
            let message = "a burn cannot be undone: hand its instruction in".to_owned();
            return Err(refused("not_outbound", "id", id.to_string(), message));
        };
        match by {
            WithdrawnBy::Holder(mandate) => self.is_holders_wish(id, outbound, mandate).await?,
            WithdrawnBy::Operator(name) => {
                tracing::info!(transfer.id = %id, operator = %name, "withdrawal by an operator");
            }
        }
        self.change(
            id,
            Event::WithdrawalRequested,
            |transfer| match state_below(transfer) {
                State::Withdrawing { .. }
                | State::Voided { .. }
                | State::Returned { .. }
                | State::Rejected { .. } => Some(Ok(())),
                State::Completed { .. } => Some(Err(never(
                    "completed",
                    "id",
                    id.to_string(),
                    "it is minted: burn the equivalents to get the originals back".into(),
                ))),
                State::Requested
                | State::Taken { .. }
                | State::Authorised { .. }
                | State::Owed { .. }
                | State::Quarantined { .. } => None,
            },
        )
        .await
    }

    /// Takes in what a burn committed to. Asked again with the same it answers with the transfer as it is.
    pub async fn instruct(
        &self,
        id: TransferId,
        instruction: Instruction,
    ) -> Result<Transfer, RequestError> {
        let transfer = self.transfer(id)?;
        let Terms::Return(back) = transfer.terms() else {
            let message = "only a return, named by its BurnId, takes an instruction".to_owned();
            return Err(refused("not_a_return", "id", id.to_string(), message));
        };
        let checked = instruction.check(back.burn.purpose, back.burn.commitment);
        checked.map_err(|error| {
            let found = instruction.commitment().to_string();
            refused(
                "instruction_mismatch",
                "instruction",
                found,
                error.to_string(),
            )
        })?;
        if let Instruction::Release { account, .. } = &instruction {
            let registry = self.registry(transfer.terms().origin())?;
            let found = registry.account(account).await.map_err(survey_error)?;
            if found.status != AccountStatus::Open {
                let message =
                    "the account is closed: the burn stays safe, ask the registry to open it"
                        .to_owned();
                return Err(refused(
                    "account_closed",
                    "instruction.account",
                    account.to_string(),
                    message,
                ));
            }
        }
        self.change(id, Event::Instructed(instruction.clone()), |transfer| {
            (transfer.instruction() == Some(&instruction)).then_some(Ok(()))
        })
        .await
    }

    /// Records an event, again if somebody else wrote in between. `settled` says whether there is nothing to do any more.
    async fn change(
        &self,
        id: TransferId,
        event: Event,
        settled: impl Fn(&Transfer) -> Option<Result<(), Refusal>>,
    ) -> Result<Transfer, RequestError> {
        for _ in 0..RACES {
            let transfer = self.transfer(id)?;
            match settled(&transfer) {
                Some(Ok(())) => return Ok(transfer),
                Some(Err(refusal)) => return Err(RequestError::Refused(refusal)),
                None => {}
            }
            if let Err(illegal) = transfer.apply(&event) {
                let state = transfer.state().name().to_owned();
                return Err(refused("not_possible", "state", state, illegal.reason));
            }
            let now = self.recorder.clock().now();
            let append = settle::append(&transfer, event.clone(), now);
            match self.recorder.record(vec![append]).await?.pop() {
                Some(Ok(appended)) => return appended.transfer.ok_or(RequestError::Unknown(id)),
                Some(Err(AppendError::Conflict { .. })) | None => {}
                Some(Err(error)) => {
                    return Err(refused(
                        "not_possible",
                        "id",
                        id.to_string(),
                        error.to_string(),
                    ));
                }
            }
        }
        let message = "it changes faster than this could be recorded: ask again".to_owned();
        Err(RequestError::Unavailable(message.into()))
    }

    async fn is_holders_wish(
        &self,
        id: TransferId,
        outbound: &Outbound,
        mandate: &Mandate,
    ) -> Result<(), RequestError> {
        let registry = self.registry(&outbound.terms.origin)?;
        let account = &outbound.terms.account;
        let found = registry.account(account).await.map_err(survey_error)?;
        let key = found.holder_key.ok_or_else(|| {
            let message = "the account has no registered key: ask an operator".to_owned();
            refused("no_holder_key", "account", account.to_string(), message)
        })?;
        mandate.verify(Wish::Withdraw, id, key).map_err(|error| {
            refused(
                "mandate_invalid",
                "mandate",
                id.to_string(),
                error.to_string(),
            )
        })
    }

    fn registry(&self, id: &LedgerId) -> Result<&dyn Registry, RequestError> {
        let registry = self.registries.get(id).map(Arc::as_ref);
        registry.ok_or_else(|| {
            let message = "this registry is not configured here".to_owned();
            refused("unknown_ledger", "origin", id.to_string(), message)
        })
    }

    fn transfer(&self, id: TransferId) -> Result<Transfer, RequestError> {
        let transfer = self.recorder.journal().transfer(id).map_err(Fatal)?;
        transfer.ok_or(RequestError::Unknown(id))
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

fn state_below(transfer: &Transfer) -> &State {
    if let State::Quarantined { at, .. } = transfer.state() {
        at
    } else {
        transfer.state()
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

fn survey_error(error: SurveyError) -> RequestError {
    match error {
        SurveyError::Unknown {
            field,
            value,
            message,
        } => refused("unknown_account", field, value, message),
        SurveyError::Unavailable(error) => RequestError::Unavailable(error),
    }
}

fn refused(code: &str, field: &str, value: String, message: String) -> RequestError {
    RequestError::Refused(never(code, field, value, message))
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
