//! The sandbox registry as a process: `isthmus-sandbox --data-dir D --config sandbox.toml [--listen 127.0.0.1:0]`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Parser;
use isthmus_core::id::{AccountId, LedgerId};
use isthmus_e2e::sandbox::account::{Account, Kind, Status};
use isthmus_e2e::sandbox::config::Load;
use isthmus_e2e::sandbox::{Config, Sandbox};

/// A VCS-style registry of record for the devnet and for tests. What it has answered survives `kill -9`.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where its file of changes lies.
    #[arg(long)]
    data_dir: PathBuf,
    /// Its configuration (TOML); see `e2e/fixtures/sandbox.toml`.
    #[arg(long)]
    config: PathBuf,
    /// Address and port; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Ledger id; must be the configuration's.
    #[arg(long)]
    registry: Option<LedgerId>,
    /// An export in Verra's 17 columns: its rows are loaded, at the first start, as what they are, into the account
    /// `published`. Rows that a `load` of the configuration names are left to that.
    #[arg(long)]
    load: Vec<PathBuf>,
    /// Gets the bound address, once the registry answers.
    #[arg(long)]
    ready_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let mut config = Config::read(&arguments.config, &arguments.data_dir)?;
    if let Some(registry) = &arguments.registry {
        let configured = &config.registry;
        ensure!(
            registry == configured,
            "--registry {registry} is not the configuration's {configured}: start the right one"
        );
    }
    load_as_published(&mut config, &arguments.load)?;
    let registry = config.registry.clone();
    let sandbox = Sandbox::open(&config)?;
    let listener = tokio::net::TcpListener::bind(arguments.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let address = listener.local_addr()?;
    if let Some(path) = &arguments.ready_file {
        announce(path, address).with_context(|| format!("cannot write {}", path.display()))?;
    }
    tracing::info!(%registry, %address, "serving");
    tokio::select! {
        ended = sandbox.serve(listener) => Ok(ended?),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

/// Nobody publishes whose units a row is about: they all go to one closed account.
fn load_as_published(config: &mut Config, files: &[PathBuf]) -> anyhow::Result<()> {
    let id: AccountId = "published".parse()?;
    for file in files {
        let file = file
            .canonicalize()
            .with_context(|| format!("cannot read {}", file.display()))?;
        config.loads.push(Load {
            file,
            account: id.clone(),
            state: None,
            projects: Vec::new(),
        });
    }
    if !files.is_empty() && !config.accounts.iter().any(|account| account.id == id) {
        config.accounts.push(Account {
            id,
            name: "as published, owner unknown".to_owned(),
            status: Status::Closed,
            kind: Kind::Holder,
            parent: None,
            holder_key: None,
        });
    }
    Ok(())
}

/// Written beside and renamed, so that whoever waits for the file never reads half of it.
fn announce(path: &Path, address: SocketAddr) -> std::io::Result<()> {
    let beside = path.with_extension("tmp");
    std::fs::write(&beside, address.to_string())?;
    std::fs::rename(&beside, path)
}
