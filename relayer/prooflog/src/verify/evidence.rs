//! Steps about the ledgers' own evidence: registry receipts and chain receipts.

use crate::bundle::sha256;
use crate::evm_evidence::{EvmEvidence, GateEvent};
use crate::leaf::{Leaf, Purpose};
use crate::receipt::{self, RegistryReceipt};
use crate::serial;
use crate::verify::{Facts, Grade};

pub(super) fn registry(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let mut checked = Vec::new();
    for (kind, movement) in [
        ("LOCKED", "lock"),
        ("UNLOCKED", "unlock"),
        ("RELEASED", "release"),
        ("RETIRED", "retire"),
    ] {
        let Some((index, leaf)) = facts.leaf(kind) else {
            continue;
        };
        let path = format!("origin/{movement}.jws");
        let jws = facts
            .bundle
            .text(&path)
            .ok_or(format!("{path} is missing"))?;
        hash_agrees(leaf, jws.as_bytes()).map_err(|e| format!("{path}: {e}"))?;
        let registry = facts.route()?.origin;
        let key = facts
            .policy
            .registry(registry)
            .ok_or(format!("the policy does not list registry {registry}"))?;
        let receipt = receipt::open(jws, key).map_err(|e| format!("{path}: {e}"))?;
        receipt_agrees(&receipt, leaf, movement, facts)
            .map_err(|e| format!("leaf {index}: {e}"))?;
        checked.push(format!("{movement} #{}", receipt.sequence));
    }
    if checked.is_empty() {
        Ok(None)
    } else {
        Ok(Some(checked.join(", ")))
    }
}

fn hash_agrees(leaf: &Leaf, bytes: &[u8]) -> Result<(), String> {
    match leaf.evidence() {
        Some(evidence) if evidence.sha256 == sha256(bytes) => Ok(()),
        Some(_) | None => Err("the leaf commits to other evidence".into()),
    }
}

fn receipt_agrees(
    receipt: &RegistryReceipt,
    leaf: &Leaf,
    movement: &str,
    facts: &Facts<'_>,
) -> Result<(), String> {
    let (Leaf::Locked {
        transfer,
        units,
        quantity_g,
        ..
    }
    | Leaf::Unlocked {
        transfer,
        units,
        quantity_g,
        ..
    }
    | Leaf::Released {
        transfer,
        units,
        quantity_g,
        ..
    }
    | Leaf::Retired {
        transfer,
        units,
        quantity_g,
        ..
    }) = leaf
    else {
        return Err("it is no registry movement".into());
    };
    let route = facts.route()?;
    let reference = if movement == "unlock" {
        format!("unlock:{transfer}")
    } else {
        transfer.to_string()
    };
    if receipt.movement != movement
        || receipt.registry != route.origin
        || receipt.reference != reference
    {
        return Err("the receipt is for another movement".into());
    }
    if receipt.custody_account != route.custody_account {
        return Err("the receipt is of another custody account than the route's".into());
    }
    let moved = serial::normalise(&receipt.units).map_err(|e| e.to_string())?;
    let named = serial::normalise(units).map_err(|e| e.to_string())?;
    // Units that are too long for a leaf are left out of it; their quantity is compared below.
    if moved != named && !named.is_empty() {
        return Err("the receipt names other units".into());
    }
    if serial::total_g(&moved) != quantity_g.0
        || receipt.quantity_t.checked_mul(1_000_000) != Some(quantity_g.0)
    {
        return Err("the quantity is not the sum of the receipt's units (R6)".into());
    }
    other_side_agrees(receipt, leaf, facts)
}

/// The holder's side of a receipt: where the units came from or went to.
fn other_side_agrees(
    receipt: &RegistryReceipt,
    leaf: &Leaf,
    facts: &Facts<'_>,
) -> Result<(), String> {
    let holder = match facts.leaf("LOCKED") {
        Some((_, Leaf::Locked { terms, .. })) => {
            terms.get("account").and_then(serde_json::Value::as_str)
        }
        Some(_) | None => None,
    };
    let account = receipt.account.as_deref();
    match leaf {
        Leaf::Locked { .. } if holder.is_none() || account != holder => {
            Err("the receipt is of another account than the terms'".into())
        }
        Leaf::Unlocked { .. } if holder.is_none() || account != holder => {
            Err("the units went back to another account than they came from".into())
        }
        Leaf::Released { .. } if account.is_none() => {
            Err("the receipt names no receiving account".into())
        }
        Leaf::Retired { certificate, .. } if receipt.certificate.as_ref() != Some(certificate) => {
            Err("the receipt has another certificate".into())
        }
        Leaf::Retired { .. } if account.is_some() => {
            Err("the receipt of a retirement names a receiving account".into())
        }
        Leaf::Route { .. }
        | Leaf::Locked { .. }
        | Leaf::Minted { .. }
        | Leaf::Voided { .. }
        | Leaf::Unlocked { .. }
        | Leaf::Burned { .. }
        | Leaf::Released { .. }
        | Leaf::Retired { .. }
        | Leaf::Owed { .. }
        | Leaf::Redirected { .. }
        | Leaf::Reallocated { .. }
        | Leaf::Impaired { .. }
        | Leaf::Cured { .. }
        | Leaf::ProRata { .. }
        | Leaf::Deposited { .. }
        | Leaf::DepositReturned { .. }
        | Leaf::Quarantined { .. }
        | Leaf::Resolved { .. }
        | Leaf::Paused { .. }
        | Leaf::Resumed { .. } => Ok(()),
    }
}

