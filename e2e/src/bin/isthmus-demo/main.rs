//! The demo: a registry with real Verra serials, a chain, three attesters and a relayer on this machine, and a tour through what
//! Isthmus does. Every step that a person would take is a command of the real `isthmus` binary, shown as it is run.

mod books;
mod narrator;
mod scenes;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Parser;
use isthmus_e2e::devnet::{Devnet, Options};

use narrator::Narrator;

/// Shows Isthmus at work: units are locked at a registry, minted on a chain, paid, burned, retired and released; a transfer is
/// withdrawn; every step is proved offline. Takes less than a minute and ends by itself.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Folder for bundles, policy, logs and everything else; must not hold files yet.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Keep everything running at the end, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = tokio::select! {
        told = tell(&arguments) => told,
        // The devnet is dropped with the future, and its processes with it.
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Into::into),
    };
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    // If stderr is closed as well, the exit code has to do.
    drop(writeln!(std::io::stderr(), "isthmus-demo: {error:#}"));
    ExitCode::FAILURE
}

async fn tell(arguments: &Arguments) -> anyhow::Result<()> {
    let began = Instant::now();
    let folder = output_folder(arguments.out.as_deref())?;
    let mut narrator = Narrator::new(Box::new(std::io::stdout()), folder.clone());
    narrator.plan()?;
    narrator.scene("Starting a registry, a chain with a gate, three attesters and a relayer")?;
    let devnet = Devnet::start(Options {
        folder: Some(folder.clone()),
        ..Options::default()
    })
    .await?;
    narrator.introduce(&devnet)?;
    let story = scenes::play(&mut narrator, &devnet).await?;
    books::close(&mut narrator, &devnet, &story).await?;
    let seconds = began.elapsed().as_secs();
    narrator.end(seconds)?;
    if arguments.keep {
        narrator.keep(&devnet)?;
        std::future::pending::<()>().await;
    }
    Ok(())
}

/// The folder that was asked for, or the first free one of `demo-output/1`, `demo-output/2`…
fn output_folder(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = match asked {
        Some(folder) => folder.to_owned(),
        None => (1..=u32::MAX)
            .map(|number| Path::new("demo-output").join(number.to_string()))
            .find(|folder| !folder.exists())
            .context("demo-output has no free number")?,
    };
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let empty = folder.read_dir()?.next().is_none();
    ensure!(
        empty,
        "--out {} holds files already: name a new or empty folder",
        folder.display()
    );
    Ok(folder.canonicalize()?)
}
