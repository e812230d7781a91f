//! What each party is configured with, as files in its own folder. No party's folder holds another's secrets.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use isthmus_core::id::Address;
use isthmus_prooflog::note::{LogSigner, VerifierKey};

use crate::devnet::bulk;
use crate::devnet::parties::{Attester, Parties};
use crate::devnet::{CHAIN, CUSTODY, FINALITY_DEPTH, QUORUM, REGISTRY};

/// Name of the log.
const LOG_ORIGIN: &str = "isthmus.devnet/log";
/// The real export of Verra's registry.
const UNITS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/fixtures/verra/transactions.csv"
);

/// Where things listen and what was deployed.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) registry_url: String,
    pub(super) chain_url: String,
    pub(super) control_port: u16,
    pub(super) metrics_port: u16,
    pub(super) gate: Address,
    pub(super) quiet: bool,
}

/// Writes a party's file, its folders included; only its owner may read it.
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// The registry's configuration.
pub(super) fn registry(folder: &Path, parties: &Parties, bulk_t: u64) -> anyhow::Result<PathBuf> {
    write(&folder.join("receipt.seed"), &parties.receipts.seed_hex())?;
    let mut text = format!(
        "registry = \"{REGISTRY}\"\nreceipt_key_file = \"receipt.seed\"\napprovals_required = {QUORUM}\nmax_lock_t = 1000000\nhang_ms = 300\n"
    );
    let keys = &parties.registry;
    let own = [
        (&keys.relayer, "relayer", "relayer"),
        (&keys.relayer_approver, "relayer", "approver"),
        (&keys.reader, "reader", "holder"),
        (&keys.admin, "admin", "admin"),
    ];
    for (key, name, role) in own {
        api_key(&mut text, key, name, role)?;
        if role == "relayer" {
            writeln!(text, "custody = [\"{CUSTODY}\"]")?;
        }
    }
    for attester in &parties.attesters {
        api_key(
            &mut text,
            &attester.registry_key,
            &attester.name,
            "approver",
        )?;
    }
    for holder in &parties.holders {
        let status = if holder.open { "open" } else { "closed" };
        let key = holder.key.public_base64();
        writeln!(
            text,
            "\n[[account]]\nid = \"{}\"\nname = \"{}\"\nkind = \"holder\"\nstatus = \"{status}\"\nholder_key = \"{key}\"",
            holder.account, holder.name
        )?;
    }
    writeln!(
        text,
        "\n[[account]]\nid = \"{CUSTODY}\"\nname = \"Isthmus custody\"\nkind = \"custody\"\n\n[[account]]\nid = \"9002\"\nname = \"Custody of another bridge\"\nkind = \"custody\"\n\n[[account]]\nid = \"9100\"\nname = \"As published, owner unknown\"\nkind = \"holder\"\nstatus = \"closed\""
    )?;
    // Projects 1340 and 513 were retired; here account 1001 holds them, as if they never were. 2925 was not retired.
    for (account, what) in [
        ("1001", "state = \"held\"\nprojects = [\"1340\", \"513\"]"),
        ("1001", "projects = [\"2925\"]"),
        ("9100", ""),
    ] {
        writeln!(
            text,
            "\n[[load]]\nfile = \"{UNITS}\"\naccount = \"{account}\"\n{what}"
        )?;
    }
    if bulk_t > 0 {
        let file = folder.join("bulk.csv");
        write(&file, &bulk::export(bulk_t))?;
        writeln!(
            text,
            "\n[[load]]\nfile = \"{}\"\naccount = \"1001\"\n",
            file.display()
        )?;
    }
    let path = folder.join("sandbox.toml");
    write(&path, &text)?;
    Ok(path)
}

fn api_key(text: &mut String, key: &str, name: &str, role: &str) -> std::fmt::Result {
    writeln!(
        text,
        "\n[[api_key]]\nkey = \"{key}\"\nname = \"{name}\"\nrole = \"{role}\""
    )
}

/// The relayer's configuration and secrets.
pub(super) fn relayer(
    folder: &Path,
    parties: &Parties,
    places: &Places,
) -> anyhow::Result<PathBuf> {
    let secret = |name: &str, value: &str| write(&folder.join("secrets").join(name), value);
    secret("log.seed", &parties.log.seed_hex())?;
    secret("mint.key", &parties.mint.hex())?;
    secret("void.key", &parties.void.hex())?;
    secret("registry.key", &parties.registry.relayer)?;
    let mut text = format!(
        "network = \"devnet\"\ndata_dir = \"data\"\n\n[log]\norigin = \"{LOG_ORIGIN}\"\nkey_file = \"secrets/log.seed\"\n\n[control]\nlisten = \"127.0.0.1:{}\"\n",
        places.control_port
    );
    for identity in &parties.identities {
        let file = format!("{}.token", identity.name);
        secret(&file, &identity.token)?;
        writeln!(
            text,
            "\n[[control.identity]]\nname = \"{}\"\nroles = [\"{}\"]\ntoken_file = \"secrets/{file}\"",
            identity.name, identity.role
        )?;
        let attester = parties.attesters.iter().find(|a| a.name == identity.name);
        if let Some(attester) = attester {
            writeln!(text, "signers = [\"{}\"]", attester.key.address())?;
        }
    }
    writeln!(
        text,
        "\n[metrics]\nlisten = \"127.0.0.1:{}\"\n\n{}",
        places.metrics_port,
        telemetry(places)
    )?;
    route_admins(&mut text, parties)?;
    vcs(&mut text, parties, places)?;
    evm(&mut text, places)?;
    text.push_str("mint_key_file = \"secrets/mint.key\"\nvoid_key_file = \"secrets/void.key\"\n");
    let path = folder.join("relayer.toml");
    write(&path, &text)?;
    Ok(path)
}

