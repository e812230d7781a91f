//! The step about the story: which leaves there are, in which order, and what they must repeat of each other. The whole log's
//! rules (overlaps, allocations, other versions of the route) need the whole log: `reserves::recompute` has them.

use alloy_primitives::Address;

use crate::book::Book;
use crate::bundle::BundleKind;
use crate::leaf::{Leaf, Movement, Purpose};
use crate::redirect::Redirection;
use crate::route::RouteView;
use crate::serial;
use crate::verify::{Facts, Grade};

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

/// Leaves that move nothing.
const BESIDES: [&str; 6] = [
    "ROUTE",
    "QUARANTINED",
    "RESOLVED",
    "OWED",
    "REDIRECTED",
    "REALLOCATED",
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
        // What was written off of a burn is not given.
        let written_off = if leaf.kind() == "BURNED" {
            0
        } else {
            written_off_g(facts)
        };
        let quantity_g = manifest.quantity_g.0.saturating_sub(written_off);
        if moved
            .is_some_and(|m| (m.asset_class, m.quantity_g.0) != (manifest.asset_class, quantity_g))
        {
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
    let believed = believed(facts);
    if believed.is_empty() {
        return Ok(Some(kinds.join(" → ")));
    }
    facts.grade = facts.grade.max(Grade::C);
    let detail = format!("{}; not proved: see below", kinds.join(" → "));
    facts.unproven.extend(believed);
    Ok(Some(detail))
}

/// What only the whole log can show of a burn: the leaves that it rests on are about its pool, not about it.
fn believed(facts: &Facts<'_>) -> Vec<String> {
    let mut believed = Vec::new();
    let grams = written_off_g(facts);
    if grams > 0 {
        believed.push(format!(
            "that two of your route admins decided to write {grams} g of this burn off: `isthmus audit reserves` over all leaves"
        ));
    }
    if facts.leaf("REALLOCATED").is_some() {
        believed.push(
            "that the registry took some of the burn's first units away, and that these are the next ones: `isthmus audit reserves` over all leaves"
                .into(),
        );
    }
    believed
}

/// What the burn's leaf says was written off of it.
fn written_off_g(facts: &Facts<'_>) -> u64 {
    match facts.leaf("BURNED") {
        Some((_, Leaf::Burned { written_off_g, .. })) => written_off_g.map_or(0, |grams| grams.0),
        Some(_) | None => 0,
    }
}

/// The kinds of the leaves that move something, if their order is a story.
fn kinds(facts: &Facts<'_>) -> Result<Vec<&'static str>, String> {
    let kinds: Vec<_> = facts
        .leaves
        .iter()
        .map(|(_, leaf)| leaf.kind())
        .filter(|kind| !BESIDES.contains(kind))
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

/// What a bundle says of a burn so far.
struct Told {
    moved: Movement,
    holder: Address,
    allocated: Vec<serial::Block>,
    given_g: u64,
    purposes: Vec<Purpose>,
    counter: u64,
    given: bool,
}

fn burn_story(facts: &Facts<'_>) -> Result<(), String> {
    let route = facts.route()?;
    let mut told: Option<Told> = None;
    for (index, leaf) in facts.leaves.iter().skip(1) {
        let step = match (&mut told, leaf) {
            (_, Leaf::Burned { .. }) => burned(&route, leaf).map(|burn| told = Some(burn)),
            (Some(burn), Leaf::Redirected { .. }) => burn.redirected(&route, leaf),
            (Some(burn), _) => burn.followed(leaf),
            (None, _) if leaf.movement().is_none() => Ok(()),
            (None, _) => Err("it was never burned (R1)".into()),
        };
        step.map_err(|reason| format!("leaf {index} ({}): {reason}", leaf.kind()))?;
    }
    Ok(())
}

fn burned(route: &RouteView<'_>, leaf: &Leaf) -> Result<Told, String> {
    let Leaf::Burned {
        number,
        holder,
        purpose,
        allocation,
        written_off_g,
        ..
    } = leaf
    else {
        return Err("it is no burn".into());
    };
    let moved = leaf.movement().ok_or("it moves nothing")?;
    if route.burn_id(*number) != Some(moved.transfer) {
        return Err("its id is not the BurnId of its number at the route's gate".into());
    }
    if route.pool(moved.asset_class) != moved.pool {
        return Err("the pool is not the route's".into());
    }
    let written_off = written_off_g.map_or(0, |grams| grams.0);
    let given_g = moved.quantity_g.0.checked_sub(written_off);
    let given_g = given_g.ok_or("more is written off than was burned")?;
    let allocated = serial::normalise(allocation).map_err(|e| e.to_string())?;
    // Left out because it is too long for a leaf: `reserves::recompute` computes it.
    if !allocated.is_empty() && serial::total_g(&allocated) != given_g {
        return Err("the allocation is not the burned quantity (R6)".into());
    }
    Ok(Told {
        moved,
        holder: *holder,
        allocated,
        given_g,
        purposes: vec![*purpose],
        counter: 0,
        given: false,
    })
}

impl Told {
    /// The burner's signature is checked: what was wanted then is no less the burner's than the burn.
    fn redirected(&mut self, route: &RouteView<'_>, leaf: &Leaf) -> Result<(), String> {
        let (redirection, _) = Redirection::of(leaf, route, self.holder, self.counter)?;
        self.counter = redirection.counter;
        self.purposes.truncate(1);
        self.purposes.push(redirection.purpose);
        Ok(())
    }

    fn followed(&mut self, leaf: &Leaf) -> Result<(), String> {
        let Some(moved) = leaf.movement() else {
            return Ok(());
        };
        if (moved.transfer, moved.pool, moved.asset_class)
            != (self.moved.transfer, self.moved.pool, self.moved.asset_class)
            || moved.quantity_g.0 != self.given_g
        {
            return Err("another pool or quantity than burned (R9)".into());
        }
        if self.given {
            return Err("it was already given (R10)".into());
        }
        if let Leaf::Reallocated { allocation, .. } = leaf {
            // Which units the registry took away only the whole log says.
            self.allocated = serial::normalise(allocation).map_err(|e| e.to_string())?;
        }
        if let Leaf::Released { units, .. } | Leaf::Retired { units, .. } = leaf {
            self.given = true;
            let retired = matches!(leaf, Leaf::Retired { .. });
            let wanted = |purpose: &Purpose| retired == (*purpose == Purpose::Retire);
            if !self.purposes.iter().any(wanted) {
                return Err("it was burned for another purpose".into());
            }
            let units = serial::normalise(units).map_err(|e| e.to_string())?;
            if units != self.allocated && !units.is_empty() {
                return Err("it names other units than the burn's allocation".into());
            }
        }
        Ok(())
    }
}
