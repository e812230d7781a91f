//! `OperatorService`.

use std::sync::Arc;

use isthmus_core::ports::StoreError;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::operator_service_server::OperatorService;
use isthmus_store::FirstDecision;
use tonic::{Request, Response, Status};

use crate::control::auth::{OPERATE, PAUSE, READ, permit};
use crate::control::backup;
use crate::control::concerns;
use crate::control::error::ApiError;
use crate::control::quarantine::{self, Decisions};
use crate::control::resume::{self, Losses};
use crate::control::retry;
use crate::control::shared::{Shared, blocking, stopped};
use crate::control::{known, parse};
use crate::engine::Fatal;
use crate::engine::pause::{Pauses, Scope};

/// Status, pause, quarantine, retry.
#[derive(Debug)]
pub(crate) struct Operators {
    shared: Arc<Shared>,
    decisions: Decisions,
    /// Held from reading what the first operator decided until it is carried out or kept.
    resuming: tokio::sync::Mutex<()>,
}

impl Operators {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            decisions: Decisions::default(),
            resuming: tokio::sync::Mutex::default(),
        }
    }

    /// A ledger that was paused may have contradicted itself: two operators let it go on. The first one's wish is durable, and
    /// forgotten with the pause that it is about. Answers with who decided.
    async fn second_person(
        &self,
        scope: &str,
        by: &str,
        what: &'static str,
    ) -> Result<String, ApiError> {
        if !matches!(scope.parse(), Ok(Scope::Ledger(_))) {
            return Ok(by.to_owned());
        }
        let (shared, scope, by) = (Arc::clone(&self.shared), scope.to_owned(), by.to_owned());
        blocking(move || {
            let parts = &shared.parts;
            let first = parts.store.decision(&scope)?;
            if let Some(first) = first.filter(|first| first.by != by && first.what == what) {
                return Ok(format!("{} and {by}", first.by));
            }
            if !parts.pauses.list()?.contains(&scope) {
                return Ok(by);
            }
            let decision = FirstDecision {
                by: by.clone(),
                what: what.into(),
                occasion: 0,
                at: shared.now(),
            };
            let kept = parts.store.put_decision(&scope, &decision);
            kept.map_err(|error| stopped(&Fatal(error)))?;
            Err(ApiError::SecondPerson {
                subject: scope,
                reason: format!("{by} decided to {what}: a second operator must decide the same"),
            })
        })
        .await
    }

    /// Changes what is paused, durably, and answers with all that is.
    async fn change(
        &self,
        scope: &str,
        change: impl FnOnce(&Pauses, &Scope) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Vec<String>, ApiError> {
        let (shared, scope) = (Arc::clone(&self.shared), scope.to_owned());
        blocking(move || {
            let pauses = &shared.parts.pauses;
            // What is paused may be of a ledger that is configured no more.
            let parsed = match scope.parse() {
                Ok(parsed) if pauses.list()?.contains(&scope) => parsed,
                Ok(_) | Err(_) => known::scope(&shared, &scope)?,
            };
            change(pauses, &parsed).map_err(|error| stopped(&Fatal(error)))?;
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
        let _resuming = self.resuming.lock().await;
        let asked = request.get_ref();
        let losses = if asked.accept_losses {
            Losses::Accepted
        } else {
            Losses::NotAccepted
        };
        let mut by = self
            .second_person(&asked.scope, &by, losses.decision())
            .await?;
        if let Ok(scope) = asked.scope.parse() {
            let accepted = resume::examined(&self.shared, &scope, losses).await?;
            if !accepted.is_empty() {
                by = format!("{by}, accepting: {accepted}");
            }
        }
        let resume = move |pauses: &Pauses, scope: &Scope| pauses.resume(scope, &by);
        let paused = self.change(&asked.scope, resume).await?;
        Ok(Response::new(pb::ResumeResponse { paused }))
    }

    async fn list_quarantine(
        &self,
        request: Request<pb::ListQuarantineRequest>,
    ) -> Result<Response<pb::ListQuarantineResponse>, Status> {
        permit(&request, READ)?;
        let shared = Arc::clone(&self.shared);
        let transfers = blocking(move || quarantine::list(&shared)).await?;
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

    async fn retry(
        &self,
        request: Request<pb::RetryRequest>,
    ) -> Result<Response<pb::RetryResponse>, Status> {
        let by = permit(&request, OPERATE)?.name;
        let asked = request.into_inner();
        let shared = Arc::clone(&self.shared);
        let answer =
            blocking(move || retry::retry(&shared, &retry::parse(&asked, &shared)?)).await?;
        tracing::info!(operator = %by, matched = answer.matched, moved = answer.moved, "retry");
        Ok(Response::new(answer))
    }

    async fn reload(
        &self,
        request: Request<pb::ReloadRequest>,
    ) -> Result<Response<pb::ReloadResponse>, Status> {
        let by = permit(&request, OPERATE)?.name;
        let reloader = self.shared.parts.reloader.clone();
        let reloader = reloader.ok_or_else(|| ApiError::WrongState {
            subject: "reload".into(),
            reason: "this process was not started from a configuration file".into(),
        })?;
        let done = blocking(move || Ok(reloader.reload(&by)?)).await?;
        Ok(Response::new(pb::ReloadResponse {
            changed: done.changed,
            refused: done.refused,
        }))
    }

    async fn backup(
        &self,
        request: Request<pb::BackupRequest>,
    ) -> Result<Response<pb::BackupResponse>, Status> {
        let by = permit(&request, OPERATE)?.name;
        let directory = parse::new_folder("directory", &request.get_ref().directory);
        let directory = directory.map_err(ApiError::from)?;
        let shared = Arc::clone(&self.shared);
        let answer = blocking(move || backup::backup(&shared, &directory)).await?;
        tracing::info!(operator = %by, directory = %answer.directory, "backup made");
        Ok(Response::new(answer))
    }
}
