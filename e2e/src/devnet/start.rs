//! Starting a devnet: chain, registry and gate first, then everybody's files, then the relayer and the attesters.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use isthmus_core::id::Address;
use isthmus_core::quantity::Quantity;
use isthmus_evm::deploy::{GateParameters, deploy_gate};
use tempfile::TempDir;

use crate::devnet::chain::{Chain, ROTATION_DELAY_S, ROTATION_GRACE_S};
use crate::devnet::files::{self, Places};
use crate::devnet::parties::Parties;
use crate::devnet::programs::Programs;
use crate::devnet::registry::Registry;
use crate::devnet::service::{Service, free_port};
use crate::devnet::{CHAIN_ID, Devnet, FINALITY_DEPTH, Folder, QUORUM};

/// How long a process may take to become ready. Generous, because tests share two cores.
const READY: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);

/// How a devnet is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where its files go; stays. Without it a temporary folder, removed at the end.
    pub folder: Option<PathBuf>,
    /// Tonnes of one class that account 1001 holds besides the published ones, as one block: for loads larger than the
    /// export.
    pub bulk_t: u64,
    /// Only warnings go to the log files of relayer and attesters.
    pub quiet: bool,
}

impl Devnet {
    /// Starts everything and waits until the relayer is ready. Takes a few seconds.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let devnet = Self::prepare(options).await?;
        devnet.start_relayer().await?;
        for attester in &devnet.attesters {
            attester.start()?;
        }
        Ok(devnet)
    }

    /// A devnet with a running registry, a running chain and a gate, whose relayer and attesters are configured but not started.
    pub async fn prepare(options: Options) -> anyhow::Result<Self> {
        let programs = Programs::find()?;
        let folder = match options.folder {
            Some(path) => Folder::Kept(path),
            None => Folder::Temporary(TempDir::new().context("cannot make a temporary folder")?),
        };
        let root = folder.path().to_owned();
        std::fs::create_dir_all(root.join("logs"))
            .with_context(|| format!("cannot make {}", root.display()))?;
        let parties = Parties::random();
        let anvil = start_anvil(&root, &programs, "anvil", CHAIN_ID)?;
        let (sandbox, registry_url) = start_sandbox(&root, &programs, &parties, options.bulk_t)?;
        let chain_url = anvil_url(&anvil).await?;
        let (chain, gate) = deploy(&chain_url, &parties).await?;
        await_sandbox(&root, &sandbox).await?;
        let places = Places {
            registry_url: registry_url.clone(),
            chain_url,
            control_port: free_port()?,
            metrics_port: free_port()?,
            gate,
            quiet: options.quiet,
        };
        let (relayer, attesters) = configure(&root, &programs, &parties, &places)?;
        Ok(Self {
            gate,
            registry: Registry::new(registry_url, parties.registry.clone()),
            control_url: format!("http://127.0.0.1:{}", places.control_port),
            metrics_url: format!("http://127.0.0.1:{}", places.metrics_port),
            parties,
            chain,
            relayer,
            attesters,
            sandbox,
            anvil,
            programs,
            folder,
        })
    }

    /// Starts the relayer and waits until it serves.
    pub async fn start_relayer(&self) -> anyhow::Result<()> {
        self.relayer.start()?;
        let deadline = Instant::now() + READY;
        loop {
            self.relayer.check()?;
            if crate::devnet::control::serves(&self.control_url).await {
                return Ok(());
            }
            give_up(deadline, &self.relayer)?;
            tokio::time::sleep(POLL).await;
        }
    }

    /// Kills the relayer with -9 and starts it again.
    pub async fn restart_relayer(&self) -> anyhow::Result<()> {
        self.relayer.kill9()?;
        self.start_relayer().await
    }

    /// Kills the registry with -9 and starts it again.
    pub async fn restart_sandbox(&self) -> anyhow::Result<()> {
        self.sandbox.kill9()?;
        remove_ready_file(self.folder())?;
        self.sandbox.start()?;
        await_sandbox(self.folder(), &self.sandbox).await
    }

    /// Where a party's files lie: `relayer`, `attester-1`, `registry`, `people`.
    pub fn party_folder(&self, party: &str) -> PathBuf {
        self.folder().join(party)
    }
}

/// The attesters' addresses as the gate wants them: ascending.
pub(super) fn signers(parties: &Parties) -> Vec<Address> {
    let mut signers: Vec<_> = parties.attesters.iter().map(|a| a.key.address()).collect();
    signers.sort();
    signers
}

