//! Dependencies point one way (`ARCHITECTURE.md`).

use std::process::Command;

use serde_json::Value;

use crate::{assert_tidy, repository};

/// What each crate may depend on among ours, tests included.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("isthmus-core", &[]),
    ("isthmus-prooflog", &[]),
    ("isthmus-proto", &[]),
    (
        "isthmus-store",
        &["isthmus-core", "isthmus-prooflog", "isthmus-proto"],
    ),
    ("isthmus-evm", &["isthmus-core"]),
    ("isthmus-vcs", &["isthmus-core"]),
    (
        "isthmus",
        &[
            "isthmus-core",
            "isthmus-evm",
            "isthmus-prooflog",
            "isthmus-proto",
            "isthmus-store",
            "isthmus-vcs",
        ],
    ),
    (
        "isthmus-sim",
        &[
            "isthmus",
            "isthmus-core",
            "isthmus-prooflog",
            "isthmus-store",
        ],
    ),
    (
        "isthmus-fuzz",
        &["isthmus", "isthmus-core", "isthmus-prooflog", "isthmus-vcs"],
    ),
    (
        "isthmus-e2e",
        &[
            "isthmus",
            "isthmus-core",
            "isthmus-evm",
            "isthmus-prooflog",
            "isthmus-proto",
            "isthmus-store",
            "isthmus-vcs",
        ],
    ),
];

/// Where the daemon may name an adapter: where it joins the parts, reads their configuration, and, on the command line,
/// takes serials apart and derives addresses. Never where it decides.
const MAY_NAME_ADAPTERS: [&str; 4] = [
    "relayer/daemon/src/wire.rs",
    "relayer/daemon/src/wire/",
    "relayer/daemon/src/config/",
    "relayer/daemon/src/cli/",
];

fn against_direction(metadata: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let packages = metadata["packages"]
        .as_array()
        .expect("metadata lists packages");
    for package in packages {
        let name = package["name"].as_str().expect("a package has a name");
        let Some((_, allowed)) = ALLOWED.iter().find(|(of, _)| *of == name) else {
            complaints.push(format!(
                "crate {name}: say in {} what it may depend on",
                file!()
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"]
                .as_str()
                .expect("a dependency has a name");
            if dependency["path"].is_string() && on != name && !allowed.contains(&on) {
                complaints.push(format!("crate {name} must not depend on {on}"));
            }
        }
    }
    complaints
}

fn names_an_adapter(path: &str, text: &str) -> Vec<String> {
    let of_tests = ["/tests/", "/tests.rs", "/testing/", "/testing.rs"];
    let inside =
        path.starts_with("relayer/daemon/src/") && !of_tests.iter().any(|part| path.contains(part));
    if !inside
        || MAY_NAME_ADAPTERS
            .iter()
            .any(|allowed| path.starts_with(allowed))
    {
        return Vec::new();
    }
    let code = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter(|(_, line)| line.contains("isthmus_evm") || line.contains("isthmus_vcs"))
        .map(|(number, _)| {
            format!(
                "{path}:{}: names an adapter; only wire.rs joins them",
                number + 1
            )
        })
        .collect()
}

#[test]
fn repository_dependencies_point_one_way() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(repository::top())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    assert_tidy(&against_direction(&metadata));
}

#[test]
fn repository_adapters_are_named_where_parts_are_joined_only() {
    let complaints: Vec<String> = repository::rust()
        .iter()
        .flat_map(|file| names_an_adapter(&file.path, &file.text))
        .collect();
    assert_tidy(&complaints);
}

#[test]
fn a_dependency_against_the_direction_is_named() {
    let metadata = serde_json::json!({"packages": [
        {"name": "isthmus-core", "dependencies": [{"name": "isthmus-store", "path": "x"}, {"name": "serde"}]},
        {"name": "isthmus-new", "dependencies": []},
    ]});
    let complaints = against_direction(&metadata);
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert_eq!(
        complaints[0],
        "crate isthmus-core must not depend on isthmus-store"
    );
    assert!(
        complaints[1].starts_with("crate isthmus-new"),
        "{complaints:?}"
    );
}

#[test]
fn an_adapter_in_the_engine_is_named() {
    let text = "//! Engine.\n// isthmus_evm in a comment\nuse isthmus_evm::X;\n";
    let complaints = names_an_adapter("relayer/daemon/src/engine/lane.rs", text);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(names_an_adapter("relayer/daemon/src/wire.rs", text).is_empty());
}
