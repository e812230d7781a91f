//! Calls that lock, propose, approve and reject.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::sandbox::command::Command;
use crate::sandbox::config::Role;
use crate::sandbox::faults::Call;
use crate::sandbox::http::App;
use crate::sandbox::http::auth::{Admits, Caller};
use crate::sandbox::http::error::ApiError;
use crate::sandbox::http::exchange::{self, claim, respond};
use crate::sandbox::idempotency::Claim;
use crate::sandbox::request::{Approvals, Locks, Proposals, Rejections, SentProposal};

type Body = Result<Bytes, BytesRejection>;

pub(super) async fn lock(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Response {
    let request = app
        .admit(Call::Lock, &headers, Admits::Only(Role::Relayer))
        .and_then(|caller| {
            let body = exchange::bytes(body)?;
            let request: Locks = exchange::parse(&body)?;
            exchange::limit("locks", request.locks.len())?;
            let claim = claim(&caller, &headers, "/v1/locks", &body)?;
            let command = Command::Lock {
                caller: caller.name,
                locks: request.locks,
            };
            Ok((command, claim))
        });
    app.carry_out(Call::Lock, request).await
}

pub(super) async fn propose(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let request = app
        .admit(Call::Propose, &headers, Admits::Only(Role::Relayer))
        .and_then(|caller| {
            let body = exchange::bytes(body)?;
            let request: Proposals = exchange::parse(&body)?;
            exchange::limit("proposals", request.proposals.len())?;
            let claim = claim(&caller, &headers, "/v1/proposals", &body)?;
            Ok((read_proposals(caller, request)?, claim))
        });
    app.carry_out(Call::Propose, request).await
}

fn read_proposals(caller: Caller, request: Proposals) -> Result<Command, ApiError> {
    let mut proposals = Vec::with_capacity(request.proposals.len());
    for (index, sent) in request.proposals.into_iter().enumerate() {
        let field = format!("proposals[{index}]");
        let proposal = SentProposal::read(sent)
            .map_err(|error| ApiError::malformed(&field, "", error.to_string()))?;
        proposals.push(proposal);
    }
    Ok(Command::Propose {
        proposer: caller.name,
        proposals,
    })
}

pub(super) async fn approve(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let request = app
        .admit(Call::Approve, &headers, Admits::Only(Role::Approver))
        .and_then(|caller| {
            let body = exchange::bytes(body)?;
            let request: Approvals = exchange::parse(&body)?;
            exchange::limit("approvals", request.approvals.len())?;
            let claim = claim(&caller, &headers, "/v1/approvals", &body)?;
            let command = Command::Approve {
                approver: caller.name,
                approvals: request.approvals,
            };
            Ok((command, claim))
        });
    app.carry_out(Call::Approve, request).await
}

pub(super) async fn reject(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let request = app
        .admit(Call::Reject, &headers, Admits::Only(Role::Approver))
        .and_then(|caller| {
            let body = exchange::bytes(body)?;
            let request: Rejections = exchange::parse(&body)?;
            exchange::limit("rejections", request.rejections.len())?;
            let claim = claim(&caller, &headers, "/v1/rejections", &body)?;
            let command = Command::Reject {
                approver: caller.name,
                rejections: request.rejections,
            };
            Ok((command, claim))
        });
    app.carry_out(Call::Reject, request).await
}

impl App {
    async fn carry_out(
        &self,
        call: Call,
        request: Result<(Command, Option<Claim>), ApiError>,
    ) -> Response {
        let (command, claim) = match request {
            Ok(request) => request,
            Err(error) => return respond(Err(error)),
        };
        let fault = self.faults.take(call, command.references().into_iter());
        self.under(fault, self.submit(command, claim)).await
    }
}

impl Command {
    /// The references that it names.
    fn references(&self) -> Vec<&str> {
        match self {
            Self::Lock { locks, .. } => locks.iter().map(|lock| lock.reference.as_str()).collect(),
            Self::Propose { proposals, .. } => proposals
                .iter()
                .map(|proposal| proposal.request.reference.as_str())
                .collect(),
            Self::Approve { approvals, .. } => approvals
                .iter()
                .map(|approval| approval.reference.as_str())
                .collect(),
            Self::Reject { rejections, .. } => rejections
                .iter()
                .map(|rejection| rejection.reference.as_str())
                .collect(),
            Self::Correct(_) | Self::Deposit(_) | Self::SetStatus(_) => Vec::new(),
        }
    }
}
