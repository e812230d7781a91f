//! One call from body to answer: reading, limits, and the fault that hits it.

use std::future::Future;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use isthmus_core::id::Hash32;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::sandbox::command::{Command, Reply};
use crate::sandbox::faults::Fault;
use crate::sandbox::http::auth::Caller;
use crate::sandbox::http::error::ApiError;
use crate::sandbox::http::{App, MAX_LIST};
use crate::sandbox::idempotency::Claim;
use crate::sandbox::writer::{Job, JobReply};

/// Marks an answer that must not be given: the connection is dropped instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HangUp;

/// The body of an answer, or why there is none.
pub(super) type Answer = Result<String, ApiError>;

/// The body as JSON of a known shape.
pub(super) fn parse<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        ApiError::malformed(
            "body",
            "",
            format!("the body is not as docs/protocol.md §6 has it: {error}"),
        )
    })
}

/// The body's bytes, if they are not too many.
pub(super) fn bytes(body: Result<Bytes, BytesRejection>) -> Result<Bytes, ApiError> {
    body.map_err(|rejection| ApiError::too_large(&rejection.body_text()))
}

/// Refuses longer lists than anyone may send.
pub(super) fn limit(field: &str, count: usize) -> Result<(), ApiError> {
    if count <= MAX_LIST {
        Ok(())
    } else {
        Err(ApiError::too_many(field, count))
    }
}

pub(super) fn respond(answer: Answer) -> Response {
    match answer {
        Ok(body) => {
            let json = [(header::CONTENT_TYPE, "application/json")];
            (StatusCode::OK, json, body).into_response()
        }
        Err(error) => error.into_response(),
    }
}

/// A real kill -9: no destructor, no flush. This thread goes no further while the signal is on its way.
fn die() -> Response {
    let pid = std::process::id().to_string();
    let _sent = std::process::Command::new("kill")
        .args(["-KILL", &pid])
        .status();
    std::process::abort();
}

impl App {
    /// Carries `work` out under the fault that hits it, if one does.
    pub(super) async fn under(
        &self,
        fault: Option<Fault>,
        work: impl Future<Output = Answer>,
    ) -> Response {
        match fault {
            None | Some(Fault::StaleMs(_)) => respond(work.await),
            Some(Fault::LatencyMs(ms)) => {
                tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
                respond(work.await)
            }
            Some(Fault::Error) => ApiError::unavailable().into_response(),
            Some(Fault::TimeoutBefore) => self.hang_up().await,
            Some(Fault::TimeoutAfterApplying) => {
                drop(work.await);
                self.hang_up().await
            }
            Some(Fault::CrashBefore) => die(),
            Some(Fault::CrashAfterApplying) => {
                drop(work.await);
                die()
            }
        }
    }

    async fn hang_up(&self) -> Response {
        tokio::time::sleep(self.hang).await;
        let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
        response.extensions_mut().insert(HangUp);
        response
    }

    /// Hands a command to the writer and waits until it is on disk.
    pub(super) async fn submit(&self, command: Command, claim: Option<Claim>) -> Answer {
        let key = claim
            .as_ref()
            .map(|claim| claim.key.clone())
            .unwrap_or_default();
        let (reply, answer) = oneshot::channel();
        let job = Job {
            command,
            claim,
            reply,
        };
        if self.jobs.send(job).await.is_err() {
            return Err(ApiError::outcome_unknown());
        }
        match answer.await {
            Ok(JobReply::Done(Reply::Body(body))) => Ok(body),
            Ok(JobReply::Done(Reply::Refused(refusal))) => Err(ApiError::refused(&refusal)),
            Ok(JobReply::KeyMismatch) => Err(ApiError::idempotency_mismatch(&key)),
            Err(_) => Err(ApiError::outcome_unknown()),
        }
    }
}

/// The idempotency key of a call, if it has one.
pub(super) fn claim(
    caller: &Caller,
    headers: &HeaderMap,
    path: &str,
    body: &Bytes,
) -> Result<Option<Claim>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let readable = key
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= 128);
    let Some(key) = readable else {
        return Err(ApiError::malformed(
            "Idempotency-Key",
            "",
            "write 1 to 128 ASCII characters",
        ));
    };
    let mut hash = Sha256::new();
    hash.update(path);
    hash.update([0]);
    hash.update(body);
    Ok(Some(Claim {
        principal: caller.name.clone(),
        key: key.to_owned(),
        digest: Hash32::new(hash.finalize().into()),
    }))
}
