//! What every [`Ledger`] must keep, whatever it speaks to. An adapter's test implements [`Harness`] over its sandbox or node and
//! calls [`keeps_the_contract`].

use crate::operation::Operation;
use crate::ports::{Attempt, Draft, FindError, Found, Ledger, PrepareError, SendError};
use crate::receipt::Receipt;

/// A ledger under test and the levers of the world around it.
#[allow(
    async_fn_in_trait,
    reason = "only the generic functions below call it, and they need no bound on its futures"
)]
pub trait Harness {
    /// The ledger.
    fn ledger(&self) -> &dyn Ledger;

    /// A new operation that the ledger will carry out; never the same twice.
    async fn operation(&mut self) -> Operation;

    /// Operations of kinds or ledgers that are not this one's.
    async fn unsupported(&mut self) -> Vec<Operation>;

    /// The ledger does what the next send asks, but its answer is lost.
    async fn lose_answer(&mut self);

    /// The next request is lost on its way.
    async fn lose_request(&mut self);

    /// From now on the ledger says no to this operation at once. False if this kind of ledger says its no only later.
    async fn refuse(&mut self, operation: &Operation) -> bool;

    /// Everything sent so far becomes final: approvals are given, blocks are mined.
    async fn settle(&mut self);

    /// Time passes until nothing that was lost can land any more.
    async fn outwait(&mut self);

    /// How many operations had an effect so far.
    async fn effects(&mut self) -> u64;
}

/// Everything below, each with a fresh ledger.
pub async fn keeps_the_contract<H: Harness>(start: impl AsyncFn() -> H) {
    absent_before_final_after(&mut start().await).await;
    sent_twice_is_done_once(&mut start().await).await;
    one_answer_per_question_in_order(&mut start().await).await;
    an_answer_that_was_lost_is_found(&mut start().await).await;
    a_request_that_was_lost_is_no_refusal(&mut start().await).await;
    a_refusal_counts_only_if_nothing_can_still_land(&mut start().await).await;
    what_is_not_offered_is_not_prepared(&mut start().await).await;
}

/// Nothing is found before it is sent, preparing has no effect, and in the end the receipt says what was done.
pub async fn absent_before_final_after(harness: &mut impl Harness) {
    let operation = harness.operation().await;
    let before = harness.effects().await;
    assert_eq!(find(harness, &operation, &[]).await, Found::Absent);
    let draft = prepare(harness, &operation).await;
    assert_eq!(
        find(harness, &operation, std::slice::from_ref(&draft)).await,
        Found::Absent,
        "preparing has no effect"
    );
    send(harness, &draft).await.unwrap();
    harness.settle().await;
    let receipt = receipt(harness, &operation, &draft).await;
    assert_eq!(receipt.operation, operation.kind());
    assert!(
        !receipt.evidence.bytes().is_empty(),
        "no success without evidence (R5)"
    );
    assert_eq!(harness.effects().await, before + 1);
}

/// Sending again has no further effect, before and after it is final.
pub async fn sent_twice_is_done_once(harness: &mut impl Harness) {
    let operation = harness.operation().await;
    let before = harness.effects().await;
    let draft = prepare(harness, &operation).await;
    for _ in 0..2 {
        send(harness, &draft).await.unwrap();
    }
    harness.settle().await;
    let first = receipt(harness, &operation, &draft).await;
    let _settled_already = send(harness, &draft).await;
    harness.settle().await;
    assert_eq!(
        receipt(harness, &operation, &draft).await,
        first,
        "a replay gets the first answer (R10)"
    );
    assert_eq!(harness.effects().await, before + 1);
}

/// Batches are answered in the order of their questions.
pub async fn one_answer_per_question_in_order(harness: &mut impl Harness) {
    let mut operations = Vec::new();
    for _ in 0..3 {
        operations.push(harness.operation().await);
    }
    let drafts: Vec<Draft> = harness
        .ledger()
        .prepare(&operations)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(drafts.len(), 3);
    // The last one prepared stays unsent, so that it holds no nonce back, and is asked about first.
    let sent = harness.ledger().send(&drafts[..2]).await;
    assert!(matches!(sent.as_slice(), [Ok(()), Ok(())]), "{sent:?}");
    harness.settle().await;
    let attempt = |n: usize| Attempt {
        operation: operations[n].clone(),
        drafts: vec![drafts[n].clone()],
    };
    let found = harness
        .ledger()
        .find(&[attempt(2), attempt(0), attempt(1)])
        .await;
    assert!(
        matches!(
            found.as_slice(),
            [Ok(Found::Absent), Ok(Found::Final(_)), Ok(Found::Final(_))]
        ),
        "{found:?}"
    );
}

