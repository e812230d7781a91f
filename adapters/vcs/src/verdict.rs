//! What the registry's refusals mean for an operation: for ever, or for now.

use isthmus_core::operation::OperationKind;
use isthmus_core::receipt::{Lasting, Refusal};

use crate::bodies::{Entry, Movement, RefusalBody, Rejection};

/// The operation that an entry asks for.
pub(crate) fn kind(entry: &Entry) -> OperationKind {
    match entry {
        Entry::Lock(_) => OperationKind::Lock,
        Entry::Propose(proposal) => match proposal.movement {
            Movement::Release => OperationKind::Release,
            Movement::Retire => OperationKind::Retire,
            Movement::Unlock => OperationKind::Unlock,
            Movement::Return => OperationKind::ReturnDeposit,
        },
        Entry::Approve(_) => OperationKind::Approve,
    }
}

/// A registry's no, with how long it stands.
pub(crate) fn refusal(kind: OperationKind, body: RefusalBody) -> Refusal {
    Refusal {
        lasting: lasting(kind, &body),
        code: body.code,
        field: body.field,
        value: body.value,
        message: body.message,
    }
}

/// A call with a single entry that the registry could not read.
pub(crate) fn unreadable(kind: OperationKind, rejection: &Rejection) -> Refusal {
    let body = RefusalBody {
        code: rejection.code.clone(),
        field: rejection.field.clone(),
        value: rejection.value.clone(),
        message: rejection.message.clone(),
    };
    refusal(kind, body)
}

/// A lock is refused before anything has moved, so any no ends it. A redemption ends (and its units are owed) only where
/// another recipient could help; what is wrong with custody itself is for people to mend. An unlock has no other way out.
fn lasting(kind: OperationKind, body: &RefusalBody) -> Lasting {
    let recipient = [
        "unknown_account",
        "account_closed",
        "not_authorised",
        "malformed",
    ]
    .contains(&body.code.as_str())
        && body.field != "custody_account";
    match kind {
        OperationKind::Lock | OperationKind::Approve => Lasting::Never,
        OperationKind::Release | OperationKind::Retire if recipient => Lasting::Never,
        OperationKind::Release
        | OperationKind::Retire
        | OperationKind::ReturnDeposit
        | OperationKind::Unlock
        | OperationKind::Mint
        | OperationKind::Void
        | OperationKind::Burn => Lasting::Later,
    }
}
