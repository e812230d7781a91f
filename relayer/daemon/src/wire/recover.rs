//! Recovery of a relayer that does not run: its store, its ledgers, and a copy of its log.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use isthmus_core::instruction::Instruction;
use isthmus_core::time::Clock;
use isthmus_prooflog::note::LogSigner;
use isthmus_store::Store;

use crate::config::{LedgerConfig, RelayerConfig};
use crate::recovery::{Recovery, RecoveryError, read_copy};
use crate::wire::Ended;
use crate::wire::clock::SystemClock;
use crate::wire::relayer::{Ledgers, connect};

/// What became of a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Leaves taken over.
    pub taken: u64,
    /// Leaves in the log now.
    pub log_size: u64,
}

/// Takes the leaves that the store lacks from a copy, with what burners want who redirected. The store must not be in use.
pub async fn run(
    config: RelayerConfig,
    (leaves, note): (&str, &str),
    instructions: Vec<Instruction>,
) -> Result<Recovered, Ended> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::open(&config.data_dir, &config.network, Arc::clone(&clock))?;
    let store = Arc::new(store);
    let key = LogSigner::new(config.log.origin, config.log.seed, None).verifier();
    let copy = read_copy(leaves, note, &key).map_err(ended)?;
    let mut receipt_keys = BTreeMap::new();
    for ledger in &config.ledgers {
        if let LedgerConfig::Vcs { config, .. } = ledger {
            receipt_keys.insert(config.ledger.clone(), config.receipt_key);
        }
    }
    let Ledgers {
        handles,
        registries,
        ..
    } = connect(config.ledgers, &store, &clock).await?;
    let ledgers = handles.into_iter().map(|handle| {
        let id = handle.ledger.profile().id.clone();
        (id, handle.ledger)
    });
    let by_commitment = instructions.into_iter().map(|i| (i.commitment(), i));
    let mut recovery = Recovery {
        store,
        ledgers: ledgers.collect(),
        registries,
        receipt_keys,
        route_admins: config.route_admins.iter().map(|admin| admin.key).collect(),
        clock,
        burns: HashMap::new(),
        moves: Vec::new(),
        instructions: by_commitment.collect(),
    };
    let taken = recovery.run(&copy).await.map_err(ended)?;
    Ok(Recovered {
        taken,
        log_size: copy.size(),
    })
}

fn ended(error: RecoveryError) -> Ended {
    if error.is_transient() {
        Ended::stopped(error)
    } else {
        Ended::misconfigured(error)
    }
}
