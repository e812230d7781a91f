//! Gathering what a batch's items are decided by: one list call per registry and question, one block at the gate.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use isthmus_core::id::{AccountId, AssetClassId, LedgerId, TransferId};
use isthmus_core::mandate::HolderKey;
use isthmus_core::ports::{FindError, Page};
use isthmus_core::quantity::Quantity;

use crate::attester::decline::Decline;
use crate::attester::lock::LoggedLock;
use crate::attester::own::{Own, OwnGate};
use crate::attester::ports::{Outcome, Record, StoredBlock};
use crate::attester::replica::Replica;
use crate::attester::reserves::Cover;

/// What one registry says about the locks of a batch.
#[derive(Clone, Debug)]
pub struct RegistryReading {
    /// The key of its receipts.
    pub receipt_key: [u8; 32],
    /// By transfer.
    pub records: HashMap<TransferId, Record>,
    /// By account.
    pub holders: HashMap<AccountId, Option<HolderKey>>,
    /// The blocks that share a unit with any of the locks.
    pub stored: Vec<StoredBlock>,
}

/// What one gate says about transfers, all at one final block.
#[derive(Clone, Debug)]
pub struct GateReading {
    /// The block.
    pub block: u64,
    /// By transfer.
    pub outcomes: HashMap<TransferId, Outcome>,
}

impl GateReading {
    /// The outcomes of `transfers`.
    pub async fn of(gate: &OwnGate, transfers: BTreeSet<TransferId>) -> Result<Self, FindError> {
        let transfers: Vec<TransferId> = transfers.into_iter().collect();
        let (block, outcomes) = gate.view.outcomes(&transfers).await?;
        Ok(Self {
            block,
            outcomes: transfers.into_iter().zip(outcomes).collect(),
        })
    }
}

/// Reads every registry that the locks came from. A registry that this attester does not have is left out.
pub async fn registries(
    own: &Own,
    locks: &[&LoggedLock],
) -> Result<BTreeMap<LedgerId, RegistryReading>, FindError> {
    let mut by_origin: BTreeMap<LedgerId, Vec<&LoggedLock>> = BTreeMap::new();
    for lock in locks {
        let origin = lock.terms.origin.clone();
        by_origin.entry(origin).or_default().push(lock);
    }
    let mut readings = BTreeMap::new();
    for (origin, locks) in by_origin {
        let Ok(registry) = own.registry(&origin) else {
            continue;
        };
        let references: Vec<String> = locks.iter().map(|lock| lock.id().to_string()).collect();
        let records = registry.view.records(&references).await?;
        let mut holders = HashMap::new();
        for account in locks.iter().map(|lock| &lock.terms.account) {
            if !holders.contains_key(account) {
                let key = registry.view.holder_key(account).await?;
                holders.insert(account.clone(), key);
            }
        }
        let serials: Vec<String> = locks.iter().flat_map(|lock| lock.serials()).collect();
        let reading = RegistryReading {
            receipt_key: registry.receipt_key,
            records: locks.iter().map(|lock| lock.id()).zip(records).collect(),
            holders,
            stored: registry.view.blocks(&serials).await?,
        };
        readings.insert(origin, reading);
    }
    Ok(readings)
}

/// Everything that may be minted at this gate in these classes, by the log: the transfers whose outcomes reserves need.
pub fn live(
    replica: &Replica,
    gate: &OwnGate,
    classes: &BTreeSet<AssetClassId>,
) -> BTreeSet<TransferId> {
    classes
        .iter()
        .flat_map(|class| replica.pools_of(*class))
        .filter(|(_, pool)| pool.gate == gate.address && pool.destination == gate.ledger)
        .flat_map(|(id, _)| replica.live(id))
        .map(|(transfer, _)| transfer)
        .collect()
}

/// The reserves of a class at a gate. `outcomes` must cover [`live`]; custody is read last.
pub async fn cover(
    own: &Own,
    replica: &Replica,
    gate: &OwnGate,
    class: AssetClassId,
    outcomes: &GateReading,
) -> Result<Result<Cover, Decline>, FindError> {
    let here = |gate_of: &isthmus_core::pool::Pool| {
        gate_of.gate == gate.address && gate_of.destination == gate.ledger
    };
    let (mine, others): (Vec<_>, Vec<_>) =
        replica.pools_of(class).partition(|(_, pool)| here(pool));
    let pending: Quantity = mine
        .iter()
        .flat_map(|(id, _)| replica.live(*id))
        .filter(|(transfer, _)| {
            // A transfer whose outcome was not asked for may be pending for all we know.
            let outcome = outcomes.outcomes.get(transfer);
            outcome.is_none_or(|outcome| *outcome == Outcome::None)
        })
        .map(|(_, grams)| grams_of(grams))
        .sum();
    let minted = mine
        .iter()
        .flat_map(|(id, _)| replica.live(*id))
        .filter(|(transfer, _)| outcomes.outcomes.get(transfer) == Some(&Outcome::Minted))
        .map(|(_, grams)| grams_of(grams));
    let accounted = mine
        .iter()
        .map(|(id, _)| grams_of(replica.circulating_g(*id)))
        .chain(minted)
        .sum();
    let supply = gate.view.supply(class, outcomes.block).await?;
    let mut custody = Quantity::ZERO;
    let mut accounts = BTreeSet::new();
    for (_, pool) in &mine {
        if !accounts.insert((pool.origin.clone(), pool.custody_account.clone())) {
            continue;
        }
        let registry = match own.registry(&pool.origin) {
            Ok(registry) => registry,
            Err(decline) => return Ok(Err(decline)),
        };
        let page = Page {
            offset: 0,
            limit: 1,
        };
        let total = registry.ledger.reserves(pool, page).await?.total;
        // A sum that cannot be represented must not pass for a large one.
        custody = custody.checked_add(total).unwrap_or(Quantity::ZERO);
    }
    let deposits = mine
        .iter()
        .map(|(id, _)| grams_of(replica.unattributed_g(*id)))
        .sum();
    let other_gates = others
        .iter()
        .filter(|(_, pool)| accounts.contains(&(pool.origin.clone(), pool.custody_account.clone())))
        .map(|(id, _)| grams_of(replica.locked_g(*id)))
        .sum();
    Ok(Ok(Cover {
        custody,
        supply,
        accounted,
        pending,
        other_gates,
        deposits,
    }))
}

fn grams_of(grams: u64) -> Quantity {
    Quantity::from_grams(grams).unwrap_or(Quantity::MAX)
}
