//! One mistake is one problem with path, value and remedy; several are all reported.

use super::*;

#[test]
fn five_different_mistakes_are_all_reported_at_once() {
    let found = problems(&[
        ("network = \"test\"", "network = 7"),
        ("listen = \"127.0.0.1:7400\"", "listen = \"0.0.0.0:7400\""),
        ("format = \"text\"", "format = \"text\"\nlevel = \"info\""),
        ("secrets/registry.key", "secrets/nowhere.key"),
        ("depth = 2", "depth = 0"),
    ]);
    let expected = [
        "network",
        "control.listen",
        "telemetry.level",
        "ledger[0].api_key_file",
        "ledger[1].finality.depth",
    ];
    assert_eq!(paths(&found), expected);
}

#[test]
fn an_empty_file_lists_everything_that_it_lacks() {
    let folder = Folder::new();
    let error = load_relayer(&folder.write("relayer.toml", "")).unwrap_err();
    assert_eq!(
        paths(&error.problems),
        [
            "network",
            "data_dir",
            "log",
            "control",
            "route_admin",
            "ledger"
        ]
    );
    let text = error.to_string();
    assert!(
        text.starts_with("ISTHMUS-0001: ") && text.contains("relayer.toml has 6 problems\n"),
        "{text}"
    );
    assert!(
        text.contains("\n  network: missing: write 1 to 64 letters"),
        "{text}"
    );
    let error = load_attester(&folder.write("attester.toml", "")).unwrap_err();
    assert_eq!(
        paths(&error.problems),
        ["network", "data_dir", "attester", "route_admin", "ledger"]
    );
}

#[test]
fn an_unknown_field_is_named_with_those_that_exist() {
    let known = "origin, key_file";
    assert_problem(
        "origin = ",
        "orgin = \"x\"\norigin = ",
        "log.orgin",
        "unknown field",
        known,
    );
    assert_problem(
        "network = ",
        "netwrok = \"x\"\nnetwork = ",
        "netwrok",
        "unknown field",
        "network, data_dir, log, control",
    );
    // Its value may be a secret in the wrong place.
    let found = problem("[log]", "[log]\nseed = \"hunter2hunter2\"").to_string();
    assert!(!found.contains("hunter2"), "{found}");
}

#[test]
fn wrong_types_and_texts_are_shown_as_they_are() {
    assert_problem(
        "data_dir = \"data/relayer\"",
        "data_dir = []",
        "data_dir",
        "a list",
        "expected a path",
    );
    assert_problem(
        "listen = \"127.0.0.1:9400\"",
        "listen = 9400",
        "metrics.listen",
        "9400",
        "like 127.0.0.1:9400",
    );
    assert_problem(
        "[metrics]\n",
        "[[metrics]]\n",
        "metrics",
        "a list",
        "expected a table, [metrics]",
    );
    assert_problem(
        "format = \"text\"",
        "format = \"xml\"",
        "telemetry.format",
        "\"xml\"",
        "\"json\" or \"text\"",
    );
    assert_problem(
        "isthmus=debug,warn",
        "isthmus=loud",
        "telemetry.filter",
        "\"isthmus=loud\"",
        "tracing directives",
    );
    assert_problem(
        "origin = \"isthmus.test/log\"",
        "origin = \"a+b\"",
        "log.origin",
        "\"a+b\"",
        "without blanks and +",
    );
}

