//! Steps about who allowed it: route admins and the attesters' quorum.

use alloy_primitives::Address;
use serde_json::Value;

use crate::bundle::Bundle;
use crate::gate::{MintAuthorisation, VoidAuthorisation, check_quorum};
use crate::leaf::Leaf;
use crate::policy::EpochPolicy;
use crate::route::{ADMINS_NEEDED, signed_by};
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
    let signers = signed_by(route, signatures, &facts.policy.route_admins);
    if signers.len() < ADMINS_NEEDED {
        return Err(format!(
            "{} of the policy's route admins signed the route, needs {ADMINS_NEEDED}",
            signers.len()
        ));
    }
    Ok(Some(format!("signed by {}", signers.join(" and "))))
}

/// `auth/mint.json`, if the bundle has it.
pub(super) fn mint(bundle: &Bundle) -> Result<Option<MintAuthorisation>, String> {
    let auth: Option<MintAuthorisation> = read(bundle, "auth/mint.json")?;
    known_version(auth.as_ref().map(|auth| auth.v), "auth/mint.json")?;
    Ok(auth)
}

fn read<T: serde::de::DeserializeOwned>(bundle: &Bundle, path: &str) -> Result<Option<T>, String> {
    bundle
        .files
        .get(path)
        .map(|bytes| serde_json::from_slice(bytes).map_err(|e| format!("{path}: {e}")))
        .transpose()
}

fn known_version(version: Option<u8>, path: &str) -> Result<(), String> {
    match version {
        None | Some(1) => Ok(()),
        Some(v) => Err(format!("{path}: version {v} is not known")),
    }
}

/// Whatever the bundle says was signed is checked, whether or not it was used.
pub(super) fn quorum(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let mint = mint(facts.bundle)?;
    let void: Option<VoidAuthorisation> = read(facts.bundle, "auth/void.json")?;
    known_version(void.as_ref().map(|auth| auth.v), "auth/void.json")?;
    if facts.leaf("MINTED").is_some() && mint.is_none() {
        return Err("auth/mint.json is missing".into());
    }
    if facts.leaf("VOIDED").is_some() && void.is_none() {
        return Err("auth/void.json is missing".into());
    }
    let mut said = Vec::new();
    if let Some(auth) = mint {
        said.push(format!("mint: {}", minted_by_quorum(facts, &auth)?));
    }
    if let Some(auth) = void {
        said.push(format!("void: {}", voided_by_quorum(facts, &auth)?));
    }
    Ok((!said.is_empty()).then(|| said.join("; ")))
}

fn minted_by_quorum(facts: &Facts<'_>, auth: &MintAuthorisation) -> Result<String, String> {
    let Some((
        index,
        Leaf::Locked {
            transfer,
            asset_class,
            quantity_g,
            terms,
            ..
        },
    )) = facts.leaf("LOCKED")
    else {
        return Err("auth/mint.json is about no lock".into());
    };
    let items = auth.items.iter().filter(|item| item.transfer == *transfer);
    let [item] = items.collect::<Vec<_>>()[..] else {
        return Err("the batch does not contain this transfer exactly once".into());
    };
    let recipient = terms.get("recipient").and_then(Value::as_str);
    if (item.asset_class, item.quantity_g) != (*asset_class, *quantity_g)
        || recipient != Some(format!("{:#x}", item.recipient).as_str())
    {
        return Err("the quorum signed another class, recipient or quantity".into());
    }
    if *index >= auth.batch.log_size {
        return Err("the lock was not logged when the quorum signed".into());
    }
    let epoch = epoch(facts, auth.chain_id, auth.gate, auth.batch.epoch)?;
    signed(auth.digest(), &auth.signatures, epoch)
}

fn voided_by_quorum(facts: &Facts<'_>, auth: &VoidAuthorisation) -> Result<String, String> {
    if !facts.is_outbound() || auth.transfer != facts.bundle.manifest.transfer {
        return Err("the quorum voided another transfer".into());
    }
    let epoch = epoch(facts, auth.chain_id, auth.gate, auth.epoch)?;
    signed(auth.digest(), &auth.signatures, epoch)
}

fn signed(
    digest: alloy_primitives::B256,
    signatures: &[alloy_primitives::Bytes],
    epoch: &EpochPolicy,
) -> Result<String, String> {
    check_quorum(digest, signatures, &epoch.signers, epoch.threshold).map_err(|e| e.to_string())?;
    Ok(format!(
        "{} of {} signers, epoch {}",
        signatures.len(),
        epoch.signers.len(),
        epoch.epoch
    ))
}

/// The signer set, if what was signed is for the route's gate, which is the terms' gate too.
fn epoch<'a>(
    facts: &Facts<'a>,
    chain_id: u64,
    gate: Address,
    epoch: u32,
) -> Result<&'a EpochPolicy, String> {
    if !facts.route()?.is_gate(chain_id, gate) {
        return Err("the quorum signed for another gate than the terms name".into());
    }
    let gate_policy = facts.policy.gate(chain_id, gate).ok_or(format!(
        "the policy does not list gate {gate:#x} on eip155:{chain_id}"
    ))?;
    gate_policy.epoch(epoch).ok_or(format!(
        "the policy does not list epoch {epoch} of the gate"
    ))
}
