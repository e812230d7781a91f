//! The registry over HTTP: its operator's calls (faults, accounts, counters), and reading what lies where.

use anyhow::{Context as _, ensure};
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::AssetClassId;
use serde_json::{Value, json};

use crate::devnet::CUSTODY;
use crate::devnet::parties::RegistryKeys;

/// A client of the registry with every credential.
#[derive(Clone)]
pub struct Registry {
    /// Where it listens.
    pub url: String,
    keys: RegistryKeys,
    http: reqwest::Client,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry({})", self.url)
    }
}

/// A block as the registry has it.
#[derive(Clone, Debug)]
pub struct StoredBlock {
    /// Its serial.
    pub serial: String,
    /// Whose it is.
    pub account: String,
    /// `held`, `locked`, `retired`…
    pub state: String,
    /// Its tonnes.
    pub quantity_t: u64,
    /// Its class.
    pub class: AssetClass,
}

impl Registry {
    pub(super) fn new(url: String, keys: RegistryKeys) -> Self {
        Self {
            url,
            keys,
            http: reqwest::Client::new(),
        }
    }

    /// Any call with any credential: the answer's JSON, whatever its status.
    pub async fn post(&self, key: &str, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        let request = self.http.post(format!("{}{path}", self.url));
        let response = request.header("X-Api-Key", key).json(body).send().await;
        let response = response.with_context(|| format!("registry: POST {path}"))?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    async fn ok(&self, key: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.post(key, path, body).await?;
        ensure!(status == 200, "registry: POST {path}: {status} {answer}");
        Ok(answer)
    }

    async fn get(&self, key: &str, path: &str) -> anyhow::Result<Value> {
        let request = self.http.get(format!("{}{path}", self.url));
        let response = request.header("X-Api-Key", key).send().await;
        let response = response.with_context(|| format!("registry: GET {path}"))?;
        let status = response.status();
        let answer = response.json().await?;
        ensure!(
            status.is_success(),
            "registry: GET {path}: {status} {answer}"
        );
        Ok(answer)
    }

    /// Replaces all faults; `[]` makes everything well.
    pub async fn set_faults(&self, faults: &Value) -> anyhow::Result<()> {
        let set = self.ok(&self.keys.admin, "/v1/admin/faults", faults).await;
        set.map(|_| ())
    }

    /// What the registry counts about itself: `syncs`, and `requests` by call.
    pub async fn stats(&self) -> anyhow::Result<Value> {
        self.get(&self.keys.admin, "/v1/admin/stats").await
    }

    /// Calls that ordered faults are still to hit.
    pub async fn faults_waiting(&self) -> anyhow::Result<u64> {
        let stats = self.get(&self.keys.admin, "/v1/admin/stats").await?;
        stats["faults_waiting"]
            .as_u64()
            .context("faults_waiting is a number")
    }

    /// Opens or closes an account.
    pub async fn set_account(&self, account: &str, open: bool) -> anyhow::Result<()> {
        let status = if open { "open" } else { "closed" };
        let body = json!({"account": account, "status": status});
        let set = self.ok(&self.keys.admin, "/v1/admin/accounts", &body).await;
        set.map(|_| ())
    }

    /// Cancels units by the registry's own right, whoever's they are.
    pub async fn cancel(&self, units: &[String], account: &str) -> anyhow::Result<()> {
        let body =
            json!({"units": units, "account": account, "state": "cancelled", "reason": "reversal"});
        let done = self.ok(&self.keys.admin, "/v1/admin/units", &body).await;
        done.map(|_| ())
    }

    /// Moves held units into custody as their holder may in the registry's own software: without a lock.
    pub async fn deposit(
        &self,
        account: &str,
        units: &[String],
        note: Option<&str>,
    ) -> anyhow::Result<()> {
        let body =
            json!({"account": account, "custody_account": CUSTODY, "units": units, "note": note});
        let done = self.ok(&self.keys.admin, "/v1/admin/deposits", &body).await;
        done.map(|_| ())
    }

    /// Stored blocks that share a unit with `serial`.
    pub async fn blocks(&self, serial: &str) -> anyhow::Result<Vec<StoredBlock>> {
        self.search(&json!({"serials": [serial]})).await
    }

    /// Blocks that an account holds.
    pub async fn held_by(&self, account: &str) -> anyhow::Result<Vec<StoredBlock>> {
        let body = json!({"account": account, "state": "held"});
        self.search(&body).await
    }

    async fn search(&self, body: &Value) -> anyhow::Result<Vec<StoredBlock>> {
        let found = self
            .ok(&self.keys.reader, "/v1/blocks/search", body)
            .await?;
        let blocks = found["blocks"].as_array().context("blocks is a list")?;
        blocks.iter().map(StoredBlock::read).collect()
    }

    /// Tonnes locked in custody.
    pub async fn custody_t(&self) -> anyhow::Result<u64> {
        let body = json!({"account": CUSTODY, "state": "locked", "limit": 1});
        let found = self
            .ok(&self.keys.reader, "/v1/blocks/search", &body)
            .await?;
        found["quantity_t"]
            .as_u64()
            .context("quantity_t is a number")
    }

    /// Tonnes of a class locked in custody.
    pub async fn custody_of_t(&self, class: AssetClassId) -> anyhow::Result<u64> {
        let body = json!({"account": CUSTODY, "state": "locked", "asset_class": class, "limit": 1});
        let found = self
            .ok(&self.keys.reader, "/v1/blocks/search", &body)
            .await?;
        found["quantity_t"]
            .as_u64()
            .context("quantity_t is a number")
    }

    /// What is recorded under a reference.
    pub async fn operation(&self, reference: &str) -> anyhow::Result<Value> {
        let body = json!({"references": [reference]});
        let answer = self
            .ok(&self.keys.reader, "/v1/operations/query", &body)
            .await?;
        Ok(answer["results"][0].clone())
    }

    /// Payloads of all receipts in which units moved, in order.
    pub async fn movements(&self) -> anyhow::Result<Vec<Value>> {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let path = format!("/v1/movements?after={after}&limit=500");
            let answer = self.get(&self.keys.reader, &path).await?;
            let movements = answer["movements"].as_array().context("a list")?;
            let Some(last) = movements.last() else {
                return Ok(found);
            };
            after = last["sequence"].as_u64().context("sequence is a number")?;
            for movement in movements {
                let receipt = movement["receipt"].as_str().unwrap_or_default();
                found.push(payload(receipt)?);
            }
        }
    }

