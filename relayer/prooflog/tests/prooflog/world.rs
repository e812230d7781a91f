//! A small world in which everything is right: keys, a signed route, terms, leaves. Tests break one thing.

use alloy_primitives::{Address, B256, Bytes, Signature};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use isthmus_prooflog::book::{Book, pool_of};
use isthmus_prooflog::gate::burn_id;
use isthmus_prooflog::leaf::{AdminSignature, EvidenceRef, Grams, Leaf, Purpose, jcs_digest};
use isthmus_prooflog::note::{LogSigner, VerifierKey};
use isthmus_prooflog::policy::Policy;
use isthmus_prooflog::receipt::RegistryReceipt;
use isthmus_prooflog::serial::{Block, normalise, total_g};
use serde_json::{Value, json};

pub(crate) const ORIGIN: &str = "isthmus.test/log";
pub(crate) const REGISTRY: &str = "vcs:sandbox";
pub(crate) const CHAIN_ID: u64 = 31337;
pub(crate) const GATE: Address = Address::repeat_byte(0x33);
pub(crate) const RECIPIENT: Address = Address::repeat_byte(0x44);
pub(crate) const HOLDER: Address = Address::repeat_byte(0x55);
pub(crate) const CLASS: B256 = B256::repeat_byte(0xaa);
pub(crate) const COMMITMENT: B256 = B256::repeat_byte(0xcc);

/// Everybody's keys. Another seed is another world.
#[derive(Clone, Debug)]
pub(crate) struct World {
    seed: u8,
}

impl World {
    pub(crate) fn new(seed: u8) -> Self {
        Self { seed }
    }

    fn key(&self, who: u8) -> SigningKey {
        let mut seed = [self.seed; 32];
        seed[0] = who;
        SigningKey::from_bytes(&seed)
    }

    pub(crate) fn log(&self) -> LogSigner {
        LogSigner::new(ORIGIN.into(), self.key(1).to_bytes(), None)
    }

    pub(crate) fn registry(&self) -> SigningKey {
        self.key(2)
    }

    pub(crate) fn admins(&self) -> [SigningKey; 2] {
        [self.key(3), self.key(4)]
    }

    /// Three, ascending by address.
    pub(crate) fn attesters(&self) -> Vec<k256::ecdsa::SigningKey> {
        let mut keys: Vec<_> = (5..8)
            .map(|who| k256::ecdsa::SigningKey::from_slice(&self.key(who).to_bytes()).unwrap())
            .collect();
        keys.sort_by_key(Address::from_private_key);
        keys
    }

    pub(crate) fn attester_addresses(&self) -> Vec<Address> {
        let keys = self.attesters();
        keys.iter().map(Address::from_private_key).collect()
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy::parse(&self.policy_text(&[])).unwrap()
    }

    pub(crate) fn policy_with(&self, blocks: &[B256]) -> Policy {
        Policy::parse(&self.policy_text(blocks)).unwrap()
    }

    pub(crate) fn policy_text(&self, blocks: &[B256]) -> String {
        let public = |key: &SigningKey| STANDARD.encode(key.verifying_key().as_bytes());
        let [first, second] = self.admins();
        let signers = self.attester_addresses();
        let blocks: Vec<_> = blocks.iter().map(ToString::to_string).collect();
        format!(
            "[log]\nvkey = \"{}\"\n\
             [[registry]]\nid = \"{REGISTRY}\"\nreceipt_key = \"{}\"\n\
             [[gate]]\nchain = \"eip155:{CHAIN_ID}\"\naddress = \"{GATE:#x}\"\nblocks = {blocks:?}\n\
             [[gate.epoch]]\nepoch = 1\nthreshold = 2\nsigners = [\"{:#x}\", \"{:#x}\", \"{:#x}\"]\n\
             [[route_admin]]\nname = \"exchange\"\nkey = \"{}\"\n\
             [[route_admin]]\nname = \"registry\"\nkey = \"{}\"\n",
            self.vkey(),
            public(&self.registry()),
            signers[0],
            signers[1],
            signers[2],
            public(&first),
            public(&second),
        )
    }

    pub(crate) fn vkey(&self) -> VerifierKey {
        self.log().verifier()
    }

    pub(crate) fn route_leaf(&self, document: &Value) -> Leaf {
        let message = format!("isthmus/route/v1\n{}\n", jcs_digest(document));
        let signatures = self
            .admins()
            .iter()
            .map(|key| AdminSignature {
                key: B256::from(key.verifying_key().to_bytes()),
                signature: hex::encode(key.sign(message.as_bytes()).to_bytes()),
            })
            .collect();
        Leaf::Route {
            at_ms: 1,
            v: 1,
            route: document.clone(),
            signatures,
        }
    }
}

/// 65 bytes r ‖ s ‖ v.
pub(crate) fn sign_digest(key: &k256::ecdsa::SigningKey, digest: B256) -> Bytes {
    let (signature, recovery) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    Bytes::from(Signature::from((signature, recovery)).as_bytes().to_vec())
}

/// A JWS over exactly these bytes.
pub(crate) fn jws(header: &str, payload: &[u8], key: &SigningKey) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).to_bytes());
    format!("{message}.{signature}")
}

pub(crate) fn signed_receipt(receipt: &RegistryReceipt, key: &SigningKey) -> String {
    let header = r#"{"alg":"EdDSA","kid":"vcs:sandbox"}"#;
    jws(
        header,
        &serde_json_canonicalizer::to_vec(receipt).unwrap(),
        key,
    )
}

