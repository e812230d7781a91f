//! The adapter itself: a connected registry, and the `Ledger` port on it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use isthmus_core::id::LedgerId;
use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::pool::Pool;
use isthmus_core::ports::{
    Attempt, Authority, Blocks, Contradiction, Costs, Cursor, Custody, Draft, Finality, FindError,
    Found, Ledger, LedgerKind, LedgerProfile, Observations, Page, PrepareError, Reserves,
    SendError, Taking,
};
use isthmus_core::quantity::Quantity;
use isthmus_core::time::{Clock, Timestamp};

use crate::api::{Api, CallError};
use crate::bodies::{Outcome, Query, Results};
use crate::config::{ApiKey, Duty, VcsConfig};
use crate::connect::{self, ConnectError};
use crate::doubt::Doubts;
use crate::receipt::ReceiptVerifier;
use crate::{draft, find, observe, reserves, send};

/// Most entries in one list, by the protocol; a registry may take fewer.
pub(crate) const MAX_LIST: usize = 500;

/// A registry under one credential.
pub struct VcsLedger {
    api: Api,
    duty: Duty,
    verifier: ReceiptVerifier,
    doubts: Doubts,
    recheck_ms: u64,
    profile: LedgerProfile,
    clock: Arc<dyn Clock>,
}

impl VcsLedger {
    /// Connects. Another registry, another receipt key or an unknown API key is refused before anything else is asked.
    pub async fn connect(
        config: &VcsConfig,
        key: ApiKey,
        duty: Duty,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        let verifier =
            ReceiptVerifier::new(&config.ledger, &config.receipt_key).ok_or_else(|| {
                ConnectError::NoKey {
                    ledger: config.ledger.clone(),
                }
            })?;
        let api = Api::new(config, key)?;
        let max_list = connect::check(&api, config).await?;
        let profile = profile(config, &duty, max_list);
        Ok(Self {
            api,
            duty,
            verifier,
            doubts: Doubts::new(clock.now(), config.settle_ms),
            recheck_ms: config.recheck_ms,
            profile,
            clock,
        })
    }

    pub(crate) fn id(&self) -> &LedgerId {
        &self.profile.id
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    pub(crate) fn duty(&self) -> &Duty {
        &self.duty
    }

    pub(crate) fn verifier(&self) -> &ReceiptVerifier {
        &self.verifier
    }

    pub(crate) fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    pub(crate) fn recheck_ms(&self) -> u64 {
        self.recheck_ms
    }

    pub(crate) fn max_list(&self) -> usize {
        self.profile.max_batch
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What is recorded under each of at most `max_list` references, in order.
    pub(crate) async fn query(&self, references: &[String]) -> Result<Vec<Outcome>, CallError> {
        let answer: Results = self
            .api
            .post("/v1/operations/query", &Query { references })
            .await?;
        let matching = answer.results.len() == references.len()
            && answer
                .results
                .iter()
                .zip(references)
                .all(|(result, reference)| result.reference == *reference);
        if matching {
            Ok(answer
                .results
                .into_iter()
                .map(|result| result.outcome)
                .collect())
        } else {
            Err(CallError::Unknown(
                "the registry answered for other references than were asked".into(),
            ))
        }
    }

    pub(crate) fn contradiction(&self, detail: String) -> FindError {
        let ledger = self.profile.id.clone();
        Contradiction { ledger, detail }.into()
    }
}

fn profile(config: &VcsConfig, duty: &Duty, max_list: usize) -> LedgerProfile {
    let operations = match duty {
        Duty::Relayer => vec![
            OperationKind::Lock,
            OperationKind::Unlock,
            OperationKind::Release,
            OperationKind::Retire,
            OperationKind::ReturnDeposit,
        ],
        Duty::Attester { .. } => vec![OperationKind::Approve],
        Duty::Reader => vec![],
    };
    LedgerProfile {
        id: config.ledger.clone(),
        kind: LedgerKind::Registry,
        operations,
        taking: Taking::Submitted,
        authority: Authority::Approvals,
        custody: Custody::Omnibus,
        finality: Finality::Immediate,
        granularity: Quantity::from_tonnes(1).expect("one tonne is a quantity"),
        max_batch: max_list,
    }
}

/// A question without an answer.
pub(crate) fn unavailable(error: CallError) -> FindError {
    FindError::Unavailable(error.into())
}

/// An error with its sources on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl fmt::Debug for VcsLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VcsLedger({}, {:?})", self.profile.id, self.duty)
    }
}

impl Blocks for VcsLedger {}

impl Costs for VcsLedger {
    fn calls(&self) -> u64 {
        self.api.calls()
    }
}

#[async_trait]
impl Ledger for VcsLedger {
    fn profile(&self) -> &LedgerProfile {
        &self.profile
    }

    async fn prepare(&self, operations: &[Operation]) -> Vec<Result<Draft, PrepareError>> {
        let prepare = |operation| {
            let draft = draft::prepare(&self.profile.id, &self.profile.operations, operation)?;
            self.doubts.ours(draft.id, self.now());
            Ok(draft)
        };
        operations.iter().map(prepare).collect()
    }

    async fn send(&self, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
        send::send(self, drafts).await
    }

    async fn find(&self, attempts: &[Attempt]) -> Vec<Result<Found, FindError>> {
        find::find(self, attempts).await
    }

    async fn observe(&self, from: &Cursor, limit: usize) -> Result<Observations, FindError> {
        observe::observe(self, from, limit).await
    }

    async fn reserves(&self, pool: &Pool, page: Page) -> Result<Reserves, FindError> {
        reserves::reserves(self, pool, page).await
    }
}
