//! `OperatorService`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use isthmus_core::ports::StoreError;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::operator_service_server::OperatorService;
use tonic::{Request, Response, Status};

use crate::control::auth::{OPERATE, PAUSE, READ, permit};
use crate::control::concerns;
use crate::control::error::{ApiError, FieldProblem};
use crate::control::parse;
use crate::control::quarantine::Decisions;
use crate::control::shared::{Shared, blocking};
use crate::engine::Fatal;
use crate::engine::pause::{Pauses, Scope};

/// Status, pause, quarantine.
#[derive(Debug)]
pub(crate) struct Operators {
    shared: Arc<Shared>,
    decisions: Arc<Decisions>,
    /// Who first wanted a ledger to go on, by scope; in memory: after a restart it is said again.
    resuming: Mutex<HashMap<String, String>>,
}

impl Operators {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            decisions: Arc::default(),
            resuming: Mutex::default(),
        }
    }

    /// A ledger that was paused may have contradicted itself: two operators let it go on.
    fn second_person(&self, scope: &str, by: &str) -> Result<(), ApiError> {
        let mut resuming = self.resuming.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ledger = matches!(scope.parse(), Ok(Scope::Ledger(_)));
        if !is_ledger || resuming.get(scope).is_some_and(|first| first != by) {
            resuming.remove(scope);
            return Ok(());
        }
        let paused = self.shared.parts.pauses.list()?;
        if !paused.iter().any(|entry| entry == scope) {
            return Ok(());
        }
        resuming.insert(scope.to_owned(), by.to_owned());
        Err(ApiError::SecondPerson {
            subject: scope.to_owned(),
            reason: format!("{by} wants it to go on: a second operator must resume it too"),
        })
    }

    /// Changes what is paused, durably, and answers with all that is.
    async fn change(
        &self,
        scope: &str,
        change: impl FnOnce(&Pauses, &Scope) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Vec<String>, ApiError> {
        let parsed: Scope = scope.parse().map_err(|_| {
            ApiError::from(FieldProblem::new(
                "scope",
                scope,
                "all, route:<id> or ledger:<id>",
            ))
        })?;
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let pauses = &shared.parts.pauses;
            change(pauses, &parsed).map_err(|error| shared.stop(Fatal(error)))?;
            Ok(pauses.list()?)
        })
        .await
    }
}

#[tonic::async_trait]
impl OperatorService for Operators {
    async fn status(
        &self,
        request: Request<pb::StatusRequest>,
    ) -> Result<Response<pb::StatusResponse>, Status> {
        permit(&request, READ)?;
        let shared = Arc::clone(&self.shared);
        let status = blocking(move || concerns::status(&shared)).await?;
        Ok(Response::new(status))
    }

    async fn pause(
        &self,
        request: Request<pb::PauseRequest>,
    ) -> Result<Response<pb::PauseResponse>, Status> {
        let by = permit(&request, PAUSE)?.name;
        let pause = move |pauses: &Pauses, scope: &Scope| pauses.pause(scope, &by);
        let paused = self.change(&request.get_ref().scope, pause).await?;
        Ok(Response::new(pb::PauseResponse { paused }))
    }

    async fn resume(
        &self,
        request: Request<pb::ResumeRequest>,
    ) -> Result<Response<pb::ResumeResponse>, Status> {
        let by = permit(&request, OPERATE)?.name;
        self.second_person(&request.get_ref().scope, &by)?;
        let resume = move |pauses: &Pauses, scope: &Scope| pauses.resume(scope, &by);
        let paused = self.change(&request.get_ref().scope, resume).await?;
        Ok(Response::new(pb::ResumeResponse { paused }))
    }

    async fn list_quarantine(
        &self,
        request: Request<pb::ListQuarantineRequest>,
    ) -> Result<Response<pb::ListQuarantineResponse>, Status> {
        permit(&request, READ)?;
        let (shared, decisions) = (Arc::clone(&self.shared), Arc::clone(&self.decisions));
        let transfers = blocking(move || decisions.list(&shared)).await?;
        Ok(Response::new(pb::ListQuarantineResponse { transfers }))
    }

    async fn resolve_quarantine(
        &self,
        request: Request<pb::ResolveQuarantineRequest>,
    ) -> Result<Response<pb::ResolveQuarantineResponse>, Status> {
        let by = permit(&request, OPERATE)?.name;
        let asked = request.get_ref();
        let id = parse::id("id", &asked.id).map_err(ApiError::from)?;
        let resolution = parse::resolution(&asked.resolution).map_err(ApiError::from)?;
        let decided = self.decisions.decide(&self.shared, id, resolution, &by);
        let carried_out = decided.await?;
        Ok(Response::new(pb::ResolveQuarantineResponse { carried_out }))
    }
}
