//! Lies about outbound transfers, and the step that must say so.

use alloy_primitives::{Address, B256};
use isthmus_prooflog::bundle::BundleKind;
use isthmus_prooflog::leaf::{Grams, Leaf, jcs_digest};

use super::Lie;
use crate::bundle::{Parts, evidence_mut, index};
use crate::evm::{self, ITEM_CLASS, ITEM_CONTENT};
use crate::stories::outbound_terms;
use crate::world::{self, World, owed, paused, serial};

/// Replaces the terms and everything that follows from them.
fn other_terms(parts: &mut Parts, change: fn(&mut serde_json::Value)) {
    let mut terms = outbound_terms();
    change(&mut terms);
    let id = jcs_digest(&terms);
    if let Leaf::Locked {
        transfer, terms: t, ..
    } = parts.leaf("LOCKED")
    {
        (*transfer, *t) = (id, terms.clone());
    }
    if let Leaf::Minted { transfer, .. } = parts.leaf("MINTED") {
        *transfer = id;
    }
    parts.transfer = id;
    parts.receipt("lock").reference = id.to_string();
    let event = evm::minted(id, parts.class, parts.quantity_g);
    parts.events.insert("mint", event);
    if let Some(mint) = &mut parts.mint {
        mint.items[1].transfer = id;
    }
}

