//! Who and what there is in every run: keys, ledgers, the class, the route, serials.

use alloy::primitives::B256;
use alloy::signers::local::PrivateKeySigner;
use ed25519_dalek::{Signer, SigningKey};
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AccountId, Address, Hash32, LedgerId};
use isthmus_core::instruction::Purpose;
use isthmus_core::quantity::Quantity;
use isthmus_core::route::{Eligible, RouteDocument, RouteSignature};
use isthmus_core::serial_block::{NumberingSpace, SerialBlock, Series};

/// EIP-155 id of the chain.
pub const CHAIN_ID: u64 = 31337;
/// The gate.
pub const GATE: Address = Address::new([0x33; 20]);
/// How many attesters there are.
pub const ATTESTERS: u8 = 3;
/// How many of them make a quorum.
pub const QUORUM: usize = 2;
/// The log's name.
pub const LOG_ORIGIN: &str = "isthmus.sim/log";
/// The log's seed.
pub const LOG_SEED: [u8; 32] = [9; 32];
/// The network in the stores.
pub const NETWORK: &str = "sim";

/// The registry.
pub fn registry() -> LedgerId {
    "vcs:sandbox".parse().unwrap()
}

/// The chain.
pub fn chain() -> LedgerId {
    "eip155:31337".parse().unwrap()
}

/// The custody account.
pub fn custody() -> AccountId {
    "9001".parse().unwrap()
}

/// A holder's account.
pub fn account(holder: u64) -> AccountId {
    (1000 + holder).to_string().parse().unwrap()
}

/// A holder's address on the chain.
pub fn address(holder: u64) -> Address {
    let mut bytes = [0x44; 20];
    bytes[..8].copy_from_slice(&holder.to_be_bytes());
    Address::new(bytes)
}

/// A holder's registered key.
pub fn holder_key(holder: u64) -> SigningKey {
    let mut seed = [2; 32];
    seed[..8].copy_from_slice(&holder.to_be_bytes());
    SigningKey::from_bytes(&seed)
}

/// The key of the registry's receipts.
pub fn receipt_key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

/// The route admins' keys.
pub fn admins() -> [SigningKey; 2] {
    [3, 4].map(|seed| SigningKey::from_bytes(&[seed; 32]))
}

/// An Ed25519 public key.
pub fn public(key: &SigningKey) -> Hash32 {
    Hash32::new(key.verifying_key().to_bytes())
}

/// An attester's name.
pub fn attester(number: u8) -> String {
    format!("attester-{number}")
}

/// An attester's key.
pub fn attester_key(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(0x50 + number)).unwrap()
}

/// The address of an attester's key.
pub fn signer(number: u8) -> Address {
    Address::new(attester_key(number).address().0.0)
}

/// The one class.
pub fn class() -> AssetClass {
    AssetClass {
        country: "ET".into(),
        labels: vec![],
        programme: "VCS".into(),
        project: "1340".into(),
        registry: registry(),
        unit_type: "VCU".into(),
        v: 1,
        vintage_end: "2020-12-31".into(),
        vintage_start: "2020-01-01".into(),
    }
}

/// Units `first..=last`.
pub fn block(first: u64, last: u64) -> SerialBlock {
    let series = Series {
        before: "19385-".into(),
        after: "-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1".into(),
    };
    SerialBlock::new(NumberingSpace("vcs/13".into()), first, last, series).unwrap()
}

/// The numbers of a serial, if it is one of the one series.
pub fn numbers(serial: &str) -> Option<(u64, u64)> {
    let mut segments = serial.split('-').skip(1);
    let first = segments.next()?.parse().ok()?;
    let last = segments.next()?.parse().ok()?;
    (first >= 1 && first <= last && block(first, last).to_string() == serial)
        .then_some((first, last))
}

/// Tonnes.
pub fn tonnes(tonnes: u64) -> Quantity {
    Quantity::from_tonnes(tonnes).unwrap()
}

/// The one route.
pub fn route() -> RouteDocument {
    RouteDocument {
        allow_accounts: vec![],
        big_transfer: None,
        custody_account: custody(),
        destination: chain(),
        eligible: Eligible {
            countries: vec![],
            programmes: vec!["VCS".into()],
            projects: vec![],
            unit_types: vec!["VCU".into()],
            vintage_from: "2016-01-01".into(),
            vintage_until: "2025-12-31".into(),
        },
        gate: GATE,
        id: "verra-evm".parse().unwrap(),
        max_per_transfer_g: tonnes(1_000),
        min_per_transfer_g: tonnes(1),
        origin: registry(),
        outstanding_cap_g: tonnes(1_000_000),
        redemption: vec![Purpose::Release, Purpose::Retire],
        rolling_limit: None,
        step_g: tonnes(1),
        v: 1,
        version: 1,
    }
}

/// The route's signatures.
pub fn route_signatures() -> Vec<RouteSignature> {
    let message = route().message();
    let sign = |key: &SigningKey| RouteSignature {
        key: public(key),
        signature: hex::encode(key.sign(&message).to_bytes()),
    };
    admins().iter().map(sign).collect()
}

/// 32 bytes that belong to a number and a purpose.
pub fn hash(purpose: &str, number: u64) -> Hash32 {
    Hash32::new(isthmus_core::jcs::digest(&(purpose, number)))
}

/// The first characters of an id, for traces.
pub fn short(id: &impl ToString) -> String {
    id.to_string().chars().skip(2).take(8).collect()
}
