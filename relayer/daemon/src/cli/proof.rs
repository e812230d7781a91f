//! `proof`: what auditors take away from a relayer. None of it is believed here; `audit` checks it.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use isthmus_core::id::TransferId;
use isthmus_prooflog::note;
use isthmus_proto::v1::{
    BundleRequest, CheckpointRequest, InclusionRequest, LeavesRequest, PoolReserves,
    ReservesRequest, ReservesResponse,
};
use serde_json::{Value, json};

use super::client::Control;
use super::failure::Failure;
use super::output::{Column, Output, Table, tonnes};

/// Leaves a call; a leaf has at most 16 KiB.
const PAGE: u32 = 500;

/// Takes proofs from the relayer, to be checked with `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Proof {
    /// Saves the proof bundle of a transfer.
    Bundle {
        /// TransferId, or the BurnId of a return.
        id: TransferId,
        /// Folder for `<id>.isthmus-proof.tar`; made if it is missing.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// A checkpoint that you kept from your last audit: the bundle then proves that the log only grew since.
        #[arg(long, value_name = "FILE")]
        previous: Option<PathBuf>,
    },
    /// Prints the newest signed checkpoint, a C2SP signed note.
    Checkpoint,
    /// Prints a leaf and its proof of inclusion, a C2SP tlog-proof.
    Inclusion {
        /// Index of the leaf, from 0.
        index: u64,
    },
    /// Shows the reserves of every pool as the relayer has them; exit code 1 if they do not add up.
    Reserves,
    /// Saves all leaves under the newest checkpoint, and the checkpoint beside them as `<FILE>.checkpoint`.
    Leaves {
        /// File for the leaves, one a line in base64.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

impl Proof {
    pub(crate) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::Bundle {
                id,
                out: folder,
                previous,
            } => {
                let kept_size = previous.as_deref().map(size_of).transpose()?;
                bundle(control, *id, kept_size.unwrap_or(0), folder, out).await
            }
            Self::Checkpoint => {
                let mut proofs = control.connect().await?.proofs();
                let answer = proofs.checkpoint(CheckpointRequest {}).await?.into_inner();
                out.show(
                    || json!({ "size": answer.size, "note": answer.note }),
                    |w| write!(w, "{}", answer.note),
                )
            }
            Self::Inclusion { index } => {
                let request = InclusionRequest { index: *index };
                let mut proofs = control.connect().await?.proofs();
                let answer = proofs.inclusion(request).await?.into_inner();
                let leaf = String::from_utf8_lossy(&answer.leaf);
                out.show(
                    || json!({ "index": index, "leaf": leaf, "proof": answer.proof }),
                    |w| write!(w, "{leaf}\n\n{}", answer.proof),
                )
            }
            Self::Reserves => {
                let mut proofs = control.connect().await?.proofs();
                let answer = proofs.reserves(ReservesRequest {}).await?.into_inner();
                reserves(&answer, out)
            }
            Self::Leaves { out: file } => leaves(control, file, out).await,
        }
    }
}

/// The size of a log that a checkpoint commits to. Whose signature it carries is checked by `audit`.
fn size_of(file: &Path) -> Result<u64, Failure> {
    let text = std::fs::read(file).map_err(|error| Failure::file(file, &error))?;
    let checkpoint = note::peek(&text).map_err(|error| {
        let file = file.display();
        Failure::Usage(format!(
            "file {file}: {error}: name a checkpoint as `proof checkpoint` prints it"
        ))
    })?;
    Ok(checkpoint.size)
}

async fn bundle(
    control: &Control,
    id: TransferId,
    kept_size: u64,
    folder: &Path,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let request = BundleRequest {
        transfer: id.to_string(),
        kept_size,
    };
    let mut proofs = control.connect().await?.proofs();
    let answer = proofs.bundle(request).await?.into_inner();
    // The name is ours: the relayer's could lead out of the folder.
    let path = folder.join(format!("{id}.isthmus-proof.tar"));
    std::fs::create_dir_all(folder)
        .and_then(|()| replace(&path, &answer.archive))
        .map_err(|error| Failure::file(&path, &error))?;
    saved(&path, None, out)
}

/// Whoever reads the file meanwhile sees the old or the new one, never half of one.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let part = beside(path, "part");
    std::fs::write(&part, content)?;
    std::fs::rename(&part, path)
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

fn saved(path: &Path, checkpoint: Option<&Path>, out: &mut Output<'_>) -> Result<(), Failure> {
    let file = path.display().to_string();
    let beside = checkpoint.map(|path| path.display().to_string());
    out.show(
        || match &beside {
            Some(checkpoint) => json!({ "file": file, "checkpoint": checkpoint }),
            None => json!({ "file": file }),
        },
        |w| {
            writeln!(w, "{file}")?;
            beside.iter().try_for_each(|path| writeln!(w, "{path}"))
        },
    )
}

