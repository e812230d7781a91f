//! The transfers that a bundle can be about, all true.

use alloy_primitives::B256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_prooflog::bundle::BundleKind;
use isthmus_prooflog::gate::{BatchHead, Item, MintAuthorisation, VoidAuthorisation};
use isthmus_prooflog::leaf::{Grams, Purpose, jcs_digest};
use isthmus_prooflog::receipt::RegistryReceipt;
use isthmus_prooflog::serial::Block;
use serde_json::Value;

use crate::bundle::{Parts, index};
use crate::evm;
use crate::world::{self, CHAIN_ID, CLASS, GATE, RECIPIENT, REGISTRY, serial};

fn registry_receipt(movement: &str, reference: String, units: Vec<String>) -> RegistryReceipt {
    let quantity_t = world::blocks(&units).iter().map(Block::quantity_t).sum();
    let retired = movement == "retire";
    RegistryReceipt {
        account: (!retired).then(|| "1001".into()),
        at_ms: 1,
        beneficiary: retired.then(|| "Acme Ltd".into()),
        certificate: retired.then(|| "RC-000017".into()),
        custody_account: "9001".into(),
        mandate: (movement == "lock").then(|| STANDARD.encode([7; 64])),
        movement: movement.into(),
        quantity_t,
        reason: retired.then(|| "2025 emissions".into()),
        reference,
        registry: REGISTRY.into(),
        sequence: 17,
        units,
        v: 1,
    }
}

pub(crate) fn outbound_terms() -> Value {
    world::terms(&[serial(1, 400), serial(1001, 1025)], 1)
}

pub(crate) fn mint_of(terms: &Value) -> MintAuthorisation {
    let item = |transfer: B256| Item {
        asset_class: CLASS,
        quantity_g: world::quantity(terms),
        recipient: RECIPIENT,
        transfer,
    };
    let transfer = jcs_digest(terms);
    MintAuthorisation {
        batch: BatchHead {
            deadline: 1_790_000_000,
            epoch: 1,
            log_root: B256::ZERO,
            log_size: index(1) + 1,
        },
        chain_id: CHAIN_ID,
        gate: GATE,
        items: vec![item(B256::repeat_byte(1)), item(transfer)],
        signatures: vec![],
        v: 1,
    }
}

fn locked() -> Parts {
    let terms = outbound_terms();
    let leaf = world::locked(&terms);
    let transfer = leaf.transfer().unwrap();
    let grams = world::quantity(&terms).0;
    let mut parts = Parts::new(BundleKind::Outbound, transfer, grams, vec![leaf]);
    let receipt = registry_receipt("lock", transfer.to_string(), world::units(&terms));
    parts.receipts.insert("lock", receipt);
    parts
}

/// Locked, nothing else yet.
pub(crate) fn pending() -> Parts {
    locked()
}

/// Locked, signed, minted.
pub(crate) fn completed() -> Parts {
    let mut parts = locked();
    let terms = outbound_terms();
    parts.leaves.push(world::minted(&terms));
    let event = evm::minted(parts.transfer, CLASS, parts.quantity_g);
    parts.events.insert("mint", event);
    parts.mint = Some(mint_of(&terms));
    parts
}

/// Locked, signed, withdrawn: voided, unlocked.
pub(crate) fn withdrawn() -> Parts {
    let mut parts = locked();
    let terms = outbound_terms();
    parts.leaves.push(world::voided(&terms));
    parts.leaves.push(world::unlocked(&terms));
    parts.events.insert("void", evm::voided(parts.transfer));
    let reference = format!("unlock:{}", parts.transfer);
    let receipt = registry_receipt("unlock", reference, world::units(&terms));
    parts.receipts.insert("unlock", receipt);
    parts.mint = Some(mint_of(&terms));
    parts.void = Some(VoidAuthorisation {
        chain_id: CHAIN_ID,
        epoch: 1,
        gate: GATE,
        signatures: vec![],
        transfer: parts.transfer,
        v: 1,
    });
    parts
}

/// Burned and given.
pub(crate) fn returned(purpose: Purpose) -> Parts {
    let allocation = world::blocks(&[serial(101, 400), serial(1001, 1005)]);
    let burned = world::burned(8, purpose, &allocation);
    let transfer = burned.transfer().unwrap();
    let Grams(grams) = burned.movement().unwrap().quantity_g;
    let given = world::given(8, purpose, &allocation);
    let mut parts = Parts::new(BundleKind::Return, transfer, grams, vec![burned, given]);
    let (movement, code) = match purpose {
        Purpose::Release => ("release", 1),
        Purpose::Retire => ("retire", 2),
    };
    let units = allocation.iter().map(ToString::to_string).collect();
    let receipt = registry_receipt(movement, transfer.to_string(), units);
    parts.receipts.insert(movement, receipt);
    let event = evm::burned(8, transfer, CLASS, grams, code);
    parts.events.insert("burn", event);
    parts
}
