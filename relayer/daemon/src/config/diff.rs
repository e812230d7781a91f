//! What differs between the configuration that runs and the one that was read now, in words: what changes at once, and what is
//! refused because it needs a restart. Secrets are compared and never said.

use isthmus_evm::EvmConfig;
use isthmus_vcs::VcsConfig;
use secrecy::ExposeSecret;

use super::model::{Identity, LedgerConfig, RelayerConfig, RouteAdmin};

/// The difference between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// What can change while the process runs.
    pub changes: Vec<String>,
    /// What cannot, each with its reason.
    pub refused: Vec<Refused>,
}

/// A difference that needs more than a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is about and why it is refused.
    pub text: String,
    /// The ledger that would be lost to transfers under way, if there is one.
    pub ledger: Option<String>,
}

/// Compares the running configuration with a new one.
pub fn diff(old: &RelayerConfig, new: &RelayerConfig) -> Diff {
    let mut diff = Diff::default();
    diff.identities(&old.control.identities, &new.control.identities);
    diff.route_admins(&old.route_admins, &new.route_admins);
    let (before, after) = (&old.telemetry, &new.telemetry);
    if before.filter != after.filter {
        let (before, after) = (&before.filter, &after.filter);
        diff.change(format!("telemetry.filter: {before:?} becomes {after:?}"));
    }
    let process = "restart to change it, the process is put together with it";
    let identity =
        "put back what runs: the store and the attesters hold it, a relayer keeps it for life";
    let key = old.log.seed != new.log.seed;
    let listen = |config: &RelayerConfig| config.control.listen.to_string();
    let metrics = |config: &RelayerConfig| config.metrics.map_or("none".into(), |m| m.to_string());
    let format = |config: &RelayerConfig| format!("{:?}", config.telemetry.format).to_lowercase();
    let folder = |config: &RelayerConfig| config.data_dir.display().to_string();
    for (field, differs, reason) in [
        ("network", other(&old.network, &new.network), identity),
        ("data_dir", other(&folder(old), &folder(new)), process),
        (
            "log.origin",
            other(&old.log.origin, &new.log.origin),
            identity,
        ),
        // Keys are compared and never said.
        ("log.key_file", key.then(|| "another key".into()), identity),
        ("control.listen", other(&listen(old), &listen(new)), process),
        (
            "metrics.listen",
            other(&metrics(old), &metrics(new)),
            process,
        ),
        (
            "telemetry.format",
            other(&format(old), &format(new)),
            process,
        ),
    ] {
        if let Some(differs) = differs {
            diff.refuse(format!("{field}: {differs}: {reason}"), None);
        }
    }
    diff.ledgers(&old.ledgers, &new.ledgers);
    diff
}

/// What the file says and what runs, if they differ.
fn other(runs: &str, says: &str) -> Option<String> {
    (runs != says).then(|| format!("{says:?}, while {runs:?} runs"))
}

impl Diff {
    fn change(&mut self, text: String) {
        self.changes.push(text);
    }

    fn refuse(&mut self, text: String, ledger: Option<String>) {
        self.refused.push(Refused { text, ledger });
    }

    fn identities(&mut self, old: &[Identity], new: &[Identity]) {
        for identity in new {
            let name = &identity.name;
            let Some(before) = old.iter().find(|other| other.name == *name) else {
                self.change(format!(
                    "identity {name}: may call now, as {}",
                    roles(identity)
                ));
                continue;
            };
            if before.roles != identity.roles {
                let (was, is) = (roles(before), roles(identity));
                self.change(format!("identity {name}: was {was}, is {is}"));
            }
            if before.signers != identity.signers {
                self.change(format!(
                    "identity {name}: its noes count as those of other signers"
                ));
            }
            if before.token.expose_secret() != identity.token.expose_secret() {
                self.change(format!(
                    "identity {name}: its old token ends, a new one counts"
                ));
            }
        }
        for identity in old
            .iter()
            .filter(|old| !new.iter().any(|i| i.name == old.name))
        {
            self.change(format!("identity {}: may not call any more", identity.name));
        }
    }

