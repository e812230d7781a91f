//! `AttesterService`.

use std::sync::Arc;

use isthmus_proto::v1 as pb;
use isthmus_proto::v1::attester_service_server::AttesterService;
use tonic::{Request, Response, Status};

use crate::control::auth::{ATTEST, permit};
use crate::control::error::ApiError;
use crate::control::shared::Shared;
use crate::control::{parse, render};

/// What attesters pull and answer.
#[derive(Debug)]
pub(crate) struct Attesters(Arc<Shared>);

impl Attesters {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }
}

#[tonic::async_trait]
impl AttesterService for Attesters {
    async fn pull(
        &self,
        request: Request<pb::PullRequest>,
    ) -> Result<Response<pb::PullResponse>, Status> {
        let caller = permit(&request, ATTEST)?;
        let (wait, limit) = parse::pull(request.into_inner()).map_err(ApiError::from)?;
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
        self.0.parts.board.answer(&caller.name, &asked.task, answer);
        Ok(Response::new(pb::AnswerResponse {}))
    }
}
