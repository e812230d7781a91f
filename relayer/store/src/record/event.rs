//! Records of events.

use isthmus_core::mandate::Mandate;
use isthmus_core::operation::{Operation, Work};
use isthmus_core::ports::StoreError;
use isthmus_core::redirection::Redirection;
use isthmus_core::terms::Terms;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, Next, Resolution, Transfer};
use isthmus_proto::store::v1 as pb;
use pb::event::Kind;

use crate::disk::Disk;
use crate::evidence;
use crate::overlay::corrupt;
use crate::record::{parts, terms};

/// The record of an event that is written at `at`.
pub(crate) fn event(event: &Event, at: Timestamp) -> pb::Event {
    let kind = match event {
        Event::Requested {
            terms: Terms::Outbound(outbound),
            mandate,
        } => Kind::Requested(pb::Requested {
            outbound: Some(terms::outbound(outbound)),
            mandate: mandate
                .as_ref()
                .map(|m| m.as_bytes().to_vec())
                .unwrap_or_default(),
        }),
        Event::Burned {
            terms: Terms::Return(back),
            receipt,
        } => Kind::Burned(pb::Burned {
            back: Some(terms::back(back)),
            receipt: Some(parts::receipt(receipt)),
        }),
        // The state machine opens no transfer with these; an empty record cannot be read back, which is the right end for it.
        Event::Requested {
            terms: Terms::Return(_),
            ..
        }
        | Event::Burned {
            terms: Terms::Outbound(_),
            ..
        } => {
            return pb::Event {
                at_ms: at.ms(),
                kind: None,
            };
        }
        Event::Intended(work) => Kind::Intended(intent(work)),
        Event::Locked(receipt) => Kind::Locked(parts::receipt(receipt)),
        Event::Authorised(authorisation) => Kind::Authorised(parts::authorisation(authorisation)),
        Event::Lapsed(refusal) => Kind::Lapsed(parts::refusal(refusal)),
        Event::Refused(refusal) => Kind::Refused(parts::refusal(refusal)),
        Event::Given(receipt) => Kind::Given(evidence::given(receipt)),
        Event::Voided(receipt) => Kind::Voided(parts::receipt(receipt)),
        Event::Unlocked(receipt) => Kind::Unlocked(parts::receipt(receipt)),
        Event::WithdrawalRequested => Kind::WithdrawalRequested(pb::WithdrawalRequested {}),
        Event::Instructed(instruction) => Kind::Instructed(parts::instruction(instruction)),
        Event::Redirected(redirection) => Kind::Redirected(pb::Redirection {
            counter: redirection.counter,
            instruction: Some(parts::instruction(&redirection.instruction)),
            signature: redirection.signature.clone(),
        }),
        Event::Reallocated(allocation) => Kind::Reallocated(pb::Reallocated {
            allocation: parts::blocks(allocation),
        }),
        Event::Quarantined(finding) => Kind::Quarantined(parts::finding(finding)),
        Event::Resolved {
            resolution,
            by: [first, second],
        } => Kind::Resolved(pb::Resolved {
            resolution: match resolution {
                Resolution::Resume => "resume".into(),
                Resolution::Withdraw => "withdraw".into(),
            },
            first: first.clone(),
            second: second.clone(),
        }),
    };
    pb::Event {
        at_ms: at.ms(),
        kind: Some(kind),
    }
}

/// What an intent does follows from the state it was made in, so only its name and, for a mint, its batch are kept.
fn intent(work: &Work) -> pb::Work {
    let batch = match work {
        Work::Ledger(Operation::Mint { batch, .. }) => batch.id.as_bytes().to_vec(),
        Work::Ledger(
            Operation::Lock { .. }
            | Operation::Unlock { .. }
            | Operation::Void { .. }
            | Operation::Release { .. }
            | Operation::Retire { .. }
            | Operation::ReturnDeposit { .. }
            | Operation::Approve { .. },
        )
        | Work::Attest { .. } => Vec::new(),
    };
    pb::Work {
        step: work.lane().step.as_str().into(),
        batch,
    }
}

fn intent_back(record: &pb::Work, before: Option<&Transfer>) -> Result<Work, StoreError> {
    let before = before.ok_or_else(|| corrupt("an intent before its transfer"))?;
    // The only thing in `next` that depends on time is whether a batch is still worth sending: ask both ends of time.
    for at in [Timestamp::from_ms(0), Timestamp::from_ms(u64::MAX)] {
        if let Next::Do(work) = before.next(at)
            && intent(&work) == *record
        {
            return Ok(work);
        }
    }
    Err(corrupt("an intent that does not follow from its transfer"))
}

/// The event of a record, read after `before`.
pub(crate) fn event_back(
    disk: &Disk,
    record: pb::Event,
    before: Option<&Transfer>,
) -> Result<Event, StoreError> {
    let missing = || corrupt("an event lacks a part");
    Ok(match record.kind.ok_or_else(missing)? {
        Kind::Requested(r) => Event::Requested {
            terms: Terms::Outbound(terms::outbound_back(r.outbound.ok_or_else(missing)?)?),
            mandate: Some(Mandate::from_bytes(&r.mandate).map_err(|_| corrupt("a mandate"))?),
        },
        Kind::Burned(b) => Event::Burned {
            terms: Terms::Return(terms::back_back(b.back.ok_or_else(missing)?)?),
            receipt: parts::receipt_back(b.receipt.ok_or_else(missing)?)?,
        },
        Kind::Intended(work) => Event::Intended(intent_back(&work, before)?),
        Kind::Locked(receipt) => Event::Locked(parts::receipt_back(receipt)?),
        Kind::Authorised(a) => Event::Authorised(parts::authorisation_back(
            disk,
            a.kind.ok_or_else(missing)?,
        )?),
        Kind::Lapsed(refusal) => Event::Lapsed(parts::refusal_back(refusal)),
        Kind::Refused(refusal) => Event::Refused(parts::refusal_back(refusal)),
        Kind::Given(receipt) => Event::Given(evidence::given_back(disk, receipt)?),
        Kind::Voided(receipt) => Event::Voided(parts::receipt_back(receipt)?),
        Kind::Unlocked(receipt) => Event::Unlocked(parts::receipt_back(receipt)?),
        Kind::WithdrawalRequested(_) => Event::WithdrawalRequested,
        Kind::Instructed(instruction) => Event::Instructed(parts::instruction_back(instruction)?),
        Kind::Redirected(r) => Event::Redirected(Redirection {
            counter: r.counter,
            instruction: parts::instruction_back(r.instruction.ok_or_else(missing)?)?,
            signature: r.signature,
        }),
        Kind::Reallocated(r) => Event::Reallocated(parts::blocks_back(r.allocation)?),
        Kind::Quarantined(finding) => Event::Quarantined(parts::finding_back(finding)),
        Kind::Resolved(r) => Event::Resolved {
            resolution: match r.resolution.as_str() {
                "resume" => Resolution::Resume,
                "withdraw" => Resolution::Withdraw,
                _ => return Err(corrupt("a resolution")),
            },
            by: [r.first, r.second],
        },
    })
}
