//! `impairment`: pools that have less in custody than they should, and the two ways out.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use ed25519_dalek::Signer as _;
use isthmus_core::id::{Hash32, PoolId};
use isthmus_prooflog::pro_rata::{self, Decision};
use isthmus_proto::v1::{DecideProRataRequest, Impairment as Answer, ImpairmentsRequest};
use serde_json::{Value, json};

use super::client::Control;
use super::failure::Failure;
use super::output::{Output, clean, fields, tonnes};
use super::secret;

/// What the registry took away from pools.
#[derive(Debug, Subcommand)]
pub(crate) enum Impairment {
    /// Lists impaired pools, with what makes each one good and what route admins may decide instead.
    List,
    /// Signs, as a route admin, that burns of a pool get their part of what is left; the second admin's signature carries it out.
    Decide {
        /// The pool.
        pool: PoolId,
        /// The route admin's secret Ed25519 key.
        #[arg(long, value_name = "SEEDFILE")]
        key: PathBuf,
        /// Sign only if this is what backs the equivalents, in grams.
        #[arg(long)]
        backing_g: u64,
        /// Sign only if this is what circulates, in grams.
        #[arg(long)]
        supply_g: u64,
        /// Sign only about this impairment, as `impairment list` shows it.
        #[arg(long, value_name = "HASH")]
        impaired: Hash32,
    },
}

impl Impairment {
    pub(crate) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::List => list(&fetch(control).await?, out),
            Self::Decide {
                pool,
                key,
                backing_g,
                supply_g,
                impaired,
            } => {
                let document = json!({
                    "backing_g": backing_g.to_string(),
                    "impaired": impaired.to_string(),
                    "pool": pool.to_string(),
                    "supply_g": supply_g.to_string(),
                    "v": 1,
                });
                decide(control, *pool, key, &document, out).await
            }
        }
    }
}

async fn fetch(control: &Control) -> Result<Vec<Answer>, Failure> {
    let mut custody = control.connect().await?.custody();
    let answer = custody.impairments(ImpairmentsRequest {}).await?;
    Ok(answer.into_inner().impairments)
}

/// What is signed is put together here from what was reviewed: the relayer is not believed to show what it records.
async fn decide(
    control: &Control,
    pool: PoolId,
    key: &Path,
    document: &Value,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let key = secret::read_ed25519(key)?;
    Decision::of(document).map_err(|reason| {
        Failure::Usage(format!("--backing-g, --supply-g: {reason}: {document}"))
    })?;
    let request = DecideProRataRequest {
        decision: document.to_string(),
        key: format!("0x{}", hex::encode(key.verifying_key().as_bytes())),
        signature: key
            .sign(pro_rata::message(document).as_bytes())
            .to_bytes()
            .to_vec()
            .into(),
    };
    let mut custody = control.connect().await?.custody();
    let carried_out = custody
        .decide_pro_rata(request)
        .await?
        .into_inner()
        .carried_out;
    out.show(
        || json!({ "pool": pool.to_string(), "carried_out": carried_out }),
        |w| {
            let done = if carried_out {
                "decided: burns of the pool get their part from now on"
            } else {
                "signed: a second route admin must sign the same"
            };
            fields(w, &[("pool", pool.to_string()), ("decision", done.into())])
        },
    )
}

fn to_json(answer: &Answer) -> Value {
    json!({
        "pool": answer.pool,
        "asset_class": answer.asset_class,
        "origin": answer.origin,
        "custody_account": answer.custody_account,
        "shortfall_g": answer.shortfall_g.to_string(),
        "make_good_note": answer.make_good_note,
        "decision": serde_json::from_str::<Value>(&answer.decision).unwrap_or(Value::Null),
        "decided": answer.decided,
        "first_by": answer.first_by,
    })
}

fn list(answers: &[Answer], out: &mut Output<'_>) -> Result<(), Failure> {
    out.show(
        || Value::Array(answers.iter().map(to_json).collect()),
        |w| {
            if answers.is_empty() {
                return writeln!(w, "no pool is impaired");
            }
            for answer in answers {
                let decided = match (answer.decided, answer.first_by.as_str()) {
                    (true, _) => "decided: burns get their part of what is left".to_owned(),
                    (false, "") => format!("may be decided: {}", clean(&answer.decision)),
                    (false, by) => {
                        format!("signed first by {}: {}", clean(by), clean(&answer.decision))
                    }
                };
                fields(
                    w,
                    &[
                        ("pool", clean(&answer.pool)),
                        ("class", clean(&answer.asset_class)),
                        ("missing", tonnes(answer.shortfall_g)),
                        (
                            "make good",
                            format!(
                                "deposit units of the class into account {} at {} with the note {}",
                                clean(&answer.custody_account),
                                clean(&answer.origin),
                                clean(&answer.make_good_note)
                            ),
                        ),
                        ("pro rata", decided),
                    ],
                )?;
            }
            Ok(())
        },
    )
}
