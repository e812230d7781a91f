//! `RouteService`.

use std::sync::Arc;

use isthmus_core::id::RouteId;
use isthmus_core::route::RouteDocument;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::route_service_server::RouteService;
use isthmus_store::{RouteRecord, StoredRouteStatus};
use tonic::{Request, Response, Status};

use crate::control::auth::{MOVE, READ, permit};
use crate::control::error::{ApiError, FieldProblem};
use crate::control::route_book::RouteBook;
use crate::control::shared::{Shared, blocking};
use crate::control::{known, parse};

/// Routes: proposed by one, activated by a second.
#[derive(Debug)]
pub(crate) struct Routes {
    shared: Arc<Shared>,
    book: Arc<RouteBook>,
}

impl Routes {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            book: Arc::new(RouteBook::new(shared)),
        }
    }

    /// Runs a change of the route book on a thread that may block.
    async fn change(
        &self,
        change: impl FnOnce(&RouteBook) -> Result<RouteRecord, ApiError> + Send + 'static,
    ) -> Result<pb::Route, ApiError> {
        let book = Arc::clone(&self.book);
        let record = blocking(move || change(&book)).await?;
        self.render(&record)
    }

    fn render(&self, record: &RouteRecord) -> Result<pb::Route, ApiError> {
        let (parts, document) = (&self.shared.parts, &record.document);
        let scope = format!("route:{}", document.id);
        let status = match record.status {
            StoredRouteStatus::Proposed => "proposed",
            StoredRouteStatus::Active if parts.pauses.list()?.contains(&scope) => "paused",
            StoredRouteStatus::Active => "active",
        };
        let signatures = record
            .signatures
            .iter()
            .map(|signature| pb::RouteSignature {
                key: signature.key.to_string(),
                signature: hex::decode(&signature.signature).unwrap_or_default().into(),
            });
        Ok(pb::Route {
            id: document.id.to_string(),
            version: document.version,
            status: status.into(),
            document: text(document),
            digest: document.digest().to_string(),
            signatures: signatures.collect(),
            outstanding_g: parts.store.outstanding(&document.id)?.grams(),
        })
    }

    /// What counts of a route, or its proposal if nothing counts yet.
    fn current(&self, id: &RouteId) -> Result<RouteRecord, ApiError> {
        let versions = self.shared.parts.store.routes()?;
        let mut versions = versions.into_iter().filter(|r| r.document.id == *id);
        let active = |r: &RouteRecord| r.status == StoredRouteStatus::Active;
        let last = versions.clone().rfind(active);
        if let Some(found) = last.or_else(|| versions.next_back()) {
            return Ok(found);
        }
        Err(ApiError::UnknownRoute {
            id: id.to_string(),
            known: known::one_of(&known::routes(&self.shared)?),
        })
    }
}

/// JCS, as hashed and signed.
fn text(document: &RouteDocument) -> String {
    String::from_utf8_lossy(&isthmus_core::jcs::bytes(document)).into_owned()
}

/// The document, or everything that is wrong with its form.
fn document(text: &str) -> Result<RouteDocument, ApiError> {
    serde_json::from_str(text).map_err(|error| {
        let start: String = text.chars().take(80).collect();
        ApiError::RouteRefused(vec![FieldProblem::new(
            "document",
            start,
            error.to_string(),
        )])
    })
}

/// Active versions that still count and proposals above them.
fn standing(records: &[RouteRecord]) -> Vec<RouteRecord> {
    let counts = |record: &RouteRecord| {
        let later = |other: &RouteRecord| {
            other.document.id == record.document.id
                && other.document.version > record.document.version
                && other.status == StoredRouteStatus::Active
        };
        !records.iter().any(later)
    };
    records.iter().filter(|r| counts(r)).cloned().collect()
}

#[tonic::async_trait]
impl RouteService for Routes {
    async fn validate(
        &self,
        request: Request<pb::ValidateRouteRequest>,
    ) -> Result<Response<pb::ValidateRouteResponse>, Status> {
        permit(&request, READ)?;
        let checked =
            document(&request.get_ref().document).and_then(|document| self.book.check(&document));
        let problems = match checked {
            Ok(()) => Vec::new(),
            Err(ApiError::RouteRefused(problems)) => {
                problems.iter().map(ToString::to_string).collect()
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Response::new(pb::ValidateRouteResponse { problems }))
    }

    async fn propose(
        &self,
        request: Request<pb::ProposeRouteRequest>,
    ) -> Result<Response<pb::ProposeRouteResponse>, Status> {
        let by = permit(&request, MOVE)?.name;
        let asked = request.into_inner();
        let document = document(&asked.document)?;
        let signature = parse::route_signature(asked.signature).map_err(ApiError::from)?;
        let propose = move |book: &RouteBook| book.propose(document, signature, &by);
        let route = Some(self.change(propose).await?);
        Ok(Response::new(pb::ProposeRouteResponse { route }))
    }

    async fn approve(
        &self,
        request: Request<pb::ApproveRouteRequest>,
    ) -> Result<Response<pb::ApproveRouteResponse>, Status> {
        let by = permit(&request, MOVE)?.name;
        let asked = request.into_inner();
        let id: RouteId = parse::id("id", &asked.id).map_err(ApiError::from)?;
        let signature = parse::route_signature(asked.signature).map_err(ApiError::from)?;
        let approve = move |book: &RouteBook| book.approve(&id, asked.version, signature, &by);
        let route = Some(self.change(approve).await?);
        Ok(Response::new(pb::ApproveRouteResponse { route }))
    }

    async fn get(
        &self,
        request: Request<pb::GetRouteRequest>,
    ) -> Result<Response<pb::GetRouteResponse>, Status> {
        permit(&request, READ)?;
        let id: RouteId = parse::id("id", &request.get_ref().id).map_err(ApiError::from)?;
        let route = Some(self.render(&self.current(&id)?)?);
        Ok(Response::new(pb::GetRouteResponse { route }))
    }

    async fn list(
        &self,
        request: Request<pb::ListRoutesRequest>,
    ) -> Result<Response<pb::ListRoutesResponse>, Status> {
        permit(&request, READ)?;
        let records = self.shared.parts.store.routes().map_err(ApiError::from)?;
        let records = standing(&records).into_iter();
        let routes = records.map(|r| self.render(&r)).collect::<Result<_, _>>()?;
        Ok(Response::new(pb::ListRoutesResponse { routes }))
    }
}
