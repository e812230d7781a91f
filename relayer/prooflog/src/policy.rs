//! The auditor's policy: the only source of keys (`docs/protocol.md` §10).

use alloy_primitives::Address;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
        let mut key = |path: String, text: &str| {
            let key = STANDARD
                .decode(text)
                .ok()
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            if key.is_none() {
                problems.push(format!(
                    "{path}: {text:?} is not base64 of a 32-byte Ed25519 key"
                ));
            }
            key.unwrap_or_default()
        };
        let registries = raw
            .registry
            .iter()
            .enumerate()
            .map(|(i, r)| {
                (
                    r.id.clone(),
                    key(format!("registry[{i}].receipt_key"), &r.receipt_key),
                )
            })
            .collect();
        let route_admins = raw
            .route_admin
            .iter()
            .enumerate()
            .map(|(i, r)| (r.name.clone(), key(format!("route_admin[{i}].key"), &r.key)))
            .collect();
        for (i, gate) in raw.gate.iter().enumerate() {
            for (j, epoch) in gate.epoch.iter().enumerate() {
                if epoch.threshold == 0 || epoch.threshold > epoch.signers.len() {
                    let (threshold, signers) = (epoch.threshold, epoch.signers.len());
                    problems.push(format!("gate[{i}].epoch[{j}].threshold: {threshold} is not between 1 and its {signers} signers"));
                }
            }
        }
        let log = match VerifierKey::parse(&raw.log.vkey) {
            Ok(log) if problems.is_empty() => log,
            Ok(_) => return Err(PolicyError(problems)),
            Err(error) => {
                problems.push(format!("log.vkey: {error}"));
                return Err(PolicyError(problems));
            }
        };
        let gates = raw
            .gate
            .into_iter()
            .map(|g| GatePolicy {
                chain: g.chain,
                address: g.address,
                epochs: g.epoch,
            })
            .collect();
        Ok(Self {
            log,
            registries,
            gates,
            route_admins,
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