/// The checkpoint first: every leaf under it is there already, later ones are left out.
async fn leaves(control: &Control, path: &Path, out: &mut Output<'_>) -> Result<(), Failure> {
    let unwritten = |error| Failure::file(path, &error);
    let mut proofs = control.connect().await?.proofs();
    let checkpoint = proofs.checkpoint(CheckpointRequest {}).await?.into_inner();
    let part = beside(path, "part");
    let mut file = BufWriter::new(File::create(&part).map_err(unwritten)?);
    let mut start = 0;
    while start < checkpoint.size {
        let limit = u32::try_from(checkpoint.size - start).map_or(PAGE, |left| left.min(PAGE));
        let request = LeavesRequest { start, limit };
        let page = proofs.leaves(request).await?.into_inner().leaves;
        if page.is_empty() {
            return Err(Failure::Bug(format!(
                "the relayer signed {} leaves but hands over {start}",
                checkpoint.size
            )));
        }
        for leaf in page
            .iter()
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
        {
            writeln!(file, "{}", STANDARD.encode(leaf)).map_err(unwritten)?;
            start += 1;
        }
    }
    let note = beside(path, "checkpoint");
    file.flush()
        .and_then(|()| std::fs::rename(&part, path))
        .and_then(|()| replace(&note, checkpoint.note.as_bytes()))
        .map_err(unwritten)?;
    saved(path, Some(&note), out)
}

fn reserves(answer: &ReservesResponse, out: &mut Output<'_>) -> Result<(), Failure> {
    let pools: Vec<Value> = answer.pools.iter().map(pool_json).collect();
    out.show(
        || json!({ "log_size": answer.log_size, "pools": pools }),
        |w| {
            let mut table = Table::new(&[
                Column::Left("POOL"),
                Column::Right("LOCKED"),
                Column::Right("CIRCULATING"),
                Column::Right("PENDING"),
                Column::Right("OWED"),
                Column::Right("UNATTRIBUTED"),
                Column::Right("SHORTFALL"),
                Column::Left("HOLDS"),
                Column::Right("CUSTODY SEEN"),
                Column::Right("SUPPLY SEEN"),
            ]);
            for p in &answer.pools {
                let seen = |grams: Option<u64>| grams.map_or_else(|| "-".to_owned(), tonnes);
                table.row([
                    p.pool.clone(),
                    tonnes(p.locked_g),
                    tonnes(p.circulating_g),
                    tonnes(p.pending_g),
                    tonnes(p.owed_g),
                    tonnes(p.unattributed_g),
                    tonnes(p.shortfall_g),
                    if p.holds { "yes" } else { "NO" }.to_owned(),
                    seen(p.custody_observed_g),
                    seen(p.supply_observed_g),
                ]);
            }
            table.write(w, "no pools")?;
            writeln!(w, "as of log size {}", answer.log_size)
        },
    )?;
    let broken: Vec<&str> = answer
        .pools
        .iter()
        .filter(|pool| !pool.holds)
        .map(|pool| pool.pool.as_str())
        .collect();
    if broken.is_empty() {
        return Ok(());
    }
    Err(Failure::Check(format!(
        "reserves of pool {} do not add up: pause it and look at `isthmus quarantine list`",
        broken.join(", ")
    )))
}

fn pool_json(p: &PoolReserves) -> Value {
    json!({
        "pool": p.pool,
        "asset_class": p.asset_class,
        "origin": p.origin,
        "destination": p.destination,
        "locked_g": p.locked_g.to_string(),
        "circulating_g": p.circulating_g.to_string(),
        "pending_g": p.pending_g.to_string(),
        "owed_g": p.owed_g.to_string(),
        "unattributed_g": p.unattributed_g.to_string(),
        "shortfall_g": p.shortfall_g.to_string(),
        "holds": p.holds,
        "custody_observed_g": p.custody_observed_g.map(|g| g.to_string()),
        "supply_observed_g": p.supply_observed_g.map(|g| g.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(holds: bool) -> ReservesResponse {
        ReservesResponse {
            pools: vec![PoolReserves {
                pool: "0xaa".into(),
                locked_g: 425_000_000,
                circulating_g: 400_000_000,
                pending_g: 25_000_000,
                holds,
                custody_observed_g: Some(425_000_000),
                ..PoolReserves::default()
            }],
            log_size: 9,
        }
    }

    #[test]
    fn reserves_are_a_table_and_a_check() {
        let mut written = Vec::new();
        reserves(&answer(true), &mut Output::new(&mut written, false)).unwrap();
        let expected = "\
POOL  LOCKED  CIRCULATING  PENDING  OWED  UNATTRIBUTED  SHORTFALL  HOLDS  CUSTODY SEEN  SUPPLY SEEN
0xaa   425 t        400 t     25 t   0 t           0 t        0 t  yes           425 t            -
as of log size 9
";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        let mut written = Vec::new();
        let failure = reserves(&answer(false), &mut Output::new(&mut written, true)).unwrap_err();
        assert_eq!(failure.exit_code(), 1);
        let object: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(object["pools"][0]["locked_g"], "425000000");
        assert_eq!(object["pools"][0]["supply_observed_g"], Value::Null);
        assert_eq!(object["pools"][0]["holds"], false);
    }
}
