//! A port has at most six methods; a seventh needs a decision of its own (`docs/adr/0004-a-batched-port-of-prepare-send-find.md`).

use crate::{assert_tidy, repository};

const MOST_METHODS: usize = 6;

/// Names of traits and how many methods each declares. Reads what rustfmt writes: a trait's methods are indented by four.
fn traits(text: &str) -> Vec<(&str, usize)> {
    let mut found: Vec<(&str, usize)> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let declaration = line
            .strip_prefix("pub ")
            .or_else(|| line.strip_prefix("pub(crate) "))
            .unwrap_or(line);
        if let Some(rest) = declaration.strip_prefix("trait ") {
            let name = rest
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or(rest);
            found.push((name, 0));
            open = !line.ends_with("{}");
        } else if line == "}" {
            open = false;
        } else if open {
            let method = ["    fn ", "    async fn ", "    const fn "]
                .iter()
                .any(|start| line.starts_with(start));
            if let (true, Some((_, methods))) = (method, found.last_mut()) {
                *methods += 1;
            }
        }
    }
    found
}

#[test]
fn repository_ports_have_six_methods_at_most() {
    let (mut complaints, mut seen) = (Vec::new(), Vec::new());
    for file in repository::rust() {
        // What a test suite asks of its users is not a port.
        if file.path.starts_with("relayer/core/src/testing/") {
            continue;
        }
        for (name, methods) in traits(&file.text) {
            seen.push((name.to_owned(), methods));
            if methods > MOST_METHODS {
                let path = &file.path;
                complaints.push(format!(
                    "{path}: trait {name} has {methods} methods, more than {MOST_METHODS}"
                ));
            }
        }
    }
    for port in ["Ledger", "Journal"] {
        let counted = seen
            .iter()
            .any(|(name, methods)| name == port && *methods > 1);
        assert!(
            counted,
            "port {port} was not found, so nothing was checked: {seen:?}"
        );
    }
    assert_tidy(&complaints);
}

#[test]
fn methods_are_counted() {
    let text = "#[async_trait]\npub trait Two: Send {\n    /// Doc.\n    async fn one(\n        &self,\n    ) -> X;\n\n    fn two(&self) {\n        fn inner() {}\n    }\n}\nfn outside() {}\npub trait None {}\n";
    assert_eq!(traits(text), [("Two", 2), ("None", 0)]);
}