pub(super) fn start_anvil(
    root: &Path,
    programs: &Programs,
    name: &str,
    chain_id: u64,
) -> anyhow::Result<Service> {
    let chain_id = chain_id.to_string();
    let arguments = [
        "--port",
        "0",
        "--chain-id",
        &chain_id,
        "--block-time",
        "1",
        "--gas-limit",
        "60000000",
        "--accounts",
        "1",
    ];
    let log = root.join(format!("logs/{name}.log"));
    let anvil = Service::new(name, &programs.anvil, arguments, &log);
    anvil.start()?;
    Ok(anvil)
}

/// anvil takes a free port and prints it.
pub(super) async fn anvil_url(anvil: &Service) -> anyhow::Result<String> {
    let deadline = Instant::now() + READY;
    loop {
        anvil.check()?;
        let output = anvil.output();
        let address = output
            .lines()
            .find_map(|line| line.strip_prefix("Listening on "));
        if let Some(address) = address {
            return Ok(format!("http://{}", address.trim()));
        }
        give_up(deadline, anvil)?;
        tokio::time::sleep(POLL).await;
    }
}

pub(super) async fn deploy(url: &str, parties: &Parties) -> anyhow::Result<(Chain, Address)> {
    let mut chain = Chain::new(url)?;
    for payer in parties.payers() {
        chain.fund(payer.address()).await?;
    }
    let parameters = GateParameters {
        admin: parties.gate_admin.address(),
        guardian: parties.gate_guardian.address(),
        signers: signers(parties),
        threshold: QUORUM,
        redemption_step: Quantity::from_tonnes(1)?,
        default_cap: Quantity::from_tonnes(1_000_000)?,
        rotation_delay_s: ROTATION_DELAY_S,
        rotation_grace_s: ROTATION_GRACE_S,
    };
    let deployer = parties.gate_admin.signing_key()?;
    let gate = deploy_gate(url, &deployer, &parameters).await?;
    chain.use_gate(gate).await?;
    // Whoever connects looks for the gate at a final block.
    chain.mine(FINALITY_DEPTH).await?;
    Ok((chain, gate))
}

fn start_sandbox(
    root: &Path,
    programs: &Programs,
    parties: &Parties,
    bulk_t: u64,
) -> anyhow::Result<(Service, String)> {
    let folder = root.join("registry");
    let config = files::registry(&folder, parties, bulk_t)?;
    remove_ready_file(root)?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let arguments = [
        "--config".into(),
        config.into_os_string(),
        "--data-dir".into(),
        folder.join("data").into_os_string(),
        "--ready-file".into(),
        ready_file(root).into_os_string(),
        "--listen".into(),
        address.clone().into(),
    ];
    std::fs::create_dir_all(folder.join("data"))?;
    let log = root.join("logs/registry.log");
    let sandbox = Service::new("registry", &programs.sandbox, arguments, &log);
    sandbox.start()?;
    Ok((sandbox, format!("http://{address}")))
}

fn ready_file(root: &Path) -> PathBuf {
    root.join("registry/ready")
}

fn remove_ready_file(root: &Path) -> anyhow::Result<()> {
    let path = ready_file(root);
    if path.exists() {
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

async fn await_sandbox(root: &Path, sandbox: &Service) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY;
    while !ready_file(root).exists() {
        sandbox.check()?;
        give_up(deadline, sandbox)?;
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Everybody's files, and the processes that will run with them.
fn configure(
    root: &Path,
    programs: &Programs,
    parties: &Parties,
    places: &Places,
) -> anyhow::Result<(Service, Vec<Service>)> {
    files::people(&root.join("people"), parties)?;
    files::policy(&root.join("policy.toml"), parties, places.gate, &[])?;
    let daemon = |name: &str, command: &str, config: PathBuf| {
        let arguments = [command.into(), "--config".into(), config.into_os_string()];
        let log = root.join(format!("logs/{name}.log"));
        Service::new(name, &programs.isthmus, arguments, &log)
    };
    let config = files::relayer(&root.join("relayer"), parties, places)?;
    let relayer = daemon("relayer", "run", config);
    let mut attesters = Vec::new();
    for attester in &parties.attesters {
        let config = files::attester(&root.join(&attester.name), attester, parties, places)?;
        attesters.push(daemon(&attester.name, "attester", config));
    }
    Ok((relayer, attesters))
}

fn give_up(deadline: Instant, service: &Service) -> anyhow::Result<()> {
    if Instant::now() > deadline {
        bail!(
            "{} was not ready within {READY:?}:\n{}",
            service.name(),
            service.last_lines(20)
        );
    }
    Ok(())
}
