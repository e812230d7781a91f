//! `AttesterService`.

use std::sync::Arc;

use isthmus_proto::v1 as pb;
use isthmus_proto::v1::attester_service_server::AttesterService;
use tonic::{Request, Response, Status};

use crate::config::Role;
use crate::control::auth::{ATTEST, permit};
use crate::control::error::ApiError;
use crate::control::shared::{Shared, blocking, stopped};
use crate::control::{parse, render};
use crate::engine::Fatal;
use crate::engine::pause::Scope;
use crate::proof::checkpoints::Followed;

/// What attesters pull and answer.
#[derive(Debug)]
pub(crate) struct Attesters(Arc<Shared>);

impl Attesters {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// A checkpoint that we signed and whose leaves this store does not have: an old backup was started. Nothing more is signed
    /// and everything is paused, before anything is done twice or two histories are signed.
    async fn compare(&self, attester: &str, checkpoint: String) -> Result<(), ApiError> {
        let (shared, attester) = (Arc::clone(&self.0), attester.to_owned());
        blocking(move || {
            let parts = &shared.parts;
            let lost = parts.checkpoints.compare(&checkpoint);
            let lost = match lost? {
                Followed::Lost(lost) => lost,
                Followed::Unknown => return Ok(()),
                Followed::Here => {
                    let people = parts.access.people();
                    let attesters = people.identities.iter();
                    let attesters = attesters.filter(|one| one.roles.contains(&Role::Attester));
                    let all: Vec<_> = attesters.map(|one| one.name.as_str()).collect();
                    return Ok(parts.checkpoints.confirmed(&attester, &all)?);
                }
            };
            let by = format!("isthmus: attester {attester} has followed further: {lost}");
            let paused = parts.pauses.pause(&Scope::All, &by);
            paused.map_err(|error| stopped(&Fatal(error)))
        })
        .await
    }
}

#[tonic::async_trait]
impl AttesterService for Attesters {
    async fn pull(
        &self,
        request: Request<pb::PullRequest>,
    ) -> Result<Response<pb::PullResponse>, Status> {
        let caller = permit(&request, ATTEST)?;
        let asked = request.into_inner();
        self.compare(&caller.name, asked.checkpoint.clone()).await?;
        let (wait, limit) = parse::pull(&asked).map_err(ApiError::from)?;
        let tasks = tokio::select! {
            tasks = self.0.parts.board.pull(&caller.name, wait, limit) => tasks,
            () = self.0.closed() => return Err(ApiError::Closing.into()),
        };
        let tasks = tasks.into_iter().map(render::task).collect();
        Ok(Response::new(pb::PullResponse { tasks }))
    }

    async fn answer(
        &self,
        request: Request<pb::AnswerRequest>,
    ) -> Result<Response<pb::AnswerResponse>, Status> {
        let caller = permit(&request, ATTEST)?;
        let asked = request.into_inner();
        let answer = parse::answer(asked.answer).map_err(ApiError::from)?;
        let board = &self.0.parts.board;
        let people = self.0.parts.access.people();
        let identity = people.identities.iter().find(|i| i.name == caller.name);
        board.bind(&caller.name, identity.map_or(&[], |i| i.signers.as_slice()));
        board.answer(&caller.name, &asked.task, answer);
        Ok(Response::new(pb::AnswerResponse {}))
    }
}
