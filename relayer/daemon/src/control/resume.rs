//! Letting a ledger go on: what a chain says now is compared with the journal first, and what is missing is said before
//! anybody decides.

use isthmus_core::ports::LedgerKind;

use crate::control::LedgerHandle;
use crate::control::error::ApiError;
use crate::control::shared::{Shared, stopped};
use crate::engine::Fatal;
use crate::engine::examination::{Examination, ExaminationError};
use crate::engine::pause::Scope;

/// How a ledger's pause may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Losses {
    /// Only if everything recorded is there.
    NotAccepted,
    /// Also if something is missing that two people know of.
    Accepted,
}

impl Losses {
    /// What the first of two operators is remembered to have decided.
    pub(crate) fn decision(self) -> &'static str {
        match self {
            Self::NotAccepted => "resume",
            Self::Accepted => "resume accepting losses",
        }
    }
}

/// Compares, and, if two people may take the chain as it is, accepts it and has it observed anew from its first block. Answers with
/// what was accepted as lost, empty if nothing. If we crash before the pause is lifted, it is still there, and all of this is done
/// again. What is refused has accepted nothing.
pub(crate) async fn examined(
    shared: &Shared,
    scope: &Scope,
    losses: Losses,
) -> Result<String, ApiError> {
    let Some(handle) = chain(shared, scope) else {
        return Ok(String::new());
    };
    let parts = &shared.parts;
    let is_paused = parts.pauses.is_paused(scope)?;
    if !is_paused {
        return Ok(String::new());
    }
    let gate = parts.gates.get(&handle.ledger.profile().id);
    let gate = gate.ok_or_else(|| ApiError::Bug(format!("{scope} has no gate")))?;
    let examination = Examination {
        ledger: handle.ledger.as_ref(),
        gate: gate.as_ref(),
        classes: &parts.classes,
        recorder: &parts.recorder,
        store: &parts.store,
    };
    let found = examination.run().await.map_err(|error| match error {
        ExaminationError::Ledger(error) => ApiError::ledger(error),
        ExaminationError::Fatal(fatal) => stopped(&fatal),
    })?;
    let missing: Vec<_> = found.iter().map(ToString::to_string).collect();
    let missing = missing.join("; ");
    if !found.is_empty() && losses == Losses::NotAccepted {
        let kept = parts.pauses.found(scope, &missing);
        kept.map_err(|error| stopped(&Fatal(error)))?;
        return Err(ApiError::WrongState {
            subject: scope.to_string(),
            reason: format!(
                "{missing}. It stays paused: resume it again once that is mended, or with --accept-losses to go on without it"
            ),
        });
    }
    let accepted = examination.accept().await;
    accepted.map_err(|fatal| stopped(&fatal))?;
    Ok(missing)
}

fn chain<'a>(shared: &'a Shared, scope: &Scope) -> Option<&'a LedgerHandle> {
    let Scope::Ledger(id) = scope else {
        return None;
    };
    shared.parts.ledgers.iter().find(|handle| {
        let profile = handle.ledger.profile();
        profile.id == *id && profile.kind == LedgerKind::Chain
    })
}
