//! Named places at which a test has the process killed with -9: `ISTHMUS_CRASH_AT=lock/send/after:3` kills it when it is there
//! for the third time. Without the variable nothing is compared and nothing is wrapped.
//!
//! Names are `<what>/<step>/<before|after>`. `before` an outside call or a write nothing of it has happened; `after` it has,
//! and nobody has used the answer. Whoever can set the environment of this process can kill it anyway.

mod ledger;

use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

pub use ledger::watched;

/// The variable that names the place.
const VARIABLE: &str = "ISTHMUS_CRASH_AT";

static PLAN: OnceLock<Option<Plan>> = OnceLock::new();

/// Where to die, and at which visit.
#[derive(Debug)]
struct Plan {
    place: String,
    visits_left: AtomicU64,
}

/// A value of the variable that names no place.
#[derive(Debug, thiserror::Error)]
#[error(
    "{VARIABLE}={0:?}: expected <what>/<step>/<before|after>:<visit from 1>, such as lock/send/after:3"
)]
pub struct InvalidPlan(String);

impl FromStr for Plan {
    type Err = InvalidPlan;

    fn from_str(text: &str) -> Result<Self, InvalidPlan> {
        let invalid = || InvalidPlan(text.to_owned());
        let (place, visit) = text.rsplit_once(':').ok_or_else(invalid)?;
        let visit: u64 = visit.parse().map_err(|_| invalid())?;
        if visit == 0 || place.split('/').count() != 3 {
            return Err(invalid());
        }
        Ok(Self {
            place: place.to_owned(),
            visits_left: AtomicU64::new(visit),
        })
    }
}

/// Reads the variable, once, when the process starts.
pub fn arm() -> Result<(), InvalidPlan> {
    let plan = match std::env::var(VARIABLE) {
        Ok(text) => Some(text.parse::<Plan>()?),
        Err(_) => None,
    };
    if let Some(plan) = PLAN.get_or_init(|| plan) {
        tracing::warn!(place = %plan.place, "this process will be killed here, {VARIABLE} says so");
    }
    Ok(())
}

/// Whether anything is planned.
pub fn is_armed() -> bool {
    matches!(PLAN.get(), Some(Some(_)))
}

/// Being at a place. Does not return if it is the one.
pub fn reach(what: &str, step: &str, moment: Moment) {
    let Some(Some(plan)) = PLAN.get() else {
        return;
    };
    let mut parts = plan.place.splitn(3, '/');
    if parts.next() != Some(what)
        || parts.next() != Some(step)
        || parts.next() != Some(moment.as_str())
    {
        return;
    }
    if plan.visits_left.fetch_sub(1, Ordering::SeqCst) == 1 {
        die();
    }
}

/// On which side of a call or a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing of it has happened.
    Before,
    /// It has happened.
    After,
}

impl Moment {
    fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// A real kill -9: no destructor, no flush, no goodbye. This thread goes no further while the signal is on its way.
fn die() -> ! {
    let pid = std::process::id().to_string();
    let _sent = std::process::Command::new("kill")
        .args(["-KILL", &pid])
        .status();
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_a_place_and_a_visit() {
        let plan: Plan = "lock/send/after:3".parse().unwrap();
        assert_eq!(plan.place, "lock/send/after");
        assert_eq!(plan.visits_left.into_inner(), 3);
        let plan: Plan = "vcs:sandbox/send/before:1".parse().unwrap();
        assert_eq!(plan.place, "vcs:sandbox/send/before");
        for wrong in [
            "",
            "lock/send/after",
            "lock/send:1",
            "lock/send/after:0",
            "a/b/c:x",
        ] {
            assert!(wrong.parse::<Plan>().is_err(), "{wrong:?}");
        }
    }
}