/// An unknown outcome is asked for, never concluded (R4).
pub async fn an_answer_that_was_lost_is_found(harness: &mut impl Harness) {
    let operation = harness.operation().await;
    let before = harness.effects().await;
    let draft = prepare(harness, &operation).await;
    harness.lose_answer().await;
    let sent = send(harness, &draft).await;
    assert!(matches!(sent, Err(SendError::Unknown(_))), "{sent:?}");
    assert_ne!(
        try_find(harness, &operation, std::slice::from_ref(&draft))
            .await
            .ok(),
        Some(Found::Absent),
        "it landed"
    );
    harness.settle().await;
    receipt(harness, &operation, &draft).await;
    assert_eq!(harness.effects().await, before + 1);
}

/// A lost request is neither done nor refused; once it cannot land any more it is absent and may be sent again.
pub async fn a_request_that_was_lost_is_no_refusal(harness: &mut impl Harness) {
    let operation = harness.operation().await;
    let before = harness.effects().await;
    let draft = prepare(harness, &operation).await;
    harness.lose_request().await;
    let sent = send(harness, &draft).await;
    assert!(
        matches!(sent, Err(SendError::Unknown(_) | SendError::Unreached(_))),
        "{sent:?}"
    );
    open(harness, &operation, &draft).await;
    harness.outwait().await;
    assert_eq!(
        find(harness, &operation, std::slice::from_ref(&draft)).await,
        Found::Absent
    );
    send(harness, &draft).await.unwrap();
    harness.settle().await;
    receipt(harness, &operation, &draft).await;
    assert_eq!(harness.effects().await, before + 1);
}

/// A no to the second send says nothing while the first may still land.
pub async fn a_refusal_counts_only_if_nothing_can_still_land(harness: &mut impl Harness) {
    let operation = harness.operation().await;
    let draft = prepare(harness, &operation).await;
    harness.lose_request().await;
    if let Err(SendError::Unreached(_)) = send(harness, &draft).await {
        return; // Nothing is under way: a refusal may count at once.
    }
    if !harness.refuse(&operation).await {
        return;
    }
    let early = send(harness, &draft).await;
    assert!(
        matches!(early, Err(SendError::Unknown(_))),
        "the first send may still land: {early:?}"
    );
    open(harness, &operation, &draft).await;
    harness.outwait().await;
    let refused = send(harness, &draft).await;
    assert!(matches!(refused, Err(SendError::Refused(_))), "{refused:?}");
}

/// What the ledger does not do is refused before anything leaves the process, and only that.
pub async fn what_is_not_offered_is_not_prepared(harness: &mut impl Harness) {
    let good = harness.operation().await;
    let unsupported = harness.unsupported().await;
    assert!(!unsupported.is_empty());
    for bad in unsupported {
        let answers = harness.ledger().prepare(&[bad.clone(), good.clone()]).await;
        assert!(
            matches!(
                answers.as_slice(),
                [Err(PrepareError::Unsupported(_)), Ok(_)]
            ),
            "{bad:?}: {answers:?}"
        );
    }
}

async fn prepare(harness: &impl Harness, operation: &Operation) -> Draft {
    let mut drafts = harness
        .ledger()
        .prepare(std::slice::from_ref(operation))
        .await;
    assert_eq!(drafts.len(), 1);
    drafts.pop().unwrap().unwrap()
}

async fn send(harness: &impl Harness, draft: &Draft) -> Result<(), SendError> {
    let mut answers = harness.ledger().send(std::slice::from_ref(draft)).await;
    assert_eq!(answers.len(), 1);
    answers.pop().unwrap()
}

async fn try_find(
    harness: &impl Harness,
    operation: &Operation,
    drafts: &[Draft],
) -> Result<Found, FindError> {
    let attempt = Attempt {
        operation: operation.clone(),
        drafts: drafts.to_vec(),
    };
    let mut answers = harness.ledger().find(&[attempt]).await;
    assert_eq!(answers.len(), 1);
    answers.pop().unwrap()
}

async fn find(harness: &impl Harness, operation: &Operation, drafts: &[Draft]) -> Found {
    try_find(harness, operation, drafts).await.unwrap()
}

async fn receipt(harness: &impl Harness, operation: &Operation, draft: &Draft) -> Receipt {
    match find(harness, operation, std::slice::from_ref(draft)).await {
        Found::Final(receipt) => receipt,
        other @ (Found::Absent | Found::Unsettled { .. } | Found::Refused(_) | Found::Dead(_)) => {
            panic!("{operation:?} is not final: {other:?}")
        }
    }
}

/// Nothing is concluded yet.
async fn open(harness: &impl Harness, operation: &Operation, draft: &Draft) {
    let found = try_find(harness, operation, std::slice::from_ref(draft)).await;
    assert!(
        matches!(
            found,
            Ok(Found::Absent | Found::Unsettled { .. }) | Err(FindError::Unavailable(_))
        ),
        "{found:?}"
    );
}
