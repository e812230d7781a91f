//! The rules of routes: what a document must say to be accepted here, and who must have signed and sent it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::B256;
use isthmus_core::id::{Hash32, RouteId};
use isthmus_core::jcs;
use isthmus_core::ports::LedgerKind;
use isthmus_core::route::{RouteDocument, RouteSignature, RouteSignatureError};
use isthmus_prooflog::leaf::{AdminSignature, Leaf};
use isthmus_store::{RouteRecord, StoredRouteStatus};

use crate::control::amendment;
use crate::control::error::{ApiError, FieldProblem};
use crate::control::known::one_of;
use crate::control::shared::{Shared, stopped};
use crate::engine::Fatal;

/// Longest document, in bytes: with two signatures its leaf stays below the log's limit.
const MAX_DOCUMENT: usize = 12 * 1024;

/// Proposes and activates routes, one change at a time.
#[derive(Debug)]
pub(crate) struct RouteBook {
    shared: Arc<Shared>,
    changing: Mutex<()>,
}

impl RouteBook {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            changing: Mutex::default(),
        }
    }

    /// Everything that is wrong with a document, by itself and here.
    pub(crate) fn check(&self, document: &RouteDocument) -> Result<(), ApiError> {
        let own = document.problems();
        let mut problems: Vec<_> = own
            .iter()
            .map(|p| FieldProblem::new(p.field, p.value.clone(), p.remedy))
            .collect();
        let length = jcs::bytes(document).len();
        if length > MAX_DOCUMENT {
            let remedy = format!("at most {MAX_DOCUMENT} bytes: shorten its lists");
            problems.push(FieldProblem::new(
                "document",
                format!("{length} bytes"),
                remedy,
            ));
        }
        for (field, id, kind) in [
            ("origin", &document.origin, LedgerKind::Registry),
            ("destination", &document.destination, LedgerKind::Chain),
        ] {
            let known = self.shared.parts.ledgers.iter().any(|handle| {
                handle.ledger.profile().id == *id && handle.ledger.profile().kind == kind
            });
            if !known {
                let here = self.shared.parts.ledgers.iter();
                let here = here.map(|handle| handle.ledger.profile());
                let here = here.filter(|profile| profile.kind == kind);
                let here = here.map(|profile| profile.id.to_string()).collect();
                let kind = format!("{kind:?}").to_lowercase();
                let remedy = format!("a {kind} that is configured here: {}", one_of(&here));
                problems.push(FieldProblem::new(field, id.as_str(), remedy));
            }
        }
        problems.extend(fitting(document, &self.active()?));
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ApiError::RouteRefused(problems))
        }
    }

    /// Stores a document with the first admin's signature. A newer proposal of the same version takes the older one's place.
    pub(crate) fn propose(
        &self,
        document: RouteDocument,
        signature: RouteSignature,
        by: &str,
    ) -> Result<RouteRecord, ApiError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = self.stored(&document.id, document.version)?;
        if let Some(known) = stored {
            // The same again gets the same answer.
            if known.document == document && known.signatures.contains(&signature) {
                return Ok(known);
            }
        }
        self.check(&document)?;
        let signatures = vec![signature];
        if self.signed(&document, &signatures) != 1 {
            return Err(unsigned(&document, &signatures));
        }
        let record = RouteRecord {
            document,
            signatures,
            status: StoredRouteStatus::Proposed,
            proposed_by: by.to_owned(),
            leaf: None,
        };
        self.put(&record, None)
    }

    /// Which routes there are, or which versions of this one.
    fn unknown(&self, id: &RouteId, version: u32) -> ApiError {
        let versions = match self.shared.parts.store.routes() {
            Ok(routes) => routes,
            Err(error) => return error.into(),
        };
        let of_it = versions.iter().filter(|route| route.document.id == *id);
        let known: BTreeSet<String> = of_it
            .map(|r| format!("version {}", r.document.version))
            .collect();
        let ids = versions.iter().map(|route| route.document.id.to_string());
        let known = if known.is_empty() {
            ids.collect()
        } else {
            known
        };
        ApiError::UnknownRoute {
            id: format!("{id} version {version}"),
            known: one_of(&known),
        }
    }

    /// Adds the second admin's signature: the route is logged and counts from then on.
    pub(crate) fn approve(
        &self,
        id: &RouteId,
        version: u32,
        signature: RouteSignature,
        by: &str,
    ) -> Result<RouteRecord, ApiError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = self.stored(id, version)?;
        let Some(mut record) = stored else {
            return Err(self.unknown(id, version));
        };
        if record.status == StoredRouteStatus::Active {
            return if record.signatures.contains(&signature) {
                Ok(record)
            } else {
                let reason = "it is active already, with two signatures".to_owned();
                let subject = format!("{id} version {version}");
                Err(ApiError::WrongState { subject, reason })
            };
        }
        let second = |reason: String| ApiError::SecondPerson {
            subject: format!("{id} version {version}"),
            reason,
        };
        if record.proposed_by == by {
            return Err(second(format!(
                "{by} proposed it: another caller must approve it"
            )));
        }
        if record.signatures.iter().any(|s| s.key == signature.key) {
            return Err(second("this admin has signed it: another must".into()));
        }
        record.signatures.push(signature);
        if self.signed(&record.document, &record.signatures) < 2 {
            return Err(unsigned(&record.document, &record.signatures));
        }
        // Other routes may have become active since it was proposed.
        self.check(&record.document)?;
        let problems = amendment::forbidden(&self.shared, &record.document)?;
        if !problems.is_empty() {
            return Err(ApiError::RouteRefused(problems));
        }
        record.status = StoredRouteStatus::Active;
        let leaf = self.leaf(&record)?;
        self.put(&record, Some(leaf))
    }

    fn active(&self) -> Result<Vec<RouteDocument>, ApiError> {
        let records = self.shared.parts.store.routes()?.into_iter();
        let active = records.filter(|record| record.status == StoredRouteStatus::Active);
        Ok(active.map(|record| record.document).collect())
    }

    fn stored(&self, id: &RouteId, version: u32) -> Result<Option<RouteRecord>, ApiError> {
        Ok(self.shared.parts.store.route(id, version)?)
    }

    /// How many different admins' valid signatures there are; 2 stands for two or more.
    fn signed(&self, document: &RouteDocument, signatures: &[RouteSignature]) -> usize {
        let people = self.shared.parts.access.people();
        let keys: Vec<Hash32> = people.route_admins.iter().map(|admin| admin.key).collect();
        match document.verify(signatures, &keys) {
            Ok(()) => 2,
            Err(RouteSignatureError::TooFew { found, .. }) => found,
        }
    }

    fn leaf(&self, record: &RouteRecord) -> Result<Vec<u8>, ApiError> {
        let route = serde_json::to_value(&record.document)
            .map_err(|error| ApiError::Bug(error.to_string()))?;
        let signatures = record.signatures.iter().map(|signature| AdminSignature {
            key: B256::from(*signature.key.as_bytes()),
            signature: signature.signature.clone(),
        });
        let leaf = Leaf::Route {
            at_ms: self.shared.now().ms(),
            v: 1,
            route,
            signatures: signatures.collect(),
        };
        Ok(leaf.to_bytes())
    }

    /// A failed write leaves it unknown whether the route is there: the process starts again from the disk.
    fn put(&self, record: &RouteRecord, leaf: Option<Vec<u8>>) -> Result<RouteRecord, ApiError> {
        let written = self.shared.parts.store.put_route(record, leaf);
        written.map_err(|error| stopped(&Fatal(error)))?;
        let (id, version) = (&record.document.id, record.document.version);
        tracing::info!(route = %id, version, status = ?record.status, "route changed");
        self.stored(id, version)?
            .ok_or_else(|| ApiError::Bug(format!("route {id} was not written")))
    }
}

