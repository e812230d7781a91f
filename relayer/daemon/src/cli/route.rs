//! `route`: proposed by one route admin, activated by a second.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use ed25519_dalek::{Signer as _, SigningKey};
use isthmus_core::jcs;
use isthmus_core::route::RouteDocument;
use isthmus_proto::v1::{
    ApproveRouteRequest, GetRouteRequest, ListRoutesRequest, ProposeRouteRequest, Route as Answer,
    RouteSignature, ValidateRouteRequest,
};
use serde_json::{Value, json};

use super::client::{Control, required};
use super::failure::Failure;
use super::output::{Column, Output, Table, clean, fields, tonnes};
use super::secret;

/// Who may move what.
#[derive(Debug, Subcommand)]
pub(crate) enum Route {
    /// Checks a route document without storing it; exit code 1 if there are problems.
    Validate {
        /// Route document, JSON.
        file: PathBuf,
    },
    /// Stores a route document with the first route admin's signature.
    Propose {
        /// Route document, JSON.
        file: PathBuf,
        /// The route admin's secret Ed25519 key.
        #[arg(long, value_name = "SEEDFILE")]
        key: PathBuf,
    },
    /// Adds the second route admin's signature: the route is logged and active.
    Approve {
        /// The route.
        id: String,
        /// Its proposed version.
        #[arg(long)]
        version: u32,
        /// The route admin's secret Ed25519 key.
        #[arg(long, value_name = "SEEDFILE")]
        key: PathBuf,
        /// Sign only the document of this digest, the one that was reviewed.
        #[arg(long, value_name = "0x…")]
        digest: Option<String>,
    },
    /// Shows one route.
    Get {
        /// The route.
        id: String,
    },
    /// Lists all routes.
    List,
}

impl Route {
    pub(crate) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::Validate { file } => validate(control, file, out).await,
            Self::Propose { file, key } => {
                let document = read_document(file)?;
                let key = secret::read_ed25519(key)?;
                let request = ProposeRouteRequest {
                    document: canonical(&document),
                    signature: Some(sign(&document, &key)),
                };
                let mut routes = control.connect().await?.routes();
                let answer = routes.propose(request).await?.into_inner();
                show(&required(answer.route, "the route")?, out)
            }
            Self::Approve {
                id,
                version,
                key,
                digest,
            } => {
                let key = secret::read_ed25519(key)?;
                let mut routes = control.connect().await?.routes();
                let stored = routes.list(ListRoutesRequest {}).await?.into_inner().routes;
                let document = proposed(&stored, id, *version, digest.as_deref())?;
                let request = ApproveRouteRequest {
                    id: id.clone(),
                    version: *version,
                    signature: Some(sign(&document, &key)),
                };
                let answer = routes.approve(request).await?.into_inner();
                show(&required(answer.route, "the route")?, out)
            }
            Self::Get { id } => show(&fetch(control, id).await?, out),
            Self::List => {
                let mut routes = control.connect().await?.routes();
                let stored = routes.list(ListRoutesRequest {}).await?.into_inner().routes;
                list(&stored, out)
            }
        }
    }
}

/// One route from the relayer.
pub(crate) async fn fetch(control: &Control, id: &str) -> Result<Answer, Failure> {
    let request = GetRouteRequest { id: id.to_owned() };
    let mut routes = control.connect().await?.routes();
    required(routes.get(request).await?.into_inner().route, "the route")
}

/// A route document; unknown and missing fields are named.
pub(crate) fn parse_document(text: &str, from: &str) -> Result<RouteDocument, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::Usage(format!(
            "route document {from}: {error}: write it as in docs/protocol.md §9"
        ))
    })
}

fn read_document(path: &Path) -> Result<RouteDocument, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    parse_document(&text, &path.display().to_string())
}

fn canonical(document: &RouteDocument) -> String {
    String::from_utf8_lossy(&jcs::bytes(document)).into_owned()
}

