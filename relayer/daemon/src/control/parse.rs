//! From protobuf to the core's types. What cannot be read is named: field, value, remedy.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use isthmus_core::id::{Hash32, InvalidId, RouteId, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::receipt::Lasting;
use isthmus_core::redirection::{Redirection, SIGNATURE_BYTES};
use isthmus_core::route::RouteSignature;
use isthmus_core::transfer::Resolution;
use isthmus_proto::v1 as pb;
use isthmus_store::Filter;

use crate::control::error::FieldProblem;
use crate::engine::admission::WithdrawnBy;
use crate::engine::board::{Answer, DeclinedItem};

mod order;

pub(crate) use order::orders;

/// Largest page of a list, and the page that is meant by 0.
const PAGES: (u32, u32) = (500, 50);
/// Longest wait of a pull.
const MAX_WAIT_MS: u32 = 30_000;
/// Most tasks of a pull.
const MAX_TASKS: u32 = 64;
/// Most leaves of a call.
const MAX_LEAVES: u32 = 1000;
/// States by which lists filter.
const STATES: [&str; 10] = [
    "requested",
    "taken",
    "authorised",
    "withdrawing",
    "voided",
    "owed",
    "completed",
    "returned",
    "rejected",
    "quarantined",
];

/// An id.
pub(crate) fn id<T: FromStr<Err = InvalidId>>(field: &str, text: &str) -> Result<T, FieldProblem> {
    text.parse()
        .map_err(|error: InvalidId| FieldProblem::new(field, error.value, error.expected))
}

/// Whose wish a withdrawal is: without a holder's signature it is the calling operator's.
pub(crate) fn withdrawn_by(bytes: &[u8], caller: &str) -> Result<WithdrawnBy, FieldProblem> {
    if bytes.is_empty() {
        Ok(WithdrawnBy::Operator(caller.to_owned()))
    } else {
        order::mandate(bytes).map(WithdrawnBy::Holder)
    }
}

/// What a burner wants.
pub(crate) fn instruction(
    instruction: Option<pb::instruct_request::Instruction>,
) -> Result<Instruction, FieldProblem> {
    use pb::instruct_request::Instruction as Asked;
    match instruction {
        Some(Asked::Release(release)) => Ok(Instruction::Release {
            account: id("release.account", &release.account)?,
            salt: id("release.salt", &release.salt)?,
            v: 1,
        }),
        Some(Asked::Retire(retire)) => Ok(Instruction::Retire {
            beneficiary: retire.beneficiary,
            reason: retire.reason,
            salt: id("retire.salt", &retire.salt)?,
            v: 1,
        }),
        None => Err(FieldProblem::new(
            "instruction",
            "",
            "either release or retire",
        )),
    }
}

/// What a burner wants instead.
pub(crate) fn redirection(asked: pb::RedirectRequest) -> Result<Redirection, FieldProblem> {
    use pb::instruct_request::Instruction as Instructed;
    use pb::redirect_request::Instruction as Asked;
    let wanted = asked.instruction.map(|wanted| match wanted {
        Asked::Release(release) => Instructed::Release(release),
        Asked::Retire(retire) => Instructed::Retire(retire),
    });
    let instruction = instruction(wanted)?;
    let signature = asked.signature.to_vec();
    if signature.len() != SIGNATURE_BYTES {
        let found = format!("{} bytes", signature.len());
        return Err(FieldProblem::new("signature", found, "65 bytes: r, s, v"));
    }
    if asked.counter == 0 {
        let remedy = "1, or more than that of every earlier redirection of this burn";
        return Err(FieldProblem::new("counter", "0", remedy));
    }
    let counter = asked.counter;
    Ok(Redirection {
        counter,
        instruction,
        signature,
    })
}

/// A page of a list: filter, where to go on, how many.
pub(crate) fn page(
    request: &pb::ListTransfersRequest,
) -> Result<(Filter, Option<u64>, usize), FieldProblem> {
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let filter = Filter {
        state: given(&request.state),
        route: given(&request.route),
    };
    state(&request.state)?;
    if let Some(route) = &filter.route {
        id::<RouteId>("route", route)?;
    }
    let before = match request.page_token.as_str() {
        "" => None,
        token => Some(token.parse().map_err(|_| {
            FieldProblem::new(
                "page_token",
                token,
                "the token that came with the previous page",
            )
        })?),
    };
    let (most, usual) = PAGES;
    let size = if request.page_size == 0 {
        usual
    } else {
        bounded("page_size", request.page_size, 1, most)?
    };
    Ok((filter, before, usize_of(size)))
}

