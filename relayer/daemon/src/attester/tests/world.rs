//! A small world in which everything is right: keys, a signed route, holders' terms, leaves, receipts. Tests break one thing.

use alloy::primitives::B256;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{Address, Hash32, TransferId};
use isthmus_core::instruction::{Instruction, Purpose};
use isthmus_core::mandate::{HolderKey, Wish};
use isthmus_core::operation::MintItem;
use isthmus_core::quantity::Quantity;
use isthmus_core::route::{Eligible, RouteDocument};
use isthmus_core::terms::{Burn, OutboundKind, OutboundTerms};
use isthmus_core::time::Timestamp;
use isthmus_prooflog::leaf::{self, AdminSignature, EvidenceRef, Grams, Leaf, jcs_digest};
use isthmus_prooflog::receipt::RegistryReceipt;
use isthmus_prooflog::serial::{self, Block};
use serde_json::Value;

use crate::attester::ports::{Record, Standing, StoredBlock};
use crate::attester::replica::Replica;

pub(super) const REGISTRY: &str = "vcs:sandbox";
pub(super) const CHAIN: &str = "eip155:31337";
pub(super) const CHAIN_ID: u64 = 31337;
pub(super) const GATE: Address = Address::new([0x33; 20]);
pub(super) const NOW: Timestamp = Timestamp::from_ms(1_780_000_000_000);

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(super) fn registry_key() -> SigningKey {
    key(1)
}

pub(super) fn holder() -> SigningKey {
    key(2)
}

pub(super) fn admins() -> [SigningKey; 2] {
    [key(3), key(4)]
}

pub(super) fn public(key: &SigningKey) -> Hash32 {
    Hash32::new(key.verifying_key().to_bytes())
}

pub(super) fn holder_key() -> HolderKey {
    HolderKey(holder().verifying_key().to_bytes())
}

pub(super) fn class() -> AssetClass {
    AssetClass {
        country: "ET".into(),
        labels: vec![],
        programme: "VCS".into(),
        project: "1340".into(),
        registry: REGISTRY.parse().unwrap(),
        unit_type: "VCU".into(),
        v: 1,
        vintage_end: "2020-12-31".into(),
        vintage_start: "2020-01-01".into(),
    }
}

pub(super) fn tonnes(tonnes: u64) -> Quantity {
    Quantity::from_tonnes(tonnes).unwrap()
}

pub(super) fn serial(first: u64, last: u64) -> String {
    format!("19385-{first}-{last}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1")
}

pub(super) fn route() -> RouteDocument {
    RouteDocument {
        allow_accounts: vec!["1001".parse().unwrap()],
        big_transfer: None,
        custody_account: "9001".parse().unwrap(),
        destination: CHAIN.parse().unwrap(),
        eligible: Eligible {
            countries: vec![],
            programmes: vec!["VCS".into()],
            projects: vec![],
            unit_types: vec!["VCU".into()],
            vintage_from: "2010-01-01".into(),
            vintage_until: "2030-12-31".into(),
        },
        gate: GATE,
        id: "verra-evm".parse().unwrap(),
        max_per_transfer_g: tonnes(1000),
        min_per_transfer_g: tonnes(1),
        origin: REGISTRY.parse().unwrap(),
        outstanding_cap_g: tonnes(1000),
        redemption: vec![Purpose::Release, Purpose::Retire],
        rolling_limit: None,
        step_g: tonnes(1),
        v: 1,
        version: 1,
    }
}

pub(super) fn route_leaf(route: &RouteDocument, signers: &[SigningKey]) -> Leaf {
    let signature = |key: &SigningKey| AdminSignature {
        key: B256::from(key.verifying_key().to_bytes()),
        signature: hex::encode(key.sign(&route.message()).to_bytes()),
    };
    Leaf::Route {
        at_ms: 1,
        v: 1,
        route: serde_json::to_value(route).unwrap(),
        signatures: signers.iter().map(signature).collect(),
    }
}

/// Terms for `last − first + 1` tonnes.
pub(super) fn terms(first: u64, last: u64) -> OutboundTerms {
    OutboundTerms {
        account: "1001".parse().unwrap(),
        asset_class: class().id(),
        destination: CHAIN.parse().unwrap(),
        gate: GATE,
        kind: OutboundKind::Outbound,
        nonce: Hash32::new([7; 32]),
        origin: REGISTRY.parse().unwrap(),
        quantity_g: tonnes(last - first + 1),
        recipient: Address::new([0x44; 20]),
        route: "verra-evm".parse().unwrap(),
        units: vec![serial(first, last)],
        v: 1,
    }
}

pub(super) fn b256(id: TransferId) -> B256 {
    B256::from(*id.as_bytes())
}

fn evidence() -> EvidenceRef {
    EvidenceRef {
        grade: "A".into(),
        sha256: B256::ZERO,
        r#type: "registry-receipt".into(),
    }
}

fn pool(terms: &OutboundTerms) -> B256 {
    B256::from(*route().pool(terms.asset_class).id().as_bytes())
}

fn leaf_class(terms: &OutboundTerms) -> B256 {
    B256::from(*terms.asset_class.as_bytes())
}

pub(super) fn locked(terms: &OutboundTerms) -> Leaf {
    Leaf::Locked {
        at_ms: 1,
        v: 1,
        transfer: b256(terms.id()),
        pool: pool(terms),
        asset_class: leaf_class(terms),
        terms: serde_json::to_value(terms).unwrap(),
        units: terms.units.clone(),
        quantity_g: Grams(terms.quantity_g.grams()),
        evidence: evidence(),
    }
}