pub(crate) fn serial(first: u64, last: u64) -> String {
    format!("19385-{first}-{last}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1")
}

pub(crate) fn route(version: u64) -> Value {
    json!({"custody_account": "9001", "destination": format!("eip155:{CHAIN_ID}"), "gate": format!("{GATE:#x}"),
           "id": "verra-evm", "origin": REGISTRY, "v": 1, "version": version})
}

/// A second route of the same pool.
pub(crate) fn another_route() -> Leaf {
    let mut document = route(1);
    document["id"] = "another".into();
    World::new(0).route_leaf(&document)
}

pub(crate) fn pool() -> B256 {
    pool_of(&route(1), CLASS).unwrap()
}

pub(crate) fn terms(units: &[String], nonce: u8) -> Value {
    let quantity_g = total_g(&normalise(units).unwrap());
    json!({"account": "1001", "asset_class": CLASS.to_string(), "destination": format!("eip155:{CHAIN_ID}"),
           "gate": format!("{GATE:#x}"), "kind": "outbound", "nonce": B256::repeat_byte(nonce).to_string(),
           "origin": REGISTRY, "quantity_g": quantity_g.to_string(), "recipient": format!("{RECIPIENT:#x}"),
           "route": "verra-evm", "units": units, "v": 1})
}

pub(crate) fn evidence(kind: &str) -> EvidenceRef {
    EvidenceRef {
        grade: "A".into(),
        sha256: B256::ZERO,
        r#type: kind.into(),
    }
}

pub(crate) fn quantity(terms: &Value) -> Grams {
    Grams(terms["quantity_g"].as_str().unwrap().parse().unwrap())
}

pub(crate) fn units(terms: &Value) -> Vec<String> {
    serde_json::from_value(terms["units"].clone()).unwrap()
}

pub(crate) fn locked(terms: &Value) -> Leaf {
    Leaf::Locked {
        at_ms: 2,
        v: 1,
        transfer: jcs_digest(terms),
        pool: pool(),
        asset_class: CLASS,
        terms: terms.clone(),
        units: units(terms),
        quantity_g: quantity(terms),
        evidence: evidence("registry-receipt"),
    }
}

pub(crate) fn minted(terms: &Value) -> Leaf {
    Leaf::Minted {
        at_ms: 3,
        v: 1,
        transfer: jcs_digest(terms),
        pool: pool(),
        asset_class: CLASS,
        recipient: RECIPIENT,
        quantity_g: quantity(terms),
        evidence: evidence("evm-receipt"),
    }
}

pub(crate) fn voided(terms: &Value) -> Leaf {
    Leaf::Voided {
        at_ms: 3,
        v: 1,
        transfer: jcs_digest(terms),
        pool: pool(),
        asset_class: CLASS,
        quantity_g: quantity(terms),
        evidence: evidence("evm-receipt"),
    }
}

pub(crate) fn unlocked(terms: &Value) -> Leaf {
    Leaf::Unlocked {
        at_ms: 4,
        v: 1,
        transfer: jcs_digest(terms),
        pool: pool(),
        asset_class: CLASS,
        units: units(terms),
        quantity_g: quantity(terms),
        evidence: evidence("registry-receipt"),
    }
}

/// The burn with this number, of these blocks.
pub(crate) fn burned(number: u64, purpose: Purpose, allocation: &[Block]) -> Leaf {
    Leaf::Burned {
        written_off_g: None,
        at_ms: 5,
        v: 1,
        transfer: burn_id(CHAIN_ID, GATE, number),
        pool: pool(),
        asset_class: CLASS,
        number,
        holder: HOLDER,
        purpose,
        commitment: COMMITMENT,
        quantity_g: Grams(total_g(allocation)),
        allocation: allocation.iter().map(ToString::to_string).collect(),
        evidence: evidence("evm-receipt"),
    }
}

/// What the burn with this number is given.
pub(crate) fn given(number: u64, purpose: Purpose, allocation: &[Block]) -> Leaf {
    let (transfer, quantity_g) = (burn_id(CHAIN_ID, GATE, number), Grams(total_g(allocation)));
    let units = allocation.iter().map(ToString::to_string).collect();
    let evidence = evidence("registry-receipt");
    match purpose {
        Purpose::Release => Leaf::Released {
            at_ms: 6,
            v: 1,
            transfer,
            pool: pool(),
            asset_class: CLASS,
            units,
            quantity_g,
            evidence,
        },
        Purpose::Retire => Leaf::Retired {
            at_ms: 6,
            v: 1,
            transfer,
            pool: pool(),
            asset_class: CLASS,
            units,
            quantity_g,
            certificate: "RC-000017".into(),
            evidence,
        },
    }
}

pub(crate) fn owed(number: u64, grams: u64) -> Leaf {
    Leaf::Owed {
        at_ms: 6,
        v: 1,
        transfer: burn_id(CHAIN_ID, GATE, number),
        pool: pool(),
        asset_class: CLASS,
        quantity_g: Grams(grams),
        refusal: "account_closed".into(),
    }
}

pub(crate) fn paused(scope: &str) -> Leaf {
    Leaf::Paused {
        at_ms: 1,
        v: 1,
        scope: scope.into(),
        by: "operator".into(),
    }
}

/// A book that has the route.
pub(crate) fn book() -> Book {
    let mut book = Book::default();
    book.apply(&World::new(0).route_leaf(&route(1))).unwrap();
    book
}

pub(crate) fn blocks(serials: &[String]) -> Vec<Block> {
    serials.iter().map(|s| Block::parse(s).unwrap()).collect()
}
