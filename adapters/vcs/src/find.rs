//! What became of attempts, by reference: one list call, receipts verified, the content compared with what was asked.

use isthmus_core::id::Hash32;
use isthmus_core::jcs;
use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::ports::{Attempt, FindError, Found};
use isthmus_core::serial_block::{self, SerialBlock};

use crate::bodies::{Entry, Outcome, RefusalBody};
use crate::config::Duty;
use crate::draft;
use crate::ledger::VcsLedger;
use crate::receipt::Verified;
use crate::verdict;

/// One answer per attempt, in order.
pub(crate) async fn find(
    ledger: &VcsLedger,
    attempts: &[Attempt],
) -> Vec<Result<Found, FindError>> {
    let mut answers = Vec::with_capacity(attempts.len());
    for chunk in attempts.chunks(ledger.max_list()) {
        let references: Vec<String> = chunk
            .iter()
            .map(|attempt| attempt.operation.reference())
            .collect();
        match ledger.query(&references).await {
            Ok(outcomes) => {
                let each = chunk.iter().zip(outcomes);
                answers.extend(each.map(|(attempt, outcome)| conclude(ledger, attempt, outcome)));
            }
            Err(error) => {
                let text = crate::ledger::chain(&error);
                answers.extend(
                    chunk
                        .iter()
                        .map(|_| Err(FindError::Unavailable(text.clone().into()))),
                );
            }
        }
    }
    answers
}

fn conclude(ledger: &VcsLedger, attempt: &Attempt, outcome: Outcome) -> Result<Found, FindError> {
    let operation = &attempt.operation;
    let approval = operation.kind() == OperationKind::Approve;
    let now = ledger.now();
    let recheck = Found::Unsettled {
        recheck_at: now.plus_ms(ledger.recheck_ms()),
    };
    // A no, or nothing, counts only if no earlier send can still land.
    let settled = |found: Found| match ledger.doubts().until(attempt.draft_ids(), now) {
        Some(recheck_at) => Found::Unsettled { recheck_at },
        None => found,
    };
    match outcome {
        Outcome::Executed { receipt } => executed(ledger, operation, &receipt),
        Outcome::Absent => Ok(settled(Found::Absent)),
        Outcome::Proposed {
            digest, approvals, ..
        } if approval => {
            let ours = matches!(ledger.duty(), Duty::Attester { name } if approvals.contains(name));
            let asked =
                matches!(operation, Operation::Approve { digest: asked, .. } if *asked == digest);
            match (asked, ours) {
                (true, true) => Ok(recheck),
                (true, false) => Ok(settled(Found::Absent)),
                (false, _) => Ok(settled(Found::Refused(other_proposal(digest)))),
            }
        }
        Outcome::Proposed {
            digest, proposer, ..
        } => {
            if Some(digest) == proposal_digest(operation) {
                return Ok(recheck);
            }
            let reference = operation.reference();
            Err(FindError::Unavailable(format!(
                "another proposal is open under {reference} (by {proposer}, digest {digest}): it blocks this one until the registry closes it"
            ).into()))
        }
        // A closed proposal of other content is not about this operation: its reference is free again.
        Outcome::Refused {
            digest: Some(lapsed),
            ..
        } if !approval && Some(lapsed) != proposal_digest(operation) => Ok(settled(Found::Absent)),
        Outcome::Refused { refusal, .. } => Ok(settled(Found::Refused(verdict::refusal(
            operation.kind(),
            refusal,
        )))),
    }
}

fn other_proposal(digest: Hash32) -> isthmus_core::receipt::Refusal {
    let body = RefusalBody {
        code: "digest_mismatch".to_owned(),
        field: "digest".to_owned(),
        value: digest.to_string(),
        message: "another proposal is open under this reference: verify it anew before approving"
            .to_owned(),
    };
    verdict::refusal(OperationKind::Approve, body)
}

/// The digest of the proposal that an operation would make: SHA-256 of JCS of what is sent.
fn proposal_digest(operation: &Operation) -> Option<Hash32> {
    match draft::entry(operation) {
        Ok(Entry::Propose(proposal)) => Some(Hash32::new(jcs::digest(&proposal))),
        Ok(Entry::Lock(_) | Entry::Approve(_)) | Err(_) => None,
    }
}

/// A receipt that is not about the operation is a contradiction: references are unique for ever, and this one is ours. Whether
/// a burn was released or retired, the receipt decides.
fn executed(ledger: &VcsLedger, operation: &Operation, jws: &str) -> Result<Found, FindError> {
    let reference = operation.reference();
    let wrong = |detail: String| ledger.contradiction(format!("{reference}: {detail}"));
    let receipt = ledger
        .verifier()
        .open(jws)
        .map_err(|error| wrong(crate::ledger::chain(&error)))?;
    if receipt.payload.reference != reference {
        return Err(wrong(format!(
            "the receipt is about {}",
            receipt.payload.reference
        )));
    }
    let Some(done) = receipt.operation() else {
        return Err(wrong(format!(
            "the receipt is of the unknown movement {}",
            receipt.payload.movement
        )));
    };
    if let Some(field) = difference(operation, &receipt, done) {
        return Err(wrong(format!(
            "the receipt's {field} is not what was asked for"
        )));
    }
    Ok(Found::Final(receipt.into_receipt(done)))
}

/// The first field in which a receipt differs from what was asked.
fn difference(
    operation: &Operation,
    receipt: &Verified,
    done: OperationKind,
) -> Option<&'static str> {
    let redeemed = matches!(done, OperationKind::Release | OperationKind::Retire);
    let expected = match operation.kind() {
        OperationKind::Approve => return None,
        OperationKind::Release | OperationKind::Retire => redeemed,
        kind @ (OperationKind::Lock
        | OperationKind::Unlock
        | OperationKind::Mint
        | OperationKind::Void
        | OperationKind::Burn
        | OperationKind::ReturnDeposit) => kind == done,
    };
    let (units, custody_account, account) = match operation {
        Operation::Lock {
            units,
            custody_account,
            account,
            ..
        }
        | Operation::Unlock {
            units,
            custody_account,
            account,
            ..
        }
        | Operation::ReturnDeposit {
            units,
            custody_account,
            account,
            ..
        } => (units, custody_account, Some(account)),
        // The same burn may have been redeemed under an earlier instruction: the receipt says to whom.
        Operation::Release {
            units,
            custody_account,
            ..
        }
        | Operation::Retire {
            units,
            custody_account,
            ..
        } => (units, custody_account, None),
        Operation::Mint { .. } | Operation::Void { .. } | Operation::Approve { .. } => return None,
    };
    let payload = &receipt.payload;
    let same_units = normal(units).is_some_and(|units| units == receipt.units);
    [
        ("movement", expected),
        ("units", same_units),
        (
            "custody_account",
            payload.custody_account == custody_account.as_str(),
        ),
        (
            "account",
            account.is_none_or(|account| payload.account.as_deref() == Some(account.as_str())),
        ),
    ]
    .into_iter()
    .find_map(|(field, same)| (!same).then_some(field))
}

fn normal(units: &[SerialBlock]) -> Option<Vec<SerialBlock>> {
    serial_block::normalise(units).ok()
}
