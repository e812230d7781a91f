//! Evidence proves the event that it was cut out for, and nothing once a byte of it changed.

use alloy::primitives::{Address, Bytes};
use isthmus_evm::evidence::EvmEvidence;

use crate::world::World;

#[tokio::test]
async fn evidence_fails_if_any_byte_of_it_changes() {
    let world = World::ready().await;
    let attempt = world.sent(&world.mint(1)).await;
    // A second transaction in the block, so that the proof has more than a root.
    world.sent(&world.void(2, 1)).await;
    world.settle().await;
    let evidence =
        EvmEvidence::parse(world.final_receipt(&attempt).await.evidence.bytes()).unwrap();
    let genuine = evidence.verify().unwrap();
    assert!(evidence.proof.len() > 1);
    let flip = |bytes: &Bytes, at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        Bytes::from(bytes)
    };
    let mut wrong = Vec::new();
    for at in 0..evidence.receipt.len() {
        wrong.push(EvmEvidence {
            receipt: flip(&evidence.receipt, at),
            ..evidence.clone()
        });
    }
    for at in 0..evidence.header_rlp.len() {
        wrong.push(EvmEvidence {
            header_rlp: flip(&evidence.header_rlp, at),
            ..evidence.clone()
        });
    }
    for node in 0..evidence.proof.len() {
        for at in 0..evidence.proof[node].len() {
            let mut proof = evidence.proof.clone();
            proof[node] = flip(&proof[node], at);
            wrong.push(EvmEvidence {
                proof,
                ..evidence.clone()
            });
        }
    }
    wrong.push(EvmEvidence {
        block_number: evidence.block_number + 1,
        ..evidence.clone()
    });
    wrong.push(EvmEvidence {
        tx_index: 1 - evidence.tx_index,
        ..evidence.clone()
    });
    wrong.push(EvmEvidence {
        event_index: 9,
        ..evidence.clone()
    });
    wrong.push(EvmEvidence {
        gate: Address::ZERO,
        ..evidence.clone()
    });
    for (number, wrong) in wrong.into_iter().enumerate() {
        assert!(wrong.verify().is_err(), "change {number} went unnoticed");
    }
    assert_eq!(evidence.verify().unwrap(), genuine);
}
