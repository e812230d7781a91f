//! The registry's books as an attester reads them with its own credential: records, accounts, stored blocks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AccountId, Hash32};
use isthmus_core::mandate::HolderKey;
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::FindError;
use isthmus_core::receipt::Refusal;
use serde_json::Value;

use crate::api::CallError;
use crate::bodies::{AccountBody, Outcome, Rejection, Search, SearchResult};
use crate::ledger::{VcsLedger, unavailable};
use crate::verdict;

/// What is recorded under a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Nothing.
    Absent,
    /// Proposed, waiting for approvals.
    Proposed {
        /// The digest that approvals quote, as the registry says it.
        digest: Hash32,
        /// Who has approved.
        approvals: Vec<String>,
        /// The proposal as it was sent.
        proposal: Value,
    },
    /// Done for ever.
    Executed {
        /// The receipt, a compact JWS; not verified.
        receipt: String,
    },
    /// A proposal that was closed.
    Refused(Refusal),
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// Whether it takes and gives units.
    pub open: bool,
    /// Whether it is a custody account.
    pub custody: bool,
    /// The key that signs its mandates.
    pub holder_key: Option<HolderKey>,
}

/// A block as the registry stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// Its serial.
    pub serial: String,
    /// Where it lies.
    pub account: AccountId,
    /// Whether it is locked there.
    pub locked: bool,
    /// Its class.
    pub class: AssetClass,
    /// Reference of the movement that locked it, while it is locked.
    pub reference: Option<String>,
}

impl VcsLedger {
    /// What is recorded under each reference, in order.
    pub async fn records(&self, references: &[String]) -> Result<Vec<Record>, FindError> {
        let mut records = Vec::with_capacity(references.len());
        for chunk in references.chunks(self.max_list()) {
            let outcomes = self.query(chunk).await.map_err(unavailable)?;
            records.extend(outcomes.into_iter().map(Record::from));
        }
        Ok(records)
    }

    /// An account; `None` if there is none of this number.
    pub async fn account(&self, id: &AccountId) -> Result<Option<AccountView>, FindError> {
        let read: Result<AccountBody, CallError> =
            self.api().get(&format!("/v1/accounts/{id}")).await;
        let account = match read {
            Ok(account) => account,
            Err(CallError::Rejected(Rejection {
                status: 404, code, ..
            })) if code == "unknown_account" => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        let decode = |text: String| {
            let bytes = STANDARD
                .decode(&text)
                .ok()
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            let unreadable = || {
                FindError::Unavailable(
                    format!("holder_key {text:?} of account {id} is not a key").into(),
                )
            };
            bytes.map(HolderKey).ok_or_else(unreadable)
        };
        Ok(Some(AccountView {
            open: account.status == "open",
            custody: account.kind == "custody",
            holder_key: account.holder_key.map(decode).transpose()?,
        }))
    }

    /// The stored blocks that share a unit with any of `serials`.
    pub async fn blocks(&self, serials: &[String]) -> Result<Vec<StoredBlock>, FindError> {
        let mut stored = Vec::new();
        for chunk in serials.chunks(self.max_list()) {
            stored.extend(self.blocks_page_by_page(chunk).await?);
        }
        Ok(stored)
    }

    async fn blocks_page_by_page(&self, serials: &[String]) -> Result<Vec<StoredBlock>, FindError> {
        let mut stored: Vec<StoredBlock> = Vec::new();
        let mut sequence = None;
        loop {
            let search = Search {
                serials: Some(serials),
                offset: stored.len(),
                limit: self.max_list(),
                ..Search::default()
            };
            let page: SearchResult = self
                .api()
                .post("/v1/blocks/search", &search)
                .await
                .map_err(unavailable)?;
            if *sequence.get_or_insert(page.sequence) != page.sequence {
                let text = "units moved while the blocks were read page by page: ask again";
                return Err(FindError::Unavailable(text.into()));
            }
            let empty = page.blocks.is_empty();
            stored.extend(page.blocks.into_iter().map(|block| StoredBlock {
                locked: block.state == "locked",
                serial: block.serial,
                account: block.account,
                class: block.class,
                reference: block.reference,
            }));
            if empty || stored.len() >= page.total {
                return Ok(stored);
            }
        }
    }
}

impl From<Outcome> for Record {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Absent => Self::Absent,
            Outcome::Proposed {
                digest,
                approvals,
                proposal,
                ..
            } => Self::Proposed {
                digest,
                approvals,
                proposal,
            },
            Outcome::Executed { receipt } => Self::Executed { receipt },
            Outcome::Refused { refusal, .. } => {
                Self::Refused(verdict::refusal(OperationKind::Approve, refusal))
            }
        }
    }
}
