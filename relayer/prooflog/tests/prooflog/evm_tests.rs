//! Chain evidence: a receipt in a block of 200, and every way to bend it.

use alloy_primitives::{Address, B256, keccak256};
use isthmus_prooflog::evm_evidence::{EvmEvidence, GateEvent};

use crate::evm::{self, Event, bytes, evidence};
use crate::world::{CLASS, COMMITMENT, GATE, HOLDER, RECIPIENT};

const TRANSFER: B256 = B256::repeat_byte(0x11);

fn minted() -> Event {
    evm::minted(TRANSFER, CLASS, 425_000_000)
}

#[test]
fn every_event_of_the_gate_is_read() {
    let read = |event: &Event| evidence(event).events().unwrap();
    assert_eq!(
        read(&minted()),
        [GateEvent::Minted {
            transfer: TRANSFER,
            asset_class: CLASS,
            recipient: RECIPIENT,
            quantity_g: 425_000_000
        }]
    );
    assert_eq!(
        read(&evm::voided(TRANSFER)),
        [GateEvent::Voided { transfer: TRANSFER }]
    );
    assert_eq!(
        read(&evm::burned(8, TRANSFER, CLASS, 5_000_000, 2)),
        [GateEvent::Burned {
            number: 8,
            burn_id: TRANSFER,
            asset_class: CLASS,
            holder: HOLDER,
            quantity_g: 5_000_000,
            purpose: 2,
            commitment: COMMITMENT,
        }]
    );
}

#[test]
fn of_a_batch_only_items_whose_bit_is_set_were_minted() {
    let other = B256::repeat_byte(0x22);
    let items = [(TRANSFER, 0, 1), (other, 1, 2), (TRANSFER, 1, 3)];
    let minted = |bits| {
        let batch = evm::batch(bits, &[CLASS, B256::repeat_byte(0xcc)], &items);
        let events = evidence(&batch).events().unwrap();
        let quantity = |event: &GateEvent| match event {
            GateEvent::Minted { quantity_g, .. } => *quantity_g,
            GateEvent::Voided { .. } | GateEvent::Burned { .. } => panic!("{event:?}"),
        };
        events.iter().map(quantity).collect::<Vec<_>>()
    };
    assert_eq!(minted(0b111), [1, 2, 3]);
    assert_eq!(minted(0b010), [2]);
    assert_eq!(minted(0b1000), Vec::<u64>::new(), "a bit without an item");
    let unlisted = evm::batch(1, &[CLASS], &[(TRANSFER, 1, 1)]);
    assert!(evidence(&unlisted).events().is_err(), "no such class");
}

#[test]
fn every_position_in_the_block_can_be_proved() {
    // 0 and 128 are where RLP's order of keys differs from that of the numbers.
    for tx_index in [0, 1, 127, 128, 199] {
        let event = Event {
            tx_index,
            ..minted()
        };
        assert!(evidence(&event).events().is_ok(), "{tx_index}");
    }
}

#[test]
fn whatever_is_changed_is_refused() {
    type Change = fn(&mut EvmEvidence);
    let changes: [(&str, Change); 15] = [
        ("block hash", |e| e.block_hash = B256::ZERO),
        ("block number", |e| e.block_number += 1),
        ("header", |e| {
            e.header_rlp = [&e.header_rlp[..], &[0]].concat().into();
        }),
        ("header and hash", |e| {
            e.header_rlp = evm::header(B256::repeat_byte(1), 77).into();
            e.block_hash = keccak256(&e.header_rlp);
        }),
        ("bytes after the header", |e| {
            e.header_rlp = [&e.header_rlp[..], &[0]].concat().into();
            e.block_hash = keccak256(&e.header_rlp);
        }),
        ("header that is no list", |e| {
            e.header_rlp = vec![0x80].into();
            e.block_hash = keccak256(&e.header_rlp);
        }),
        ("receipt", |e| {
            e.receipt = [&e.receipt[..], &[0]].concat().into();
        }),
        ("another receipt", |e| {
            e.receipt = evidence(&evm::voided(TRANSFER)).receipt;
        }),
        ("no proof", |e| e.proof.clear()),
        ("a proof without its root", |e| drop(e.proof.remove(0))),
        ("a proof without its leaf", |e| drop(e.proof.pop())),
        ("a proof of another node", |e| {
            e.proof[1] = vec![0xc0].into();
        }),
        ("another place in the block", |e| e.tx_index += 1),
        ("another event", |e| e.event_index = 0),
        ("an event that is not there", |e| e.event_index = u64::MAX),
    ];
    for (name, change) in changes {
        let mut bent = evidence(&minted());
        change(&mut bent);
        assert!(bent.events().is_err(), "{name}");
    }
}

#[test]
fn only_the_gates_own_event_of_a_transaction_that_succeeded_counts() {
    let other_gate = EvmEvidence {
        gate: Address::repeat_byte(1),
        ..evidence(&minted())
    };
    assert!(
        other_gate
            .events()
            .unwrap_err()
            .to_string()
            .contains("not the gate's")
    );
    let foreign = Event {
        emitter: Address::repeat_byte(1),
        ..minted()
    };
    let claimed = EvmEvidence {
        gate: GATE,
        ..evidence(&foreign)
    };
    assert!(claimed.events().is_err(), "an event of another contract");
    let failed = Event {
        succeeded: false,
        ..minted()
    };
    assert!(
        evidence(&failed)
            .events()
            .unwrap_err()
            .to_string()
            .contains("failed")
    );
}

#[test]
fn events_of_another_shape_are_refused() {
    let mut unknown = minted();
    unknown.data.topics_mut_unchecked()[0] = keccak256("Minted(bytes32,uint256,address,uint256)");
    assert!(evidence(&unknown).events().is_err());
    let mut more = minted();
    more.data
        .set_topics_truncating(vec![more.data.topics()[0], TRANSFER]);
    assert!(evidence(&more).events().is_err(), "an indexed field");
    let mut dirty = evm::burned(8, TRANSFER, CLASS, 5_000_000, 2);
    dirty.data.data = [&[1], &dirty.data.data[1..]].concat().into();
    assert!(
        evidence(&dirty).events().is_err(),
        "an address with dirty upper bytes"
    );
    let mut short = minted();
    let length = short.data.data.len();
    short.data.data = short.data.data.slice(..length - 1);
    assert!(evidence(&short).events().is_err());
    let mut large = minted();
    let mut data = large.data.data.to_vec();
    data[length - 9] = 1;
    large.data.data = data.into();
    assert!(
        evidence(&large).events().is_err(),
        "a quantity beyond 64 bits"
    );
}

#[test]
fn the_file_has_one_spelling() {
    let good = evidence(&minted());
    let text = String::from_utf8(bytes(&good)).unwrap();
    assert_eq!(EvmEvidence::parse(text.as_bytes()).unwrap(), good);
    let spaced = text.replacen(',', ", ", 1);
    let upper = text.replacen("0xf9", "0xF9", 1);
    assert_ne!(upper, text);
    let unknown = text.replacen('{', "{\"a\":1,", 1);
    let version = bytes(&EvmEvidence { v: 2, ..good });
    for other in [
        spaced.as_bytes(),
        upper.as_bytes(),
        unknown.as_bytes(),
        &version,
        b"",
        b"{}",
    ] {
        assert!(EvmEvidence::parse(other).is_err());
    }
}
