//! A VCS-style registry as the engine's and the attester's ports see it.

use std::sync::Arc;

use async_trait::async_trait;
use isthmus_core::id::{AccountId, Hash32};
use isthmus_core::mandate::HolderKey;
use isthmus_core::ports::{BoxError, FindError};
use isthmus_core::serial_block::SerialBlock;
use isthmus_vcs::VcsLedger;
use isthmus_vcs::serial::Serial;

use crate::attester::ports::{Record, RegistryView, Standing, StoredBlock};
use crate::engine::ports::{AccountStatus, Registry, RegistryAccount, SurveyError};

/// A connected registry.
#[derive(Clone, Debug)]
pub(crate) struct VcsRegistry(pub(crate) Arc<VcsLedger>);

impl VcsRegistry {
    async fn stored_blocks(&self, serials: &[String]) -> Result<Vec<StoredBlock>, FindError> {
        if serials.is_empty() {
            return Ok(Vec::new());
        }
        let blocks = self.0.blocks(serials).await?;
        Ok(blocks
            .into_iter()
            .map(|block| StoredBlock {
                serial: block.serial,
                account: block.account,
                standing: if block.locked {
                    Standing::Locked
                } else {
                    Standing::Elsewhere
                },
                class: block.class,
                reference: block.reference,
            })
            .collect())
    }
}

#[async_trait]
impl Registry for VcsRegistry {
    fn parse_serial(&self, text: &str) -> Result<SerialBlock, BoxError> {
        let serial: Serial = text.parse()?;
        Ok(SerialBlock::from(&serial))
    }

    async fn account(&self, id: &AccountId) -> Result<RegistryAccount, SurveyError> {
        let account = self.0.account(id).await;
        let account = account.map_err(|error| SurveyError::Unavailable(error.into()))?;
        let account = account.ok_or_else(|| SurveyError::Unknown {
            field: "account",
            value: id.to_string(),
            message: "the registry has no such account: check the number".into(),
        })?;
        Ok(RegistryAccount {
            id: id.clone(),
            status: if account.open {
                AccountStatus::Open
            } else {
                AccountStatus::Closed
            },
            holder_key: account.holder_key,
        })
    }

    async fn stored(&self, units: &[SerialBlock]) -> Result<Vec<StoredBlock>, SurveyError> {
        let serials: Vec<_> = units.iter().map(ToString::to_string).collect();
        let stored = self.stored_blocks(&serials).await;
        stored.map_err(|error| SurveyError::Unavailable(error.into()))
    }
}

#[async_trait]
impl RegistryView for VcsRegistry {
    async fn records(&self, references: &[String]) -> Result<Vec<Record>, FindError> {
        let records = self.0.records(references).await?;
        Ok(records.into_iter().map(record).collect())
    }

    async fn holder_key(&self, account: &AccountId) -> Result<Option<HolderKey>, FindError> {
        let account = self.0.account(account).await?;
        Ok(account.and_then(|account| account.holder_key))
    }

    async fn blocks(&self, serials: &[String]) -> Result<Vec<StoredBlock>, FindError> {
        self.stored_blocks(serials).await
    }

    async fn reject(&self, reference: &str, digest: Hash32) -> Result<(), FindError> {
        self.0.reject(reference, digest).await
    }
}

fn record(record: isthmus_vcs::views::Record) -> Record {
    use isthmus_vcs::views::Record as Vcs;
    match record {
        Vcs::Absent => Record::Absent,
        Vcs::Proposed {
            digest, proposal, ..
        } => Record::Proposed { digest, proposal },
        Vcs::Executed { receipt } => Record::Executed { receipt },
        Vcs::Refused(refusal) => Record::Refused(refusal),
    }
}
