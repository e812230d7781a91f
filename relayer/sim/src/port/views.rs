//! The registry and the gate as admission and attesters read them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use isthmus::attester::ports::{self as attester, Burns, GateView, MintedUnder, RegistryView};
use isthmus::engine::ports::{
    AccountStatus, Registry, RegistryAccount, Standing, StoredBlock, SurveyError,
};
use isthmus_core::id::{AccountId, AssetClassId, Hash32, TransferId};
use isthmus_core::mandate::HolderKey;
use isthmus_core::ports::{BoxError, FindError};
use isthmus_core::quantity::Quantity;
use isthmus_core::serial_block::SerialBlock;

use super::chain::ChainPort;
use super::registry::RegistryPort;
use crate::ledger::blocks;
use crate::ledger::books::{Books, Record};
use crate::ledger::chain::Outcome;
use crate::ledger::entries::Entry;
use crate::names;
use crate::world::Message;

fn stored(books: &Books, units: &[SerialBlock]) -> Vec<StoredBlock> {
    let mut found = std::collections::BTreeMap::new();
    for (first, held) in units.iter().flat_map(|unit| books.sharing(unit)) {
        let standing = match held.standing {
            blocks::Standing::Locked => Standing::Locked,
            blocks::Standing::Free | blocks::Standing::Retired => Standing::Elsewhere,
        };
        let block = StoredBlock {
            serial: names::block(*first, held.last).to_string(),
            account: held.account.clone(),
            standing,
            class: names::class(),
            reference: held.reference.clone(),
        };
        found.insert(*first, block);
    }
    found.into_values().collect()
}

fn holder_key(account: &AccountId) -> Option<HolderKey> {
    let number = account.as_str().parse::<u64>().ok()?;
    let holder = number.checked_sub(1000)?;
    let key = names::holder_key(holder);
    Some(HolderKey(key.verifying_key().to_bytes()))
}

#[async_trait]
impl Registry for RegistryPort {
    fn parse_serial(&self, text: &str) -> Result<SerialBlock, BoxError> {
        let (first, last) = names::numbers(text).ok_or("no serial of this registry")?;
        Ok(names::block(first, last))
    }

    async fn account(&self, id: &AccountId) -> Result<RegistryAccount, SurveyError> {
        let books = self.ask("registry account").await;
        let books = books.map_err(|error| SurveyError::Unavailable(error.into()))?;
        Ok(RegistryAccount {
            id: id.clone(),
            status: if books.closed.contains(id) {
                AccountStatus::Closed
            } else {
                AccountStatus::Open
            },
            holder_key: holder_key(id),
        })
    }

    async fn stored(&self, units: &[SerialBlock]) -> Result<Vec<StoredBlock>, SurveyError> {
        let books = self.ask("registry stored").await;
        let books = books.map_err(|error| SurveyError::Unavailable(error.into()))?;
        Ok(stored(&books, units))
    }
}

#[async_trait]
impl RegistryView for RegistryPort {
    async fn records(&self, references: &[String]) -> Result<Vec<attester::Record>, FindError> {
        let books = self.ask("records").await?;
        let one = |reference: &String| match books.records.get(reference) {
            None => attester::Record::Absent,
            Some(Record::Proposed {
                digest, proposal, ..
            }) => attester::Record::Proposed {
                digest: *digest,
                proposal: proposal.clone(),
            },
            Some(Record::Executed { jws, .. }) => attester::Record::Executed {
                receipt: jws.clone(),
            },
            Some(Record::Refused { refusal, .. }) => attester::Record::Refused(refusal.clone()),
        };
        Ok(references.iter().map(one).collect())
    }

    async fn holder_key(&self, account: &AccountId) -> Result<Option<HolderKey>, FindError> {
        Ok(holder_key(account))
    }

    async fn blocks(&self, serials: &[String]) -> Result<Vec<StoredBlock>, FindError> {
        let books = self.ask("blocks").await?;
        let units: Vec<_> = serials
            .iter()
            .filter_map(|serial| names::numbers(serial))
            .map(|(first, last)| names::block(first, last))
            .collect();
        Ok(stored(&books, &units))
    }

    async fn reject(&self, reference: &str, digest: Hash32) -> Result<(), FindError> {
        let _reached = self.ask("reject").await?;
        let entry = Entry::Reject {
            reference: reference.to_owned(),
            digest,
        };
        let message = Message::Registry {
            entry,
            by: self.by.clone(),
        };
        let answer = self.shared.deliver(message);
        answer.map_err(|refusal| FindError::Unavailable(refusal.to_string().into()))
    }
}

#[async_trait]
impl GateView for ChainPort {
    async fn outcomes(
        &self,
        transfers: &[TransferId],
    ) -> Result<(u64, Vec<attester::Outcome>), FindError> {
        let (chain, heads) = self.ask("outcomes").await?;
        let one = |transfer: &TransferId| match chain.outcome(*transfer, heads.last_final).0 {
            Outcome::Open => attester::Outcome::None,
            Outcome::Minted => attester::Outcome::Minted,
            Outcome::Voided => attester::Outcome::Voided,
        };
        Ok((heads.last_final, transfers.iter().map(one).collect()))
    }

    async fn supply(&self, _class: AssetClassId, block: u64) -> Result<Quantity, FindError> {
        let (chain, _) = self.ask("supply").await?;
        Quantity::from_grams(chain.supply_g(block))
            .map_err(|error| FindError::Unavailable(error.into()))
    }

    /// Draws nothing, so that seeds from before there was this question replay as they did.
    async fn minted_under(&self, above: u64) -> Result<MintedUnder, FindError> {
        let chain = std::sync::Arc::clone(&self.shared.world().chain);
        let up_to = chain.final_height();
        Ok(MintedUnder {
            heads: chain.minted_under(above, up_to).collect(),
            up_to: up_to.max(above),
            complete: true,
        })
    }

    async fn signers(&self) -> Result<attester::SignerSet, FindError> {
        let (chain, _) = self.ask("signers").await?;
        Ok(attester::SignerSet {
            epoch: 1,
            members: chain.signers.clone(),
        })
    }

    async fn burns(&self, numbers: &BTreeSet<u64>) -> Result<Burns, FindError> {
        let (chain, heads) = self.ask("burns").await?;
        let one = |number: &u64| {
            let mut final_burns = chain.burns(heads.last_final);
            let found = final_burns.find(|(_, _, burn)| burn.number == *number);
            (*number, Ok(found.map(|(_, _, burn)| burn.clone())))
        };
        Ok(numbers.iter().map(one).collect())
    }
}