fn sign(document: &RouteDocument, key: &SigningKey) -> RouteSignature {
    RouteSignature {
        key: format!("0x{}", hex::encode(key.verifying_key().as_bytes())),
        signature: key.sign(&document.message()).to_bytes().to_vec().into(),
    }
}

/// The document to approve: the relayer is not believed to hand over the one that was asked for.
fn proposed(
    stored: &[Answer],
    id: &str,
    version: u32,
    digest: Option<&str>,
) -> Result<RouteDocument, Failure> {
    let route = stored
        .iter()
        .find(|route| route.id == id && route.version == version)
        .ok_or_else(|| {
            Failure::Refused(format!(
                "route {id:?} version {version} is not proposed: see `isthmus route list`"
            ))
        })?;
    let document = parse_document(&route.document, id)?;
    if document.id.as_str() != id || document.version != version {
        return Err(Failure::Refused(format!(
            "the relayer's document for route {id:?} version {version} is of route {:?} version {}: do not sign it",
            document.id.as_str(),
            document.version
        )));
    }
    match digest {
        Some(reviewed) if document.digest().to_string() != reviewed => {
            Err(Failure::Refused(format!(
                "--digest {reviewed:?}: the relayer's document has digest {}: review it before signing",
                document.digest()
            )))
        }
        _ => Ok(document),
    }
}

async fn validate(control: &Control, file: &Path, out: &mut Output<'_>) -> Result<(), Failure> {
    let document = std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
    let mut routes = control.connect().await?.routes();
    let answer = routes
        .validate(ValidateRouteRequest { document })
        .await?
        .into_inner();
    let problems = answer.problems;
    out.show(
        || json!({ "problems": problems }),
        |w| {
            for problem in &problems {
                writeln!(w, "{}", clean(problem))?;
            }
            writeln!(w, "{} problem(s)", problems.len())
        },
    )?;
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::Check(format!(
        "route document {}: {} problem(s): correct them as the output says",
        file.display(),
        problems.len()
    )))
}

fn to_json(route: &Answer) -> Value {
    let signatures: Vec<Value> = route
        .signatures
        .iter()
        .map(|s| json!({ "key": s.key, "signature": format!("0x{}", hex::encode(&s.signature)) }))
        .collect();
    json!({
        "id": route.id,
        "version": route.version,
        "status": route.status,
        "digest": route.digest,
        "outstanding_g": route.outstanding_g.to_string(),
        "signatures": signatures,
        "document": serde_json::from_str::<Value>(&route.document).unwrap_or_else(|_| json!(route.document)),
    })
}

fn show(route: &Answer, out: &mut Output<'_>) -> Result<(), Failure> {
    out.show(
        || to_json(route),
        |w| {
            let signers: Vec<&str> = route.signatures.iter().map(|s| s.key.as_str()).collect();
            fields(
                w,
                &[
                    ("route", route.id.clone()),
                    ("version", route.version.to_string()),
                    ("status", route.status.clone()),
                    ("digest", route.digest.clone()),
                    ("signed by", signers.join(", ")),
                    ("outstanding", tonnes(route.outstanding_g)),
                    ("document", route.document.clone()),
                ],
            )
        },
    )
}

fn list(routes: &[Answer], out: &mut Output<'_>) -> Result<(), Failure> {
    out.show(
        || Value::Array(routes.iter().map(to_json).collect()),
        |w| {
            let mut table = Table::new(&[
                Column::Left("ROUTE"),
                Column::Right("VERSION"),
                Column::Left("STATUS"),
                Column::Right("OUTSTANDING"),
                Column::Left("DIGEST"),
            ]);
            for route in routes {
                table.row([
                    route.id.clone(),
                    route.version.to_string(),
                    route.status.clone(),
                    tonnes(route.outstanding_g),
                    route.digest.clone(),
                ]);
            }
            table.write(w, "no routes")
        },
    )
}

#[cfg(test)]
#[path = "route_tests.rs"]
pub(super) mod tests;
