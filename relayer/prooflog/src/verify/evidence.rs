//! Steps about the ledgers' own evidence: registry receipts and chain receipts.

use alloy_primitives::{Address, B256};
use sha2::{Digest, Sha256};

use crate::bundle::sha256;
use crate::evm_evidence::{EvmEvidence, GateEvent};
use crate::leaf::{Leaf, Purpose};
use crate::receipt::{self, RegistryReceipt};
use crate::serial;
use crate::verify::Facts;

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
        let registry = origin(facts)?;
        let key = facts
            .policy
            .registry(&registry)
            .ok_or(format!("the policy does not list registry {registry}"))?;
        let receipt = receipt::open(jws, key).map_err(|e| format!("{path}: {e}"))?;
        receipt_agrees(&receipt, leaf, movement, &registry, facts)
            .map_err(|e| format!("leaf {index}: {e}"))?;
        checked.push(format!("{movement} #{}", receipt.sequence));
    }
    if checked.is_empty() {
        Ok(None)
    } else {
        Ok(Some(checked.join(", ")))
    }
}

fn origin(facts: &Facts<'_>) -> Result<String, String> {
    let Some((_, Leaf::Route { route, .. })) = facts.leaf("ROUTE") else {
        return Err("there is no ROUTE leaf".into());
    };
    route
        .get("origin")
        .and_then(serde_json::Value::as_str)
        .map(str::to_owned)
        .ok_or("the route names no origin".into())
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
    registry: &str,
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
    let reference = if movement == "unlock" {
        format!("unlock:{transfer}")
    } else {
        transfer.to_string()
    };
    if receipt.movement != movement
        || receipt.registry != registry
        || receipt.reference != reference
    {
        return Err("the receipt is for another movement".into());
    }
    let moved = serial::normalise(&receipt.units).map_err(|e| e.to_string())?;
    if moved != serial::normalise(units).map_err(|e| e.to_string())? {
        return Err("the receipt names other units".into());
    }
    if serial::total_g(&moved) != quantity_g.0
        || receipt.quantity_t.checked_mul(1_000_000) != Some(quantity_g.0)
    {
        return Err("the quantity is not the sum of the receipt's units (R6)".into());
    }
    if let Leaf::Locked { terms, .. } = leaf {
        if receipt.account.as_deref() != terms.get("account").and_then(serde_json::Value::as_str) {
            return Err("the receipt is of another account than the terms'".into());
        }
    }
    if let (Leaf::Unlocked { .. }, Some((_, Leaf::Locked { terms, .. }))) =
        (leaf, facts.leaf("LOCKED"))
    {
        if receipt.account.as_deref() != terms.get("account").and_then(serde_json::Value::as_str) {
            return Err("the units went back to another account than they came from".into());
        }
    }
    if let Leaf::Retired { certificate, .. } = leaf {
        if receipt.certificate.as_ref() != Some(certificate) {
            return Err("the receipt has another certificate".into());
        }
    }
    Ok(())
}

pub(super) fn chain(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let mut checked = Vec::new();
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
        if facts
            .policy
            .gate(evidence.chain_id, evidence.gate)
            .is_none()
        {
            return Err(format!(
                "{path}: the policy does not list gate {:#x}",
                evidence.gate
            ));
        }
        let event = evidence.event().map_err(|e| format!("{path}: {e}"))?;
        event_agrees(&event, leaf, &evidence).map_err(|e| format!("leaf {index}: {e}"))?;
        checked.push(format!(
            "{name} in block {} {}",
            evidence.block_number, evidence.block_hash
        ));
    }
    if checked.is_empty() {
        Ok(None)
    } else {
        Ok(Some(checked.join(", ")))
    }
}

fn event_agrees(event: &GateEvent, leaf: &Leaf, evidence: &EvmEvidence) -> Result<(), String> {
    let differs = || Err("the gate's event says something else".to_owned());
    match (event, leaf) {
        (
            GateEvent::Minted {
                transfer,
                asset_class,
                recipient,
                quantity_g,
            },
            Leaf::Minted {
                transfer: t,
                asset_class: c,
                recipient: r,
                quantity_g: q,
                ..
            },
        ) => {
            if (transfer, asset_class, recipient, *quantity_g) == (t, c, r, q.0) {
                Ok(())
            } else {
                differs()
            }
        }
        (GateEvent::Voided { transfer }, Leaf::Voided { transfer: t, .. }) => {
            if transfer == t {
                Ok(())
            } else {
                differs()
            }
        }
        (
            GateEvent::Burned {
                number,
                burn_id: id,
                asset_class,
                holder,
                quantity_g,
                purpose,
                commitment,
            },
            Leaf::Burned {
                transfer,
                number: n,
                asset_class: c,
                holder: h,
                quantity_g: q,
                purpose: p,
                commitment: m,
                ..
            },
        ) => {
            let purpose_agrees = *purpose == if *p == Purpose::Release { 1 } else { 2 };
            let id_agrees =
                burn_id(evidence.chain_id, evidence.gate, *number) == *transfer && id == transfer;
            let rest_agrees =
                (number, asset_class, holder, *quantity_g, commitment) == (n, c, h, q.0, m);
            if purpose_agrees && id_agrees && rest_agrees {
                Ok(())
            } else {
                differs()
            }
        }
        _ => differs(),
    }
}

/// `SHA-256(abi.encode(uint256 chainId, address gate, uint256 number))` (`docs/protocol.md` §4).
fn burn_id(chain_id: u64, gate: Address, number: u64) -> B256 {
    let mut words = [0u8; 96];
    words[24..32].copy_from_slice(&chain_id.to_be_bytes());
    words[44..64].copy_from_slice(gate.as_slice());
    words[88..96].copy_from_slice(&number.to_be_bytes());
    B256::from(<[u8; 32]>::from(Sha256::digest(words)))
}
