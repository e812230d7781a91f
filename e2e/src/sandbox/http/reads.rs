//! Calls that change nothing. They see only what is on disk.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AccountId, LedgerId};
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::time::Timestamp;
use isthmus_vcs::serial::Serial;
use serde::Serialize;

use crate::sandbox::books::Filter;
use crate::sandbox::command::body;
use crate::sandbox::faults::{Call, Fault};
use crate::sandbox::http::auth::Admits;
use crate::sandbox::http::error::ApiError;
use crate::sandbox::http::exchange::{self, respond};
use crate::sandbox::http::{App, MAX_LIST};
use crate::sandbox::outcome::{Answered, Outcome};
use crate::sandbox::registry::{Entry, Registry};
use crate::sandbox::request::{MovementsQuery, Query, Search};
use crate::sandbox::units::{StoredBlock, UnitState};

type Body = Result<Bytes, BytesRejection>;

#[derive(Serialize)]
struct Info<'a> {
    registry: &'a LedgerId,
    receipt_key: String,
    approvals_required: usize,
    max_list: usize,
    sequence: u64,
}

pub(super) async fn info(State(app): State<Arc<App>>) -> Response {
    app.stats.requested(Call::Info);
    let fault = app.faults.take(Call::Info, std::iter::empty());
    let work = async {
        Ok(body(&Info {
            registry: &app.rules.registry,
            receipt_key: app.rules.signer.public_key(),
            approvals_required: app.rules.approvals_required,
            max_list: MAX_LIST,
            sequence: app.registry.read().await.sequence(),
        }))
    };
    app.under(fault, work).await
}

pub(super) async fn account(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    if let Err(error) = app.admit(Call::Account, &headers, Admits::AnyKey) {
        return respond(Err(error));
    }
    let fault = app.faults.take(Call::Account, std::iter::empty());
    let work = async {
        let registry = app.registry.read().await;
        let known = id
            .parse::<AccountId>()
            .ok()
            .and_then(|id| registry.accounts.get(&id));
        known
            .map(body)
            .ok_or_else(|| ApiError::unknown_account(&id))
    };
    app.under(fault, work).await
}

pub(super) async fn search(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Body,
) -> Response {
    let request = app
        .admit(Call::Search, &headers, Admits::AnyKey)
        .and_then(|_| read_search(bytes));
    let (filter, offset, limit) = match request {
        Ok(request) => request,
        Err(error) => return respond(Err(error)),
    };
    let fault = app.faults.take(Call::Search, std::iter::empty());
    let work = async { Ok(found(&*app.registry.read().await, &filter, offset, limit)) };
    app.under(fault, work).await
}

fn read_search(bytes: Body) -> Result<(Filter, usize, usize), ApiError> {
    let request: Search = exchange::parse(&exchange::bytes(bytes)?)?;
    exchange::limit("limit", request.limit)?;
    exchange::limit("serials", request.serials.as_ref().map_or(0, Vec::len))?;
    let parse = |text: String| match text.parse::<Serial>() {
        Ok(serial) => Ok(SerialBlock::from(&serial)),
        Err(error) => Err(ApiError::malformed("serials", &text, error.to_string())),
    };
    let serials = request
        .serials
        .map(|serials| serials.into_iter().map(parse).collect());
    let filter = Filter {
        account: request.account,
        state: request.state,
        class: request.asset_class,
        intersecting: serials.transpose()?,
    };
    Ok((filter, request.offset, request.limit))
}

#[derive(Serialize)]
struct Found<'a> {
    total: usize,
    sequence: u64,
    quantity_t: u64,
    blocks: Vec<Block<'a>>,
}

#[derive(Serialize)]
struct Block<'a> {
    serial: String,
    account: &'a AccountId,
    state: UnitState,
    quantity_t: u64,
    class: &'a AssetClass,
    reference: Option<&'a str>,
}

