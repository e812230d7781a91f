//! Items as they are sent and recorded: in two words each, classes listed once (`docs/protocol.md` §7).

use alloy::primitives::{Address, B256, Bytes, U256};
use isthmus_core::operation::SignedBatch;

use crate::contract::{Gate, MintItem, SentItem, class_word, evm_address, transfer_word};

/// Where the recipient begins in a content, in bits.
const RECIPIENT: usize = 96;
/// Where the place of the class begins.
const PLACE: usize = 88;
/// The rest is the quantity.
const QUANTITY: U256 = U256::from_limbs([u64::MAX, 0xff_ffff, 0, 0]);

/// The call that carries a batch out.
pub fn mint_batch_call(batch: &SignedBatch) -> Gate::mintBatchCall {
    let (classes, items) = sent(&batch.items);
    Gate::mintBatchCall {
        classes,
        items,
        logSize: batch.log.size,
        logRoot: B256::from(*batch.log.root.as_bytes()),
        epoch: batch.epoch,
        deadline: batch.deadline.s(),
        signatures: batch.signatures.iter().cloned().map(Bytes::from).collect(),
    }
}

/// Items as they are sent, with the classes that they name. What the gate does not take, such as more than 256 items, it
/// refuses.
pub fn sent(signed: &[isthmus_core::operation::MintItem]) -> (Vec<U256>, Vec<SentItem>) {
    let mut classes: Vec<U256> = Vec::new();
    let mut items = Vec::with_capacity(signed.len());
    for item in signed {
        let class = class_word(item.asset_class);
        let known = classes.iter().position(|listed| *listed == class);
        let place = known.unwrap_or_else(|| {
            classes.push(class);
            classes.len().saturating_sub(1)
        });
        let recipient = U256::from_be_bytes(evm_address(item.recipient).into_word().0);
        items.push(SentItem {
            transferId: transfer_word(item.transfer),
            content: (recipient << RECIPIENT)
                | (U256::from(place) << PLACE)
                | U256::from(item.quantity.grams()),
        });
    }
    (classes, items)
}

/// The items of a batch that the gate minted, as they were signed.
pub fn minted(batch: &Gate::BatchMinted) -> impl Iterator<Item = MintItem> + '_ {
    let minted = |(index, item)| {
        if batch.minted.bit(index) {
            signed_form(&batch.classes, item)
        } else {
            None
        }
    };
    batch.items.iter().enumerate().filter_map(minted)
}

/// `None` if it names a class that is not listed, which the gate refuses.
fn signed_form(classes: &[U256], item: &SentItem) -> Option<MintItem> {
    let place = item.content.byte(PLACE / 8);
    let recipient = B256::from(item.content >> RECIPIENT);
    Some(MintItem {
        transferId: item.transferId,
        assetClass: *classes.get(usize::from(place))?,
        recipient: Address::from_word(recipient),
        quantity: item.content & QUANTITY,
    })
}

#[cfg(test)]
mod tests {
    use isthmus_core::id::{AssetClassId, BatchId, Hash32, TransferId};
    use isthmus_core::operation::{LogHead, MintItem as CoreItem};
    use isthmus_core::quantity::Quantity;
    use isthmus_core::time::Timestamp;

    use super::*;

    fn item(number: u8, class: u8, quantity: Quantity) -> CoreItem {
        CoreItem {
            transfer: TransferId::new([number; 32]),
            asset_class: AssetClassId::new([class; 32]),
            recipient: isthmus_core::id::Address::new([0xf0 | number; 20]),
            quantity,
        }
    }

    #[test]
    fn what_is_recorded_reads_as_what_was_signed() {
        let grams = |grams| Quantity::from_grams(grams).unwrap();
        let items = vec![
            item(1, 7, grams(1)),
            item(2, 8, Quantity::MAX),
            item(3, 7, grams(425_000_000)),
        ];
        let call = mint_batch_call(&SignedBatch {
            id: BatchId::new([0; 32]),
            items: items.clone(),
            log: LogHead {
                size: 1,
                root: Hash32::new([2; 32]),
            },
            epoch: 3,
            deadline: Timestamp::from_s(4),
            signatures: vec![vec![5; 65]],
        });
        assert_eq!(call.classes.len(), 2, "each class once");
        let recorded = |minted: u64| {
            let event = Gate::BatchMinted {
                minted: U256::from(minted),
                classes: call.classes.clone(),
                items: call.items.clone(),
            };
            super::minted(&event).collect::<Vec<_>>()
        };
        let signed: Vec<MintItem> = items.iter().map(Into::into).collect();
        assert_eq!(recorded(0b111), signed);
        assert_eq!(
            recorded(0b100),
            signed[2..],
            "only those with their bit set"
        );
        assert_eq!(recorded(0b1000), [], "a bit without an item says nothing");
    }

    #[test]
    fn an_item_of_an_unlisted_class_says_nothing() {
        let event = Gate::BatchMinted {
            minted: U256::MAX,
            classes: vec![U256::from(1)],
            items: vec![SentItem {
                transferId: B256::ZERO,
                content: U256::from(1) << PLACE,
            }],
        };
        assert_eq!(super::minted(&event).count(), 0);
    }
}
