//! `ProofService`.

use std::sync::Arc;

use isthmus_core::id::{AssetClassId, PoolId, TransferId};
use isthmus_core::pool::Pool;
use isthmus_core::ports::Page;
use isthmus_prooflog::proof_file::ProofFile;
use isthmus_prooflog::reserves::Row;
use isthmus_prooflog::tree;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::proof_service_server::ProofService;
use tonic::{Request, Response, Status};

use crate::control::auth::{READ, permit};
use crate::control::error::ApiError;
use crate::control::parse;
use crate::control::shared::{Shared, blocking};
use crate::proof::bundle;
use crate::proof::reserves::Replay;

/// Most bytes of leaves in one answer; a caller asks on from where they end.
const LEAF_BYTES: usize = 3 * 1024 * 1024;
/// How long a ledger may take to say what it holds.
const OBSERVE: std::time::Duration = std::time::Duration::from_secs(5);

/// What auditors and attesters read.
#[derive(Debug)]
pub(crate) struct Proofs {
    shared: Arc<Shared>,
    replay: Arc<Replay>,
}

impl Proofs {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            replay: Arc::default(),
        }
    }

    async fn rows(&self) -> Result<(u64, Vec<Row>), ApiError> {
        let (shared, replay) = (Arc::clone(&self.shared), Arc::clone(&self.replay));
        blocking(move || Ok(replay.rows(&shared.parts.store)?)).await
    }

    /// A row next to what the ledgers say, as far as they answer.
    async fn observed(&self, row: Row) -> Result<pb::PoolReserves, ApiError> {
        let pool = self.pool(&row)?;
        let (custody, supply) = match &pool {
            Some(pool) => tokio::join!(
                self.total(pool.origin.as_str(), pool),
                self.total(pool.destination.as_str(), pool)
            ),
            None => (None, None),
        };
        let name = |of: fn(&Pool) -> String| pool.as_ref().map(of).unwrap_or_default();
        Ok(pb::PoolReserves {
            pool: row.pool.to_string(),
            asset_class: row.asset_class.to_string(),
            origin: name(|pool| pool.origin.to_string()),
            destination: name(|pool| pool.destination.to_string()),
            locked_g: row.totals.locked_g,
            circulating_g: row.totals.circulating_g,
            pending_g: row.totals.pending_g,
            owed_g: row.totals.owed_g,
            unattributed_g: row.totals.unattributed_g,
            shortfall_g: row.totals.shortfall_g,
            holds: row.totals.holds(),
            custody_observed_g: custody,
            supply_observed_g: supply,
        })
    }

    /// The pool of a row: one of the routes' with its class.
    fn pool(&self, row: &Row) -> Result<Option<Pool>, ApiError> {
        let (id, class) = (
            PoolId::new(row.pool.0),
            AssetClassId::new(row.asset_class.0),
        );
        let routes = self.shared.parts.store.routes()?;
        let pools = routes.iter().map(|route| route.document.pool(class));
        Ok(pools.into_iter().find(|pool| pool.id() == id))
    }

    async fn total(&self, ledger: &str, pool: &Pool) -> Option<u64> {
        let handles = &self.shared.parts.ledgers;
        let handle = handles
            .iter()
            .find(|handle| handle.ledger.profile().id.as_str() == ledger)?;
        let page = Page {
            offset: 0,
            limit: 1,
        };
        let asked = tokio::time::timeout(OBSERVE, handle.ledger.reserves(pool, page)).await;
        // Without an answer the row stands without it: the log's own numbers do not depend on it.
        asked.ok()?.ok().map(|reserves| reserves.total.grams())
    }
}

fn leaves(shared: &Shared, start: u64, limit: usize) -> Result<pb::LeavesResponse, ApiError> {
    let log = shared.parts.store.log();
    let mut bytes = 0;
    let fits = |leaf: &Vec<u8>| {
        let first = bytes == 0;
        bytes += leaf.len();
        first || bytes <= LEAF_BYTES
    };
    let leaves = log.leaves(start, limit)?;
    let leaves = leaves.into_iter().take_while(fits).map(Into::into);
    Ok(pb::LeavesResponse {
        leaves: leaves.collect(),
        size: log.size()?,
    })
}

