//! Why a call was not carried out, sorted by what the caller does next.

use isthmus_core::id::TransferId;
use isthmus_core::ports::{BoxError, Contradiction, FindError, StoreError};
use isthmus_core::receipt::Refusal;

use crate::config::Role;
use crate::control::shared::stopped;
use crate::engine::admission::RequestError;
use crate::error_chain::chain;
use crate::proof::CheckpointError;
use crate::proof::bundle::AssembleError;
use crate::proof::reserves::ReplayError;

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
    /// Correct the id or version; these are known.
    UnknownRoute { id: String, known: String },
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
    /// Let two people look: a ledger says what cannot be.
    Contradiction(Contradiction),
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

    /// What a ledger did not answer, or answered and cannot be.
    pub(crate) fn ledger(error: BoxError) -> Self {
        match error.downcast_ref() {
            Some(FindError::Contradiction(contradiction)) => {
                Self::Contradiction(contradiction.clone())
            }
            Some(FindError::Unavailable(_)) | None => Self::Ledger(error),
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

    pub(crate) fn description(&self) -> String {
        format!("{:?}: {}", self.value, self.remedy)
    }
}

impl std::fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.description())
    }
}

impl From<FieldProblem> for ApiError {
    fn from(problem: FieldProblem) -> Self {
        Self::Invalid(vec![problem])
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
            CheckpointError::Forked { .. }
            | CheckpointError::Lost(_)
            | CheckpointError::Unsettled(_) => Self::Forked(error.to_string()),
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
            AssembleError::NotLogged(id) | AssembleError::Lost(id) => Self::NotReady {
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

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Unknown(id) => Self::UnknownTransfer(id),
            RequestError::Refused(refusal) => Self::Refused(refusal),
            RequestError::Unavailable(error) => Self::Ledger(error),
            RequestError::Fatal(fatal) => stopped(&fatal),
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};
    use tonic_types::StatusExt;

    use super::*;
    use crate::error_code::ErrorCode;

    /// Waiting helps against silence; a contradiction takes people.
    #[test]
    fn a_ledger_that_contradicts_itself_is_not_taken_for_one_that_is_silent() {
        let contradiction = Contradiction {
            ledger: "eip155:1".parse().unwrap(),
            detail: "one node says a, another b".into(),
        };
        let silence = FindError::Unavailable("timeout".into());
        for (error, code, named) in [
            (
                FindError::Contradiction(contradiction),
                Code::FailedPrecondition,
                ErrorCode::LedgerContradiction,
            ),
            (silence, Code::Unavailable, ErrorCode::LedgerUnavailable),
        ] {
            let status = Status::from(ApiError::ledger(error.into()));
            let details = status.get_error_details();
            let reason = details.error_info().map(|info| info.reason.as_str());
            assert_eq!((status.code(), reason), (code, Some(named.code())));
            assert_eq!(
                status.message().contains("one node says a"),
                details.retry_info().is_none()
            );
        }
    }
}
