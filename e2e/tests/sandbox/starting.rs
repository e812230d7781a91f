//! Starting: what is loaded, and every configuration that is refused before anything is served.

use std::path::Path;
use std::process::{Command, Output};

use isthmus_e2e::sandbox::config::ConfigError;
use isthmus_e2e::sandbox::{Config, OpenError, Sandbox};
use tempfile::TempDir;

const SEED: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// A folder with a configuration, a seed and an export of `rows`.
fn folder(config: &str, rows: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("sandbox.toml"), config).unwrap();
    std::fs::write(folder.path().join("receipt.seed"), SEED).unwrap();
    let export = include_str!("../../fixtures/verra/transactions.csv");
    let heading = export.lines().next().unwrap();
    std::fs::write(
        folder.path().join("export.csv"),
        format!("{heading}\n{}\n", rows.join("\n")),
    )
    .unwrap();
    folder
}

const MINIMAL: &str = r#"
registry = "vcs:sandbox"
receipt_key_file = "receipt.seed"
approvals_required = 1
[[api_key]]
key = "attester-secret"
name = "attester"
role = "approver"
"#;

const ROW: &str = r#"2026-04-03,,2020-01-01,2020-12-31,1340,N,Ethiopia,T,M,"1,454,054",425,19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1,CCB-No Distinction,2026-04-10,,,"#;

fn open(folder: &Path) -> Result<Sandbox, OpenError> {
    Sandbox::open(&Config::read(
        &folder.join("sandbox.toml"),
        &folder.join("data"),
    )?)
}

fn refusal(folder: &TempDir) -> String {
    let error: anyhow::Error = open(folder.path()).expect_err("it must not open").into();
    format!("{error:#}")
}

#[test]
fn all_problems_of_a_configuration_are_reported_at_once() {
    let text = r#"
registry = "vcs:sandbox"
receipt_key_file = "receipt.seed"
approvals_required = 3
[[api_key]]
key = "short"
name = "attester"
role = "approver"
[[api_key]]
key = "short"
name = "relayer"
role = "relayer"
[[account]]
id = "1"
name = "A"
kind = "holder"
[[account]]
id = "1"
name = "B"
kind = "custody"
"#;
    let folder = folder(text, &[]);
    let Err(ConfigError::Problems(problems)) =
        Config::read(&folder.path().join("sandbox.toml"), folder.path())
    else {
        panic!("it must not be read");
    };
    for problem in ["approvals_required: 3", "shorter", "same key", "account 1"] {
        assert!(
            problems.iter().any(|text| text.contains(problem)),
            "{problem}: {problems:?}"
        );
    }
    let misspelt = MINIMAL.replace("approvals_required", "approval_required");
    assert!(refusal(&self::folder(&misspelt, &[])).contains("approval_required"));
    let zero = MINIMAL.replace("approvals_required = 1", "approvals_required = 0");
    assert!(refusal(&self::folder(&zero, &[])).contains("would let the relayer move units alone"));
}

#[test]
fn rows_that_share_units_and_accounts_that_do_not_exist_are_refused() {
    let load = format!("{MINIMAL}\n[[load]]\nfile = \"export.csv\"\naccount = \"1\"\n");
    assert!(refusal(&folder(&load, &[ROW])).contains("account 1 does not exist"));
    let load = format!("{load}\n[[account]]\nid = \"1\"\nname = \"A\"\nkind = \"holder\"\n");
    assert!(open(folder(&load, &[ROW]).path()).is_ok());
    let twice = refusal(&folder(&load, &[ROW, ROW]));
    assert!(
        twice.contains("row 3") && twice.contains("overlaps"),
        "{twice}"
    );
}

#[test]
fn books_are_opened_only_under_the_key_that_signed_them_and_by_one_process() {
    let folder = folder(MINIMAL, &[]);
    let first = open(folder.path()).unwrap();
    let second = refusal(&folder);
    assert!(second.contains("in use"), "{second}");
    drop(first);
    let other = SEED.replace("07", "08");
    std::fs::write(folder.path().join("receipt.seed"), other).unwrap();
    // The writer of the first lets go of the file as soon as it notices.
    let refused = (0..200).map(|_| refusal(&folder)).find(|text| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        !text.contains("in use")
    });
    assert!(
        refused
            .as_ref()
            .is_some_and(|text| text.contains("belongs to registry vcs:sandbox")),
        "{refused:?}"
    );
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isthmus-sandbox"))
        .current_dir(folder.path())
        .args(["--data-dir", "data", "--config", "sandbox.toml"])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_binary_refuses_another_registry_and_an_export_that_is_not_there() {
    let folder = folder(MINIMAL, &[]);
    for (arguments, expected) in [
        (
            ["--registry", "vcs:other"],
            "--registry vcs:other is not the configuration's vcs:sandbox",
        ),
        (["--load", "nowhere.csv"], "cannot read nowhere.csv"),
        (
            ["--listen", "192.0.2.1:80"],
            "cannot listen on 192.0.2.1:80",
        ),
    ] {
        let output = run(&folder, &arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && said.contains(expected),
            "{said}"
        );
    }
}

#[test]
fn load_takes_rows_as_what_they_are() {
    let published_held = ROW
        .replace("2026-04-10", "")
        .replace("941467007-941467431", "941468000-941468424");
    let folder = folder(MINIMAL, &[ROW, &published_held]);
    // It cannot listen there, but it has loaded by then: the changes are on disk.
    run(
        &folder,
        &["--load", "export.csv", "--listen", "192.0.2.1:80"],
    );
    let changes = std::fs::read_to_string(folder.path().join("data/changes.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(changes.lines().next().unwrap()).unwrap();
    let issued: Vec<_> = line["record"]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["change"] == "issued")
        .collect();
    assert_eq!(
        issued
            .iter()
            .map(|c| c["state"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["retired", "held"]
    );
    assert!(issued.iter().all(|c| c["account"] == "published"));
}
