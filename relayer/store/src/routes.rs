//! Routes with their signatures, and what is paused.

use isthmus_core::id::{Hash32, RouteId};
use isthmus_core::ports::{Append, StoreError};
use isthmus_core::route::{RouteDocument, RouteSignature};
use isthmus_proto::store::v1 as pb;
use prost::Message;

use crate::columns::{Column, LOG_SIZE};
use crate::open::Store;
use crate::overlay::{corrupt, read, scan};
use crate::record;

const PAUSED: &[u8] = b"paused\0";
const VERSIONS: &[u8] = b"route\0";

/// A stored route version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRecord {
    /// What it says.
    pub document: RouteDocument,
    /// Who signed it.
    pub signatures: Vec<RouteSignature>,
    /// Whether it counts.
    pub status: StoredRouteStatus,
    /// The caller who proposed it: whoever approves it must be another.
    pub proposed_by: String,
    /// Index of its `ROUTE` leaf; set by the store when the leaf is written with it.
    pub leaf: Option<u64>,
}

/// Whether a route version counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredRouteStatus {
    /// One admin signed.
    Proposed,
    /// Two admins signed and it is logged.
    Active,
}

fn key(id: &RouteId, version: u32) -> Vec<u8> {
    [
        VERSIONS,
        id.as_str().as_bytes(),
        &[0],
        &version.to_be_bytes(),
    ]
    .concat()
}

fn decode(bytes: &[u8]) -> Result<RouteRecord, StoreError> {
    let route = pb::Route::decode(bytes).map_err(|_| corrupt("a route"))?;
    let document =
        serde_json::from_slice(&route.document).map_err(|_| corrupt("a route's document"))?;
    let signature = |s: pb::RouteSignature| {
        Ok(RouteSignature {
            key: Hash32::new(record::fixed(&s.key, "a route admin's key")?),
            signature: s.signature,
        })
    };
    Ok(RouteRecord {
        document,
        signatures: route
            .signatures
            .into_iter()
            .map(signature)
            .collect::<Result<_, StoreError>>()?,
        status: match route.status {
            1 => StoredRouteStatus::Proposed,
            2 => StoredRouteStatus::Active,
            _ => return Err(corrupt("a route's status")),
        },
        proposed_by: route.proposed_by,
        leaf: route.leaf,
    })
}

impl Store {
    /// Stores a route version, with its `ROUTE` leaf if it becomes active, in one synced write. The leaf's index is kept with
    /// the record, because a proof bundle needs the leaf and no transfer owns it.
    pub fn put_route(&self, route: &RouteRecord, leaf: Option<Vec<u8>>) -> Result<(), StoreError> {
        let mut record = pb::Route {
            document: isthmus_core::jcs::bytes(&route.document),
            signatures: route
                .signatures
                .iter()
                .map(|s| pb::RouteSignature {
                    key: s.key.as_bytes().to_vec(),
                    signature: s.signature.clone(),
                })
                .collect(),
            status: match route.status {
                StoredRouteStatus::Proposed => 1,
                StoredRouteStatus::Active => 2,
            },
            proposed_by: route.proposed_by.clone(),
            leaf: route.leaf,
        };
        let key = key(&route.document.id, route.document.version);
        let logged = leaf.is_some();
        self.change(leaf.into_iter().collect(), move |overlay| {
            // The entry's leaves are staged before its change: the log's last leaf is this route's.
            if logged {
                record.leaf = overlay.get_u64(Column::Meta, LOG_SIZE)?.checked_sub(1);
            }
            overlay.put(Column::Routes, key, record.encode_to_vec());
            Ok(())
        })
    }

    /// One version of a route.
    pub fn route(&self, id: &RouteId, version: u32) -> Result<Option<RouteRecord>, StoreError> {
        read(&self.db, Column::Routes, &key(id, version))?
            .map(|bytes| decode(&bytes))
            .transpose()
    }

    /// All versions of all routes, by id and version.
    pub fn routes(&self) -> Result<Vec<RouteRecord>, StoreError> {
        scan(&self.db, Column::Routes, VERSIONS, VERSIONS)?
            .map(|entry| entry.and_then(|(_, value)| decode(&value)))
            .collect()
    }

    /// The highest active version of every route, by id.
    pub fn current_routes(&self) -> Result<Vec<RouteRecord>, StoreError> {
        let mut current: Vec<RouteRecord> = Vec::new();
        for route in self.routes()? {
            if route.status != StoredRouteStatus::Active {
                continue;
            }
            match current.last_mut() {
                Some(last) if last.document.id == route.document.id => *last = route,
                Some(_) | None => current.push(route),
            }
        }
        Ok(current)
    }

    /// The highest active version of a route.
    pub fn active_route(&self, id: &RouteId) -> Result<Option<RouteRecord>, StoreError> {
        let active =
            |r: &RouteRecord| r.document.id == *id && r.status == StoredRouteStatus::Active;
        Ok(self.routes()?.into_iter().rfind(active))
    }

    /// Pauses or resumes a scope, with its leaf.
    pub fn set_paused(
        &self,
        scope: &str,
        by: Option<String>,
        leaves: Vec<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let key = [PAUSED, scope.as_bytes()].concat();
        let decided = crate::decisions::key(scope);
        self.change(leaves, move |overlay| {
            // What one person decided about an earlier pause says nothing about this one.
            overlay.delete(Column::Routes, decided);
            match by {
                Some(by) => overlay.put(Column::Routes, key, by.into_bytes()),
                None => overlay.delete(Column::Routes, key),
            }
            Ok(())
        })
    }

    /// What is paused, each scope with who paused it or why.
    pub fn pause_reasons(&self) -> Result<Vec<(String, String)>, StoreError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        scan(&self.db, Column::Routes, PAUSED, PAUSED)?
            .map(|entry| {
                entry
                    .map(|(key, by)| (text(key.get(PAUSED.len()..).unwrap_or_default()), text(&by)))
            })
            .collect()
    }

    /// What is paused.
    pub fn paused(&self) -> Result<Vec<String>, StoreError> {
        let scope = |key: &[u8]| {
            String::from_utf8_lossy(key.get(PAUSED.len()..).unwrap_or_default()).into_owned()
        };
        scan(&self.db, Column::Routes, PAUSED, PAUSED)?
            .map(|entry| entry.map(|(key, _)| scope(&key)))
            .collect()
    }

    pub(crate) fn change(
        &self,
        leaves: Vec<Vec<u8>>,
        change: impl FnOnce(&mut crate::overlay::Overlay<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let entry = Append {
            leaves,
            ..Append::default()
        };
        let change = move |overlay: &mut crate::overlay::Overlay<'_>| Ok(change(overlay)?);
        match self.writer.change(Box::new(change), entry) {
            Ok(_) => Ok(()),
            Err(isthmus_core::ports::AppendError::Store(error)) => Err(error),
            Err(other) => Err(StoreError(other.to_string())),
        }
    }
}
