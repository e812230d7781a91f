//! Lies about returns, and the step that must say so.

use alloy_primitives::{Address, B256};
use isthmus_prooflog::leaf::{Leaf, Purpose};

use super::Lie;
use crate::evm;
use crate::stories::{mint_of, outbound_terms};
use crate::world::{self, owed, serial};

pub(super) const RELEASED: &[Lie] = &[
    ("released without a burn", "story", |p| {
        drop(p.leaves.remove(1));
    }),
    ("released twice", "story", |p| {
        p.leaves.push(p.leaves[2].clone());
    }),
    ("burned to be retired", "story", |p| {
        if let Leaf::Burned { purpose, .. } = p.leaf("BURNED") {
            *purpose = Purpose::Retire;
        }
    }),
    ("released and retired", "story", |p| {
        let retired = world::given(
            8,
            Purpose::Retire,
            &world::blocks(&[serial(101, 400), serial(1001, 1005)]),
        );
        p.leaves.push(retired);
    }),
    ("other units than allocated", "story", |p| {
        if let Leaf::Released { units, .. } = p.leaf("RELEASED") {
            units[0] = serial(102, 401);
        }
    }),
    ("an allocation of fewer units", "story", |p| {
        if let Leaf::Burned { allocation, .. } = p.leaf("BURNED") {
            allocation.truncate(1);
        }
    }),
    ("another pool released from", "story", |p| {
        if let Leaf::Released { pool, .. } = p.leaf("RELEASED") {
            *pool = B256::repeat_byte(1);
        }
    }),
    ("another pool burned in", "story", |p| {
        for leaf in &mut p.leaves {
            if let Leaf::Burned { pool, .. } | Leaf::Released { pool, .. } = leaf {
                *pool = B256::repeat_byte(1);
            }
        }
    }),
    ("another burn number", "story", |p| {
        if let Leaf::Burned { number, .. } = p.leaf("BURNED") {
            *number = 9;
        }
    }),
    ("another burn number on chain", "chain", |p| {
        let event = evm::burned(9, p.transfer, p.class, p.quantity_g, 1);
        p.events.insert("burn", event);
    }),
    ("another purpose on chain", "chain", |p| {
        let event = evm::burned(8, p.transfer, p.class, p.quantity_g, 2);
        p.events.insert("burn", event);
    }),
    ("another holder", "chain", |p| {
        if let Leaf::Burned { holder, .. } = p.leaf("BURNED") {
            *holder = Address::repeat_byte(0x66);
        }
    }),
    ("another commitment", "chain", |p| {
        if let Leaf::Burned { commitment, .. } = p.leaf("BURNED") {
            *commitment = B256::ZERO;
        }
    }),
    ("released to nobody", "registry", |p| {
        p.receipt("release").account = None;
    }),
    ("released from another custody account", "registry", |p| {
        p.receipt("release").custody_account = "9002".into();
    }),
    ("a release of another burn", "registry", |p| {
        p.receipt("release").reference = B256::repeat_byte(1).to_string();
    }),
    ("a mint authorisation", "quorum", |p| {
        let mut mint = mint_of(&outbound_terms());
        mint.batch.log_size = 2;
        p.mint = Some(mint);
    }),
    ("another quantity owed", "story", |p| {
        p.leaves.insert(2, owed(8, 1_000_000));
    }),
    ("owed before the burn", "story", |p| {
        p.leaves.insert(1, owed(8, p.quantity_g));
    }),
];

pub(super) const RETIRED: &[Lie] = &[
    ("another certificate", "registry", |p| {
        p.receipt("retire").certificate = Some("RC-000018".into());
    }),
    ("no certificate", "registry", |p| {
        p.receipt("retire").certificate = None;
    }),
    ("a receiving account", "registry", |p| {
        p.receipt("retire").account = Some("1001".into());
    }),
    ("burned to be released", "story", |p| {
        if let Leaf::Burned { purpose, .. } = p.leaf("BURNED") {
            *purpose = Purpose::Release;
        }
    }),
];
