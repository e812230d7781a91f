//! What an auditor does: download a proof bundle, verify it offline with the real binary and the auditor's own policy.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use isthmus_core::id::TransferId;
use isthmus_proto::v1;
use tokio::process::Command;

use crate::devnet::{Devnet, files};

/// What the verifier answered.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Exit code.
    pub code: i32,
    /// What it printed.
    pub text: String,
}

impl Devnet {
    /// The auditor's policy file.
    pub fn policy(&self) -> PathBuf {
        self.folder().join("policy.toml")
    }

    /// The auditor asks a node for the gate's blocks and lists their hashes in the policy: what the bundles say of the chain then
    /// rests on keys and hashes of the policy alone.
    pub async fn list_blocks_in_policy(&self) -> anyhow::Result<()> {
        let blocks = self.chain.gate_blocks().await?;
        files::policy(&self.policy(), &self.parties, self.gate, &blocks)
    }

    /// Downloads a bundle into a folder; where it lies.
    pub async fn download_bundle(&self, id: TransferId, folder: &Path) -> anyhow::Result<PathBuf> {
        let request = v1::BundleRequest {
            transfer: id.to_string(),
            kept_size: 0,
        };
        let answer = self.control("auditor")?.proofs().bundle(request).await?;
        let bundle = answer.into_inner();
        std::fs::create_dir_all(folder)?;
        let path = folder.join(&bundle.file_name);
        std::fs::write(&path, &bundle.archive)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// `isthmus audit verify`: knows nothing but the file and the policy.
    pub async fn verify(&self, bundle: &Path) -> anyhow::Result<Verdict> {
        let mut command = Command::new(&self.programs.isthmus);
        command.args(["audit", "verify"]).arg(bundle);
        command.arg("--policy").arg(self.policy());
        let output = command.output().await.context("cannot run isthmus")?;
        let text = [output.stdout, output.stderr].concat();
        Ok(Verdict {
            code: output.status.code().unwrap_or(-1),
            text: String::from_utf8_lossy(&text).into_owned(),
        })
    }

    /// Downloads a transfer's bundle and verifies it; fails unless it passes.
    pub async fn audit(&self, id: TransferId) -> anyhow::Result<PathBuf> {
        let path = self
            .download_bundle(id, &self.folder().join("bundles"))
            .await?;
        let verdict = self.verify(&path).await?;
        ensure!(
            verdict.code == 0,
            "the bundle of {id} does not verify ({}):\n{}",
            verdict.code,
            verdict.text
        );
        Ok(path)
    }

    /// The pools' reserves as the relayer's log has them, beside what the ledgers say.
    pub async fn reserves(&self) -> anyhow::Result<Vec<v1::PoolReserves>> {
        let request = v1::ReservesRequest {};
        let answer = self.control("auditor")?.proofs().reserves(request).await?;
        Ok(answer.into_inner().pools)
    }
}
