//! The registry's books as an attester reads them with its own credential: records, accounts, stored blocks.

use std::collections::HashMap;

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
use crate::bodies::{AccountBody, BlockBody, Outcome, Rejection, Search, SearchResult};
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

    /// The stored blocks that share a unit with any of `serials`, each once. What one answer does not hold is asked for in smaller
    /// parts rather than page by page: at a busy registry something always moves between two pages.
    pub async fn blocks(&self, serials: &[String]) -> Result<Vec<StoredBlock>, FindError> {
        let mut stored: Vec<StoredBlock> = Vec::new();
        let mut places = HashMap::new();
        let mut waiting: Vec<_> = serials.chunks(self.max_list()).rev().collect();
        while let Some(part) = waiting.pop() {
            let first = self.search(part, 0).await?;
            if first.blocks.len() < first.total && part.len() > 1 {
                let (left, right) = part.split_at(part.len() / 2);
                waiting.extend([right, left]);
                continue;
            }
            for block in self.all_pages(part, first).await? {
                let block = StoredBlock::from(block);
                let place = *places.entry(block.serial.clone()).or_insert(stored.len());
                match stored.get_mut(place) {
                    // The newer word counts.
                    Some(known) => *known = block,
                    None => stored.push(block),
                }
            }
        }
        Ok(stored)
    }

    /// The rest of what one serial shares units with, after the first page.
    async fn all_pages(
        &self,
        serials: &[String],
        first: SearchResult,
    ) -> Result<Vec<BlockBody>, FindError> {
        let (total, sequence) = (first.total, first.sequence);
        let mut blocks = first.blocks;
        while blocks.len() < total {
            let page = self.search(serials, blocks.len()).await?;
            if page.sequence != sequence {
                let text = "units moved while the blocks were read page by page: ask again";
                return Err(FindError::Unavailable(text.into()));
            }
            if page.blocks.is_empty() {
                break;
            }
            blocks.extend(page.blocks);
        }
        Ok(blocks)
    }

    async fn search(&self, serials: &[String], offset: usize) -> Result<SearchResult, FindError> {
        let search = Search {
            serials: Some(serials),
            offset,
            limit: self.max_list(),
            ..Search::default()
        };
        let found = self.api().post("/v1/blocks/search", &search).await;
        found.map_err(unavailable)
    }
}

impl From<BlockBody> for StoredBlock {
    fn from(block: BlockBody) -> Self {
        Self {
            locked: block.state == "locked",
            serial: block.serial,
            account: block.account,
            class: block.class,
            reference: block.reference,
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
