//! Steps about the log: checkpoint, inclusion, consistency, and the story that the leaves tell.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::book::Book;
use crate::bundle::BundleKind;
use crate::gate::MintAuthorisation;
use crate::leaf::Leaf;
use crate::note;
use crate::proof_file::ProofFile;
use crate::serial;
use crate::tree::{self, Hash};
use crate::verify::Facts;

pub(super) fn checkpoint(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let path = format!("checkpoint/{}.txt", facts.bundle.manifest.log_size);
    let note = facts
        .bundle
        .files
        .get(&path)
        .ok_or(format!("{path} is missing"))?;
    let checkpoint = note::open(note, &facts.policy.log).map_err(|e| e.to_string())?;
    if checkpoint.size != facts.bundle.manifest.log_size {
        return Err("the checkpoint has another size than the manifest says".into());
    }
    let said = format!("{} at size {}", checkpoint.origin, checkpoint.size);
    facts.checkpoint = Some(checkpoint);
    Ok(Some(said))
}

pub(super) fn inclusion(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let checkpoint = facts.checkpoint()?.clone();
    let note = facts
        .bundle
        .text(&format!("checkpoint/{}.txt", checkpoint.size))
        .unwrap_or_default();
    let mut leaves = Vec::new();
    for (name, bytes) in facts.bundle.folder("leaves") {
        let index: u64 = name
            .strip_suffix(".json")
            .and_then(|n| n.parse().ok())
            .ok_or(format!("leaves/{name} is not named by an index"))?;
        let path = format!("proofs/{index}.tlog-proof");
        let text = facts
            .bundle
            .text(&path)
            .ok_or(format!("{path} is missing"))?;
        let proof = ProofFile::parse(text).map_err(|e| format!("{path}: {e}"))?;
        if proof.index != index || proof.checkpoint != note {
            return Err(format!("{path} is for another leaf or checkpoint"));
        }
        tree::check_inclusion(
            &proof.path,
            tree::leaf_hash(bytes),
            index,
            checkpoint.size,
            checkpoint.root,
        )
        .map_err(|e| format!("leaf {index}: {e}"))?;
        leaves.push((
            index,
            Leaf::parse(bytes).map_err(|e| format!("leaf {index}: {e}"))?,
        ));
    }
    if leaves.len() != facts.bundle.folder("proofs").count() {
        return Err("there are proofs without leaves".into());
    }
    leaves.sort_by_key(|(index, _)| *index);
    let count = leaves.len();
    facts.leaves = leaves;
    Ok(Some(format!("{count} leaves")))
}

pub(super) fn consistency(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let now = facts.checkpoint()?;
    let mut earlier: Vec<(u64, Hash, &str)> = Vec::new();
    let mint = facts.bundle.files.get("auth/mint.json");
    if let Some(mint) = mint {
        let mint: MintAuthorisation =
            serde_json::from_slice(mint).map_err(|e| format!("auth/mint.json: {e}"))?;
        earlier.push((
            mint.batch.log_size,
            mint.batch.log_root.0,
            "the attesters' log",
        ));
    }
    if let Some(previous) = facts.previous {
        if previous.origin != now.origin {
            return Err(format!(
                "your previous checkpoint is of {}, not of {}",
                previous.origin, now.origin
            ));
        }
        earlier.push((previous.size, previous.root, "your previous checkpoint"));
    }
    if earlier.is_empty() {
        return Ok(None);
    }
    for (size, root, whose) in &earlier {
        let path = format!("consistency/{size}-{}.txt", now.size);
        let proof = match facts.bundle.text(&path) {
            Some(text) => text
                .lines()
                .map(hash)
                .collect::<Option<Vec<_>>>()
                .ok_or(format!("{path} is malformed"))?,
            None if *size == now.size => Vec::new(),
            None => {
                return Err(format!(
                    "{path} is missing: ask for a bundle with a proof from size {size}"
                ));
            }
        };
        tree::check_consistency(&proof, (*size, *root), (now.size, now.root))
            .map_err(|e| format!("{whose} (size {size}): {e}"))?;
    }
    let sizes: Vec<_> = earlier
        .iter()
        .map(|(size, _, _)| size.to_string())
        .collect();
    Ok(Some(format!("{} → {}", sizes.join(", "), now.size)))
}

