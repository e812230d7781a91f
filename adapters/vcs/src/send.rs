//! Sending: drafts of one kind in one list call. Nothing is posted a second time here; `find` comes first.

use isthmus_core::id::DraftId;
use isthmus_core::ports::{Draft, SendError};
use isthmus_core::receipt::Refusal;
use serde_json::json;

use crate::api::CallError;
use crate::bodies::{Answered, Entry, Outcome, RefusalBody, Results};
use crate::ledger::VcsLedger;
use crate::verdict;

/// A draft on its way, with its place among the answers.
#[derive(Debug)]
struct Outgoing {
    place: usize,
    id: DraftId,
    entry: Entry,
}

type Answer = Result<(), SendError>;

/// One answer per draft, in order.
pub(crate) async fn send(ledger: &VcsLedger, drafts: &[Draft]) -> Vec<Answer> {
    let mut answers: Vec<Option<Answer>> = drafts.iter().map(|_| None).collect();
    let (mut locks, mut proposals, mut approvals) = (Vec::new(), Vec::new(), Vec::new());
    for (place, draft) in drafts.iter().enumerate() {
        let entry = match serde_json::from_slice::<Entry>(&draft.bytes) {
            Ok(entry) => entry,
            Err(error) => {
                set(
                    &mut answers,
                    place,
                    Err(SendError::Unreached(Box::new(error))),
                );
                continue;
            }
        };
        let list = match entry {
            Entry::Lock(_) => &mut locks,
            Entry::Propose(_) => &mut proposals,
            Entry::Approve(_) => &mut approvals,
        };
        list.push(Outgoing {
            place,
            id: draft.id,
            entry,
        });
    }
    for (path, list, outgoing) in [
        ("/v1/locks", "locks", locks),
        ("/v1/proposals", "proposals", proposals),
        ("/v1/approvals", "approvals", approvals),
    ] {
        for chunk in outgoing.chunks(ledger.max_list()) {
            for (place, answer) in post(ledger, path, list, chunk).await {
                set(&mut answers, place, answer);
            }
        }
    }
    let lost = || {
        Err(SendError::Unknown(
            "the registry gave no answer for this entry".into(),
        ))
    };
    answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(lost))
        .collect()
}

fn set(answers: &mut [Option<Answer>], place: usize, answer: Answer) {
    if let Some(slot) = answers.get_mut(place) {
        *slot = Some(answer);
    }
}

/// One list call. A list that the registry cannot read at all (400, 413, 422: nothing was carried out) is halved, so that one
/// bad entry does not stop the others.
async fn post(
    ledger: &VcsLedger,
    path: &str,
    list: &str,
    chunk: &[Outgoing],
) -> Vec<(usize, Answer)> {
    let mut answers = Vec::with_capacity(chunk.len());
    let mut waiting = vec![chunk];
    while let Some(part) = waiting.pop() {
        let entries: Vec<_> = part
            .iter()
            .map(|outgoing| content(&outgoing.entry))
            .collect();
        let called: Result<Results, CallError> =
            ledger.api().post(path, &json!({ list: entries })).await;
        match called {
            Ok(results) => answers.extend(conclude(ledger, part, results.results)),
            Err(CallError::Rejected(rejection)) if matches!(rejection.status, 400 | 413 | 422) => {
                if let [one] = part {
                    let kind = verdict::kind(&one.entry);
                    let refused = refused(ledger, one, verdict::unreadable(kind, &rejection));
                    answers.push((one.place, refused));
                } else {
                    let (left, right) = part.split_at(part.len() / 2);
                    waiting.extend([left, right]);
                }
            }
            Err(error) => answers.extend(
                part.iter()
                    .map(|outgoing| (outgoing.place, unanswered(ledger, outgoing, &error))),
            ),
        }
    }
    answers
}

fn content(entry: &Entry) -> serde_json::Value {
    match entry {
        Entry::Lock(lock) => json!(lock),
        Entry::Propose(proposal) => json!(proposal),
        Entry::Approve(approval) => json!(approval),
    }
}

/// A call without an answer. A rejected credential or an unknown path (401, 403, 404, 429) says nothing about the entries: they
/// have not arrived, and will be sent again once the operator has mended it.
fn unanswered(ledger: &VcsLedger, outgoing: &Outgoing, error: &CallError) -> Answer {
    let text = crate::ledger::chain(error);
    match error {
        CallError::Unreached(_) | CallError::Rejected(_) => Err(SendError::Unreached(text.into())),
        CallError::Unknown(_) => {
            ledger.doubts().unanswered(outgoing.id, ledger.now());
            Err(SendError::Unknown(text.into()))
        }
    }
}

fn conclude(
    ledger: &VcsLedger,
    chunk: &[Outgoing],
    results: Vec<Answered>,
) -> Vec<(usize, Answer)> {
    let matching = results.len() == chunk.len()
        && results
            .iter()
            .zip(chunk)
            .all(|(result, outgoing)| result.reference == outgoing.entry.reference());
    if !matching {
        let error =
            CallError::Unknown("the registry answered for other references than were sent".into());
        return chunk
            .iter()
            .map(|outgoing| (outgoing.place, unanswered(ledger, outgoing, &error)))
            .collect();
    }
    let each = chunk.iter().zip(results);
    each.map(|(outgoing, result)| (outgoing.place, answer(ledger, outgoing, result.outcome)))
        .collect()
}

fn answer(ledger: &VcsLedger, outgoing: &Outgoing, outcome: Outcome) -> Answer {
    let kind = verdict::kind(&outgoing.entry);
    match outcome {
        Outcome::Executed { .. } | Outcome::Proposed { .. } => {
            ledger.doubts().taken(outgoing.id, ledger.now());
            Ok(())
        }
        // What is recorded under the reference, only `find` says.
        Outcome::Refused { refusal, .. } if refusal.code == "reference_used" => {
            ledger.doubts().ours(outgoing.id, ledger.now());
            Err(SendError::Unknown(
                format!("{}: {}", refusal.code, refusal.message).into(),
            ))
        }
        Outcome::Refused { refusal, .. } => {
            refused(ledger, outgoing, verdict::refusal(kind, refusal))
        }
        Outcome::Absent => {
            let body = RefusalBody {
                code: "absent".to_owned(),
                field: "reference".to_owned(),
                value: outgoing.entry.reference().to_owned(),
                message: "nothing is proposed under this reference: approve once it is".to_owned(),
            };
            refused(ledger, outgoing, verdict::refusal(kind, body))
        }
    }
}

/// A no, unless an earlier send of the same draft may still land.
fn refused(ledger: &VcsLedger, outgoing: &Outgoing, refusal: Refusal) -> Answer {
    let now = ledger.now();
    let doubt = ledger.doubts().until([outgoing.id].into_iter(), now);
    ledger.doubts().ours(outgoing.id, now);
    match doubt {
        Some(_) => Err(SendError::Unknown(
            format!("refused ({refusal}), but an earlier send may still land").into(),
        )),
        None => Err(SendError::Refused(refusal)),
    }
}