/// An absolute path at which nothing is yet.
pub(crate) fn new_folder(field: &str, text: &str) -> Result<std::path::PathBuf, FieldProblem> {
    let path = std::path::PathBuf::from(text);
    if path.is_absolute() && path.symlink_metadata().is_err() {
        return Ok(path);
    }
    let remedy = "an absolute path on the relayer's machine at which nothing is yet";
    Err(FieldProblem::new(field, text, remedy))
}

/// A state by which to choose; nothing stands for any.
pub(crate) fn state(text: &str) -> Result<Option<String>, FieldProblem> {
    match text {
        "" => Ok(None),
        known if STATES.contains(&known) => Ok(Some(known.to_owned())),
        other => {
            let remedy = format!("one of {}", STATES.join(", "));
            Err(FieldProblem::new("state", other, remedy))
        }
    }
}

/// A number within bounds.
fn bounded<T: Copy + PartialOrd + Display>(
    field: &str,
    value: T,
    least: T,
    most: T,
) -> Result<T, FieldProblem> {
    if value >= least && value <= most {
        Ok(value)
    } else {
        let remedy = format!("{least} to {most}");
        Err(FieldProblem::new(field, value.to_string(), remedy))
    }
}

fn usize_of(value: u32) -> usize {
    // Bounded far below what any platform's usize holds.
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// How many leaves.
pub(crate) fn leaves(limit: u32) -> Result<usize, FieldProblem> {
    bounded("limit", limit, 1, MAX_LEAVES).map(usize_of)
}

/// How long to wait for tasks, and how many.
pub(crate) fn pull(request: &pb::PullRequest) -> Result<(Duration, usize), FieldProblem> {
    let wait = bounded("wait_ms", request.wait_ms, 0, MAX_WAIT_MS)?;
    let limit = bounded("limit", request.limit, 1, MAX_TASKS)?;
    Ok((Duration::from_millis(wait.into()), usize_of(limit)))
}

/// An attester's answer.
pub(crate) fn answer(answer: Option<pb::answer_request::Answer>) -> Result<Answer, FieldProblem> {
    use pb::answer_request::Answer as Given;
    match answer {
        Some(Given::Signed(signed)) if signed.signature.len() == 65 => {
            Ok(Answer::Signed(signed.signature.to_vec()))
        }
        Some(Given::Signed(signed)) => {
            let found = format!("{} bytes", signed.signature.len());
            Err(FieldProblem::new("signed.signature", found, "65 bytes"))
        }
        Some(Given::Approved(_)) => Ok(Answer::Approved),
        Some(Given::Declined(declined)) => {
            let items = declined.items.iter().map(declined_item);
            items.collect::<Result<_, _>>().map(Answer::Declined)
        }
        None => Err(FieldProblem::new(
            "answer",
            "",
            "signed, approved or declined",
        )),
    }
}

fn declined_item(item: &pb::DeclinedItem) -> Result<DeclinedItem, FieldProblem> {
    Ok(DeclinedItem {
        transfer: id::<TransferId>("declined.items.transfer", &item.transfer)?,
        code: item.code.chars().take(64).collect(),
        reason: item.reason.chars().take(500).collect(),
        lasting: if item.later {
            Lasting::Later
        } else {
            Lasting::Never
        },
    })
}

/// A route admin's signature.
pub(crate) fn route_signature(
    signature: Option<pb::RouteSignature>,
) -> Result<RouteSignature, FieldProblem> {
    let signature = signature
        .ok_or_else(|| FieldProblem::new("signature", "", "a route admin's key and signature"))?;
    if signature.signature.len() != 64 {
        let found = format!("{} bytes", signature.signature.len());
        return Err(FieldProblem::new(
            "signature.signature",
            found,
            "64 bytes of Ed25519",
        ));
    }
    Ok(RouteSignature {
        key: id::<Hash32>("signature.key", &signature.key)?,
        signature: hex::encode(&signature.signature),
    })
}

/// What two operators decide about a quarantined transfer.
pub(crate) fn resolution(text: &str) -> Result<Resolution, FieldProblem> {
    match text {
        "resume" => Ok(Resolution::Resume),
        "withdraw" => Ok(Resolution::Withdraw),
        other => Err(FieldProblem::new("resolution", other, "resume or withdraw")),
    }
}
