//! `TransferService`.

use std::sync::Arc;

use futures::stream::BoxStream;
use isthmus_core::id::TransferId;
use isthmus_core::ports::Journal;
use isthmus_core::receipt::Refusal;
use isthmus_core::transfer::Transfer;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::transfer_service_server::TransferService;
use tonic::{Request, Response, Status};

use crate::control::auth::{MOVE, OPERATE, permit};
use crate::control::error::ApiError;
use crate::control::shared::{Shared, blocking, stopped};
use crate::control::watching::Watching;
use crate::control::{known, parse, render};
use crate::engine::admission::Order;

/// What an exchange does with transfers.
#[derive(Debug)]
pub(crate) struct Transfers(Arc<Shared>);

impl Transfers {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// Admits what could be read; what could not is refused in its place.
    async fn admit(
        &self,
        orders: Vec<Result<Order, Refusal>>,
    ) -> Result<Vec<pb::SubmitResult>, ApiError> {
        let readable = orders.iter().flatten().cloned().collect();
        let admitted = self.0.parts.admission.submit(readable).await;
        let mut admitted = admitted.map_err(|fatal| stopped(&fatal))?.into_iter();
        let mut results = Vec::with_capacity(orders.len());
        for order in orders {
            let answer = match order {
                Ok(_) => admitted
                    .next()
                    .ok_or_else(|| ApiError::Bug("an order got no answer".into()))?,
                Err(refusal) => Err(refusal),
            };
            results.push(self.result(answer)?);
        }
        Ok(results)
    }

    fn result(&self, answer: Result<Transfer, Refusal>) -> Result<pb::SubmitResult, ApiError> {
        use pb::submit_result::Outcome;
        let outcome = match answer {
            Ok(transfer) => Outcome::Transfer(render::transfer(&self.0, &transfer)?),
            Err(refusal) => Outcome::Refusal(render::refusal(&refusal)),
        };
        Ok(pb::SubmitResult {
            outcome: Some(outcome),
        })
    }

    fn with_history(&self, id: TransferId) -> Result<pb::GetTransferResponse, ApiError> {
        let journal = self.0.parts.recorder.journal();
        // History first: it is then never longer than the transfer shown with it.
        let history = journal.history(id)?;
        let transfer = journal.transfer(id)?.ok_or(ApiError::UnknownTransfer(id))?;
        Ok(pb::GetTransferResponse {
            transfer: Some(render::transfer(&self.0, &transfer)?),
            history: history.iter().map(render::event).collect(),
        })
    }
}

fn list(
    shared: &Shared,
    request: &pb::ListTransfersRequest,
) -> Result<pb::ListTransfersResponse, ApiError> {
    let (filter, before, size) = parse::page(request)?;
    if let Some(route) = &filter.route {
        known::route(shared, "route", route)?;
    }
    let store = &shared.parts.store;
    let listed = store.list(&filter, before, size)?;
    let next = listed.last().filter(|_| listed.len() == size);
    let next_page_token = next.map_or_else(String::new, |last| last.serial.to_string());
    let mut transfers = Vec::with_capacity(listed.len());
    for entry in listed {
        if let Some(transfer) = store.transfer(entry.id)? {
            transfers.push(render::transfer(shared, &transfer)?);
        }
    }
    Ok(pb::ListTransfersResponse {
        transfers,
        next_page_token,
    })
}

#[tonic::async_trait]
impl TransferService for Transfers {
    type WatchStream = BoxStream<'static, Result<pb::WatchTransferResponse, Status>>;

    async fn submit(
        &self,
        request: Request<pb::SubmitRequest>,
    ) -> Result<Response<pb::SubmitResponse>, Status> {
        permit(&request, MOVE)?;
        let orders = parse::orders(request.into_inner())?;
        let results = self.admit(orders).await?;
        Ok(Response::new(pb::SubmitResponse { results }))
    }

    async fn get(
        &self,
        request: Request<pb::GetTransferRequest>,
    ) -> Result<Response<pb::GetTransferResponse>, Status> {
        permit(&request, MOVE)?;
        let id = parse::id("id", &request.get_ref().id).map_err(ApiError::from)?;
        Ok(Response::new(self.with_history(id)?))
    }

    async fn list(
        &self,
        request: Request<pb::ListTransfersRequest>,
    ) -> Result<Response<pb::ListTransfersResponse>, Status> {
        permit(&request, MOVE)?;
        let shared = Arc::clone(&self.0);
        let request = request.into_inner();
        let page = blocking(move || list(&shared, &request)).await?;
        Ok(Response::new(page))
    }

    async fn watch(
        &self,
        request: Request<pb::WatchTransferRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        permit(&request, MOVE)?;
        let id = parse::id("id", &request.get_ref().id).map_err(ApiError::from)?;
        let watching = Watching::begin(&self.0, id)?;
        Ok(Response::new(watching.stream()))
    }

    async fn withdraw(
        &self,
        request: Request<pb::WithdrawRequest>,
    ) -> Result<Response<pb::WithdrawResponse>, Status> {
        let asked = request.get_ref();
        // Only an operator may wish it in the holder's place.
        let allowed = if asked.mandate.is_empty() {
            OPERATE
        } else {
            MOVE
        };
        let caller = permit(&request, allowed)?;
        let id = parse::id("id", &asked.id).map_err(ApiError::from)?;
        let by = parse::withdrawn_by(&asked.mandate, &caller.name).map_err(ApiError::from)?;
        let withdrawn = self.0.parts.admission.withdraw(id, &by).await;
        let transfer = withdrawn.map_err(ApiError::from)?;
        let transfer = Some(render::transfer(&self.0, &transfer).map_err(ApiError::from)?);
        Ok(Response::new(pb::WithdrawResponse { transfer }))
    }

    async fn redirect(
        &self,
        request: Request<pb::RedirectRequest>,
    ) -> Result<Response<pb::RedirectResponse>, Status> {
        permit(&request, MOVE)?;
        let asked = request.into_inner();
        let id = parse::id("id", &asked.id).map_err(ApiError::from)?;
        let redirection = parse::redirection(asked).map_err(ApiError::from)?;
        let redirected = self.0.parts.admission.redirect(id, redirection).await;
        let transfer = redirected.map_err(ApiError::from)?;
        let transfer = Some(render::transfer(&self.0, &transfer).map_err(ApiError::from)?);
        Ok(Response::new(pb::RedirectResponse { transfer }))
    }

    async fn instruct(
        &self,
        request: Request<pb::InstructRequest>,
    ) -> Result<Response<pb::InstructResponse>, Status> {
        permit(&request, MOVE)?;
        let asked = request.into_inner();
        let id = parse::id("id", &asked.id).map_err(ApiError::from)?;
        let instruction = parse::instruction(asked.instruction).map_err(ApiError::from)?;
        let instructed = self.0.parts.admission.instruct(id, instruction).await;
        let transfer = instructed.map_err(ApiError::from)?;
        let transfer = Some(render::transfer(&self.0, &transfer).map_err(ApiError::from)?);
        Ok(Response::new(pb::InstructResponse { transfer }))
    }
}