    fn route_admins(&mut self, old: &[RouteAdmin], new: &[RouteAdmin]) {
        for admin in new.iter().filter(|admin| !old.contains(admin)) {
            let (name, key) = (&admin.name, admin.key);
            self.change(format!("route admin {name}: signatures of {key} count"));
        }
        for admin in old.iter().filter(|admin| !new.contains(admin)) {
            let (name, key) = (&admin.name, admin.key);
            self.change(format!(
                "route admin {name}: signatures of {key} count for no new route version; active ones stay"
            ));
        }
    }

    fn ledgers(&mut self, old: &[LedgerConfig], new: &[LedgerConfig]) {
        for ledger in new {
            let id = ledger.id().to_string();
            let Some(before) = old.iter().find(|other| other.id() == ledger.id()) else {
                let reason = "a new ledger is connected at a start: restart to add it";
                self.refuse(format!("ledger {id}: {reason}"), None);
                continue;
            };
            for field in changed_fields(before, ledger) {
                let reason = "the connection is made with it: restart to change it";
                self.refuse(format!("ledger {id}: {field}: {reason}"), Some(id.clone()));
            }
        }
        for ledger in old
            .iter()
            .filter(|old| !new.iter().any(|l| l.id() == old.id()))
        {
            let id = ledger.id().to_string();
            let reason =
                "what it holds for us would be out of reach: end its routes first, then restart";
            self.refuse(format!("ledger {id}: {reason}"), Some(id));
        }
    }
}

fn roles(identity: &Identity) -> String {
    let names: Vec<_> = identity.roles.iter().map(|role| role.name()).collect();
    names.join(" and ")
}

fn changed_fields(old: &LedgerConfig, new: &LedgerConfig) -> Vec<&'static str> {
    let fields = match (old, new) {
        (
            LedgerConfig::Vcs { config, api_key },
            LedgerConfig::Vcs {
                config: other,
                api_key: other_key,
            },
        ) => {
            let same_key = api_key.0.expose_secret() == other_key.0.expose_secret();
            [vcs_fields(config, other), vec![("api_key_file", same_key)]].concat()
        }
        (
            LedgerConfig::Evm {
                config,
                mint_key,
                void_key,
            },
            LedgerConfig::Evm {
                config: other,
                mint_key: other_mint,
                void_key: other_void,
            },
        ) => {
            let keys = vec![
                ("mint_key_file", mint_key.address() == other_mint.address()),
                ("void_key_file", void_key.address() == other_void.address()),
            ];
            [evm_fields(config, other), keys].concat()
        }
        (LedgerConfig::Vcs { .. }, LedgerConfig::Evm { .. })
        | (LedgerConfig::Evm { .. }, LedgerConfig::Vcs { .. }) => vec![("kind", false)],
    };
    let changed = fields.into_iter().filter(|(_, same)| !same);
    changed.map(|(field, _)| field).collect()
}

fn vcs_fields(old: &VcsConfig, new: &VcsConfig) -> Vec<(&'static str, bool)> {
    vec![
        ("url", old.url == new.url),
        ("receipt_key", old.receipt_key == new.receipt_key),
        (
            "request_timeout_ms",
            old.request_timeout_ms == new.request_timeout_ms,
        ),
        ("settle_ms", old.settle_ms == new.settle_ms),
        ("recheck_ms", old.recheck_ms == new.recheck_ms),
    ]
}

fn evm_fields(old: &EvmConfig, new: &EvmConfig) -> Vec<(&'static str, bool)> {
    vec![
        ("rpc_urls", old.rpc_urls == new.rpc_urls),
        ("rpc_quorum", old.rpc_quorum == new.rpc_quorum),
        ("stall_ms", old.stall_ms == new.stall_ms),
        ("gate", old.gate == new.gate),
        ("gate_height", old.gate_height == new.gate_height),
        ("finality", old.finality == new.finality),
        ("block_time_ms", old.block_time_ms == new.block_time_ms),
        (
            "log_range_limit",
            old.log_range_limit == new.log_range_limit,
        ),
        (
            "request_timeout_ms",
            old.request_timeout_ms == new.request_timeout_ms,
        ),
        (
            "max_fee_per_gas_wei and priority_fee_per_gas_wei",
            old.fees == new.fees,
        ),
    ]
}
