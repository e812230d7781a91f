//! What the verifier answers.

use alloy_primitives::B256;
use serde::Serialize;

/// One step's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name, stable.
    pub name: &'static str,
    /// What it proves if it passes.
    pub proves: &'static str,
    /// What one must trust for that.
    pub anchor: &'static str,
    /// Who else can check it.
    pub tool: &'static str,
    /// What came out.
    pub outcome: Outcome,
}

/// What came out of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", content = "detail", rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed(String),
    /// It does not; later steps are not tried.
    Failed(String),
    /// The bundle's kind of transfer has nothing to check here.
    NotApplicable,
}

/// How good the weakest evidence is, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Grade {
    /// Everything rests on keys and block hashes of the policy.
    A,
    /// A block hash is not in the policy: whether the chain has that block is still to be asked of a node.
    B,
    /// The log alone says that part of a burn was written off, or that it got other units: who decided it, and what the registry
    /// took away, is still to be asked of the whole log.
    C,
}

/// The verdict with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The transfer that the bundle says it is about.
    pub transfer: Option<B256>,
    /// Steps in order, up to the first that failed.
    pub steps: Vec<Step>,
    /// The weakest evidence; `None` unless every step held.
    pub grade: Option<Grade>,
    /// What the steps did not prove, although all held.
    pub unproven: Vec<String>,
}

impl Report {
    /// Whether every step held.
    pub fn passed(&self) -> bool {
        !self.steps.is_empty() && self.failed().is_none()
    }

    /// The step that failed.
    pub fn failed(&self) -> Option<&Step> {
        self.steps
            .iter()
            .find(|step| matches!(step.outcome, Outcome::Failed(_)))
    }

    /// `PASS (grade A)`, `PASS (grade B)`, `PASS (grade C)` or `FAIL (step)`.
    pub fn verdict(&self) -> String {
        match (self.failed(), self.grade) {
            (Some(step), _) => format!("FAIL ({})", step.name),
            (None, Some(grade)) => format!("PASS (grade {grade:?})"),
            (None, None) => "FAIL (nothing was checked)".into(),
        }
    }
}