fn found(registry: &Registry, filter: &Filter, offset: usize, limit: usize) -> String {
    let found = registry.books.select(filter, offset, limit);
    body(&Found {
        total: found.total,
        sequence: registry.sequence(),
        quantity_t: found.quantity_t,
        blocks: found.page.into_iter().map(shown).collect(),
    })
}

fn shown(stored: &StoredBlock) -> Block<'_> {
    Block {
        serial: stored.block.to_string(),
        account: &stored.account,
        state: stored.state,
        quantity_t: stored.block.quantity_t(),
        class: &stored.class.profile,
        reference: stored.reference.as_deref(),
    }
}

#[derive(Serialize)]
struct Results {
    results: Vec<Answered>,
}

pub(super) async fn query(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    bytes: Body,
) -> Response {
    let request = app
        .admit(Call::Query, &headers, Admits::AnyKey)
        .and_then(|_| {
            let request: Query = exchange::parse(&exchange::bytes(bytes)?)?;
            exchange::limit("references", request.references.len())?;
            Ok(request)
        });
    let references = match request {
        Ok(request) => request.references,
        Err(error) => return respond(Err(error)),
    };
    let fault = app
        .faults
        .take(Call::Query, references.iter().map(String::as_str));
    let seen_until = app.seen_until(fault);
    let work = async {
        let registry = app.registry.read().await;
        let answer = |reference: String| {
            let hidden = registry
                .entry(&reference)
                .map(Entry::at)
                .is_some_and(|at| at > seen_until);
            let outcome = if hidden {
                Outcome::Absent
            } else {
                registry.outcome(&reference)
            };
            Answered { reference, outcome }
        };
        let results = references.into_iter().map(answer).collect();
        Ok(body(&Results { results }))
    };
    app.under(fault, work).await
}

#[derive(Serialize)]
struct Movements<'a> {
    movements: Vec<Movement<'a>>,
    sequence: u64,
}

#[derive(Serialize)]
struct Movement<'a> {
    sequence: u64,
    receipt: &'a str,
}

pub(super) async fn movements(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Result<UrlQuery<MovementsQuery>, QueryRejection>,
) -> Response {
    let request = app
        .admit(Call::Movements, &headers, Admits::AnyKey)
        .and_then(|_| {
            let UrlQuery(query) =
                query.map_err(|error| ApiError::malformed("query", "", error.body_text()))?;
            exchange::limit("limit", query.limit)?;
            Ok(query)
        });
    let query = match request {
        Ok(query) => query,
        Err(error) => return respond(Err(error)),
    };
    let fault = app.faults.take(Call::Movements, std::iter::empty());
    let seen_until = app.seen_until(fault);
    let work = async { Ok(page(&*app.registry.read().await, &query, seen_until)) };
    app.under(fault, work).await
}

fn page(registry: &Registry, query: &MovementsQuery, seen_until: Timestamp) -> String {
    let seen = |receipt: &&crate::sandbox::receipt::Receipt| receipt.payload.at_ms <= seen_until;
    let visible = registry.movements_after(0).iter().rev().find(seen);
    let after = registry
        .movements_after(query.after)
        .iter()
        .take_while(seen);
    let movements = after.take(query.limit).map(|receipt| Movement {
        sequence: receipt.payload.sequence,
        receipt: &receipt.jws,
    });
    body(&Movements {
        movements: movements.collect(),
        sequence: visible.map_or(0, |receipt| receipt.payload.sequence),
    })
}

impl App {
    /// Up to when changes are seen: a stale read hides the newest.
    fn seen_until(&self, fault: Option<Fault>) -> Timestamp {
        match fault {
            Some(Fault::StaleMs(ms)) => {
                Timestamp::from_ms(self.clock.now().ms().saturating_sub(ms))
            }
            Some(
                Fault::LatencyMs(_)
                | Fault::Error
                | Fault::TimeoutBefore
                | Fault::TimeoutAfterApplying
                | Fault::CrashBefore
                | Fault::CrashAfterApplying,
            )
            | None => Timestamp::from_ms(u64::MAX),
        }
    }
}
