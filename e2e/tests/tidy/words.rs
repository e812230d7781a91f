//! One word per idea. The words here stand for ideas that have another name in this project, so that nothing of ours is
//! declared under them.

use crate::{assert_tidy, repository};

/// The word, and what it is called here.
const BANNED: [(&str, &str); 19] = [
    ("escrow", "lock, custody"),
    ("escrowed", "locked"),
    ("freeze", "lock"),
    ("frozen", "locked"),
    ("unfreeze", "unlock"),
    ("vault", "pool, custody account"),
    ("validator", "attester"),
    ("validators", "attesters"),
    ("packet", "transfer"),
    ("packets", "transfers"),
    ("plugin", "adapter"),
    ("plugins", "adapters"),
    ("src", "origin"),
    ("dst", "destination"),
    ("dest", "destination"),
    ("amount", "quantity"),
    ("amounts", "quantities"),
    ("wrapped", "minted"),
    ("sth", "checkpoint"),
];

/// A declared name follows one of these.
const KEYWORDS: [&str; 10] = [
    "struct", "enum", "trait", "fn", "mod", "type", "const", "static", "let", "mut",
];

/// Names declared in a line: after a keyword, or before a colon (fields and parameters).
fn declared(line: &str) -> Vec<&str> {
    let code = line.split("//").next().unwrap_or(line);
    if code.contains('"') {
        return Vec::new();
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = Vec::new();
    let mut after_keyword = false;
    let mut rest = code;
    while let Some(start) = rest.find(is_name) {
        let tail = &rest[start..];
        let end = tail.find(|c| !is_name(c)).unwrap_or(tail.len());
        let (word, following) = tail.split_at(end);
        let keyword = KEYWORDS.contains(&word);
        let before_colon = following.starts_with(": ");
        if (after_keyword || before_colon) && !keyword {
            names.push(word);
        }
        after_keyword = keyword;
        rest = following;
    }
    names
}

/// `find_mint`, `FindMint` and `FIND_MINT` are the words find and mint.
fn words(name: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && after_lower) {
            found.push(String::new());
        }
        if let (true, Some(word)) = (c != '_', found.last_mut()) {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    found.retain(|word| !word.is_empty());
    found
}

fn other_names(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for name in declared(line) {
            for word in words(name) {
                if let Some((_, ours)) = BANNED.iter().find(|(banned, _)| *banned == word) {
                    let number = number + 1;
                    complaints.push(format!(
                        "{path}:{number}: {name}: {word:?} is called {ours} here"
                    ));
                }
            }
        }
    }
    complaints
}

/// In an adapter and in the sandbox a registry's own words may appear, as may the names of foreign interfaces.
fn speaks_for_others(path: &str) -> bool {
    path.starts_with("adapters/") || path.starts_with("e2e/src/sandbox/")
}

#[test]
fn repository_uses_one_word_per_idea() {
    let files = repository::rust();
    let ours = files.iter().filter(|file| !speaks_for_others(&file.path));
    let complaints: Vec<String> = ours
        .flat_map(|file| other_names(&file.path, &file.text))
        .collect();
    assert_tidy(&complaints);
}

#[test]
fn another_word_is_named_where_it_is_declared() {
    let text = "pub struct VaultKeeper;\nfn send_packet(amount: u64) {}\nlet mut dst = 1;\nconst AMOUNT_MAX: u8 = 1;\n";
    let complaints = other_names("a.rs", text);
    assert_eq!(complaints.len(), 5, "{complaints:#?}");
}

#[test]
fn what_others_declared_may_be_called() {
    let text = "// the vault of another contract\nlet quantity = event.amount;\nlet x = api::validator(packet);\n";
    assert!(
        other_names("a.rs", text).is_empty(),
        "{:?}",
        other_names("a.rs", text)
    );
}
