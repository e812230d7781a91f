//! Calls of the sandbox's operator (role `admin`); besides `faults` they are not in the protocol.
//!
//! | call | body → answer |
//! |---|---|
//! | `POST /v1/admin/faults` | see `faults.rs` → `{}` |
//! | `POST /v1/admin/accounts` | `{"account","status":"open"\|"closed"}` → `{}` |
//! | `POST /v1/admin/units` | `{"units":[serial],"account","state","reason"?}` → `{"sequence"}`: the registry moves or cancels units by its own right, under the reference `registry:<sequence>`; retired and cancelled ones stay what they are |
//! | `POST /v1/admin/deposits` | `{"account","custody_account","units":[serial],"note"?}` → `{"sequence"}`: a holder moves held units into custody without a lock, under the reference `deposit:<sequence>`; the receipt has the note as its reason |
//! | `GET /v1/admin/stats` | → `{"syncs","requests":{call: n},"sequence","blocks","faults_waiting"}` since the start of the process |

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::de::DeserializeOwned;

use crate::sandbox::command::{Command, body};
use crate::sandbox::config::Role;
use crate::sandbox::faults::{Call, Order};
use crate::sandbox::http::App;
use crate::sandbox::http::auth::Admits;
use crate::sandbox::http::error::ApiError;
use crate::sandbox::http::exchange::{self, Answer, respond};
use crate::sandbox::request::{Correction, DepositRequest, SetStatus};

type Body = Result<Bytes, BytesRejection>;

const ADMIN: Admits = Admits::Only(Role::Admin);

impl App {
    fn read_admin<T: DeserializeOwned>(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<T, ApiError> {
        self.admit(Call::Admin, headers, ADMIN)?;
        exchange::parse(&exchange::bytes(body)?)
    }
}

pub(super) async fn faults(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let set = |orders: Vec<Order>| {
        let set = app.faults.set(orders);
        set.map_err(|error| ApiError::malformed("body", "", error.to_string()))
    };
    respond(
        app.read_admin(&headers, body)
            .and_then(set)
            .map(|()| "{}".to_owned()),
    )
}

pub(super) async fn set_status(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let request: Result<SetStatus, ApiError> = app.read_admin(&headers, body);
    respond(app.command(request.map(Command::SetStatus)).await)
}

pub(super) async fn correct(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let request: Result<Correction, ApiError> = app.read_admin(&headers, body);
    respond(app.command(request.map(Command::Correct)).await)
}

pub(super) async fn deposit(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let request: Result<DepositRequest, ApiError> = app.read_admin(&headers, body);
    respond(app.command(request.map(Command::Deposit)).await)
}

pub(super) async fn stats(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Err(error) = app.admit(Call::Admin, &headers, ADMIN) {
        return respond(Err(error));
    }
    let registry = app.registry.read().await;
    let (sequence, blocks) = (registry.sequence(), registry.books.len());
    respond(Ok(body(&app.stats.body(
        sequence,
        blocks,
        app.faults.waiting(),
    ))))
}

impl App {
    async fn command(&self, command: Result<Command, ApiError>) -> Answer {
        self.submit(command?, None).await
    }
}
