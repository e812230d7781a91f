//! Mistakes in `[[ledger]]`.

use super::*;

#[test]
fn a_ledger_has_one_entry() {
    let folder = Folder::new();
    let again = relayer_text();
    let again = again.split("[[ledger]]").nth(1).unwrap();
    let text = format!("{}[[ledger]]{again}", relayer_text());
    let error = load_relayer(&folder.write("relayer.toml", &text)).unwrap_err();
    assert_eq!(paths(&error.problems), ["ledger[2].id"]);
    assert_eq!(
        error.problems[0].value,
        "\"vcs:sandbox\", the same as ledger[0].id"
    );
}

#[test]
fn ids_fit_their_kinds() {
    for wrong in [
        "eip155:",
        "eip155:01",
        "eip155:1a",
        "31337",
        "vcs:chain",
        "eip155:99999999999999999999",
    ] {
        assert_problem(
            "eip155:31337",
            wrong,
            "ledger[1].id",
            &format!("{wrong:?}"),
            "eip155:<chain id>",
        );
    }
    for wrong in ["sandbox", "vcs:", "vcs:a b"] {
        assert_problem(
            "\"vcs:sandbox\"",
            &format!("{wrong:?}"),
            "ledger[0].id",
            &format!("{wrong:?}"),
            "vcs:<name>",
        );
    }
    assert_problem(
        "kind = \"evm\"",
        "kind = \"eth\"",
        "ledger[1].kind",
        "\"eth\"",
        "\"vcs\" or \"evm\"",
    );
}

#[test]
fn a_block_is_never_final_at_once() {
    assert_problem(
        "depth = 2",
        "depth = 0",
        "ledger[1].finality.depth",
        "0",
        "at least 1 block",
    );
    assert_problem(
        "depth = 2",
        "depth = -1",
        "ledger[1].finality.depth",
        "-1",
        "at least 1 block",
    );
    assert_problem(
        "depth = 2",
        "tag = \"latest\"",
        "ledger[1].finality.tag",
        "\"latest\"",
        "\"finalized\"",
    );
    assert_problem(
        "depth = 2",
        "tag = \"finalized\", depth = 2",
        "ledger[1].finality.depth",
        "beside a tag",
        "not both",
    );
    assert_problem(
        "depth = 2",
        "",
        "ledger[1].finality.depth",
        "missing",
        "tag = \"finalized\"",
    );
    assert_problem(
        "finality = { depth = 2 }",
        "",
        "ledger[1].finality",
        "missing",
        "depth = <blocks>",
    );
    assert_problem(
        "depth = 2",
        "depth = 2, blocks = 2",
        "ledger[1].finality.blocks",
        "unknown field",
        "depth, tag",
    );
}

#[test]
fn credentials_do_not_leave_this_machine_in_the_clear() {
    let from = "http://127.0.0.1:8080";
    assert_problem(
        from,
        "http://registry.example",
        "ledger[0].url",
        "\"http://registry.example\"",
        "in the clear",
    );
    assert_problem(
        from,
        "http://127.0.0.1:8080/v1",
        "ledger[0].url",
        "\"http://127.0.0.1:8080/v1\"",
        "without a path",
    );
    assert_problem(
        from,
        "registry.example",
        "ledger[0].url",
        "\"registry.example\"",
        "like http://127.0.0.1:8080",
    );
    let folder = Folder::new();
    let text = edited(
        &attester_text(),
        &[("http://127.0.0.1:7400", "http://10.0.0.7:7400")],
    );
    let error = load_attester_text(&folder, &text).unwrap_err();
    assert_eq!(paths(&error.problems), ["attester.relayer_url"]);
}

#[test]
fn a_wrong_node_url_is_not_repeated() {
    let found = problem("http://127.0.0.1:8545", "https:/rpc.example/v3/hunter2");
    assert_eq!(found.path, "ledger[1].rpc_urls[0]");
    assert!(!found.to_string().contains("hunter2"), "{found}");
    assert_problem(
        "[\"http://127.0.0.1:8545\"]",
        "[]",
        "ledger[1].rpc_urls",
        "empty",
        "at least one",
    );
}

#[test]
fn addresses_numbers_and_fees_are_checked() {
    let checksummed = "0x00000000000000000000000000000000000000AA";
    let shown = format!("{checksummed:?}");
    assert_problem(
        "0x00000000000000000000000000000000000000aa",
        checksummed,
        "ledger[1].gate",
        &shown,
        "40 lower-case hex digits",
    );
    assert_problem(
        "block_time_ms = 1000",
        "block_time_ms = 0",
        "ledger[1].block_time_ms",
        "0",
        "from 1",
    );
    assert_problem(
        "block_time_ms = 1000",
        "",
        "ledger[1].block_time_ms",
        "missing",
        "milliseconds between blocks",
    );
    assert_problem(
        "gate_height = 7",
        "log_range_limit = 0",
        "ledger[1].log_range_limit",
        "0",
        "from 1",
    );
    assert_problem(
        "\"200000000000\"",
        "200000000000",
        "ledger[1].max_fee_per_gas_wei",
        "200000000000",
        "decimal text",
    );
    assert_problem(
        "\"200000000000\"",
        "\"5\"",
        "ledger[1].priority_fee_per_gas_wei",
        "1000000000",
        "not below the priority fee",
    );
}

#[test]
fn each_lane_has_a_key_of_its_own() {
    let found = problem("secrets/void.key", "secrets/mint.key");
    assert_eq!(found.path, "ledger[1].void_key_file");
    assert!(
        found.value.starts_with("the account of mint_key_file, 0x"),
        "{found}"
    );
    assert!(
        found.remedy.contains("a stuck mint blocks a void"),
        "{found}"
    );
}

#[test]
fn an_attester_has_no_keys_at_chains_and_a_name_at_registries() {
    let folder = Folder::new();
    let text = edited(
        &attester_text(),
        &[
            ("approver = \"attester-1\"\n", ""),
            (
                "block_time_ms = 12000",
                "block_time_ms = 12000\nmint_key_file = \"secrets/mint.key\"",
            ),
        ],
    );
    let error = load_attester_text(&folder, &text).unwrap_err();
    assert_eq!(
        paths(&error.problems),
        ["ledger[0].approver", "ledger[1].mint_key_file"]
    );
}

#[test]
fn an_attester_opens_no_port() {
    let folder = Folder::new();
    let text = format!(
        "{}[metrics]\nlisten = \"127.0.0.1:9401\"\n",
        attester_text()
    );
    let error = load_attester_text(&folder, &text).unwrap_err();
    assert_eq!(paths(&error.problems), ["metrics"]);
    assert_eq!(error.problems[0].value, "unknown field");
}
