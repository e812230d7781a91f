//! The files of this repository, as text.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what others wrote or what was built.
const FOREIGN: [&str; 8] = [
    "node_modules",
    "target",
    "out",
    "cache",
    "bench-results",
    "demo-output",
    ".git",
    "fixtures",
];

/// A file, its path relative to the repository with `/` between the parts.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The repository's top folder.
pub(crate) fn top() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder
        .parent()
        .expect("e2e/ lies in the repository")
        .to_path_buf()
}

/// All text files whose name ends in one of `endings`, sorted by path.
pub(crate) fn files(endings: &[&str]) -> Vec<File> {
    let top = top();
    let mut found = Vec::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository is readable") {
            let entry = entry.expect("a folder's entry is readable");
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_str().expect("file names here are UTF-8");
            // A file may vanish between the listing and the reading: an editor's or a test's temporary one.
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() && !FOREIGN.contains(&name) {
                folders.push(path);
            } else if kind.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
                let relative = path.strip_prefix(&top).expect("it lies below the top");
                let path = relative
                    .to_str()
                    .expect("paths here are UTF-8")
                    .replace('\\', "/");
                if let Ok(text) = fs::read_to_string(top.join(&path)) {
                    found.push(File { path, text });
                }
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!found.is_empty(), "no file ends in any of {endings:?}");
    found
}

/// The Rust sources, this test's own excepted: it must spell what it forbids.
pub(crate) fn rust() -> Vec<File> {
    let mut sources = files(&[".rs"]);
    sources.retain(|file| !file.path.starts_with("e2e/tests/tidy/"));
    sources
}

/// One file by its path; empty if it is not there, which every rule about it complains of.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_default()
}