/// What is wrong with a document beside the routes that count.
fn fitting(document: &RouteDocument, active: &[RouteDocument]) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let same = active.iter().filter(|route| route.id == document.id);
    let current = same.max_by_key(|route| route.version);
    let next = current.map_or(1, |route| route.version.saturating_add(1));
    if document.version != next {
        let remedy = format!("version {next} comes next");
        problems.push(FieldProblem::new(
            "version",
            document.version.to_string(),
            remedy,
        ));
    }
    if let Some(current) = current {
        // Transfers under way carry their pool: it must stay the same in every version.
        for (field, now, before) in [
            ("origin", document.origin.as_str(), current.origin.as_str()),
            (
                "destination",
                document.destination.as_str(),
                current.destination.as_str(),
            ),
            (
                "gate",
                &document.gate.to_string(),
                &current.gate.to_string(),
            ),
        ] {
            if now != before {
                let remedy = format!("{before}, as in version {}", current.version);
                problems.push(FieldProblem::new(field, now, remedy));
            }
        }
    }
    let sharing = active.iter().find(|route| {
        route.origin == document.origin
            && route.gate == document.gate
            && route.custody_account != document.custody_account
    });
    if let Some(route) = sharing {
        let (account, id) = (&route.custody_account, &route.id);
        let remedy = format!("{account}, as route {id} has with the same origin and gate");
        let found = document.custody_account.as_str();
        problems.push(FieldProblem::new("custody_account", found, remedy));
    }
    problems
}

fn unsigned(document: &RouteDocument, signatures: &[RouteSignature]) -> ApiError {
    let key = signatures.last().map(|s| s.key.to_string());
    let remedy = format!(
        "the signature of a configured route admin over isthmus/route/v1\\n{}\\n",
        document.digest()
    );
    ApiError::RouteRefused(vec![FieldProblem::new(
        "signature",
        key.unwrap_or_default(),
        remedy,
    )])
}
