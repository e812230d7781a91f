//! What is wrong with a configuration: all of it at once, each problem with its path, its value and what to write instead.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;

use crate::error_code::ErrorCode;

/// One thing to correct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, like `ledger[1].finality.depth`; lists count from 0.
    pub path: String,
    /// What is there; never a secret.
    pub value: String,
    /// What to write instead.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path, self.value, self.remedy)
    }
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Everything that is wrong with it; never empty.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::ConfigInvalid
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        let file = self.file.display();
        write!(f, "{}: {file} has {count} {noun}", self.code())?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

/// Proof that a problem was written down: there is no other way to get one, so a field can neither be missing nor wrong in
/// silence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported(());

/// A field that was read, or whose problem is written down.
pub(super) type Field<T> = Result<T, Reported>;

/// Collects problems while reading goes on.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(super) fn report(
        &self,
        path: impl Into<String>,
        value: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Reported {
        let (path, value, remedy) = (path.into(), value.into(), remedy.into());
        self.0.borrow_mut().push(Problem {
            path,
            value,
            remedy,
        });
        Reported(())
    }

    /// What was read, unless anything at all was reported.
    pub(super) fn conclude<T>(self, read: Field<T>) -> Result<T, Vec<Problem>> {
        let problems = self.0.into_inner();
        match read {
            Ok(value) if problems.is_empty() => Ok(value),
            Ok(_) | Err(Reported(())) => Err(problems),
        }
    }
}
