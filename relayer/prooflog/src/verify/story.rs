//! The step about the story: which leaves there are, in which order, and what they must repeat of each other. The whole log's
//! rules (overlaps, allocations, other versions of the route) need the whole log: `reserves::recompute` has them.

use crate::book::Book;
use crate::bundle::BundleKind;
use crate::leaf::{Leaf, Movement, Purpose};
use crate::route::RouteView;
use crate::serial;
use crate::verify::Facts;

/// Which file of evidence belongs to which kind of leaf, and the evidence's type.
const EVIDENCE: [(&str, &str, &str); 7] = [
    ("LOCKED", "origin/lock.jws", "registry-receipt"),
    ("UNLOCKED", "origin/unlock.jws", "registry-receipt"),
    ("RELEASED", "origin/release.jws", "registry-receipt"),
    ("RETIRED", "origin/retire.jws", "registry-receipt"),
    ("MINTED", "destination/mint.json", "evm-receipt"),
    ("VOIDED", "destination/void.json", "evm-receipt"),
    ("BURNED", "destination/burn.json", "evm-receipt"),
];

pub(super) fn story(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let kinds = kinds(facts)?;
    let manifest = &facts.bundle.manifest;
    let routes = facts
        .leaves
        .iter()
        .filter(|(_, leaf)| leaf.kind() == "ROUTE");
    if routes.count() != 1 || facts.leaves.first().map(|(_, l)| l.kind()) != Some("ROUTE") {
        return Err("it must begin with exactly one ROUTE leaf".into());
    }
    for (index, leaf) in facts.leaves.iter().skip(1) {
        if leaf.transfer() != Some(manifest.transfer) {
            return Err(format!("leaf {index} is about another transfer"));
        }
        let moved = leaf.movement();
        if moved.is_some_and(|m| {
            (m.asset_class, m.quantity_g) != (manifest.asset_class, manifest.quantity_g)
        }) {
            return Err(format!(
                "leaf {index}: class or quantity is not the manifest's"
            ));
        }
        evidence_is_known(leaf).map_err(|e| format!("leaf {index}: {e}"))?;
    }
    for (kind, path, _) in EVIDENCE {
        if facts.bundle.files.contains_key(path) && facts.leaf(kind).is_none() {
            return Err(format!("{path} belongs to no leaf"));
        }
    }
    if facts.is_outbound() {
        lock_story(facts)?;
    } else {
        burn_story(facts)?;
    }
    Ok(Some(kinds.join(" → ")))
}

/// The kinds of the leaves that move something, if their order is a story.
fn kinds(facts: &Facts<'_>) -> Result<Vec<&'static str>, String> {
    let kinds: Vec<_> = facts
        .leaves
        .iter()
        .map(|(_, leaf)| leaf.kind())
        .filter(|kind| !["ROUTE", "QUARANTINED", "RESOLVED", "OWED"].contains(kind))
        .collect();
    let legal: &[&[&str]] = match facts.bundle.manifest.kind {
        BundleKind::Outbound => &[
            &["LOCKED"],
            &["LOCKED", "MINTED"],
            &["LOCKED", "VOIDED"],
            &["LOCKED", "VOIDED", "UNLOCKED"],
        ],
        BundleKind::Return => &[&["BURNED"], &["BURNED", "RELEASED"], &["BURNED", "RETIRED"]],
    };
    if legal.contains(&kinds.as_slice()) {
        Ok(kinds)
    } else {
        Err(format!("{} is no story of one transfer", kinds.join(", ")))
    }
}

fn evidence_is_known(leaf: &Leaf) -> Result<(), String> {
    let Some(evidence) = leaf.evidence() else {
        return Ok(());
    };
    let expected = EVIDENCE.iter().find(|(kind, _, _)| *kind == leaf.kind());
    if expected.is_none_or(|(_, _, r#type)| evidence.r#type != *r#type) {
        return Err(format!(
            "evidence of type {:?} is not known",
            evidence.r#type
        ));
    }
    if evidence.grade == "A" {
        Ok(())
    } else {
        Err(format!("evidence grade {:?} is not known", evidence.grade))
    }
}

/// Replaying ROUTE and the transfer's own leaves checks id, terms, units, sums, pool and order.
fn lock_story(facts: &Facts<'_>) -> Result<(), String> {
    let mut book = Book::default();
    for (index, leaf) in &facts.leaves {
        if let Leaf::Route {
            route, signatures, ..
        } = leaf
        {
            book.set_route(RouteView::of(route)?.id, *index, route, signatures);
        } else {
            book.apply(leaf)
                .map_err(|e| format!("leaf {index} ({}): {}", e.kind, e.reason))?;
        }
    }
    Ok(())
}

fn burn_story(facts: &Facts<'_>) -> Result<(), String> {
    let route = facts.route()?;
    let mut burn: Option<(Movement, Vec<serial::Block>, Purpose)> = None;
    let mut given = false;
    for (index, leaf) in facts.leaves.iter().skip(1) {
        let at = |reason: &str| format!("leaf {index} ({}): {reason}", leaf.kind());
        let Some(moved) = leaf.movement() else {
            continue;
        };
        if let Leaf::Burned {
            number,
            purpose,
            allocation,
            ..
        } = leaf
        {
            if route.burn_id(*number) != Some(moved.transfer) {
                return Err(at(
                    "its id is not the BurnId of its number at the route's gate",
                ));
            }
            if route.pool(moved.asset_class) != moved.pool {
                return Err(at("the pool is not the route's"));
            }
            let allocated = serial::normalise(allocation).map_err(|e| at(&e.to_string()))?;
            // Left out because it is too long for a leaf: `reserves::recompute` computes it.
            if !allocated.is_empty() && serial::total_g(&allocated) != moved.quantity_g.0 {
                return Err(at("the allocation is not the burned quantity (R6)"));
            }
            burn = Some((moved, allocated, *purpose));
            continue;
        }
        let (burned, allocated, purpose) = burn
            .as_ref()
            .ok_or_else(|| at("it was never burned (R1)"))?;
        if moved != *burned {
            return Err(at("another pool than burned (R9)"));
        }
        if given {
            return Err(at("it was already given (R10)"));
        }
        if let Leaf::Released { units, .. } | Leaf::Retired { units, .. } = leaf {
            given = true;
            if matches!(leaf, Leaf::Retired { .. }) != (*purpose == Purpose::Retire) {
                return Err(at("it was burned for another purpose"));
            }
            let units = serial::normalise(units).map_err(|e| at(&e.to_string()))?;
            if units != *allocated && !units.is_empty() {
                return Err(at("it names other units than the burn's allocation"));
            }
        }
    }
    Ok(())
}