pub(super) fn minted(terms: &OutboundTerms) -> Leaf {
    Leaf::Minted {
        at_ms: 1,
        v: 1,
        transfer: b256(terms.id()),
        pool: pool(terms),
        asset_class: leaf_class(terms),
        recipient: (*terms.recipient.as_bytes()).into(),
        quantity_g: Grams(terms.quantity_g.grams()),
        evidence: evidence(),
    }
}

pub(super) fn voided(terms: &OutboundTerms) -> Leaf {
    Leaf::Voided {
        at_ms: 1,
        v: 1,
        transfer: b256(terms.id()),
        pool: pool(terms),
        asset_class: leaf_class(terms),
        quantity_g: Grams(terms.quantity_g.grams()),
        evidence: evidence(),
    }
}

pub(super) fn unlocked(terms: &OutboundTerms) -> Leaf {
    Leaf::Unlocked {
        at_ms: 1,
        v: 1,
        transfer: b256(terms.id()),
        pool: pool(terms),
        asset_class: leaf_class(terms),
        units: terms.units.clone(),
        quantity_g: Grams(terms.quantity_g.grams()),
        evidence: evidence(),
    }
}

pub(super) fn instruction() -> Instruction {
    Instruction::Retire {
        beneficiary: "Acme Ltd".into(),
        reason: "2025 emissions".into(),
        salt: Hash32::new([9; 32]),
        v: 1,
    }
}

/// Burn number 1 of `t` tonnes, for [`instruction`].
pub(super) fn burn(t: u64) -> Burn {
    Burn {
        ledger: CHAIN.parse().unwrap(),
        chain_id: CHAIN_ID,
        gate: GATE,
        number: 1,
        asset_class: class().id(),
        holder: Address::new([0x55; 20]),
        quantity: tonnes(t),
        purpose: Purpose::Retire,
        commitment: instruction().commitment(),
    }
}

pub(super) fn burned(burn: &Burn, allocation: &[Block]) -> Leaf {
    Leaf::Burned {
        written_off_g: None,
        at_ms: 1,
        v: 1,
        transfer: b256(burn.id()),
        pool: pool(&terms(1, 1)),
        asset_class: B256::from(*burn.asset_class.as_bytes()),
        number: burn.number,
        holder: (*burn.holder.as_bytes()).into(),
        purpose: leaf::Purpose::Retire,
        commitment: B256::from(*burn.commitment.as_bytes()),
        quantity_g: Grams(burn.quantity.grams()),
        allocation: allocation.iter().map(ToString::to_string).collect(),
        evidence: evidence(),
    }
}

pub(super) fn retired(burn: &Burn, allocation: &[Block]) -> Leaf {
    Leaf::Retired {
        at_ms: 1,
        v: 1,
        transfer: b256(burn.id()),
        pool: pool(&terms(1, 1)),
        asset_class: B256::from(*burn.asset_class.as_bytes()),
        units: allocation.iter().map(ToString::to_string).collect(),
        quantity_g: Grams(burn.quantity.grams()),
        certificate: "RC-1".into(),
        evidence: evidence(),
    }
}

pub(super) fn blocks(serials: &[String]) -> Vec<Block> {
    serial::normalise(serials).unwrap()
}

pub(super) fn replay(leaves: &[Leaf]) -> Replica {
    let mut replica = Replica::default();
    for leaf in leaves {
        replica.apply(leaf).unwrap();
    }
    replica
}

pub(super) fn item(terms: &OutboundTerms) -> MintItem {
    MintItem {
        transfer: terms.id(),
        asset_class: terms.asset_class,
        recipient: terms.recipient,
        quantity: terms.quantity_g,
    }
}

pub(super) fn mandate(terms: &OutboundTerms, holder: &SigningKey) -> String {
    STANDARD.encode(holder.sign(&Wish::Transfer.message(terms.id())).to_bytes())
}

pub(super) fn lock_receipt(terms: &OutboundTerms) -> RegistryReceipt {
    RegistryReceipt {
        account: Some(terms.account.to_string()),
        at_ms: 1,
        beneficiary: None,
        certificate: None,
        custody_account: route().custody_account.to_string(),
        mandate: Some(mandate(terms, &holder())),
        movement: "lock".into(),
        quantity_t: terms.quantity_g.tonnes().unwrap(),
        reason: None,
        reference: terms.id().to_string(),
        registry: REGISTRY.into(),
        sequence: 1,
        units: terms.units.clone(),
        v: 1,
    }
}

pub(super) fn signed(receipt: &RegistryReceipt, key: &SigningKey) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"vcs:sandbox"}"#);
    let payload = URL_SAFE_NO_PAD.encode(serde_json_canonicalizer::to_vec(receipt).unwrap());
    let message = format!("{header}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).to_bytes());
    format!("{message}.{signature}")
}

pub(super) fn lock_record(terms: &OutboundTerms) -> Record {
    Record::Executed {
        receipt: signed(&lock_receipt(terms), &registry_key()),
    }
}

pub(super) fn stored(terms: &OutboundTerms) -> Vec<StoredBlock> {
    let block = |serial: &String| StoredBlock {
        serial: serial.clone(),
        account: route().custody_account,
        standing: Standing::Locked,
        class: class(),
        reference: Some(terms.id().to_string()),
    };
    terms.units.iter().map(block).collect()
}

pub(super) fn proposed(proposal: &Value) -> Record {
    Record::Proposed {
        digest: Hash32::new(jcs_digest(proposal).0),
        proposal: proposal.clone(),
    }
}
