//! A ledger around whose calls the process may be killed.

use std::sync::Arc;

use async_trait::async_trait;
use isthmus_core::id::Hash32;
use isthmus_core::operation::Operation;
use isthmus_core::pool::Pool;
use isthmus_core::ports::{
    Attempt, Blocks, Costs, Cursor, Draft, Fee, FindError, Found, Ledger, LedgerProfile,
    Observations, Page, PrepareError, Reserves, SendError,
};

use crate::crash_point::{self, Moment};

/// The ledger itself, or, if a crash is planned, the ledger with a place before and after each of its calls.
pub fn watched(ledger: Arc<dyn Ledger>) -> Arc<dyn Ledger> {
    if crash_point::is_armed() {
        Arc::new(Watched(ledger))
    } else {
        ledger
    }
}

#[derive(Debug)]
struct Watched(Arc<dyn Ledger>);

impl Watched {
    async fn around<T>(&self, what: &str, step: &str, call: impl Future<Output = T>) -> T {
        crash_point::reach(what, step, Moment::Before);
        let answer = call.await;
        crash_point::reach(what, step, Moment::After);
        answer
    }
}

/// Lanes are of one kind, so is what they ask about at once. Drafts do not say their kind: `send` is named for the ledger's.
fn kind(operations: &[Operation]) -> &'static str {
    operations
        .first()
        .map_or("nothing", |operation| operation.kind().as_str())
}

#[async_trait]
impl Blocks for Watched {
    async fn stands(&self, height: u64, block: Hash32) -> Result<(), FindError> {
        self.0.stands(height, block).await
    }

    async fn queued(&self) -> Result<u64, FindError> {
        self.0.queued().await
    }

    fn look_anew(&self) {
        self.0.look_anew();
    }

    fn accept(&self) {
        self.0.accept();
    }
}

impl Costs for Watched {
    fn fee(&self, transaction: Hash32) -> Option<Fee> {
        self.0.fee(transaction)
    }

    fn calls(&self) -> u64 {
        self.0.calls()
    }
}

#[async_trait]
impl Ledger for Watched {
    fn profile(&self) -> &LedgerProfile {
        self.0.profile()
    }

    async fn prepare(&self, operations: &[Operation]) -> Vec<Result<Draft, PrepareError>> {
        self.around(kind(operations), "prepare", self.0.prepare(operations))
            .await
    }

    async fn send(&self, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
        let ledger = self.0.profile().id.as_str();
        self.around(ledger, "send", self.0.send(drafts)).await
    }

    async fn find(&self, attempts: &[Attempt]) -> Vec<Result<Found, FindError>> {
        let what = attempts
            .first()
            .map_or("nothing", |attempt| attempt.operation.kind().as_str());
        self.around(what, "find", self.0.find(attempts)).await
    }

    async fn observe(&self, from: &Cursor, limit: usize) -> Result<Observations, FindError> {
        let ledger = self.0.profile().id.as_str();
        self.around(ledger, "observe", self.0.observe(from, limit))
            .await
    }

    async fn reserves(&self, pool: &Pool, page: Page) -> Result<Reserves, FindError> {
        self.0.reserves(pool, page).await
    }
}
