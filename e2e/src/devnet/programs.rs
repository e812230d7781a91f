//! Where the binaries are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

/// Names another anvil than the one that `make setup` installs.
const ANVIL_VARIABLE: &str = "ISTHMUS_ANVIL";

/// The binaries of a devnet.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Relayer, attester and command line.
    pub isthmus: PathBuf,
    /// The sandbox registry.
    pub sandbox: PathBuf,
    /// The chain.
    pub anvil: PathBuf,
}

impl Programs {
    /// Our own binaries lie beside the running one, or one folder up if that is a test.
    pub fn find() -> anyhow::Result<Self> {
        let running = std::env::current_exe().context("the running program has no path")?;
        let folder = running.parent().unwrap_or(Path::new("."));
        let folder = if folder.ends_with("deps") {
            folder.parent().unwrap_or(folder)
        } else {
            folder
        };
        let built = |name: &str, package: &str| {
            let path = folder.join(name);
            let remedy = format!(
                "{} is missing: build it with `cargo build -p {package} --bin {name}`",
                path.display()
            );
            ensure!(path.exists(), remedy);
            Ok(path)
        };
        Ok(Self {
            isthmus: built("isthmus", "isthmus")?,
            sandbox: built("isthmus-sandbox", "isthmus-e2e")?,
            anvil: anvil()?,
        })
    }
}

fn anvil() -> anyhow::Result<PathBuf> {
    let installed = "../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
    let path = match std::env::var_os(ANVIL_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join(installed),
    };
    ensure!(
        path.exists(),
        "{} is missing: run `make setup`, or name another anvil in {ANVIL_VARIABLE}",
        path.display()
    );
    Ok(path)
}