pub(super) fn chain(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let mut checked = Vec::new();
    let mut unproven = Vec::new();
    for (kind, name) in [("MINTED", "mint"), ("VOIDED", "void"), ("BURNED", "burn")] {
        let Some((index, leaf)) = facts.leaf(kind) else {
            continue;
        };
        let path = format!("destination/{name}.json");
        let bytes = facts
            .bundle
            .files
            .get(&path)
            .ok_or(format!("{path} is missing"))?;
        hash_agrees(leaf, bytes).map_err(|e| format!("{path}: {e}"))?;
        let evidence = EvmEvidence::parse(bytes).map_err(|e| format!("{path}: {e}"))?;
        let (chain_id, gate) = (evidence.chain_id, evidence.gate);
        if !facts.route()?.is_gate(chain_id, gate) {
            return Err(format!("{path} is of another gate than the route's"));
        }
        let policy = facts.policy.gate(chain_id, gate).ok_or(format!(
            "{path}: the policy does not list gate {gate:#x} on eip155:{chain_id}"
        ))?;
        let events = evidence.events().map_err(|e| format!("{path}: {e}"))?;
        events_agree(&events, leaf).map_err(|e| format!("leaf {index}: {e}"))?;
        let block = format!("block {} {}", evidence.block_number, evidence.block_hash);
        if !policy.blocks.contains(&evidence.block_hash) {
            unproven.push(format!(
                "that eip155:{chain_id} has {block}: ask a node of your own, then list the hash in the policy's blocks"
            ));
        }
        checked.push(format!("{name} in {block}"));
    }
    if !unproven.is_empty() {
        facts.grade = facts.grade.max(Grade::B);
        facts.unproven.append(&mut unproven);
    }
    Ok((!checked.is_empty()).then(|| checked.join(", ")))
}

fn events_agree(events: &[GateEvent], leaf: &Leaf) -> Result<(), String> {
    if expected(leaf).is_some_and(|expected| events.contains(&expected)) {
        Ok(())
    } else {
        Err("the gate's event says something else".into())
    }
}

/// What the gate's event must say for this leaf to be true. That a BurnId is the gate's and the number's was
/// checked by the step `story`.
fn expected(leaf: &Leaf) -> Option<GateEvent> {
    match leaf {
        Leaf::Minted {
            transfer,
            asset_class,
            recipient,
            quantity_g,
            ..
        } => Some(GateEvent::Minted {
            transfer: *transfer,
            asset_class: *asset_class,
            recipient: *recipient,
            quantity_g: quantity_g.0,
        }),
        Leaf::Voided { transfer, .. } => Some(GateEvent::Voided {
            transfer: *transfer,
        }),
        Leaf::Burned {
            transfer,
            number,
            asset_class,
            holder,
            quantity_g,
            purpose,
            commitment,
            ..
        } => Some(GateEvent::Burned {
            number: *number,
            burn_id: *transfer,
            asset_class: *asset_class,
            holder: *holder,
            quantity_g: quantity_g.0,
            purpose: match purpose {
                Purpose::Release => 1,
                Purpose::Retire => 2,
            },
            commitment: *commitment,
        }),
        Leaf::Route { .. }
        | Leaf::Locked { .. }
        | Leaf::Unlocked { .. }
        | Leaf::Released { .. }
        | Leaf::Retired { .. }
        | Leaf::Owed { .. }
        | Leaf::Redirected { .. }
        | Leaf::Reallocated { .. }
        | Leaf::Impaired { .. }
        | Leaf::Cured { .. }
        | Leaf::ProRata { .. }
        | Leaf::Deposited { .. }
        | Leaf::DepositReturned { .. }
        | Leaf::Quarantined { .. }
        | Leaf::Resolved { .. }
        | Leaf::Paused { .. }
        | Leaf::Resumed { .. } => None,
    }
}