pub(super) const COMPLETED: &[Lie] = &[
    ("a checkpoint of another log key", "checkpoint", |p| {
        p.world = World::new(1);
    }),
    ("receipts of another registry key", "registry", |p| {
        p.registry = World::new(1);
    }),
    ("signatures of other attesters", "quorum", |p| {
        p.attesters = World::new(1);
    }),
    ("a route that other admins signed", "route", |p| {
        p.leaves[0] = World::new(1).route_leaf(&world::route(3));
    }),
    ("a route that one admin signed twice", "route", |p| {
        if let Leaf::Route { signatures, .. } = &mut p.leaves[0] {
            signatures[1] = signatures[0].clone();
        }
    }),
    ("a route changed after it was signed", "route", |p| {
        if let Leaf::Route { route, .. } = &mut p.leaves[0] {
            route["step_g"] = "1".into();
        }
    }),
    ("no route", "story", |p| drop(p.leaves.remove(0))),
    ("the route after the lock", "story", |p| p.leaves.swap(0, 1)),
    ("two routes, of which the first is signed", "story", |p| {
        let mut other = world::route(1);
        other["id"] = "other".into();
        p.leaves.insert(1, World::new(1).route_leaf(&other));
    }),
    ("a route that is no object", "story", |p| {
        if let Leaf::Route { route, .. } = &mut p.leaves[0] {
            *route = "verra-evm".into();
        }
    }),
    ("two mints for one lock", "story", |p| {
        p.leaves.push(p.leaves[2].clone());
    }),
    ("a mint without a lock", "story", |p| {
        drop(p.leaves.remove(1));
    }),
    ("a mint before the lock", "story", |p| p.leaves.swap(1, 2)),
    ("a leaf of another transfer", "story", |p| {
        p.leaves.push(owed(8, p.quantity_g));
    }),
    ("a leaf about nothing", "story", |p| {
        p.leaves.push(paused("all"));
    }),
    ("another recipient in the leaf", "story", |p| {
        if let Leaf::Minted { recipient, .. } = p.leaf("MINTED") {
            *recipient = Address::repeat_byte(0x66);
        }
    }),
    ("another recipient signed", "quorum", |p| {
        p.mint.as_mut().unwrap().items[1].recipient = Address::repeat_byte(0x66);
    }),
    ("another recipient on chain", "chain", |p| {
        p.event("mint").write(ITEM_CONTENT, &[0x66; 20]);
    }),
    ("another quantity on chain", "chain", |p| {
        p.event("mint").write(ITEM_CONTENT + 31, &[1]);
    }),
    ("another class on chain", "chain", |p| {
        p.event("mint").write(ITEM_CLASS, &[0x66; 32]);
    }),
    ("another of the batch's classes on chain", "chain", |p| {
        p.event("mint").write(ITEM_CONTENT + 20, &[0]);
    }),
    ("skipped on chain", "chain", |p| {
        p.event("mint").write(31, &[1]);
    }),
    ("another quantity in the manifest", "story", |p| {
        p.quantity_g += 1;
    }),
    ("another quantity in the leaf", "story", |p| {
        if let Leaf::Minted { quantity_g, .. } = p.leaf("MINTED") {
            *quantity_g = Grams(quantity_g.0 + 1_000_000);
        }
    }),
    ("more tonnes than serials", "story", |p| {
        p.quantity_g += 1_000_000;
        other_terms(p, |t| t["quantity_g"] = "426000000".into());
        for leaf in &mut p.leaves {
            if let Leaf::Locked { quantity_g, .. } | Leaf::Minted { quantity_g, .. } = leaf {
                *quantity_g = Grams(426_000_000);
            }
        }
    }),
    ("another quantity on the receipt", "registry", |p| {
        p.receipt("lock").quantity_t += 1;
    }),
    ("another quantity signed", "quorum", |p| {
        p.mint.as_mut().unwrap().items[1].quantity_g = Grams(1);
    }),
    ("another quantity on chain", "chain", |p| {
        let event = evm::minted(p.transfer, p.class, p.quantity_g + 1);
        p.events.insert("mint", event);
    }),
    ("another class in the manifest", "story", |p| {
        p.class = B256::repeat_byte(0xbb);
    }),
    ("another class signed", "quorum", |p| {
        p.mint.as_mut().unwrap().items[1].asset_class = B256::repeat_byte(0xbb);
    }),
    ("another class on chain", "chain", |p| {
        let event = evm::minted(p.transfer, B256::repeat_byte(0xbb), p.quantity_g);
        p.events.insert("mint", event);
    }),
    ("another pool of the lock", "story", |p| {
        if let Leaf::Locked { pool, .. } = p.leaf("LOCKED") {
            *pool = B256::repeat_byte(1);
        }
    }),
    ("another pool of the mint", "story", |p| {
        if let Leaf::Minted { pool, .. } = p.leaf("MINTED") {
            *pool = B256::repeat_byte(1);
        }
    }),
    ("terms that hash to another id", "story", |p| {
        if let Leaf::Locked { terms, .. } = p.leaf("LOCKED") {
            terms["nonce"] = B256::ZERO.to_string().into();
        }
    }),
    ("terms of another gate than the route's", "story", |p| {
        other_terms(p, |t| {
            t["gate"] = "0x3434343434343434343434343434343434343434".into();
        });
    }),
    ("terms of another chain than the route's", "story", |p| {
        other_terms(p, |t| t["destination"] = "eip155:1".into());
    }),
    ("terms of another registry than the route's", "story", |p| {
        other_terms(p, |t| t["origin"] = "vcs:other".into());
    }),
    ("terms of another kind", "story", |p| {
        other_terms(p, |t| t["kind"] = "return".into());
    }),
    ("evidence of a type that is not known", "story", |p| {
        evidence_mut(p.leaf("MINTED")).unwrap().r#type = "screenshot".into();
    }),
    ("evidence of a grade that is not known", "story", |p| {
        evidence_mut(p.leaf("LOCKED")).unwrap().grade = "Z".into();
    }),
    ("a receipt of another reference", "registry", |p| {
        p.receipt("lock").reference = B256::repeat_byte(1).to_string();
    }),
    ("a receipt of another movement", "registry", |p| {
        p.receipt("lock").movement = "unlock".into();
    }),
    ("a receipt of other units", "registry", |p| {
        p.receipt("lock").units = vec![serial(1, 400), serial(2001, 2025)];
    }),
    ("a receipt of fewer units", "registry", |p| {
        p.receipt("lock").units.truncate(1);
    }),
    ("a receipt of another custody account", "registry", |p| {
        p.receipt("lock").custody_account = "9002".into();
    }),
    ("a receipt of another account", "registry", |p| {
        p.receipt("lock").account = Some("1002".into());
    }),
    ("no receipt", "registry", |p| {
        drop(p.receipts.remove("lock"));
    }),
    ("a receipt of a movement that no leaf has", "story", |p| {
        let receipt = p.receipt("lock").clone();
        p.receipts.insert("unlock", receipt);
    }),
    ("k − 1 signatures", "quorum", |p| p.signers = vec![0]),
    ("one attester twice", "quorum", |p| p.signers = vec![1, 1]),
    ("attesters out of order", "quorum", |p| {
        p.signers = vec![2, 0];
    }),
    ("an epoch that the policy does not list", "quorum", |p| {
        p.mint.as_mut().unwrap().batch.epoch = 2;
    }),
    ("signed for another chain", "quorum", |p| {
        p.mint.as_mut().unwrap().chain_id = 1;
    }),
    ("signed for another gate", "quorum", |p| {
        p.mint.as_mut().unwrap().gate = Address::repeat_byte(0x34);
    }),
    ("signed before the lock was logged", "quorum", |p| {
        p.mint.as_mut().unwrap().batch.log_size = index(1);
    }),
    ("signed under another log", "consistency", |p| {
        p.mint.as_mut().unwrap().batch.log_root = B256::repeat_byte(1);
    }),
    ("the transfer twice in the batch", "quorum", |p| {
        let auth = p.mint.as_mut().unwrap();
        auth.items.push(auth.items[1].clone());
    }),
    ("the transfer not in the batch", "quorum", |p| {
        p.mint.as_mut().unwrap().items.truncate(1);
    }),
    ("an authorisation of another version", "consistency", |p| {
        p.mint.as_mut().unwrap().v = 2;
    }),
    ("no authorisation", "quorum", |p| p.mint = None),
    ("an event of another contract", "chain", |p| {
        p.event("mint").emitter = Address::repeat_byte(0x34);
    }),
    ("an event of a failed transaction", "chain", |p| {
        p.event("mint").succeeded = false;
    }),
    ("an event of another kind", "chain", |p| {
        let event = evm::voided(p.transfer);
        p.events.insert("mint", event);
    }),
    ("an event of another transfer", "chain", |p| {
        let event = evm::minted(B256::repeat_byte(1), p.class, p.quantity_g);
        p.events.insert("mint", event);
    }),
    ("no event", "chain", |p| drop(p.events.remove("mint"))),
    ("called a return", "story", |p| p.kind = BundleKind::Return),
    ("another transfer in the manifest", "story", |p| {
        p.transfer = B256::repeat_byte(1);
    }),
];

