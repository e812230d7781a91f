//! A registry as a process with a folder of its own, and callers with each role.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use isthmus_core::id::TransferId;
use isthmus_core::mandate::Wish;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const RELAYER: &str = "relayer-secret";
pub(crate) const ATTESTERS: [&str; 3] = [
    "attester-1-secret",
    "attester-2-secret",
    "attester-3-secret",
];
/// An approver's key of the relayer's own party.
pub(crate) const RELAYER_AS_APPROVER: &str = "relayer-approver-secret";
pub(crate) const HOLDER: &str = "holder-secret";
pub(crate) const ADMIN: &str = "admin-secret";

/// 425 t of project 1340, held by account 1001: the example of `docs/protocol.md`.
pub(crate) const BLOCK: (u64, u64) = (941_467_007, 941_467_431);

/// Part of [`BLOCK`], counted from its first unit.
pub(crate) fn serial(from: u64, to: u64) -> String {
    let (first, last) = (BLOCK.0 + from, BLOCK.0 + to);
    format!("19385-{first}-{last}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1")
}

pub(crate) fn id(number: u64) -> TransferId {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    TransferId::new(bytes)
}

/// The mandate of account 1001.
pub(crate) fn mandate(transfer: TransferId) -> String {
    let key = SigningKey::from_bytes(&[0x0b; 32]);
    STANDARD.encode(key.sign(&Wish::Transfer.message(transfer)).to_bytes())
}

pub(crate) fn lock(number: u64, units: &[String]) -> Value {
    let transfer = id(number);
    json!({"reference": transfer, "account": "1001", "custody_account": "9001", "units": units, "mandate": mandate(transfer)})
}

pub(crate) fn release(number: u64, units: &[String]) -> Value {
    json!({"reference": id(number), "movement": "release", "custody_account": "9001", "units": units, "to_account": "1002"})
}

/// A running registry. Killed with -9 when it goes out of scope.
pub(crate) struct World {
    process: Child,
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    pub(crate) http: Client,
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::in_folder(TempDir::new().unwrap()).await
    }

    async fn in_folder(folder: TempDir) -> Self {
        let ready = folder.path().join("ready");
        if ready.exists() {
            std::fs::remove_file(&ready).unwrap();
        }
        let fixtures =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/sandbox/sandbox.toml");
        let process = Command::new(env!("CARGO_BIN_EXE_isthmus-sandbox"))
            .args(["--registry", "vcs:sandbox", "--data-dir"])
            .arg(folder.path())
            .arg("--config")
            .arg(fixtures)
            .arg("--ready-file")
            .arg(&ready)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut world = Self {
            process,
            folder,
            url: String::new(),
            http: Client::new(),
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !ready.exists() {
            assert!(Instant::now() < deadline, "the registry did not start");
            assert!(
                world.process.try_wait().unwrap().is_none(),
                "the registry ended"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.url = format!("http://{}", std::fs::read_to_string(&ready).unwrap());
        world
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Kills with -9 and starts again in the same folder.
    pub(crate) async fn restart(mut self) -> Self {
        self.kill();
        let empty = TempDir::new().unwrap();
        let folder = std::mem::replace(&mut self.folder, empty);
        Self::in_folder(folder).await
    }

    pub(crate) fn changes(&self) -> PathBuf {
        self.folder.path().join("changes.jsonl")
    }

    pub(crate) fn request(&self, key: &str, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}{path}", self.url))
            .header("X-Api-Key", key)
            .json(body)
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let response = self.request(key, path, &body).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// A call that must succeed.
    pub(crate) async fn ok(&self, key: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(key, path, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> (StatusCode, Value) {
        let request = self
            .http
            .get(format!("{}{path}", self.url))
            .header("X-Api-Key", key);
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    pub(crate) async fn lock(&self, lock: Value) -> Value {
        self.ok(RELAYER, "/v1/locks", json!({"locks": [lock]}))
            .await["results"][0]
            .clone()
    }

    pub(crate) async fn propose(&self, proposal: Value) -> Value {
        self.ok(RELAYER, "/v1/proposals", json!({"proposals": [proposal]}))
            .await["results"][0]
            .clone()
    }

    pub(crate) async fn approve(&self, key: &str, number: u64, digest: &Value) -> Value {
        let body = json!({"approvals": [{"reference": id(number), "digest": digest}]});
        self.ok(key, "/v1/approvals", body).await["results"][0].clone()
    }

    pub(crate) async fn query(&self, reference: &str) -> Value {
        self.ok(
            HOLDER,
            "/v1/operations/query",
            json!({"references": [reference]}),
        )
        .await["results"][0]
            .clone()
    }

    /// State and tonnes of the stored blocks that share a unit with `serial`, ascending.
    pub(crate) async fn stored(&self, serial: &str) -> Vec<(String, String, u64)> {
        let found = self
            .ok(HOLDER, "/v1/blocks/search", json!({"serials": [serial]}))
            .await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let blocks = found["blocks"].as_array().unwrap().iter();
        blocks
            .map(|b| {
                (
                    text(&b["account"]),
                    text(&b["state"]),
                    b["quantity_t"].as_u64().unwrap(),
                )
            })
            .collect()
    }

    /// Asks for faults.
    pub(crate) async fn faults(&self, faults: Value) {
        self.ok(ADMIN, "/v1/admin/faults", faults).await;
    }

    /// The payload of a receipt, after its signature was verified under the key that the registry names.
    pub(crate) async fn verified(&self, jws: &Value) -> Value {
        let (_, info) = self.get("", "/v1/info").await;
        let key = STANDARD
            .decode(info["receipt_key"].as_str().unwrap())
            .unwrap();
        let key = VerifyingKey::from_bytes(&key.try_into().unwrap()).unwrap();
        let (signed, signature) = jws.as_str().unwrap().rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        key.verify_strict(signed.as_bytes(), &signature).unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.decode(header).unwrap(),
            br#"{"alg":"EdDSA","kid":"vcs:sandbox"}"#
        );
        let payload = URL_SAFE_NO_PAD.decode(payload).unwrap();
        let value: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(
            serde_json_canonicalizer::to_vec(&value).unwrap(),
            payload,
            "the payload is JCS"
        );
        value
    }
}

pub(crate) fn code(result: &Value) -> &str {
    assert_eq!(result["status"], "refused", "{result}");
    result["refusal"]["code"].as_str().unwrap()
}
