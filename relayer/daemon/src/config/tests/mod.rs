//! Configurations that are right in one folder with their secrets, and what is said when they are edited.

mod changes;
mod examples;
mod ledgers;
mod mistakes;
mod secrets;
mod sound;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use isthmus_prooflog::note::LogSigner;
use tempfile::TempDir;

use super::*;

/// A folder with a file and its secrets.
struct Folder(TempDir);

/// Every secret that the two files below name, with a content that is right.
const SECRETS: [(&str, &str); 10] = [
    (
        "log.seed",
        "0101010101010101010101010101010101010101010101010101010101010101",
    ),
    ("exchange-a.token", "exchange-a-0123456789"),
    ("operator-1.token", "operator-1-0123456789"),
    ("registry.key", "registry-key"),
    (
        "mint.key",
        "0x0202020202020202020202020202020202020202020202020202020202020202",
    ),
    (
        "void.key",
        "0303030303030303030303030303030303030303030303030303030303030303\n",
    ),
    (
        "attester.key",
        "0404040404040404040404040404040404040404040404040404040404040404",
    ),
    ("relayer.token", "attester-1-0123456789"),
    ("short.token", "too-short"),
    ("empty.key", "\n"),
];

impl Folder {
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        fs::create_dir(folder.path("secrets")).unwrap();
        for (name, content) in SECRETS {
            folder.write(&format!("secrets/{name}"), content);
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }
}

fn public_key(seed: u8) -> String {
    STANDARD.encode(SigningKey::from_bytes(&[seed; 32]).verifying_key())
}

fn log_vkey() -> String {
    LogSigner::new("isthmus.test/log".into(), [1; 32], None)
        .verifier()
        .to_string()
}

fn route_admins() -> String {
    format!(
        "[[route_admin]]\nname = \"admin-a\"\nkey = \"{}\"\n[[route_admin]]\nname = \"admin-b\"\nkey = \"{}\"\n",
        public_key(11),
        public_key(12)
    )
}

fn relayer_text() -> String {
    format!(
        r#"
network = "test"
data_dir = "data/relayer"
[log]
origin = "isthmus.test/log"
key_file = "secrets/log.seed"
[control]
listen = "127.0.0.1:7400"
[[control.identity]]
name = "exchange-a"
roles = ["exchange", "auditor"]
token_file = "secrets/exchange-a.token"
[[control.identity]]
name = "operator-1"
roles = ["operator"]
token_file = "secrets/operator-1.token"
[metrics]
listen = "127.0.0.1:9400"
[telemetry]
format = "text"
filter = "isthmus=debug,warn"
{}
[[ledger]]
id = "vcs:sandbox"
kind = "vcs"
url = "http://127.0.0.1:8080"
receipt_key = "{}"
api_key_file = "secrets/registry.key"
settle_ms = 3000
[[ledger]]
id = "eip155:31337"
kind = "evm"
rpc_urls = ["http://127.0.0.1:8545"]
gate = "0x00000000000000000000000000000000000000aa"
gate_height = 7
finality = {{ depth = 2 }}
block_time_ms = 1000
max_fee_per_gas_wei = "200000000000"
priority_fee_per_gas_wei = "1000000000"
mint_key_file = "secrets/mint.key"
void_key_file = "secrets/void.key"
"#,
        route_admins(),
        public_key(21)
    )
}

fn attester_text() -> String {
    format!(
        r#"
network = "test"
data_dir = "/var/lib/isthmus/attester"
[attester]
name = "attester-1"
key_file = "secrets/attester.key"
relayer_url = "http://127.0.0.1:7400"
relayer_token_file = "secrets/relayer.token"
log_vkey = "{}"
{}
[[ledger]]
id = "vcs:sandbox"
kind = "vcs"
url = "http://127.0.0.1:9080"
receipt_key = "{}"
api_key_file = "secrets/registry.key"
approver = "attester-1"
[[ledger]]
id = "eip155:31337"
kind = "evm"
rpc_urls = ["http://rpc.example/v3/secret", "http://[::1]:8545"]
gate = "0x00000000000000000000000000000000000000aa"
finality = {{ tag = "finalized" }}
block_time_ms = 12000
"#,
        log_vkey(),
        route_admins(),
        public_key(21)
    )
}

/// The text with each edit made exactly once.
fn edited(text: &str, edits: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in edits {
        assert_eq!(
            text.matches(from).count(),
            1,
            "{from:?} must be in the file once"
        );
        text = text.replace(from, to);
    }
    text
}

/// What is said about a relayer's file with these edits, as paths and whole lines.
fn problems(edits: &[(&str, &str)]) -> Vec<Problem> {
    let folder = Folder::new();
    let file = folder.write("relayer.toml", &edited(&relayer_text(), edits));
    load_relayer(&file).unwrap_err().problems
}

/// The one problem after one edit.
fn problem(from: &str, to: &str) -> Problem {
    let mut found = problems(&[(from, to)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// That one edit gives one problem there, with this value, and a remedy that says this.
fn assert_problem(from: &str, to: &str, path: &str, value: &str, remedy: &str) {
    let found = problem(from, to);
    assert_eq!(
        (found.path.as_str(), found.value.as_str()),
        (path, value),
        "{found}"
    );
    assert!(found.remedy.contains(remedy), "{found}");
}

fn paths(problems: &[Problem]) -> Vec<&str> {
    problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect()
}

fn load_attester_text(folder: &Folder, text: &str) -> Result<AttesterConfig, ConfigError> {
    load_attester(&folder.write("attester.toml", text))
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