#[test]
fn a_syntax_error_names_line_and_column() {
    let folder = Folder::new();
    let error = load_any(&folder.write("relayer.toml", "network = \"test\"\ndata_dir = = 3\n"))
        .unwrap_err();
    assert_eq!(paths(&error.problems), ["line 2, column 12"], "{error}");
    let error = load_any(&folder.write("relayer.toml", "a = 1\na = 2\n")).unwrap_err();
    assert_eq!(paths(&error.problems), ["line 2, column 1"], "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = Folder::new();
    let error = load_relayer(&folder.path("no.toml")).unwrap_err();
    assert_eq!(paths(&error.problems), ["file"]);
    assert!(error.to_string().contains("no.toml"), "{error}");
}

#[test]
fn the_api_listens_on_loopback_only() {
    let from = "listen = \"127.0.0.1:7400\"";
    assert_problem(
        from,
        "listen = \"0.0.0.0:7400\"",
        "control.listen",
        "0.0.0.0:7400",
        "not encrypted",
    );
    assert_problem(
        from,
        "listen = \"127.0.0.1:9400\"",
        "metrics.listen",
        "127.0.0.1:9400",
        "choose another port",
    );
    let folder = Folder::new();
    let text = edited(&relayer_text(), &[(from, "listen = \"[::1]:7400\"")]);
    assert!(load_relayer(&folder.write("relayer.toml", &text)).is_ok());
}

#[test]
fn every_caller_has_a_name_and_a_token_of_its_own() {
    let found = problems(&[
        ("name = \"operator-1\"", "name = \"exchange-a\""),
        ("secrets/operator-1.token", "secrets/exchange-a.token"),
    ]);
    assert_eq!(
        paths(&found),
        ["control.identity[1].name", "control.identity[1].token_file"]
    );
    assert!(
        !format!("{found:?}").contains("0123456789"),
        "the token is shown"
    );
}

#[test]
fn roles_are_known_and_not_forgotten() {
    let remedy = "\"exchange\", \"operator\", \"guardian\", \"auditor\", \"attester\"";
    assert_problem(
        "[\"operator\"]",
        "[\"operator\", \"root\"]",
        "control.identity[1].roles[1]",
        "\"root\"",
        remedy,
    );
    assert_problem(
        "[\"operator\"]",
        "[]",
        "control.identity[1].roles",
        "empty",
        remedy,
    );
    assert_problem(
        "[\"operator\"]",
        "\"operator\"",
        "control.identity[1].roles",
        "\"operator\"",
        "a list",
    );
}

#[test]
fn an_attester_is_bound_to_signers_that_no_other_has() {
    let with = |signers: &str| format!("[\"attester\"]{signers}");
    let path = "control.identity[1].signers";
    let missing = with("");
    assert_problem("[\"operator\"]", &missing, path, "missing", "0x");
    let none = with("\nsigners = []");
    assert_problem("[\"operator\"]", &none, path, "empty", "0x");
    let short = with("\nsigners = [\"0x12\"]");
    let entry = format!("{path}[0]");
    assert_problem("[\"operator\"]", &short, &entry, "\"0x12\"", "40");
    let address = format!("signers = [\"0x{}\"]", "1".repeat(40));
    let exchange = format!("[\"exchange\", \"auditor\"]\n{address}");
    let found = problems(&[
        ("[\"exchange\", \"auditor\"]", &exchange),
        ("[\"operator\"]", &with(&format!("\n{address}"))),
    ]);
    assert_eq!(paths(&found), [path]);
}

#[test]
fn a_duplicate_is_reported_beside_other_mistakes_in_the_same_entry() {
    let found = problems(&[
        ("name = \"operator-1\"", "name = \"exchange-a\""),
        ("[\"operator\"]", "[\"root\"]"),
    ]);
    assert_eq!(
        paths(&found),
        ["control.identity[1].name", "control.identity[1].roles[0]"]
    );
}

#[test]
fn two_different_route_admins_are_needed() {
    assert_problem(
        "name = \"admin-b\"",
        "name = \"admin-a\"",
        "route_admin[1].name",
        "\"admin-a\", the same as route_admin[0].name",
        "own",
    );
    let value = format!("{:?}, the same as route_admin[0].key", public_key(11));
    assert_problem(
        &public_key(12),
        &public_key(11),
        "route_admin[1].key",
        &value,
        "alone",
    );
    let one = format!(
        "[[route_admin]]\nname = \"admin-b\"\nkey = \"{}\"\n",
        public_key(12)
    );
    assert_problem(&one, "", "route_admin", "1 of them", "two different admins");
}

#[test]
fn a_key_in_wrong_base64_is_refused() {
    let cut = &public_key(12)[..40];
    assert_problem(
        &public_key(12),
        "not base64!",
        "route_admin[1].key",
        "\"not base64!\"",
        "base64 of a 32-byte Ed25519",
    );
    assert_problem(
        &public_key(12),
        cut,
        "route_admin[1].key",
        &format!("{cut:?}"),
        "isthmus keys show",
    );
    // Decodes, but anyone can sign for this point.
    let weak = STANDARD.encode([0; 32]);
    assert_problem(
        &public_key(12),
        &weak,
        "route_admin[1].key",
        &format!("{weak:?}"),
        "Ed25519",
    );
}
