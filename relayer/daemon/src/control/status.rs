//! Errors of the API and what they look like on the wire: one code of gRPC, one of `docs/errors.md`, and the details that a
//! program can act on. Variants are sorted by what the caller does next.

use std::collections::HashMap;
use std::time::Duration;

use isthmus_core::id::TransferId;
use isthmus_core::ports::{BoxError, StoreError};
use isthmus_core::receipt::{Lasting, Refusal};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::config::Role;
use crate::engine::admission::RequestError;
use crate::engine::backoff::chain;
use crate::error_code::ErrorCode;
use crate::proof::CheckpointError;
use crate::proof::bundle::AssembleError;
use crate::proof::reserves::ReplayError;

/// Domain of error infos.
pub(crate) const DOMAIN: &str = "isthmus";
/// When a call that found something unavailable is worth repeating.
const RETRY: Duration = Duration::from_secs(1);

/// A field that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldProblem {
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) remedy: String,
}

/// Why a call was not carried out.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// Correct the request.
    Invalid(Vec<FieldProblem>),
    /// Correct the route document, or its signature.
    RouteRefused(Vec<FieldProblem>),
    /// Show a valid token.
    NotAuthenticated,
    /// Let somebody with one of these roles do it.
    NotPermitted {
        caller: String,
        allowed: &'static [Role],
    },
    /// Correct the id.
    UnknownTransfer(TransferId),
    /// Correct the id or version.
    UnknownRoute(String),
    /// Ask for something inside.
    OutOfRange {
        field: &'static str,
        value: u64,
        size: u64,
    },
    /// Reconsider: a rule said no.
    Refused(Refusal),
    /// Not in this state.
    WrongState { subject: String, reason: String },
    /// Let another person decide.
    SecondPerson { subject: String, reason: String },
    /// Ask again when there is more.
    NotReady { subject: String, reason: String },
    /// Somebody else was faster: read and ask again.
    Contended(TransferId),
    /// Ask again later: a ledger did not answer.
    Ledger(BoxError),
    /// Ask again later: the store could not be read.
    Store(StoreError),
    /// Ask again later: the server is ending.
    Closing,
    /// Ask again later: the journal failed and the process starts again.
    Stopping(String),
    /// The log is not the one that was signed: nothing helps but the operator.
    Forked(String),
    /// A bug. Only a number leaves; the text is logged under it.
    Bug(String),
}

impl ApiError {
    /// One field that cannot be used.
    pub(crate) fn field(field: &str, value: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, value, remedy)])
    }

    fn codes(&self) -> (Code, ErrorCode) {
        match self {
            Self::Invalid(_) => (Code::InvalidArgument, ErrorCode::InvalidField),
            Self::RouteRefused(_) => (Code::InvalidArgument, ErrorCode::RouteRefused),
            Self::NotAuthenticated => (Code::Unauthenticated, ErrorCode::NotAuthenticated),
            Self::NotPermitted { .. } => (Code::PermissionDenied, ErrorCode::NotPermitted),
            Self::UnknownTransfer(_) => (Code::NotFound, ErrorCode::UnknownTransfer),
            Self::UnknownRoute(_) => (Code::NotFound, ErrorCode::UnknownRoute),
            Self::OutOfRange { .. } => (Code::OutOfRange, ErrorCode::InvalidField),
            Self::Refused(refusal) => (Code::FailedPrecondition, refusal_code(refusal)),
            Self::WrongState { .. } => (Code::FailedPrecondition, ErrorCode::WrongState),
            Self::SecondPerson { .. } => (Code::FailedPrecondition, ErrorCode::SecondPersonNeeded),
            Self::NotReady { .. } => (Code::FailedPrecondition, ErrorCode::ProofNotReady),
            Self::Contended(_) => (Code::Aborted, ErrorCode::WrongState),
            Self::Ledger(_) => (Code::Unavailable, ErrorCode::LedgerUnavailable),
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
            Self::UnknownTransfer(id) => format!("there is no transfer {id}"),
            Self::UnknownRoute(id) => format!("there is no route {id}"),
            Self::OutOfRange { field, value, size } => {
                format!("{field} {value} is outside the log of {size} leaves")
            }
            Self::Refused(refusal) => refusal.to_string(),
            Self::WrongState { subject, reason }
            | Self::SecondPerson { subject, reason }
            | Self::NotReady { subject, reason } => format!("{subject}: {reason}"),
            Self::Contended(id) => format!("{id} changed meanwhile: read it and ask again"),
            Self::Ledger(error) => format!("a ledger did not answer: {}", chain(error.as_ref())),
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
            Self::UnknownTransfer(id) => {
                let name = id.to_string();
                details.set_resource_info("transfer", name, "", "it was never admitted here");
            }
            Self::UnknownRoute(id) => {
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

impl FieldProblem {
    pub(crate) fn new(field: &str, value: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            value: value.into().chars().take(200).collect(),
            remedy: remedy.into(),
        }
    }

    fn description(&self) -> String {
        format!("{:?}: {}", self.value, self.remedy)
    }
}

impl std::fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.description())
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
        "mandate_invalid" => ErrorCode::MandateInvalid,
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

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CheckpointError> for ApiError {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Forked { .. } => Self::Forked(error.to_string()),
            CheckpointError::Store(error) => Self::Store(error),
            CheckpointError::Note(_) | CheckpointError::Tree(_) => Self::Bug(chain(&error)),
        }
    }
}

impl From<AssembleError> for ApiError {
    fn from(error: AssembleError) -> Self {
        let reason = error.to_string();
        match error {
            AssembleError::Unknown(id) => Self::UnknownTransfer(id),
            AssembleError::NotLogged(id) => Self::NotReady {
                subject: id.to_string(),
                reason,
            },
            AssembleError::NotGrown { asked, size } => Self::OutOfRange {
                field: "kept_size",
                value: asked,
                size,
            },
            AssembleError::Checkpoint(error) => error.into(),
            AssembleError::Store(error) => Self::Store(error),
            AssembleError::Incomplete { .. }
            | AssembleError::Leaf { .. }
            | AssembleError::Tree(_) => Self::Bug(chain(&error)),
        }
    }
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Store(error) => Self::Store(error),
            ReplayError::Leaf { .. } | ReplayError::Story(_) => Self::Bug(chain(&error)),
        }
    }
}

impl crate::control::shared::Shared {
    /// A request's error; a failed journal ends the server.
    pub(crate) fn request(&self, error: RequestError) -> ApiError {
        match error {
            RequestError::Unknown(id) => ApiError::UnknownTransfer(id),
            RequestError::Refused(refusal) => ApiError::Refused(refusal),
            RequestError::Unavailable(error) => ApiError::Ledger(error),
            RequestError::Fatal(fatal) => self.stop(fatal),
        }
    }
}
