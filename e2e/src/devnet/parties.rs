//! Who takes part in a devnet, with keys and credentials of their own.

use anyhow::Context as _;

use crate::devnet::keys::{EdKey, EvmKey, secret};

/// Names and roles at the relayer's API. The attesters have identities of their own.
pub const IDENTITIES: [(&str, &str); 5] = [
    ("exchange-a", "exchange"),
    ("exchange-b", "exchange"),
    ("operator-1", "operator"),
    ("operator-2", "operator"),
    ("auditor", "auditor"),
];

/// Account of the first holder at the registry, who has all eligible units.
pub const ALPHA: &str = "1001";
/// Account of the second holder.
pub const BETA: &str = "1002";
/// An account that is closed from the start.
pub const CLOSED: &str = "1003";

/// How many attesters there are.
pub const ATTESTERS: usize = 3;
/// How many wallets are funded.
pub const WALLETS: usize = 4;

/// Somebody who may call the relayer.
#[derive(Clone)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The role.
    pub role: String,
    /// The secret.
    pub token: String,
}

/// An attester.
#[derive(Clone)]
pub struct Attester {
    /// The name, at the relayer and at the registry.
    pub name: String,
    /// Signs items.
    pub key: EvmKey,
    /// Its own credential at the registry.
    pub registry_key: String,
}

/// A holder's account at the registry.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Account number.
    pub account: &'static str,
    /// Account name.
    pub name: &'static str,
    /// Whether it is open.
    pub open: bool,
    /// The registered key, which signs mandates.
    pub key: EdKey,
}

/// Credentials at the registry besides the attesters'.
#[derive(Clone)]
pub struct RegistryKeys {
    /// The relayer's: locks and proposes.
    pub relayer: String,
    /// An approver's key of the relayer's party: approves nothing that the relayer proposed.
    pub relayer_approver: String,
    /// Reads.
    pub reader: String,
    /// The registry's own operator.
    pub admin: String,
}

/// Everybody.
#[derive(Clone)]
pub struct Parties {
    /// Callers of the relayer, the attesters included.
    pub identities: Vec<Identity>,
    /// Route admins by name.
    pub route_admins: [(&'static str, EdKey); 2],
    /// Holders at the registry.
    pub holders: Vec<Holder>,
    /// Attesters.
    pub attesters: Vec<Attester>,
    /// Wallets on the chain.
    pub wallets: Vec<EvmKey>,
    /// Credentials at the registry.
    pub registry: RegistryKeys,
    /// Signs the registry's receipts.
    pub receipts: EdKey,
    /// Signs the log's checkpoints.
    pub log: EdKey,
    /// Sends mints.
    pub mint: EvmKey,
    /// Sends voids.
    pub void: EvmKey,
    /// The gate's admin.
    pub gate_admin: EvmKey,
    /// The gate's guardian.
    pub gate_guardian: EvmKey,
}

impl Parties {
    /// New keys for everybody.
    pub fn random() -> Self {
        let attester = |number: usize| Attester {
            name: format!("attester-{number}"),
            key: EvmKey::random(),
            registry_key: secret("registry"),
        };
        let attesters: Vec<_> = (1..=ATTESTERS).map(attester).collect();
        let identity = |name: &str, role: &str| Identity {
            name: name.to_owned(),
            role: role.to_owned(),
            token: secret("token"),
        };
        let people = IDENTITIES.iter().map(|(name, role)| identity(name, role));
        let machines = attesters.iter().map(|a| identity(&a.name, "attester"));
        let holder = |account, name, open| Holder {
            account,
            name,
            open,
            key: EdKey::random(),
        };
        Self {
            identities: people.chain(machines).collect(),
            route_admins: [
                ("exchange-a", EdKey::random()),
                ("exchange-b", EdKey::random()),
            ],
            holders: vec![
                holder(ALPHA, "Alpha Exchange", true),
                holder(BETA, "Beta Trading", true),
                holder(CLOSED, "Gamma, gone", false),
            ],
            attesters,
            wallets: (0..WALLETS).map(|_| EvmKey::random()).collect(),
            registry: RegistryKeys {
                relayer: secret("registry"),
                relayer_approver: secret("registry"),
                reader: secret("registry"),
                admin: secret("registry"),
            },
            receipts: EdKey::random(),
            log: EdKey::random(),
            mint: EvmKey::random(),
            void: EvmKey::random(),
            gate_admin: EvmKey::random(),
            gate_guardian: EvmKey::random(),
        }
    }

    /// The token of an identity at the relayer.
    pub fn token(&self, identity: &str) -> anyhow::Result<&str> {
        let found = self.identities.iter().find(|i| i.name == identity);
        found
            .map(|i| i.token.as_str())
            .with_context(|| format!("the devnet has no identity {identity:?}"))
    }

    /// The holder of an account.
    pub fn holder(&self, account: &str) -> anyhow::Result<&Holder> {
        let found = self.holders.iter().find(|h| h.account == account);
        found.with_context(|| format!("the devnet has no holder {account:?}"))
    }

    /// Accounts on the chain that pay for gas.
    pub(crate) fn payers(&self) -> impl Iterator<Item = &EvmKey> {
        let lanes = [
            &self.mint,
            &self.void,
            &self.gate_admin,
            &self.gate_guardian,
        ];
        lanes.into_iter().chain(&self.wallets)
    }

    /// Secrets that no other party may hold: signing keys and registry credentials of the attesters.
    pub fn attester_secrets(&self) -> Vec<String> {
        let secrets = |a: &Attester| [a.key.hex(), a.registry_key.clone()];
        self.attesters.iter().flat_map(secrets).collect()
    }
}

impl std::fmt::Debug for Parties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parties")
    }
}