pub(super) const WITHDRAWN: &[Lie] = &[
    ("unlocked without a void (R3)", "story", |p| {
        drop(p.leaves.remove(2));
    }),
    ("unlocked before the void (R3)", "story", |p| {
        p.leaves.swap(2, 3);
    }),
    ("minted and voided", "story", |p| {
        let minted = world::minted(&outbound_terms());
        p.leaves.insert(2, minted);
    }),
    ("no signatures under the void", "quorum", |p| p.void = None),
    ("k − 1 signatures under the void", "quorum", |p| {
        p.mint = None;
        p.signers = vec![1];
    }),
    ("another transfer voided", "quorum", |p| {
        p.void.as_mut().unwrap().transfer = B256::repeat_byte(1);
    }),
    ("void signed for another gate", "quorum", |p| {
        p.void.as_mut().unwrap().gate = Address::repeat_byte(0x34);
    }),
    ("void of another version", "quorum", |p| {
        p.void.as_mut().unwrap().v = 0;
    }),
    ("an unused mint that nobody signed", "quorum", |p| {
        p.mint.as_mut().unwrap().items[1].recipient = Address::repeat_byte(0x66);
    }),
    ("another transfer voided on chain", "chain", |p| {
        let event = evm::voided(B256::repeat_byte(1));
        p.events.insert("void", event);
    }),
    ("unlocked to another account", "registry", |p| {
        p.receipt("unlock").account = Some("1002".into());
    }),
    (
        "the receipt of the lock as that of the unlock",
        "registry",
        |p| {
            let receipt = p.receipt("lock").clone();
            p.receipts.insert("unlock", receipt);
        },
    ),
    ("other units unlocked", "story", |p| {
        if let Leaf::Unlocked { units, .. } = p.leaf("UNLOCKED") {
            units[0] = serial(2, 401);
        }
    }),
];
