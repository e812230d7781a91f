//! The auditor's policy: the only source of keys (`docs/protocol.md` §10).

use alloy_primitives::{Address, B256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;

use crate::note::VerifierKey;

/// Keys and sets that the auditor trusts.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The log's key.
    pub log: VerifierKey,
    /// Registries: id and receipt key.
    pub registries: Vec<(String, [u8; 32])>,
    /// Gates and their signer sets.
    pub gates: Vec<GatePolicy>,
    /// Route admins: name and key.
    pub route_admins: Vec<(String, [u8; 32])>,
    /// Path of the checkpoint kept from the last audit, as written. This crate reads no files.
    pub previous_checkpoint: Option<String>,
}

/// A gate and who may sign for it.
#[derive(Clone, Debug)]
pub struct GatePolicy {
    /// CAIP-2 id.
    pub chain: String,
    /// The contract.
    pub address: Address,
    /// Signer sets.
    pub epochs: Vec<EpochPolicy>,
    /// Hashes of blocks that the auditor compared with a node of his own.
    pub blocks: Vec<B256>,
}

/// One signer set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochPolicy {
    /// Its number.
    pub epoch: u32,
    /// How many must sign.
    pub threshold: usize,
    /// Who may.
    pub signers: Vec<Address>,
}

/// Everything that is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit policy is not valid:\n  {}", .0.join("\n  "))]
pub struct PolicyError(pub Vec<String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    previous_checkpoint: Option<String>,
    log: RawLog,
    #[serde(default)]
    registry: Vec<RawRegistry>,
    #[serde(default)]
    gate: Vec<RawGate>,
    #[serde(default)]
    route_admin: Vec<RawAdmin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLog {
    vkey: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRegistry {
    id: String,
    receipt_key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGate {
    chain: String,
    address: Address,
    #[serde(default)]
    epoch: Vec<EpochPolicy>,
    #[serde(default)]
    blocks: Vec<B256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAdmin {
    name: String,
    key: String,
}

impl Policy {
    /// Parses the TOML; reports every problem.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let raw: Raw = toml::from_str(text).map_err(|e| PolicyError(vec![e.to_string()]))?;
        let mut problems = Vec::new();
        let registries = raw
            .registry
            .iter()
            .enumerate()
            .map(|(i, r)| {
                let path = format!("registry[{i}].receipt_key");
                (r.id.clone(), key(&path, &r.receipt_key, &mut problems))
            })
            .collect::<Vec<_>>();
        let route_admins = raw
            .route_admin
            .iter()
            .enumerate()
            .map(|(i, r)| {
                let path = format!("route_admin[{i}].key");
                (r.name.clone(), key(&path, &r.key, &mut problems))
            })
            .collect::<Vec<_>>();
        check_gates(&raw.gate, &mut problems);
        let mut once = |field: &str, names: Vec<String>| repeated(field, &names, &mut problems);
        once(
            "registry.id",
            registries.iter().map(|(id, _)| id.clone()).collect(),
        );
        once(
            "route_admin.name",
            route_admins.iter().map(|(name, _)| name.clone()).collect(),
        );
        // One key under two names would count as two people.
        once(
            "route_admin.key",
            raw.route_admin.iter().map(|r| r.key.clone()).collect(),
        );
        let log = match VerifierKey::parse(&raw.log.vkey) {
            Ok(key) if key.is_log() => Some(key),
            Ok(_) => {
                problems.push(format!(
                    "log.vkey: {:?} is a witness's key (type 4); give the log's own (type 1)",
                    raw.log.vkey
                ));
                None
            }
            Err(error) => {
                problems.push(format!("log.vkey: {error}"));
                None
            }
        };
        let Some(log) = log.filter(|_| problems.is_empty()) else {
            return Err(PolicyError(problems));
        };
        let gates = raw
            .gate
            .into_iter()
            .map(|g| GatePolicy {
                chain: g.chain,
                address: g.address,
                epochs: g.epoch,
                blocks: g.blocks,
            })
            .collect();
        Ok(Self {
            log,
            registries,
            gates,
            route_admins,
            previous_checkpoint: raw.previous_checkpoint,
        })
    }

    /// The receipt key of a registry.
    pub fn registry(&self, id: &str) -> Option<&[u8; 32]> {
        self.registries
            .iter()
            .find(|(name, _)| name == id)
            .map(|(_, key)| key)
    }

    /// A gate by chain id and address.
    pub fn gate(&self, chain_id: u64, address: Address) -> Option<&GatePolicy> {
        self.gates
            .iter()
            .find(|g| g.chain == format!("eip155:{chain_id}") && g.address == address)
    }
}

impl GatePolicy {
    /// The signer set of an epoch.
    pub fn epoch(&self, epoch: u32) -> Option<&EpochPolicy> {
        self.epochs.iter().find(|e| e.epoch == epoch)
    }
}

fn key(path: &str, text: &str, problems: &mut Vec<String>) -> [u8; 32] {
    let key = STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .filter(|key| VerifyingKey::from_bytes(key).is_ok());
    if key.is_none() {
        problems.push(format!(
            "{path}: {text:?} is not base64 of a 32-byte Ed25519 key"
        ));
    }
    key.unwrap_or_default()
}

fn check_gates(gates: &[RawGate], problems: &mut Vec<String>) {
    for (i, gate) in gates.iter().enumerate() {
        for (j, epoch) in gate.epoch.iter().enumerate() {
            let path = format!("gate[{i}].epoch[{j}]");
            let (threshold, signers) = (epoch.threshold, epoch.signers.len());
            if threshold == 0 || threshold > signers {
                problems.push(format!(
                    "{path}.threshold: {threshold} is not between 1 and its {signers} signers"
                ));
            }
            let names: Vec<_> = epoch.signers.iter().map(ToString::to_string).collect();
            repeated(&format!("{path}.signers"), &names, problems);
        }
        let numbers: Vec<_> = gate.epoch.iter().map(|e| e.epoch.to_string()).collect();
        repeated(&format!("gate[{i}].epoch.epoch"), &numbers, problems);
    }
    let names: Vec<_> = gates
        .iter()
        .map(|g| format!("{} {:#x}", g.chain, g.address))
        .collect();
    repeated("gate", &names, problems);
}

fn repeated(field: &str, names: &[String], problems: &mut Vec<String>) {
    for (i, name) in names.iter().enumerate() {
        if names.iter().take(i).any(|earlier| earlier == name) {
            problems.push(format!("{field}: {name:?} is there twice; keep one"));
        }
    }
}