/// An attester's configuration and secrets.
pub(super) fn attester(
    folder: &Path,
    attester: &Attester,
    parties: &Parties,
    places: &Places,
) -> anyhow::Result<PathBuf> {
    let secret = |name: &str, value: &str| write(&folder.join("secrets").join(name), value);
    secret("attester.key", &attester.key.hex())?;
    secret("registry.key", &attester.registry_key)?;
    secret("relayer.token", parties.token(&attester.name)?)?;
    let mut text = format!(
        "network = \"devnet\"\ndata_dir = \"data\"\n\n[attester]\nname = \"{}\"\nkey_file = \"secrets/attester.key\"\nrelayer_url = \"http://127.0.0.1:{}\"\nrelayer_token_file = \"secrets/relayer.token\"\nlog_vkey = \"{}\"\n\n{}\n",
        attester.name,
        places.control_port,
        log_key(parties),
        telemetry(places)
    );
    route_admins(&mut text, parties)?;
    vcs(&mut text, parties, places)?;
    writeln!(text, "approver = \"{}\"", attester.name)?;
    evm(&mut text, places)?;
    let path = folder.join("attester.toml");
    write(&path, &text)?;
    Ok(path)
}

fn telemetry(places: &Places) -> String {
    let filter = if places.quiet {
        "warn,isthmus::attester=info"
    } else {
        "info"
    };
    format!("[telemetry]\nformat = \"text\"\nfilter = \"{filter}\"\n")
}

fn route_admins(text: &mut String, parties: &Parties) -> std::fmt::Result {
    for (name, key) in &parties.route_admins {
        writeln!(
            text,
            "\n[[route_admin]]\nname = \"{name}\"\nkey = \"{}\"",
            key.public_base64()
        )?;
    }
    Ok(())
}

/// The registry, as a relayer or an attester names it; ends inside its table.
fn vcs(text: &mut String, parties: &Parties, places: &Places) -> std::fmt::Result {
    writeln!(
        text,
        "\n[[ledger]]\nid = \"{REGISTRY}\"\nkind = \"vcs\"\nurl = \"{}\"\nreceipt_key = \"{}\"\napi_key_file = \"secrets/registry.key\"\nrequest_timeout_ms = 2000\nsettle_ms = 500\nrecheck_ms = 200",
        places.registry_url,
        parties.receipts.public_base64()
    )
}

/// The chain, as a relayer or an attester names it; ends inside its table.
fn evm(text: &mut String, places: &Places) -> std::fmt::Result {
    writeln!(
        text,
        "\n[[ledger]]\nid = \"{CHAIN}\"\nkind = \"evm\"\nrpc_urls = [\"{}\"]\ngate = \"{}\"\ngate_height = 0\nfinality = {{ depth = {FINALITY_DEPTH} }}\nblock_time_ms = 1000\nlog_range_limit = 1000\nrequest_timeout_ms = 5000\nmax_fee_per_gas_wei = \"200000000000\"\npriority_fee_per_gas_wei = \"1000000000\"",
        places.chain_url, places.gate
    )
}

/// The auditor's policy: the only keys that an audit believes.
pub(super) fn policy(
    path: &Path,
    parties: &Parties,
    gate: Address,
    blocks: &[String],
) -> anyhow::Result<()> {
    let signers: Vec<_> = super::start::signers(parties)
        .iter()
        .map(|signer| format!("\"{signer}\""))
        .collect();
    let mut text = format!(
        "[log]\nvkey = \"{}\"\n\n[[registry]]\nid = \"{REGISTRY}\"\nreceipt_key = \"{}\"\n\n[[gate]]\nchain = \"{CHAIN}\"\naddress = \"{gate}\"\nblocks = {blocks:?}\n[[gate.epoch]]\nepoch = 1\nthreshold = {QUORUM}\nsigners = [{}]\n",
        log_key(parties),
        parties.receipts.public_base64(),
        signers.join(", ")
    );
    route_admins(&mut text, parties)?;
    write(path, &text)
}

fn log_key(parties: &Parties) -> VerifierKey {
    LogSigner::new(LOG_ORIGIN.to_owned(), parties.log.seed(), None).verifier()
}

/// Keys and tokens of people, as the command line wants them: `people/<name>.token`, `.seed`.
pub(super) fn people(folder: &Path, parties: &Parties) -> anyhow::Result<()> {
    for identity in parties.identities.iter().filter(|i| i.role != "attester") {
        write(
            &folder.join(format!("{}.token", identity.name)),
            &identity.token,
        )?;
    }
    for (name, key) in &parties.route_admins {
        write(&folder.join(format!("{name}.seed")), &key.seed_hex())?;
    }
    for holder in &parties.holders {
        let file = format!("holder-{}.seed", holder.account);
        write(&folder.join(file), &holder.key.seed_hex())?;
    }
    Ok(())
}
