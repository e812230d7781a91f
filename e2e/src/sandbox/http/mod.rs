//! The API (`docs/protocol.md` §6): who calls, what is asked, which fault hits, what is answered.

mod admin;
mod auth;
mod error;
mod exchange;
mod reads;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use isthmus_core::time::Clock;
use tokio::sync::{RwLock, mpsc};

use crate::sandbox::config::Config;
use crate::sandbox::decide::Rules;
use crate::sandbox::faults::Faults;
use crate::sandbox::http::auth::Keyring;
use crate::sandbox::registry::Registry;
use crate::sandbox::stats::Stats;
use crate::sandbox::writer::Job;

pub(crate) use exchange::HangUp;

/// Most entries in one list.
pub(crate) const MAX_LIST: usize = 500;
/// Most bytes in one request.
const MAX_BODY: usize = 4 << 20;

/// What every call needs.
#[derive(Debug)]
pub(crate) struct App {
    rules: Arc<Rules>,
    registry: Arc<RwLock<Registry>>,
    jobs: mpsc::Sender<Job>,
    stats: Arc<Stats>,
    clock: Arc<dyn Clock>,
    keys: Keyring,
    faults: Faults,
    hang: Duration,
}

impl App {
    pub(crate) fn new(
        config: &Config,
        rules: Arc<Rules>,
        registry: Arc<RwLock<Registry>>,
        jobs: mpsc::Sender<Job>,
        stats: Arc<Stats>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            rules,
            registry,
            jobs,
            stats,
            clock,
            keys: Keyring::new(&config.api_keys),
            faults: Faults::default(),
            hang: config.hang,
        }
    }
}

/// All calls.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/info", get(reads::info))
        .route("/v1/accounts/{id}", get(reads::account))
        .route("/v1/blocks/search", post(reads::search))
        .route("/v1/operations/query", post(reads::query))
        .route("/v1/movements", get(reads::movements))
        .route("/v1/locks", post(writes::lock))
        .route("/v1/proposals", post(writes::propose))
        .route("/v1/approvals", post(writes::approve))
        .route("/v1/rejections", post(writes::reject))
        .route("/v1/admin/faults", post(admin::faults))
        .route("/v1/admin/accounts", post(admin::set_status))
        .route("/v1/admin/units", post(admin::correct))
        .route("/v1/admin/deposits", post(admin::deposit))
        .route("/v1/admin/stats", get(admin::stats))
        .fallback(error::no_such_call)
        .method_not_allowed_fallback(error::no_such_call)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}
