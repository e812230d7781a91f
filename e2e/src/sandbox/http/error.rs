//! Errors of a whole call: `{"error":{"code","field","value","message"}}`, the message says what to do.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::sandbox::command::body;
use crate::sandbox::http::MAX_LIST;
use crate::sandbox::outcome::Refusal;

/// Why a call as a whole was not carried out.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: String,
    field: String,
    value: String,
    message: String,
}

#[derive(Serialize)]
struct Shown<'a> {
    error: ShownError<'a>,
}

#[derive(Serialize)]
struct ShownError<'a> {
    code: &'a str,
    field: &'a str,
    value: &'a str,
    message: &'a str,
}

impl ApiError {
    fn new(
        status: StatusCode,
        code: &str,
        field: &str,
        value: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.to_owned(),
            field: field.to_owned(),
            value: value.chars().take(160).collect(),
            message: message.into(),
        }
    }

    pub(super) fn unauthenticated(value: &str, message: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "X-Api-Key",
            value,
            message,
        )
    }

    pub(super) fn not_authorised(role: &str, message: String) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "not_authorised",
            "role",
            role,
            message,
        )
    }

    pub(super) fn malformed(field: &str, value: &str, message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed_request",
            field,
            value,
            message,
        )
    }

    pub(super) fn unknown_account(id: &str) -> Self {
        let message = "no account has this number: check it";
        Self::new(StatusCode::NOT_FOUND, "unknown_account", "id", id, message)
    }

    pub(super) fn too_many(field: &str, count: usize) -> Self {
        let message = format!("a list holds at most {MAX_LIST} entries: ask in several calls");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_many",
            field,
            &count.to_string(),
            message,
        )
    }

    pub(super) fn too_large(message: &str) -> Self {
        let message = format!("{message}: a request has at most 4 MiB, send fewer entries");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "body",
            "",
            message,
        )
    }

    pub(super) fn idempotency_mismatch(key: &str) -> Self {
        let message = "this key was used with another body: use a new key for a new request";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_mismatch",
            "Idempotency-Key",
            key,
            message,
        )
    }

    pub(super) fn refused(refusal: &Refusal) -> Self {
        let code = serde_json::to_value(refusal.code).ok();
        let code = code
            .as_ref()
            .and_then(|code| code.as_str())
            .unwrap_or("malformed");
        Self::new(
            StatusCode::CONFLICT,
            code,
            &refusal.field,
            &refusal.value,
            refusal.message.clone(),
        )
    }

    pub(super) fn unavailable() -> Self {
        let message = "the registry is out of order (a fault on demand): try again later";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "",
            "",
            message,
        )
    }

    pub(super) fn outcome_unknown() -> Self {
        let message = "the registry stops and cannot say what is on disk: query the references once it is back";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "outcome_unknown",
            "",
            "",
            message,
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = ShownError {
            code: &self.code,
            field: &self.field,
            value: &self.value,
            message: &self.message,
        };
        let json = [(header::CONTENT_TYPE, "application/json")];
        (self.status, json, body(&Shown { error })).into_response()
    }
}

pub(super) async fn no_such_call(uri: Uri) -> Response {
    let message = "the registry has no such call: see docs/protocol.md §6 for paths and methods";
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no_such_call",
        "path",
        uri.path(),
        message,
    )
    .into_response()
}
