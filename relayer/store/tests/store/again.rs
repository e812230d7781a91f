//! Drafts of what is sent again although the journal has it as done.

use isthmus_core::id::{DraftId, TransferId};
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::Draft;
use isthmus_core::testing::sample;
use isthmus_store::SentAgain;

use crate::world::{Story, World, lane};

fn draft(number: u8, nonce: u64) -> Draft {
    Draft {
        id: DraftId::new([number; 32]),
        bytes: vec![number; 3],
        nonce: Some(nonce),
        expires: None,
    }
}

fn again(transfer: TransferId, event: u64, draft: Draft) -> SentAgain {
    SentAgain {
        transfer,
        event,
        draft,
    }
}

#[test]
fn what_is_sent_again_is_durable_in_order_and_once() {
    let world = World::new();
    let outbound = sample::outbound(1, &[sample::block(1, 10)]);
    let admitted = world.admit(1, &outbound.units);
    let mut intent = Story::of(&admitted)
        .locked(&outbound)
        .signed(&outbound)
        .intends()
        .append();
    intent.drafts = vec![draft(1, 4)];
    let intended = world.append(intent).unwrap().transfer.unwrap();
    let minted = Story::of(&intended).done(OperationKind::Mint, &[]);
    let minted = world.tell(minted);
    assert!(minted.state().is_final());
    let (id, event) = (minted.id(), minted.length() - 1);
    let store = &world.store;
    assert_eq!(store.drafts_of(id, event - 1).unwrap(), [draft(1, 4)]);
    assert_eq!(store.drafts_of(id, event).unwrap(), []);

    let mint = lane(OperationKind::Mint);
    let both = vec![again(id, event, draft(2, 9)), again(id, event, draft(3, 8))];
    store.send_again(&mint, both).unwrap();
    let repeated = vec![again(id, event, draft(2, 9))];
    store.send_again(&mint, repeated).unwrap();
    let world = world.reopened();
    let kept = world.store.drafts_of(id, event).unwrap();
    assert_eq!(kept, [draft(2, 9), draft(3, 8)]);
    assert_eq!(world.store.next_nonce(&mint).unwrap(), 10, "the highest");
    assert_eq!(world.transfer(id), minted, "it says what it said");
    assert_eq!(world.store.drafts_of(id, event - 1).unwrap(), [draft(1, 4)]);
}

#[test]
fn what_never_was_is_not_sent_again() {
    let world = World::new();
    let admitted = world.admit(1, &[sample::block(1, 10)]);
    let (id, mint) = (admitted.id(), lane(OperationKind::Mint));
    let none = vec![again(id, admitted.length(), draft(2, 9))];
    let error = world.store.send_again(&mint, none).unwrap_err();
    assert!(error.to_string().contains(&id.to_string()), "{error}");
}
