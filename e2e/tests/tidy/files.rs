//! What every file has: a header that says what it is for, a size that one can read, and no path of somebody's machine.

use crate::{assert_tidy, repository};

/// A file is one idea. Above the first number it is worth a look, above the second it is two ideas.
const WORTH_A_LOOK: usize = 300;
const TOO_LONG: usize = 500;

/// Paths that exist on one machine only.
const MACHINE_PATHS: [&str; 5] = ["/home/", "/root/", "/work/", "/Users/", "../shared"];

fn headless(path: &str, text: &str) -> Vec<String> {
    let header = match path.rsplit_once('.') {
        Some((_, "rs")) => "//! ",
        Some((_, "proto")) => "// ",
        Some((_, "sol")) => "// SPDX-License-Identifier: Apache-2.0",
        _ => "#",
    };
    if text.starts_with(header) {
        return Vec::new();
    }
    vec![format!(
        "{path}: starts with {header:?} and says what it is for"
    )]
}

fn too_long(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= TOO_LONG {
        return Vec::new();
    }
    vec![format!(
        "{path}: {lines} lines, more than {TOO_LONG}: split it by idea"
    )]
}

fn of_one_machine(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for machine in MACHINE_PATHS {
            let mut starts = line.match_indices(machine).map(|(start, _)| &line[..start]);
            // `log/root/` and `$HOME/work/` are parts of longer, relative paths.
            let absolute = |before: &str| {
                !before.ends_with(|c: char| c.is_alphanumeric() || "_-.$}>*".contains(c))
            };
            if starts.any(absolute) {
                complaints.push(format!(
                    "{path}:{}: {machine} exists on one machine only",
                    number + 1
                ));
            }
        }
        let rust = path
            .rsplit_once('.')
            .is_some_and(|(_, ending)| ending == "rs");
        if rust && line.contains("\"/tmp/") {
            complaints.push(format!(
                "{path}:{}: use tempfile, not a fixed folder in /tmp",
                number + 1
            ));
        }
    }
    complaints
}

fn over(files: &[repository::File], rule: fn(&str, &str) -> Vec<String>) -> Vec<String> {
    files
        .iter()
        .flat_map(|file| rule(&file.path, &file.text))
        .collect()
}

#[test]
fn repository_files_say_what_they_are_for() {
    let mut files = repository::files(&[".rs", ".proto", ".sol"]);
    files.retain(|file| !file.path.ends_with("node_modules"));
    assert_tidy(&over(&files, headless));
}

#[test]
fn repository_files_are_short() {
    let files = repository::files(&[".rs", ".sol", ".proto"]);
    for file in &files {
        let lines = file.text.lines().count();
        if (WORTH_A_LOOK..=TOO_LONG).contains(&lines) {
            println!("{}: {lines} lines: still one idea?", file.path);
        }
    }
    assert_tidy(&over(&files, too_long));
}

#[test]
fn repository_names_no_path_of_one_machine() {
    let mut files = repository::files(&[
        ".rs", ".toml", ".md", ".proto", ".sol", ".sh", ".json", ".mjs", ".yaml", "Makefile", "run",
    ]);
    files.retain(|file| !file.path.starts_with("e2e/tests/tidy/"));
    assert_tidy(&over(&files, of_one_machine));
}

#[test]
fn a_file_without_a_header_is_named() {
    assert_eq!(headless("a.rs", "use std::fs;\n").len(), 1);
    assert_eq!(headless("a.proto", "syntax = \"proto3\";\n").len(), 1);
    assert_eq!(headless("a.sol", "pragma solidity 0.8.37;\n").len(), 1);
    assert!(headless("a.rs", "//! Header.\n").is_empty());
}

#[test]
fn a_long_file_is_named() {
    assert!(too_long("a.rs", &"\n".repeat(TOO_LONG)).is_empty());
    assert_eq!(too_long("a.rs", &"\n".repeat(TOO_LONG + 1)).len(), 1);
}

#[test]
fn a_path_of_one_machine_is_named() {
    assert_eq!(
        of_one_machine("a.md", "see /work/main and ../shared/design.md").len(),
        2
    );
    assert_eq!(of_one_machine("a.rs", "let x = \"/tmp/x\";").len(), 1);
    assert!(of_one_machine("a.rs", "a framework/work/ or log/root/x").is_empty());
}