    /// How many movements quote a reference.
    pub async fn movements_of(&self, reference: &str) -> anyhow::Result<usize> {
        let all = self.movements().await?;
        Ok(all.iter().filter(|m| m["reference"] == reference).count())
    }

    /// Proposes with the relayer's credential, as a stolen relayer would.
    pub async fn propose(&self, proposal: &Value) -> anyhow::Result<Value> {
        let body = json!({"proposals": [proposal]});
        let answer = self.ok(&self.keys.relayer, "/v1/proposals", &body).await?;
        Ok(answer["results"][0].clone())
    }

    /// Approves with the relayer's approver key, as a stolen relayer would.
    pub async fn approve_as_relayer(
        &self,
        reference: &str,
        digest: &Value,
    ) -> anyhow::Result<Value> {
        let body = json!({"approvals": [{"reference": reference, "digest": digest}]});
        let key = &self.keys.relayer_approver;
        let answer = self.ok(key, "/v1/approvals", &body).await?;
        Ok(answer["results"][0].clone())
    }

    /// The relayer's credential.
    pub fn relayer_key(&self) -> &str {
        &self.keys.relayer
    }
}

/// What a compact JWS says, without verifying it: that is the audit's work.
fn payload(receipt: &str) -> anyhow::Result<Value> {
    use base64::Engine as _;
    let part = receipt.split('.').nth(1).context("a receipt is a JWS")?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part)?;
    Ok(serde_json::from_slice(&bytes)?)
}

impl StoredBlock {
    fn read(block: &Value) -> anyhow::Result<Self> {
        let text = |field: &str| {
            let value = block[field].as_str();
            value
                .map(str::to_owned)
                .with_context(|| format!("block.{field} is text"))
        };
        Ok(Self {
            serial: text("serial")?,
            account: text("account")?,
            state: text("state")?,
            quantity_t: block["quantity_t"].as_u64().context("block.quantity_t")?,
            class: serde_json::from_value(block["class"].clone())?,
        })
    }
}
