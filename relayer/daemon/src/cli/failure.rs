//! What ends a command without success, sorted by exit code.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::output::clean;

/// Shown under `--help` of every command.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   a check failed (inspect, audit, proof reserves, route validate)
  2   wrong usage, or an input file that cannot be used
  3   the configuration or audit policy is not valid
  4   refused
  5   unavailable or outcome unknown: the same command may be repeated
  70  a bug: please report it
Error codes ISTHMUS-nnnn are explained in docs/errors.md.";

/// Why a command did not succeed, as one sentence with field, value and remedy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A check came out negative. What failed is in the output already.
    #[error("{0}")]
    Check(String),
    /// An argument, or a file named by one, cannot be used.
    #[error("{0}")]
    Usage(String),
    /// Configuration or policy.
    #[error("{0}")]
    Config(String),
    /// A definite no.
    #[error("{0}")]
    Refused(String),
    /// No answer, or one that leaves the outcome open.
    #[error("{0}")]
    Unavailable(String),
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// Something that cannot happen.
    #[error("{0}: please report this")]
    Bug(String),
}

impl Failure {
    /// The documented exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            // Whoever read our output has seen enough (`isthmus inspect | head`).
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Check(_) => 1,
            Self::Usage(_) => 2,
            Self::Config(_) => 3,
            Self::Refused(_) => 4,
            Self::Output(_) | Self::Unavailable(_) => 5,
            Self::Bug(_) => 70,
        }
    }

    /// Says it: one line of text, or one JSON object.
    pub(crate) fn report(&self, err: &mut dyn Write, json: bool) -> io::Result<()> {
        let exit_code = self.exit_code();
        if exit_code == 0 {
            return Ok(());
        }
        if json {
            let report = json!({ "error": self.to_string(), "exit_code": exit_code });
            return writeln!(err, "{report}");
        }
        writeln!(err, "isthmus: {self}")
    }

    /// A file named by an argument that cannot be read or written.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        let remedy = if error.kind() == io::ErrorKind::NotFound {
            "check the path"
        } else if error.kind() == io::ErrorKind::AlreadyExists {
            "nothing is overwritten; choose another name"
        } else if error.kind() == io::ErrorKind::PermissionDenied {
            "check its owner and mode"
        } else {
            "choose another file"
        };
        Self::Usage(format!("file {}: {error}: {remedy}", path.display()))
    }
}

/// Sorted by what the caller may conclude: refusals are definite, everything that may have been carried out is not.
impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let sentence = sentence(&status);
        match status.code() {
            Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange => Self::Refused(sentence),
            Code::Unauthenticated => Self::Refused(format!(
                "{sentence}: give the token with --token-file or ISTHMUS_TOKEN_FILE"
            )),
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::ResourceExhausted
            | Code::Aborted => Self::Unavailable(format!("{sentence}: try again")),
            Code::Ok | Code::Internal | Code::DataLoss | Code::Unimplemented => Self::Bug(sentence),
        }
    }
}

/// Field violations if there are any, else the message; and the stable error code.
fn sentence(status: &Status) -> String {
    let details = status.get_error_details();
    let violations: Vec<String> = details
        .bad_request()
        .map(|bad| bad.field_violations.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|v| {
            if v.field.is_empty() || v.description.starts_with(&v.field) {
                v.description.clone()
            } else {
                format!("{}: {}", v.field, v.description)
            }
        })
        .collect();
    let mut text = if violations.is_empty() {
        status.message().to_owned()
    } else {
        violations.join("; ")
    };
    if text.is_empty() {
        text.push_str(status.code().description());
    }
    if let Some(info) = details.error_info()
        && !text.contains(&info.reason)
    {
        text = format!("{text} ({})", info.reason);
    }
    clean(&text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn every_grpc_code_has_its_exit_code() {
        let expected = [
            (Code::Ok, 70),
            (Code::Cancelled, 5),
            (Code::Unknown, 5),
            (Code::InvalidArgument, 4),
            (Code::DeadlineExceeded, 5),
            (Code::NotFound, 4),
            (Code::AlreadyExists, 4),
            (Code::PermissionDenied, 4),
            (Code::ResourceExhausted, 5),
            (Code::FailedPrecondition, 4),
            (Code::Aborted, 5),
            (Code::OutOfRange, 4),
            (Code::Unimplemented, 70),
            (Code::Internal, 70),
            (Code::Unavailable, 5),
            (Code::DataLoss, 70),
            (Code::Unauthenticated, 4),
        ];
        for (code, exit) in expected {
            assert_eq!(
                Failure::from(Status::new(code, "x")).exit_code(),
                exit,
                "{code:?}"
            );
        }
    }

    #[test]
    fn field_violations_and_the_stable_code_make_one_sentence() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation(
            "orders[0].terms.recipient",
            "\"0x1\" is not an address: write 0x and 40 digits",
        );
        details.add_bad_request_violation("limit", "limit 0 is not between 1 and 500");
        details.set_error_info("ISTHMUS-0012", "isthmus.v1", HashMap::new());
        let status = Status::with_error_details(Code::InvalidArgument, "invalid", details);
        assert_eq!(
            Failure::from(status).to_string(),
            "orders[0].terms.recipient: \"0x1\" is not an address: write 0x and 40 digits; \
             limit 0 is not between 1 and 500 (ISTHMUS-0012)"
        );
        let plain = Failure::from(Status::not_found("transfer 0xab is not known\x1b[2J"));
        assert_eq!(
            plain.to_string(),
            "transfer 0xab is not known\u{fffd}[2J",
            "no escape sequence of another reaches the terminal"
        );
    }

    #[test]
    fn reports_are_a_sentence_or_an_object() {
        let failure = Failure::Refused("no".into());
        let (mut text, mut json) = (Vec::new(), Vec::new());
        failure.report(&mut text, false).unwrap();
        failure.report(&mut json, true).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "isthmus: no\n");
        assert_eq!(
            String::from_utf8(json).unwrap(),
            "{\"error\":\"no\",\"exit_code\":4}\n"
        );
        let closed = Failure::Output(io::ErrorKind::BrokenPipe.into());
        let mut nothing = Vec::new();
        closed.report(&mut nothing, false).unwrap();
        assert!(nothing.is_empty());
    }
}
