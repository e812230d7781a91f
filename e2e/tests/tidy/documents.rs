//! Documents that list what the code or a folder holds are complete, and list nothing else.

use std::collections::BTreeSet;

use crate::{assert_tidy, repository};

/// `ISTHMUS-` and four digits, wherever they stand.
fn codes(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (start, prefix) in text.match_indices("ISTHMUS-") {
        let code: String = text[start + prefix.len()..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        if code.len() == 4 {
            found.insert(format!("{prefix}{code}"));
        }
    }
    found
}

/// Lines of a Markdown document that are headings.
fn headings(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    lines.join("\n")
}

fn differences(one: (&str, &BTreeSet<String>), other: (&str, &BTreeSet<String>)) -> Vec<String> {
    let missing =
        |here: (&str, &BTreeSet<String>), there: (&str, &BTreeSet<String>)| -> Vec<String> {
            there
                .1
                .difference(here.1)
                .map(|entry| format!("{entry} is in {} but not in {}", there.0, here.0))
                .collect()
        };
    [missing(one, other), missing(other, one)].concat()
}

/// What is wrong with the decision `number` (from 1) of the folder.
fn decision(number: usize, path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let name = path.rsplit('/').next().unwrap_or(path);
    if !name.starts_with(&format!("{number:04}-")) {
        complaints.push(format!(
            "{path}: decisions are numbered without a gap; expected {number:04}-"
        ));
    }
    if !text.starts_with(&format!("# {number}. ")) {
        complaints.push(format!("{path}: its title starts with \"# {number}. \""));
    }
    for part in ["**Context.**", "**Decision.**", "**Consequences.**"] {
        if !text.contains(part) {
            complaints.push(format!("{path}: has no {part}"));
        }
    }
    complaints
}

#[test]
fn repository_error_codes_each_have_a_heading() {
    let source = repository::read("relayer/daemon/src/error_code.rs");
    let code = codes(source.split("#[cfg(test)]").next().unwrap_or(&source));
    let page = codes(&headings(&repository::read("docs/errors.md")));
    assert!(!code.is_empty(), "no code was found in error_code.rs");
    assert_tidy(&differences(
        ("error_code.rs", &code),
        ("docs/errors.md", &page),
    ));
}

#[test]
fn repository_decisions_are_numbered_whole_and_listed() {
    let files = repository::files(&[".md"]);
    let decisions: Vec<_> = files
        .iter()
        .filter(|file| file.path.starts_with("docs/adr/") && !file.path.ends_with("/README.md"))
        .collect();
    assert!(!decisions.is_empty(), "no decision was found in docs/adr/");
    let mut complaints = Vec::new();
    for (position, file) in decisions.iter().enumerate() {
        complaints.extend(decision(position + 1, &file.path, &file.text));
    }
    let there: BTreeSet<String> = decisions
        .iter()
        .map(|file| file.path.trim_start_matches("docs/adr/").to_owned())
        .collect();
    let index = repository::read("docs/adr/README.md");
    let listed: BTreeSet<String> = index
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link.to_owned())
        .collect();
    complaints.extend(differences(
        ("docs/adr/", &there),
        ("docs/adr/README.md", &listed),
    ));
    assert_tidy(&complaints);
}

#[test]
fn codes_are_read_exactly() {
    let found = codes("\"ISTHMUS-0001\" ISTHMUS-12 ISTHMUS-00123 [ISTHMUS-0002]");
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["ISTHMUS-0001", "ISTHMUS-0002"]
    );
    assert_eq!(headings("# a\ntext\n## b"), "# a\n## b");
}

#[test]
fn a_difference_is_named_from_both_sides() {
    let set = |entries: &[&str]| {
        entries
            .iter()
            .map(|entry| (*entry).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let complaints = differences(("code", &set(&["a", "b"])), ("page", &set(&["b", "c"])));
    assert_eq!(
        complaints,
        [
            "c is in page but not in code",
            "a is in code but not in page"
        ]
    );
}

#[test]
fn a_decision_without_consequences_is_named() {
    let whole = "# 2. Title\n\n**Context.** **Decision.** **Consequences.**";
    assert!(decision(2, "docs/adr/0002-title.md", whole).is_empty());
    assert_eq!(decision(1, "docs/adr/0002-title.md", whole).len(), 2);
    assert_eq!(
        decision(
            2,
            "docs/adr/0002-title.md",
            "# 2. Title\n**Context.** **Decision.**"
        )
        .len(),
        1
    );
}
