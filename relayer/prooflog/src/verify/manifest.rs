//! The step about the archive itself: it is whole, and it holds nothing that no step reads.

use crate::bundle::{role, sha256};
use crate::verify::Facts;

pub(super) fn manifest(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let bundle = facts.bundle;
    if bundle.manifest.v != 1 {
        return Err(format!("bundle version {} is not known", bundle.manifest.v));
    }
    let listed: Vec<_> = bundle
        .manifest
        .files
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    let present: Vec<_> = bundle.files.keys().map(String::as_str).collect();
    if listed != present {
        let odd = present
            .iter()
            .find(|path| !listed.contains(path))
            .or_else(|| listed.iter().find(|path| !present.contains(path)));
        return Err(format!(
            "the manifest does not list exactly the files: {}",
            odd.copied().unwrap_or("out of order")
        ));
    }
    for entry in &bundle.manifest.files {
        let bytes = bundle
            .files
            .get(&entry.path)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if sha256(bytes) != entry.sha256 || u64::try_from(bytes.len()) != Ok(entry.size) {
            return Err(format!(
                "{} does not have the hash and size in the manifest",
                entry.path
            ));
        }
        if entry.role != role(&entry.path) {
            return Err(format!("{} has another role than its folder", entry.path));
        }
        if !is_known(&entry.path, bundle.manifest.log_size) {
            return Err(format!("{} is no file of a proof bundle", entry.path));
        }
    }
    Ok(Some(format!("{} files", present.len())))
}

/// Whether some step reads a file of this name.
fn is_known(path: &str, log_size: u64) -> bool {
    let number = |name: &str, suffix: &str| name.strip_suffix(suffix).and_then(index_of);
    let index = |name: &str, suffix: &str| number(name, suffix).is_some_and(|i| i < log_size);
    match path.split_once('/') {
        Some(("checkpoint", name)) => name == format!("{log_size}.txt"),
        Some(("leaves", name)) => index(name, ".json"),
        Some(("proofs", name)) => index(name, ".tlog-proof"),
        Some(("consistency", name)) => {
            number(name, &format!("-{log_size}.txt")).is_some_and(|size| size <= log_size)
        }
        Some(("origin", name)) => {
            ["lock.jws", "unlock.jws", "release.jws", "retire.jws"].contains(&name)
        }
        Some(("destination", name)) => ["mint.json", "void.json", "burn.json"].contains(&name),
        Some(("auth", name)) => ["mint.json", "void.json"].contains(&name),
        Some(_) | None => false,
    }
}

/// A number as we write it: no sign, no leading zeros.
pub(super) fn index_of(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|number: &u64| number.to_string() == text)
}
