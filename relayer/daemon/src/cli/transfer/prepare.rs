//! `transfer prepare`: terms from serials. Everything is computed here; the relayer only says what its route is.

use std::path::PathBuf;

use clap::Args;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AccountId, Address, Hash32};
use isthmus_core::route::RouteDocument;
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::terms::{MAX_UNITS, OutboundKind, OutboundTerms};
use isthmus_vcs::serial::Serial;
use serde_json::json;

use crate::cli::client::Control;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::{route, secret};

/// The holder's decision.
#[derive(Debug, Args)]
pub(crate) struct Prepare {
    /// The route, as the relayer knows it.
    #[arg(
        long,
        value_name = "ID",
        required_unless_present = "route_file",
        conflicts_with = "route_file"
    )]
    route: Option<String>,
    /// The route's document, for preparing without a relayer.
    #[arg(long, value_name = "FILE")]
    route_file: Option<PathBuf>,
    /// The holder's account at the origin.
    #[arg(long)]
    account: String,
    /// Who gets the equivalents.
    #[arg(long, value_name = "0x…")]
    recipient: String,
    /// A serial to move; may be given many times. All must be of one asset class.
    #[arg(long = "unit", value_name = "SERIAL", required = true, num_args = 1..)]
    units: Vec<String>,
    /// An additional certification of the units as the registry writes it; may be given many times.
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// New file for the terms, to be submitted.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Terms and what they are about.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) terms: OutboundTerms,
    pub(super) class: AssetClass,
    /// The serials say that there are labels, but none was given.
    pub(super) lacks_labels: bool,
}

impl Prepare {
    pub(super) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let route = self.document(control).await?;
        let prepared = self.terms(&route, Hash32::new(secret::random()?))?;
        let Prepared {
            terms,
            class,
            lacks_labels,
        } = &prepared;
        let text = serde_json::to_string_pretty(terms)
            .map_err(|error| Failure::Bug(format!("terms do not serialise: {error}")))?;
        if let Some(path) = &self.out {
            secret::write_new(path, &format!("{text}\n"))?;
        }
        out.show(
            || json!({ "transfer": terms.id(), "quantity_g": terms.quantity_g, "asset_class": class, "terms": terms }),
            |w| {
                writeln!(w, "{text}")?;
                writeln!(w, "transfer     {}", terms.id())?;
                writeln!(w, "quantity     {}", terms.quantity_g)?;
                writeln!(w, "asset class  {}", String::from_utf8_lossy(&class.profile()))?;
                if *lacks_labels {
                    writeln!(w, "note         the serials say that there are additional certifications: name them with --label, or the registry's class is another")?;
                }
                if let Some(path) = &self.out {
                    writeln!(w, "written to   {}", path.display())?;
                }
                Ok(())
            },
        )
    }

    async fn document(&self, control: &Control) -> Result<RouteDocument, Failure> {
        if let Some(path) = &self.route_file {
            let text =
                std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
            return route::parse_document(&text, &path.display().to_string());
        }
        let id = self.route.clone().unwrap_or_default();
        let stored = route::fetch(control, &id).await?;
        if stored.status == "proposed" {
            return Err(Failure::Refused(format!(
                "--route {id:?}: it is proposed only: have a second route admin approve it"
            )));
        }
        let document = route::parse_document(&stored.document, &id)?;
        if document.id.as_str() != id {
            return Err(Failure::Refused(format!(
                "--route {id:?}: the relayer answered with the document of route {:?}: do not use this relayer",
                document.id.as_str()
            )));
        }
        Ok(document)
    }

    /// The terms under `route`.
    pub(super) fn terms(&self, route: &RouteDocument, nonce: Hash32) -> Result<Prepared, Failure> {
        let serials = self.serials()?;
        let class = self.class(route, &serials)?;
        let blocks: Vec<SerialBlock> = serials.iter().map(SerialBlock::from).collect();
        serial_block::normalise(&blocks)
            .map_err(|error| Failure::Usage(format!("--unit: {error}: give every unit once")))?;
        let account: AccountId = self
            .account
            .parse()
            .map_err(|error| Failure::Usage(format!("--account: {error}")))?;
        let terms = OutboundTerms {
            account,
            asset_class: class.id(),
            destination: route.destination.clone(),
            gate: route.gate,
            kind: OutboundKind::Outbound,
            nonce,
            origin: route.origin.clone(),
            quantity_g: serial_block::total(&blocks),
            recipient: recipient(&self.recipient)?,
            route: route.id.clone(),
            units: serials.iter().map(Serial::to_string).collect(),
            v: 1,
        };
        let certified = serials.iter().any(Serial::has_additional_certifications);
        Ok(Prepared {
            terms,
            lacks_labels: certified && class.labels.is_empty(),
            class,
        })
    }

    fn serials(&self) -> Result<Vec<Serial>, Failure> {
        if self.units.len() > MAX_UNITS {
            return Err(Failure::Usage(format!(
                "--unit: {} serials: a transfer takes at most {MAX_UNITS}; make several transfers",
                self.units.len()
            )));
        }
        let parse = |text: &String| {
            text.parse()
                .map_err(|error| Failure::Usage(format!("--unit {text:?}: {error}")))
        };
        self.units.iter().map(parse).collect()
    }

    /// The one class of all serials.
    fn class(&self, route: &RouteDocument, serials: &[Serial]) -> Result<AssetClass, Failure> {
        let of = |serial: &Serial| {
            let mut labels = self.labels.clone();
            labels.sort();
            labels.dedup();
            AssetClass {
                country: serial.country().to_owned(),
                labels,
                programme: "VCS".to_owned(),
                project: serial.project().to_owned(),
                registry: route.origin.clone(),
                unit_type: "VCU".to_owned(),
                v: 1,
                vintage_end: serial.vintage_end().to_string(),
                vintage_start: serial.vintage_start().to_string(),
            }
        };
        let first = serials
            .first()
            .ok_or_else(|| Failure::Usage("--unit: give at least one serial".into()))?;
        let class = of(first);
        match serials.iter().find(|serial| of(serial) != class) {
            None => Ok(class),
            Some(other) => Err(Failure::Usage(format!(
                "--unit \"{other}\": its asset class is another than that of {first}: make one transfer per project, country and vintage"
            ))),
        }
    }
}

/// An address in any casing; a mixed one must carry the right checksum, for a mistyped recipient is for ever.
fn recipient(text: &str) -> Result<Address, Failure> {
    let invalid = |remedy: &str| Failure::Usage(format!("--recipient {text:?}: {remedy}"));
    let address: Address = text
        .to_ascii_lowercase()
        .parse()
        .map_err(|_| invalid("write 0x and 40 hex digits"))?;
    if address == Address::new([0; 20]) {
        return Err(invalid("the gate refuses the zero address"));
    }
    let digits = text.get(2..).unwrap_or_default();
    let mixed = digits.bytes().any(|b| b.is_ascii_uppercase())
        && digits.bytes().any(|b| b.is_ascii_lowercase());
    let checked = alloy::primitives::Address::parse_checksummed(text, None);
    if mixed && checked.is_err() {
        return Err(invalid(
            "its checksum is wrong: copy it again, or write it in lower case",
        ));
    }
    Ok(address)
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
