//! `CustodyService`: impaired pools, and deposits that nobody asked for.

use std::sync::Arc;

use isthmus_core::deposit::make_good_note;
use isthmus_core::id::{Hash32, PoolId, TransferId};
use isthmus_prooflog::pro_rata::Decision;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::custody_service_server::CustodyService;
use isthmus_store::{DepositRecord, DepositStanding};
use tonic::{Request, Response, Status};

use crate::control::auth::{MOVE, OPERATE, READ, permit};
use crate::control::error::{ApiError, FieldProblem};
use crate::control::parse;
use crate::control::pro_rata::{ProRata, Signed};
use crate::control::shared::{Shared, blocking};

/// What operators and route admins do about custody.
#[derive(Debug)]
pub(crate) struct CustodyDesk {
    shared: Arc<Shared>,
    pro_rata: Arc<ProRata>,
}

impl CustodyDesk {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            pro_rata: Arc::default(),
        }
    }
}

fn impairments(shared: &Shared, pro_rata: &ProRata) -> Result<Vec<pb::Impairment>, ApiError> {
    let store = &shared.parts.store;
    let impaired = store.impairments()?;
    if impaired.is_empty() {
        return Ok(Vec::new());
    }
    let rows = pro_rata.rows(shared)?;
    let mut listed = Vec::with_capacity(impaired.len());
    for (pool, known) in impaired {
        let row = rows.iter().find(|row| *pool.as_bytes() == row.pool.0);
        let class = row.map(|row| row.asset_class);
        let decision = row.and_then(ProRata::decision);
        let routes = store.current_routes()?;
        let found = class.and_then(|class| {
            let class = isthmus_core::id::AssetClassId::new(class.0);
            let pools = routes.iter().map(|route| route.document.pool(class));
            pools.into_iter().find(|found| found.id() == pool)
        });
        let origin = found.as_ref().map(|pool| pool.origin.to_string());
        let account = found.as_ref().map(|pool| pool.custody_account.to_string());
        listed.push(pb::Impairment {
            pool: pool.to_string(),
            asset_class: class.map(|class| class.to_string()).unwrap_or_default(),
            origin: origin.unwrap_or_default(),
            custody_account: account.unwrap_or_default(),
            shortfall_g: known.shortfall.grams(),
            make_good_note: make_good_note(pool),
            decision: decision.as_ref().map(text).unwrap_or_default(),
            decided: known.decided.is_some(),
            first_by: ProRata::first_by(store, pool, decision)?,
        });
    }
    Ok(listed)
}

fn text(decision: &Decision) -> String {
    String::from_utf8_lossy(&isthmus_core::jcs::bytes(decision)).into_owned()
}

fn deposit(record: &DepositRecord) -> pb::Deposit {
    let deposit = &record.deposit;
    pb::Deposit {
        id: deposit.id().to_string(),
        ledger: deposit.ledger.to_string(),
        reference: deposit.reference.clone(),
        pool: deposit.pool.to_string(),
        asset_class: deposit.asset_class.to_string(),
        sender: deposit.sender.to_string(),
        custody_account: deposit.custody_account.to_string(),
        units: deposit.units.iter().map(ToString::to_string).collect(),
        quantity_g: deposit.quantity().grams(),
        note: deposit.note.clone().unwrap_or_default(),
        standing: record.standing.as_str().into(),
        by: record.by.clone(),
        at_ms: record.at.ms(),
    }
}

/// Orders a return. Ordering it again changes nothing.
fn give_back(shared: &Shared, id: TransferId, by: &str) -> Result<pb::Deposit, ApiError> {
    let store = &shared.parts.store;
    let record = store.deposit(id)?.ok_or_else(|| {
        let remedy = "the id of a deposit, as `isthmus deposit list` shows it";
        ApiError::from(FieldProblem::new("id", id.to_string(), remedy))
    })?;
    match record.standing {
        DepositStanding::Returning | DepositStanding::Returned => Ok(deposit(&record)),
        DepositStanding::Good | DepositStanding::Taken => Err(ApiError::WrongState {
            subject: id.to_string(),
            reason: format!("the deposit {}", record.standing.as_str()),
        }),
        DepositStanding::Open => {
            let ordered = DepositRecord {
                standing: DepositStanding::Returning,
                by: by.to_owned(),
                at: shared.now(),
                ..record.clone()
            };
            // If we crash after this write, the return goes on by itself.
            if store.change_deposit(&record, &ordered, Vec::new())? {
                Ok(deposit(&ordered))
            } else {
                // The registry took some of it at this moment: decide anew.
                give_back(shared, id, by)
            }
        }
    }
}

fn signed(request: &pb::DecideProRataRequest) -> Result<(Decision, Signed), FieldProblem> {
    let remedy = "the decision as `isthmus impairment list --json` shows it";
    let document: serde_json::Value = serde_json::from_str(&request.decision)
        .map_err(|_| FieldProblem::new("decision", request.decision.clone(), remedy))?;
    let decision = Decision::of(&document)
        .map_err(|_| FieldProblem::new("decision", request.decision.clone(), remedy))?;
    let key: Hash32 = parse::id("key", &request.key)?;
    if request.signature.len() != 64 {
        let found = format!("{} bytes", request.signature.len());
        return Err(FieldProblem::new("signature", found, "64 bytes"));
    }
    let signature = hex::encode(&request.signature);
    Ok((decision, Signed { key, signature }))
}

#[tonic::async_trait]
impl CustodyService for CustodyDesk {
    async fn impairments(
        &self,
        request: Request<pb::ImpairmentsRequest>,
    ) -> Result<Response<pb::ImpairmentsResponse>, Status> {
        permit(&request, READ)?;
        let (shared, pro_rata) = (Arc::clone(&self.shared), Arc::clone(&self.pro_rata));
        let impairments = blocking(move || impairments(&shared, &pro_rata)).await?;
        Ok(Response::new(pb::ImpairmentsResponse { impairments }))
    }

    async fn decide_pro_rata(
        &self,
        request: Request<pb::DecideProRataRequest>,
    ) -> Result<Response<pb::DecideProRataResponse>, Status> {
        let caller = permit(&request, MOVE)?;
        let (decision, signed) = signed(request.get_ref()).map_err(ApiError::from)?;
        let decided = self
            .pro_rata
            .decide(&self.shared, decision, signed, &caller.name);
        let carried_out = decided.await?;
        Ok(Response::new(pb::DecideProRataResponse { carried_out }))
    }

    async fn deposits(
        &self,
        request: Request<pb::DepositsRequest>,
    ) -> Result<Response<pb::DepositsResponse>, Status> {
        permit(&request, READ)?;
        let shared = Arc::clone(&self.shared);
        let deposits = blocking(move || {
            let records = shared.parts.store.deposits()?;
            Ok(records.iter().map(deposit).collect())
        });
        let deposits = deposits.await?;
        Ok(Response::new(pb::DepositsResponse { deposits }))
    }

    async fn return_deposit(
        &self,
        request: Request<pb::ReturnDepositRequest>,
    ) -> Result<Response<pb::ReturnDepositResponse>, Status> {
        let caller = permit(&request, OPERATE)?;
        let id = parse::id("id", &request.get_ref().id).map_err(ApiError::from)?;
        let shared = Arc::clone(&self.shared);
        let ordered = blocking(move || give_back(&shared, id, &caller.name)).await?;
        let deposit = Some(ordered);
        Ok(Response::new(pb::ReturnDepositResponse { deposit }))
    }
}

/// The pool of a decision.
pub(super) fn pool_of(decision: &Decision) -> PoolId {
    PoolId::new(decision.pool.0)
}
