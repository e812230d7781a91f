//! What a reload may change, field by field: whatever a connection, the store or the log is made with is refused.

use super::*;

fn loaded(text: &str, log_seed: &str) -> RelayerConfig {
    let folder = Folder::new();
    folder.write("secrets/log.seed", log_seed);
    let mut config = load_relayer(&folder.write("relayer.toml", text)).unwrap();
    // Every folder of a test is another one.
    config.data_dir = config
        .data_dir
        .strip_prefix(folder.path(""))
        .unwrap()
        .into();
    config
}

/// What is refused, and what would change, if the file becomes this one.
fn difference(text: &str, log_seed: &str) -> (Vec<String>, Vec<String>) {
    let (_, seed) = SECRETS[0];
    let found = diff(&loaded(&relayer_text(), seed), &loaded(text, log_seed));
    let refused = found.refused.into_iter().map(|refused| refused.text);
    (refused.collect(), found.changes)
}

/// An edit, and how what is said about it begins.
const REFUSED: [(&str, &str, &str); 17] = [
    ("network = \"test\"", "network = \"other\"", "network: "),
    ("\"data/relayer\"", "\"data/other\"", "data_dir: "),
    ("isthmus.test/log", "isthmus.other/log", "log.origin: "),
    (":7400", ":7401", "control.listen: "),
    (":9400", ":9401", "metrics.listen: "),
    (
        "format = \"text\"",
        "format = \"json\"",
        "telemetry.format: ",
    ),
    (":8545", ":8546", "ledger eip155:31337: rpc_urls"),
    ("00aa\"", "00bb\"", "ledger eip155:31337: gate"),
    (
        "height = 7",
        "height = 8",
        "ledger eip155:31337: gate_height",
    ),
    ("depth = 2", "depth = 3", "ledger eip155:31337: finality"),
    (
        "time_ms = 1000",
        "time_ms = 2000",
        "ledger eip155:31337: block_time_ms",
    ),
    (
        "\"200000000000\"",
        "\"300000000000\"",
        "ledger eip155:31337: max_fee_per_gas_wei",
    ),
    (
        "mint.key",
        "attester.key",
        "ledger eip155:31337: mint_key_file",
    ),
    (
        "void.key",
        "attester.key",
        "ledger eip155:31337: void_key_file",
    ),
    (":8080", ":8081", "ledger vcs:sandbox: url"),
    (
        "settle_ms = 3000",
        "settle_ms = 4000",
        "ledger vcs:sandbox: settle_ms",
    ),
    (
        "registry.key",
        "relayer.token",
        "ledger vcs:sandbox: api_key_file",
    ),
];

#[test]
fn what_needs_a_restart_or_can_never_change_is_refused() {
    let (_, seed) = SECRETS[0];
    assert_eq!(
        difference(&relayer_text(), seed),
        (Vec::new(), Vec::new()),
        "the same file"
    );
    let (key, other_key) = (public_key(21), public_key(22));
    let receipt_key = (&*key, &*other_key, "ledger vcs:sandbox: receipt_key");
    for (from, to, field) in REFUSED.into_iter().chain([receipt_key]) {
        let (refused, changes) = difference(&edited(&relayer_text(), &[(from, to)]), seed);
        assert_eq!(
            (refused.len(), changes.len()),
            (1, 0),
            "{field} {refused:?}"
        );
        assert!(refused[0].starts_with(field), "{field} {refused:?}");
    }
    let (refused, _) = difference(&relayer_text(), &"05".repeat(32));
    assert!(
        refused.len() == 1 && refused[0].starts_with("log.key_file: "),
        "{refused:?}"
    );
}

#[test]
fn people_and_the_filter_change_at_once() {
    let (_, seed) = SECRETS[0];
    for (from, to, said) in [
        (
            "name = \"operator-1\"",
            "name = \"operator-9\"",
            "identity operator-9: may call now",
        ),
        (
            "[\"exchange\", \"auditor\"]",
            "[\"exchange\"]",
            "identity exchange-a: was ",
        ),
        (
            "name = \"admin-b\"",
            "name = \"admin-c\"",
            "route admin admin-c: ",
        ),
        ("debug,warn", "info", "telemetry.filter: "),
    ] {
        let (refused, changes) = difference(&edited(&relayer_text(), &[(from, to)]), seed);
        assert_eq!(refused, Vec::<String>::new(), "{said}");
        assert!(changes.iter().any(|c| c.starts_with(said)), "{changes:?}");
    }
}
