//! Steps about who allowed it: route admins and the attesters' quorum.

use alloy_primitives::B256;
use ed25519_dalek::{Signature, VerifyingKey};

use crate::gate::{MintAuthorisation, VoidAuthorisation, check_quorum};
use crate::leaf::{Leaf, jcs_digest};
use crate::policy::EpochPolicy;
use crate::verify::Facts;

pub(super) fn route(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let Some((
        _,
        Leaf::Route {
            route, signatures, ..
        },
    )) = facts.leaf("ROUTE")
    else {
        return Err("there is no ROUTE leaf".into());
    };
    let message = format!("isthmus/route/v1\n{}\n", jcs_digest(route));
    let mut signers: Vec<&str> = Vec::new();
    for signature in signatures {
        let admin = facts
            .policy
            .route_admins
            .iter()
            .find(|(_, key)| B256::from(*key) == signature.key);
        let Some((name, key)) = admin else { continue };
        let valid = hex::decode(&signature.signature)
            .ok()
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .zip(VerifyingKey::from_bytes(key).ok())
            .is_some_and(|(signature, key)| {
                key.verify_strict(message.as_bytes(), &signature).is_ok()
            });
        if valid && !signers.contains(&name.as_str()) {
            signers.push(name);
        }
    }
    if signers.len() < 2 {
        return Err(format!(
            "{} of the policy's route admins signed the route, needs 2",
            signers.len()
        ));
    }
    Ok(Some(format!("signed by {}", signers.join(" and "))))
}

pub(super) fn quorum(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let mint = facts.bundle.files.get("auth/mint.json");
    let void = facts.bundle.files.get("auth/void.json");
    match (facts.leaf("MINTED"), facts.leaf("VOIDED")) {
        (Some((_, minted)), _) => {
            let file = mint.ok_or("auth/mint.json is missing")?;
            minted_by_quorum(
                facts,
                minted,
                &serde_json::from_slice(file).map_err(|e| format!("auth/mint.json: {e}"))?,
            )
        }
        (None, Some(_)) => {
            let file = void.ok_or("auth/void.json is missing")?;
            voided_by_quorum(
                facts,
                &serde_json::from_slice(file).map_err(|e| format!("auth/void.json: {e}"))?,
            )
        }
        (None, None) => Ok(None),
    }
}

fn minted_by_quorum(
    facts: &Facts<'_>,
    minted: &Leaf,
    auth: &MintAuthorisation,
) -> Result<Option<String>, String> {
    let Leaf::Minted {
        transfer,
        asset_class,
        recipient,
        quantity_g,
        ..
    } = minted
    else {
        return Ok(None);
    };
    let items = auth.items.iter().filter(|item| item.transfer == *transfer);
    let [item] = items.collect::<Vec<_>>()[..] else {
        return Err("the batch does not contain this transfer exactly once".into());
    };
    if (item.asset_class, item.recipient, item.quantity_g)
        != (*asset_class, *recipient, *quantity_g)
    {
        return Err("the quorum signed another class, recipient or quantity".into());
    }
    if facts
        .leaf("LOCKED")
        .is_none_or(|(index, _)| *index >= auth.batch.log_size)
    {
        return Err("the lock was not logged when the quorum signed".into());
    }
    bound_to_terms(facts, auth.chain_id, auth.gate)?;
    let epoch = epoch(facts, auth.chain_id, auth.gate, auth.batch.epoch)?;
    check_quorum(
        auth.digest(),
        &auth.signatures,
        &epoch.signers,
        epoch.threshold,
    )
    .map_err(|e| e.to_string())?;
    Ok(Some(format!(
        "{} of {} signers, epoch {}",
        auth.signatures.len(),
        epoch.signers.len(),
        auth.batch.epoch
    )))
}

fn voided_by_quorum(facts: &Facts<'_>, auth: &VoidAuthorisation) -> Result<Option<String>, String> {
    if auth.transfer != facts.bundle.manifest.transfer {
        return Err("the quorum voided another transfer".into());
    }
    bound_to_terms(facts, auth.chain_id, auth.gate)?;
    let epoch = epoch(facts, auth.chain_id, auth.gate, auth.epoch)?;
    check_quorum(
        auth.digest(),
        &auth.signatures,
        &epoch.signers,
        epoch.threshold,
    )
    .map_err(|e| e.to_string())?;
    Ok(Some(format!(
        "{} of {} signers, epoch {}",
        auth.signatures.len(),
        epoch.signers.len(),
        auth.epoch
    )))
}

/// What was signed is for the gate that the holder's terms name.
fn bound_to_terms(
    facts: &Facts<'_>,
    chain_id: u64,
    gate: alloy_primitives::Address,
) -> Result<(), String> {
    let Some((_, Leaf::Locked { terms, .. })) = facts.leaf("LOCKED") else {
        return Err("there is no LOCKED leaf".into());
    };
    let said = |field: &str| terms.get(field).and_then(serde_json::Value::as_str);
    if said("destination") == Some(format!("eip155:{chain_id}").as_str())
        && said("gate") == Some(format!("{gate:#x}").as_str())
    {
        Ok(())
    } else {
        Err("the quorum signed for another gate than the holder's terms name".into())
    }
}

fn epoch<'a>(
    facts: &Facts<'a>,
    chain_id: u64,
    gate: alloy_primitives::Address,
    epoch: u32,
) -> Result<&'a EpochPolicy, String> {
    let gate_policy = facts.policy.gate(chain_id, gate).ok_or(format!(
        "the policy does not list gate {gate:#x} on eip155:{chain_id}"
    ))?;
    gate_policy.epoch(epoch).ok_or(format!(
        "the policy does not list epoch {epoch} of the gate"
    ))
}