fn hash(line: &str) -> Option<Hash> {
    STANDARD
        .decode(line)
        .ok()
        .and_then(|bytes| Hash::try_from(bytes).ok())
}

/// The order and number of leaves of one transfer, and what they must repeat of each other. The whole log's rules (overlaps,
/// allocations) need the whole log: `reserves::recompute` has them.
pub(super) fn story(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let manifest = &facts.bundle.manifest;
    let mine: Vec<_> = facts
        .leaves
        .iter()
        .filter(|(_, leaf)| leaf.transfer().is_some())
        .collect();
    let kinds: Vec<_> = mine
        .iter()
        .map(|(_, leaf)| leaf.kind())
        .filter(|kind| !["QUARANTINED", "RESOLVED", "OWED"].contains(kind))
        .collect();
    let legal: &[&[&str]] = match manifest.kind {
        BundleKind::Outbound => &[
            &["LOCKED"],
            &["LOCKED", "MINTED"],
            &["LOCKED", "VOIDED"],
            &["LOCKED", "VOIDED", "UNLOCKED"],
        ],
        BundleKind::Return => &[&["BURNED"], &["BURNED", "RELEASED"], &["BURNED", "RETIRED"]],
    };
    if !legal.contains(&kinds.as_slice()) {
        return Err(format!("{} is no story of one transfer", kinds.join(", ")));
    }
    for (index, leaf) in &mine {
        if leaf.transfer() != Some(manifest.transfer) {
            return Err(format!("leaf {index} is about another transfer"));
        }
        same(leaf, manifest.asset_class, manifest.quantity_g.0)
            .map_err(|e| format!("leaf {index}: {e}"))?;
    }
    if facts.is_outbound() {
        // Replaying ROUTE and the transfer's own leaves checks id, terms, units, sums, pool and order.
        let mut book = Book::default();
        for (_, leaf) in &facts.leaves {
            let leaf = match leaf {
                Leaf::Route {
                    at_ms,
                    v,
                    route,
                    signatures,
                } => {
                    let mut first = route.clone();
                    first["version"] = 1.into();
                    Leaf::Route {
                        at_ms: *at_ms,
                        v: *v,
                        route: first,
                        signatures: signatures.clone(),
                    }
                }
                other => other.clone(),
            };
            book.apply(&leaf).map_err(|e| e.to_string())?;
        }
    } else {
        burn_story(facts)?;
    }
    Ok(Some(kinds.join(" → ")))
}

fn same(leaf: &Leaf, class: alloy_primitives::B256, grams: u64) -> Result<(), String> {
    let value = serde_json::to_value(leaf).map_err(|e| e.to_string())?;
    let said = |field: &str| {
        value
            .get(field)
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned)
    };
    if said("asset_class").is_some_and(|c| c != class.to_string())
        || said("quantity_g").is_some_and(|q| q != grams.to_string())
    {
        return Err("class or quantity is not the manifest's".into());
    }
    Ok(())
}

fn burn_story(facts: &Facts<'_>) -> Result<(), String> {
    let Some((
        _,
        Leaf::Burned {
            allocation,
            quantity_g,
            pool,
            asset_class,
            ..
        },
    )) = facts.leaf("BURNED")
    else {
        return Err("there is no BURNED leaf".into());
    };
    let allocated = serial::normalise(allocation).map_err(|e| e.to_string())?;
    if serial::total_g(&allocated) != quantity_g.0 {
        return Err("the allocation is not the burned quantity (R6)".into());
    }
    for kind in ["RELEASED", "RETIRED"] {
        if let Some((_, Leaf::Released { units, .. } | Leaf::Retired { units, .. })) =
            facts.leaf(kind)
        {
            if serial::normalise(units).map_err(|e| e.to_string())? != allocated {
                return Err(format!(
                    "{kind} names other units than the burn's allocation"
                ));
            }
        }
    }
    let Some((_, Leaf::Route { route, .. })) = facts.leaf("ROUTE") else {
        return Err("there is no ROUTE leaf".into());
    };
    if crate::book::pool_of(route, *asset_class) != Some(*pool) {
        return Err("the pool is not the route's".into());
    }
    Ok(())
}
