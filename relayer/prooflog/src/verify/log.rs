//! Steps about the log: checkpoint, inclusion, consistency.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::leaf::Leaf;
use crate::note;
use crate::proof_file::ProofFile;
use crate::tree::{self, Hash};
use crate::verify::manifest::index_of;
use crate::verify::{Facts, authority};

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
            .and_then(index_of)
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
    if let Some(mint) = authority::mint(facts.bundle)? {
        // The step `quorum` checks who signed this.
        let (size, root) = (mint.batch.log_size, mint.batch.log_root.0);
        earlier.push((size, root, "the attesters' log"));
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
            Some(text) => hashes(text).ok_or(format!("{path} is malformed"))?,
            None if *size == now.size || *size == 0 => Vec::new(),
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

/// One base64 hash a line.
fn hashes(text: &str) -> Option<Vec<Hash>> {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    lines
        .split('\n')
        .filter(|_| !lines.is_empty())
        .map(|line| {
            let bytes = STANDARD.decode(line).ok()?;
            Hash::try_from(bytes).ok()
        })
        .collect()
}
