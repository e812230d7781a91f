//! An attester process, put together from its own configuration.

use std::sync::Arc;

use isthmus_core::time::Clock;
use isthmus_evm::EvmLedger;
use isthmus_store::AttesterStore;
use isthmus_vcs::{Duty, VcsLedger};

use crate::attester::relayer::Relayer;
use crate::attester::{self, Attester, Own, OwnGate, OwnRegistry};
use crate::config::{AttesterConfig, AttesterLedgerConfig};
use crate::wire::Ended;
use crate::wire::clock::SystemClock;
use crate::wire::connect::patiently;
use crate::wire::gate::EvmGate;
use crate::wire::registry::VcsRegistry;
use crate::wire::shutdown;

/// Runs an attester until it is told to stop, or may not go on.
pub async fn run(config: AttesterConfig) -> Result<(), Ended> {
    crate::telemetry::init(&config.telemetry).map_err(Ended::misconfigured)?;
    crate::crash_point::arm().map_err(Ended::misconfigured)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = AttesterStore::open(&config.data_dir, &config.network)?;
    let mut own = Own {
        key: config.signing_key,
        route_admins: config.route_admins.iter().map(|admin| admin.key).collect(),
        gates: Vec::new(),
        registries: Vec::new(),
    };
    for ledger in config.ledgers {
        match ledger {
            AttesterLedgerConfig::Vcs {
                config,
                api_key,
                approver,
            } => {
                let duty = Duty::Attester { name: approver };
                let connect = || {
                    VcsLedger::connect(&config, api_key.clone(), duty.clone(), Arc::clone(&clock))
                };
                let registry = Arc::new(patiently(&config.ledger, connect).await?);
                own.registries.push(OwnRegistry {
                    id: config.ledger.clone(),
                    receipt_key: config.receipt_key,
                    view: Arc::new(VcsRegistry(Arc::clone(&registry))),
                    ledger: registry,
                });
            }
            AttesterLedgerConfig::Evm { config } => {
                let connect = || EvmLedger::read_only(&config, Arc::clone(&clock));
                let gate = Arc::new(patiently(&config.ledger, connect).await?);
                own.gates.push(OwnGate {
                    ledger: config.ledger.clone(),
                    chain_id: gate.chain_id(),
                    address: gate.gate(),
                    view: Arc::new(EvmGate::new(gate)),
                });
            }
        }
    }
    let attester = Attester {
        own,
        store: Arc::new(store),
        relayer: Relayer::new(&config.relayer_url, &config.relayer_token)
            .map_err(Ended::misconfigured)?,
        log_key: config.log_vkey,
    };
    attester::run(attester, clock, shutdown())
        .await
        .map_err(Ended::stopped)
}