fn archive(shared: &Shared, id: TransferId, kept: u64) -> Result<pb::BundleResponse, ApiError> {
    let parts = &shared.parts;
    let kept = Some(kept).filter(|size| *size > 0);
    let bundle = bundle::assemble(&parts.store, &parts.checkpoints, id, kept)?;
    let archive = bundle
        .to_archive()
        .map_err(|error| ApiError::Bug(error.to_string()))?;
    Ok(pb::BundleResponse {
        file_name: bundle::file_name(id),
        archive: archive.into(),
    })
}

fn inclusion(shared: &Shared, index: u64) -> Result<pb::InclusionResponse, ApiError> {
    let head = shared.parts.checkpoints.newest()?;
    let log = shared.parts.store.log();
    let leaf = log.leaf(index)?.filter(|_| index < head.size);
    let leaf = leaf.ok_or(ApiError::OutOfRange {
        field: "index",
        value: index,
        size: head.size,
    })?;
    let path = tree::inclusion(&log, index, head.size).map_err(|error| bug(&error))?;
    let proof = ProofFile {
        index,
        path,
        checkpoint: head.note,
    };
    Ok(pb::InclusionResponse {
        leaf: leaf.into(),
        proof: proof.to_string(),
    })
}

fn consistency(shared: &Shared, from: u64, to: u64) -> Result<pb::ConsistencyResponse, ApiError> {
    let size = shared.parts.checkpoints.newest()?.size;
    for (field, value) in [("to", to), ("from", from)] {
        if value > if field == "to" { size } else { to } {
            return Err(ApiError::OutOfRange { field, value, size });
        }
    }
    let proof =
        tree::consistency(&shared.parts.store.log(), from, to).map_err(|error| bug(&error))?;
    Ok(pb::ConsistencyResponse {
        hashes: proof.iter().map(|hash| hash.to_vec().into()).collect(),
    })
}

fn bug(error: &tree::TreeError) -> ApiError {
    ApiError::Bug(error.to_string())
}

#[tonic::async_trait]
impl ProofService for Proofs {
    async fn bundle(
        &self,
        request: Request<pb::BundleRequest>,
    ) -> Result<Response<pb::BundleResponse>, Status> {
        permit(&request, READ)?;
        let asked = request.into_inner();
        let id = parse::id("transfer", &asked.transfer).map_err(ApiError::from)?;
        let shared = Arc::clone(&self.shared);
        let answer = blocking(move || archive(&shared, id, asked.kept_size)).await?;
        Ok(Response::new(answer))
    }

    async fn checkpoint(
        &self,
        request: Request<pb::CheckpointRequest>,
    ) -> Result<Response<pb::CheckpointResponse>, Status> {
        permit(&request, READ)?;
        let head = self.shared.parts.checkpoints.newest();
        let head = head.map_err(ApiError::from)?;
        Ok(Response::new(pb::CheckpointResponse {
            note: head.note,
            size: head.size,
        }))
    }

    async fn inclusion(
        &self,
        request: Request<pb::InclusionRequest>,
    ) -> Result<Response<pb::InclusionResponse>, Status> {
        permit(&request, READ)?;
        let answer = inclusion(&self.shared, request.get_ref().index)?;
        Ok(Response::new(answer))
    }

    async fn consistency(
        &self,
        request: Request<pb::ConsistencyRequest>,
    ) -> Result<Response<pb::ConsistencyResponse>, Status> {
        permit(&request, READ)?;
        let asked = request.get_ref();
        let answer = consistency(&self.shared, asked.from, asked.to)?;
        Ok(Response::new(answer))
    }

    async fn leaves(
        &self,
        request: Request<pb::LeavesRequest>,
    ) -> Result<Response<pb::LeavesResponse>, Status> {
        permit(&request, READ)?;
        let start = request.get_ref().start;
        let limit = parse::leaves(request.get_ref().limit).map_err(ApiError::from)?;
        let shared = Arc::clone(&self.shared);
        let answer = blocking(move || leaves(&shared, start, limit)).await?;
        Ok(Response::new(answer))
    }

    async fn reserves(
        &self,
        request: Request<pb::ReservesRequest>,
    ) -> Result<Response<pb::ReservesResponse>, Status> {
        permit(&request, READ)?;
        let (log_size, rows) = self.rows().await?;
        let pools = rows.into_iter().map(|row| self.observed(row));
        let pools = futures::future::try_join_all(pools).await?;
        Ok(Response::new(pb::ReservesResponse { pools, log_size }))
    }
}
