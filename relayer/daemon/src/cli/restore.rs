//! `restore`, `recover` and `attester-log`: a relayer whose disk was lost goes on from an old copy of its store and somebody's copy
//! of its log.

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use isthmus_core::time::Clock;
use isthmus_store::{AttesterStore, Store};
use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::transfer::instruct;
use crate::config;
use crate::wire;

/// Leaves read from a store at a time.
const PAGE: usize = 1000;

/// Puts a backup where the relayer of a configuration keeps its store.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The relayer's configuration, TOML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The folder that `isthmus backup` made.
    backup: PathBuf,
}

impl Restore {
    /// The copy gets its final name only when it is whole and was opened: if this is interrupted, it can be repeated.
    pub(crate) fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let config = config::load_relayer(&self.config);
        let config = config.map_err(|error| Failure::Config(error.to_string()))?;
        let folder = &config.data_dir;
        let shown = folder.display();
        if !is_free(folder)? {
            return Err(Failure::Refused(format!(
                "{shown} holds a store already: move it away first, and keep it, it may be newer than the backup"
            )));
        }
        if !self.backup.join("CURRENT").is_file() {
            let backup = self.backup.display();
            return Err(Failure::Usage(format!(
                "{backup} is no backup: name the folder that `isthmus backup` made"
            )));
        }
        let part = beside(folder, "restoring");
        if part.exists() {
            fs::remove_dir_all(&part).map_err(|error| Failure::file(&part, &error))?;
        }
        copy(&self.backup, &part)?;
        let log_size = check(&part, &config.network)?;
        if folder.exists() {
            fs::remove_dir(folder).map_err(|error| Failure::file(folder, &error))?;
        }
        fs::rename(&part, folder).map_err(|error| Failure::file(folder, &error))?;
        out.show(
            || json!({ "data_dir": shown.to_string(), "log_size": log_size }),
            |w| {
                writeln!(w, "{shown}: {log_size} leaves")?;
                writeln!(
                    w,
                    "next: take a copy of the log from an attester (isthmus attester-log) and run isthmus recover; only then isthmus run"
                )
            },
        )
    }
}

/// Nothing is there, or an empty folder.
fn is_free(folder: &Path) -> Result<bool, Failure> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Failure::file(folder, &error)),
    }
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Copies the files of a folder, durably.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::file(to, &error);
    fs::create_dir_all(to).map_err(failed)?;
    let entries = fs::read_dir(from).map_err(|error| Failure::file(from, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Failure::file(from, &error))?;
        let target = to.join(entry.file_name());
        fs::copy(entry.path(), &target).map_err(|error| Failure::file(&entry.path(), &error))?;
        let written = fs::File::open(&target).and_then(|file| file.sync_all());
        written.map_err(failed)?;
    }
    fs::File::open(to)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

/// Opens the copy: it must be a relayer's store of this network.
fn check(folder: &Path, network: &str) -> Result<u64, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(wire::SystemClock);
    let store = Store::open(folder, network, clock);
    let store = store.map_err(|error| Failure::Refused(error.to_string()))?;
    let size = store.log().size();
    size.map_err(|error| Failure::Refused(error.to_string()))
}

/// Takes the leaves that a restored store lacks from a copy of the log, each with the ledgers' own word for it.
#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// The relayer's configuration, TOML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The copy: leaves in base64, one a line, as `attester-log` and `proof leaves` write them.
    #[arg(long, value_name = "FILE")]
    log: PathBuf,
    /// The checkpoint that they lie under; `<LOG>.checkpoint` if not given.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// What a burner wants who redirected a burn, as `transfer instruction` wrote it; once for each that the command asks for.
    #[arg(long, value_name = "FILE")]
    instruction: Vec<PathBuf>,
}

impl Recover {
    pub(crate) async fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let config = config::load_relayer(&self.config);
        let config = config.map_err(|error| Failure::Config(error.to_string()))?;
        let read =
            |path: &Path| fs::read_to_string(path).map_err(|error| Failure::file(path, &error));
        let beside = beside(&self.log, "checkpoint");
        let note = read(self.checkpoint.as_deref().unwrap_or(&beside))?;
        let leaves = read(&self.log)?;
        let instructions = self.instruction.iter().map(|path| instruct::read(path));
        let instructions = instructions.collect::<Result<Vec<_>, _>>()?;
        let recovered = wire::recover(config, (&leaves, &note), instructions).await;
        let recovered = recovered.map_err(|ended| match ended {
            wire::Ended::Misconfigured(_) => Failure::Refused(ended.to_string()),
            wire::Ended::Stopped(_) => Failure::Unavailable(ended.to_string()),
        })?;
        let (taken, log_size) = (recovered.taken, recovered.log_size);
        out.show(
            || json!({ "taken": taken, "log_size": log_size }),
            |w| {
                writeln!(
                    w,
                    "{taken} leaves taken over, {log_size} in the log: the relayer may be started"
                )
            },
        )
    }
}

/// Saves the log as an attester has followed it, and the newest checkpoint under which it did. The attester must not run.
#[derive(Debug, Args)]
pub(crate) struct AttesterLog {
    /// The attester's configuration, TOML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// File for the leaves, one a line in base64; the checkpoint goes to `<FILE>.checkpoint`.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl AttesterLog {
    pub(crate) fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let config = config::load_attester(&self.config);
        let config = config.map_err(|error| Failure::Config(error.to_string()))?;
        let store = AttesterStore::open(&config.data_dir, &config.network)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        let unread =
            |error: isthmus_core::ports::StoreError| Failure::Unavailable(error.to_string());
        let Some((size, note)) = store.checkpoint().map_err(unread)? else {
            return Err(Failure::Refused(
                "this attester has followed nothing yet".into(),
            ));
        };
        let unwritten = |error| Failure::file(&self.out, &error);
        let mut file = BufWriter::new(fs::File::create_new(&self.out).map_err(unwritten)?);
        let mut start = 0;
        while start < size {
            let left = usize::try_from(size - start).unwrap_or(PAGE).min(PAGE);
            let leaves = store.log().leaves(start, left).map_err(unread)?;
            if leaves.is_empty() {
                return Err(Failure::Bug(format!("leaf {start} of {size} is missing")));
            }
            for leaf in leaves {
                writeln!(file, "{}", STANDARD.encode(leaf)).map_err(unwritten)?;
                start += 1;
            }
        }
        file.flush().map_err(unwritten)?;
        let checkpoint = beside(&self.out, "checkpoint");
        fs::write(&checkpoint, note).map_err(|error| Failure::file(&checkpoint, &error))?;
        let shown = self.out.display().to_string();
        out.show(
            || json!({ "file": shown, "checkpoint": checkpoint.display().to_string(), "log_size": size }),
            |w| writeln!(w, "{shown}: {size} leaves"),
        )
    }
}
