//! Each call × each fault: the engine's loop (ask, send what is absent, ask again) ends with the movement done exactly once.

use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::ports::{Draft, FindError, Found, Ledger, SendError};
use isthmus_core::receipt::Receipt;
use isthmus_vcs::VcsLedger;
use serde_json::json;

use crate::parties::{Relay, SETTLE_MS, find, lock, release};
use crate::world::ADMIN;

const ROUNDS: usize = 12;

/// Serves one operation as a lane does, at `ledger`, until it is final. Asks for approvals while it waits.
async fn serve(relay: &Relay, ledger: &VcsLedger, operation: &Operation) -> Receipt {
    let draft = ledger
        .prepare(std::slice::from_ref(operation))
        .await
        .pop()
        .unwrap()
        .unwrap();
    for _ in 0..ROUNDS {
        match find(ledger, operation, &[&draft]).await {
            Ok(Found::Final(receipt)) => return receipt,
            Ok(Found::Absent) => send(ledger, &draft).await,
            Ok(Found::Unsettled { .. }) => {
                relay.clock.advance(SETTLE_MS);
                if operation.kind() == OperationKind::Release {
                    approve(relay, operation).await;
                }
            }
            Ok(other @ (Found::Refused(_) | Found::Dead(_))) => panic!("{other:?}"),
            Err(FindError::Unavailable(_)) => {}
            Err(error @ FindError::Contradiction(_)) => panic!("{error}"),
        }
    }
    panic!("{operation:?} is not final after {ROUNDS} rounds");
}

async fn send(ledger: &VcsLedger, draft: &Draft) {
    match ledger
        .send(std::slice::from_ref(draft))
        .await
        .pop()
        .unwrap()
    {
        Ok(()) | Err(SendError::Unknown(_) | SendError::Unreached(_)) => {}
        Err(error @ (SendError::Refused(_) | SendError::NotBefore(_))) => panic!("{error}"),
    }
}

/// Two attesters approve what is proposed, if it still is; they know nothing of earlier rounds.
async fn approve(relay: &Relay, operation: &Operation) {
    for index in 0..2 {
        let attester = relay.attester(index).await;
        let records = attester.records(&[operation.reference()]).await;
        let Ok(Some(isthmus_vcs::views::Record::Proposed { digest, .. })) =
            records.map(|mut records| records.pop())
        else {
            return;
        };
        let approval = Operation::Approve {
            transfer: operation.transfer(),
            ledger: operation.ledger().clone(),
            reference: operation.reference(),
            digest,
        };
        let draft = attester.prepare(&[approval]).await.pop().unwrap().unwrap();
        send(&attester, &draft).await;
    }
}

#[tokio::test]
async fn every_movement_is_done_exactly_once_under_every_fault() {
    let relay = Relay::start().await;
    let mut number = 0;
    for call in ["lock", "propose", "approve", "query"] {
        for (fault, times) in [
            ("timeout_after_applying", 1),
            ("timeout_before", 1),
            ("error_5xx", 2),
        ] {
            relay
                .faults(json!([{"operation": call, "fault": fault, "times": times}]))
                .await;
            let before = relay.sequence().await;
            let at = 10 * number;
            let locked = serve(&relay, &relay.ledger, &lock(2 * number, at, at + 9)).await;
            let released = serve(
                &relay,
                &relay.ledger,
                &release(2 * number + 1, "1002", at, at + 4),
            )
            .await;
            assert_eq!(
                (locked.operation, released.operation),
                (OperationKind::Lock, OperationKind::Release)
            );
            assert_eq!(
                relay.sequence().await,
                before + 2,
                "{call} × {fault}: two movements, no more"
            );
            let (_, stats) = relay.world.get(ADMIN, "/v1/admin/stats").await;
            assert_eq!(
                stats["faults_waiting"], 0,
                "{call} × {fault}: it really happened"
            );
            number += 1;
        }
    }
}
