//! Secrets lie in files of their own and never reach a message.

use super::*;

#[test]
fn a_missing_secret_file_is_named_with_what_it_should_hold() {
    let found = problem("secrets/log.seed", "secrets/nowhere.seed");
    assert_eq!(found.path, "log.key_file");
    assert!(found.value.ends_with("secrets/nowhere.seed"), "{found}");
    assert!(
        found
            .remedy
            .contains("isthmus keys generate --kind ed25519"),
        "{found}"
    );
}

#[test]
fn a_secret_of_the_wrong_form_is_not_shown() {
    let found = problem("secrets/log.seed", "secrets/exchange-a.token");
    assert_eq!(found.path, "log.key_file");
    assert!(found.remedy.contains("64 hex digits"), "{found}");
    assert!(!found.to_string().contains("0123456789"), "{found}");
    for file in ["secrets/short.token", "secrets/empty.key"] {
        let found = problem("secrets/operator-1.token", file);
        assert_eq!(found.path, "control.identity[1].token_file");
        assert!(found.remedy.contains("at least 16 printable"), "{found}");
        assert!(!found.to_string().contains("too-short"), "{found}");
    }
    assert_eq!(
        problem("secrets/registry.key", "secrets/empty.key").path,
        "ledger[0].api_key_file"
    );
}

#[test]
fn zero_and_what_is_above_the_curves_order_is_no_key() {
    for wrong in ["00", "ff"] {
        let folder = Folder::new();
        folder.write("secrets/mint.key", &wrong.repeat(32));
        let error = load_relayer(&folder.write("relayer.toml", &relayer_text())).unwrap_err();
        assert_eq!(
            paths(&error.problems),
            ["ledger[1].mint_key_file"],
            "{wrong}"
        );
    }
}

#[test]
fn a_secret_in_place_of_its_files_name_is_not_shown() {
    let secret = "ab".repeat(32);
    for text in [secret.clone(), format!("0x{secret}")] {
        let found = problem("secrets/mint.key", &text);
        assert_eq!(found.path, "ledger[1].mint_key_file");
        assert!(found.remedy.contains("not the secret itself"), "{found}");
        assert!(!found.to_string().contains(&secret), "{found}");
    }
    let found = problem(
        "listen = \"127.0.0.1:7400\"",
        &format!("listen = \"{secret}\""),
    );
    assert!(!found.to_string().contains(&secret), "{found}");
}
