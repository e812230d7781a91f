//! What an error looks like on the wire: one code of gRPC, one of `docs/errors.md`, and the details that a program can act
//! on. The only place that decides any of them.

use std::collections::HashMap;
use std::time::Duration;

use isthmus_core::receipt::{Lasting, Refusal};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::control::error::{ApiError, FieldProblem};
use crate::error_chain::chain;
use crate::error_code::ErrorCode;

/// Domain of error infos.
pub(crate) const DOMAIN: &str = "isthmus";
/// When a call that found something unavailable is worth repeating.
const RETRY: Duration = Duration::from_secs(1);

impl ApiError {
    fn codes(&self) -> (Code, ErrorCode) {
        match self {
            Self::Invalid(_) => (Code::InvalidArgument, ErrorCode::InvalidField),
            Self::RouteRefused(_) => (Code::InvalidArgument, ErrorCode::RouteRefused),
            Self::NotAuthenticated => (Code::Unauthenticated, ErrorCode::NotAuthenticated),
            Self::NotPermitted { .. } => (Code::PermissionDenied, ErrorCode::NotPermitted),
            Self::UnknownTransfer(_) => (Code::NotFound, ErrorCode::UnknownTransfer),
            Self::UnknownRoute { .. } => (Code::NotFound, ErrorCode::UnknownRoute),
            Self::OutOfRange { .. } => (Code::OutOfRange, ErrorCode::InvalidField),
            Self::Refused(refusal) => (Code::FailedPrecondition, refusal_code(refusal)),
            Self::WrongState { .. } => (Code::FailedPrecondition, ErrorCode::WrongState),
            Self::SecondPerson { .. } => (Code::FailedPrecondition, ErrorCode::SecondPersonNeeded),
            Self::NotReady { .. } => (Code::FailedPrecondition, ErrorCode::ProofNotReady),
            Self::Contended(_) => (Code::Aborted, ErrorCode::WrongState),
            Self::Ledger(_) => (Code::Unavailable, ErrorCode::LedgerUnavailable),
            Self::Contradiction(_) => (Code::FailedPrecondition, ErrorCode::LedgerContradiction),
            Self::Store(_) | Self::Stopping(_) => (Code::Unavailable, ErrorCode::StoreUnavailable),
            Self::Closing => (Code::Unavailable, ErrorCode::RelayerUnavailable),
            Self::Forked(_) => (Code::DataLoss, ErrorCode::LogForked),
            Self::Bug(_) => (Code::Internal, ErrorCode::Internal),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Invalid(problems) | Self::RouteRefused(problems) => join(problems),
            Self::NotAuthenticated => {
                "no known bearer token came with the call: send `authorization: Bearer <token>`"
                    .into()
            }
            Self::NotPermitted { caller, allowed } => {
                let roles: Vec<_> = allowed.iter().map(|role| role.name()).collect();
                format!(
                    "{caller} may not do this: it takes the role {}",
                    roles.join(" or ")
                )
            }
            Self::UnknownTransfer(id) => format!(
                "there is no transfer {id}: see `isthmus transfer list`; a return is there once its burn is final"
            ),
            Self::UnknownRoute { id, known } => {
                format!("there is no route {id}: {known}; see `isthmus route list`")
            }
            Self::OutOfRange { field, value, size } => {
                format!("{field} {value} is outside the log of {size} leaves")
            }
            Self::Refused(refusal) => refusal.to_string(),
            Self::WrongState { subject, reason }
            | Self::SecondPerson { subject, reason }
            | Self::NotReady { subject, reason } => format!("{subject}: {reason}"),
            Self::Contended(id) => format!("{id} changed meanwhile: read it and ask again"),
            Self::Ledger(error) => format!("a ledger did not answer: {}", chain(error.as_ref())),
            Self::Contradiction(contradiction) => contradiction.to_string(),
            Self::Store(error) => error.to_string(),
            Self::Closing => "the relayer is ending: ask again when it runs".into(),
            Self::Stopping(text) | Self::Forked(text) => text.clone(),
            Self::Bug(text) => incident(text),
        }
    }

    fn add_details(&self, details: &mut ErrorDetails) {
        match self {
            Self::Invalid(problems) | Self::RouteRefused(problems) => {
                for problem in problems {
                    details.add_bad_request_violation(&problem.field, problem.description());
                }
            }
            Self::OutOfRange { field, value, size } => {
                details.add_bad_request_violation(*field, format!("{value}: below {size}"));
            }
            Self::Refused(refusal) => {
                let subject = format!("{} = {:?}", refusal.field, refusal.value);
                details.add_precondition_failure_violation(
                    &refusal.code,
                    subject,
                    &refusal.message,
                );
            }
            Self::WrongState { subject, reason } => {
                details.add_precondition_failure_violation("state", subject, reason);
            }
            Self::SecondPerson { subject, reason } => {
                details.add_precondition_failure_violation("second_person", subject, reason);
            }
            Self::NotReady { subject, reason } => {
                details.add_precondition_failure_violation("not_ready", subject, reason);
            }
            Self::Contradiction(contradiction) => {
                details.add_precondition_failure_violation(
                    "contradiction",
                    contradiction.ledger.to_string(),
                    &contradiction.detail,
                );
            }
            Self::UnknownTransfer(id) => {
                let name = id.to_string();
                details.set_resource_info("transfer", name, "", "it was never admitted here");
            }
            Self::UnknownRoute { id, .. } => {
                details.set_resource_info("route", id, "", "it was never proposed here");
            }
            Self::Contended(_)
            | Self::Ledger(_)
            | Self::Store(_)
            | Self::Closing
            | Self::Stopping(_) => {
                details.set_retry_info(Some(RETRY));
            }
            Self::NotAuthenticated | Self::NotPermitted { .. } | Self::Forked(_) | Self::Bug(_) => {
            }
        }
    }
}

fn join(problems: &[FieldProblem]) -> String {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

/// The page of `docs/errors.md` for a refusal in a ledger's or the policy's own vocabulary.
fn refusal_code(refusal: &Refusal) -> ErrorCode {
    match refusal.code.as_str() {
        "idempotency_key_reused" => ErrorCode::IdempotencyKeyReused,
        "mandate_invalid" | "redirection_invalid" => ErrorCode::MandateInvalid,
        "instruction_mismatch" => ErrorCode::InstructionMismatch,
        "overlaps" => ErrorCode::UnitsTaken,
        "unknown_route" => ErrorCode::UnknownRoute,
        "paused" => ErrorCode::Paused,
        "not_possible" | "completed" | "not_outbound" | "not_a_return" => ErrorCode::WrongState,
        "malformed" => ErrorCode::InvalidField,
        _ => ErrorCode::PolicyRefused,
    }
}

fn incident(text: &str) -> String {
    let number = format!("{:08x}", rand::random::<u32>());
    tracing::error!(incident = %number, error = %text, "a call failed by a bug");
    format!("the relayer failed; its log has more under incident {number}")
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let (code, named) = error.codes();
        let mut details = ErrorDetails::new();
        let mut facts = HashMap::new();
        if let ApiError::Refused(refusal) = &error {
            facts.insert("refusal".to_owned(), refusal.code.clone());
            facts.insert(
                "later".to_owned(),
                (refusal.lasting == Lasting::Later).to_string(),
            );
        }
        details.set_error_info(named.code(), DOMAIN, facts);
        error.add_details(&mut details);
        Status::with_error_details(code, error.message(), details)
    }
}
