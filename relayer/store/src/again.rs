//! Drafts of what is sent once more because its ledger took back what the journal has as final. Nothing is pending for it, the
//! transfer has ended or gone on: so these drafts hang on the event that recorded the outcome, which names what is done again.

use isthmus_core::id::TransferId;
use isthmus_core::operation::Lane;
use isthmus_core::ports::{Draft, StoreError};
use isthmus_proto::store::v1 as pb;
use prost::Message;

use crate::columns::{self, Column};
use crate::open::Store;
use crate::overlay::{Overlay, corrupt, read, scan};
use crate::record;
use crate::record::fixed;

/// A draft that is about to be sent again, with the place of the event whose outcome vanished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentAgain {
    /// Whose outcome.
    pub transfer: TransferId,
    /// The event that recorded it.
    pub event: u64,
    /// What is sent.
    pub draft: Draft,
}

impl Store {
    /// Makes drafts durable before they are sent again, in one synced write (R5). `lane` is where their nonces are counted. After
    /// a crash they are what [`Self::drafts_of`] answers, whether they were sent or not.
    pub fn send_again(&self, lane: &Lane, again: Vec<SentAgain>) -> Result<(), StoreError> {
        let lane = lane.to_string().into_bytes();
        self.change(Vec::new(), move |overlay| {
            again.iter().try_for_each(|sent| note(overlay, &lane, sent))
        })
    }

    /// The drafts of an event, oldest first: of an intent those that it was sent in, of an outcome those that it was sent again in.
    pub fn drafts_of(&self, transfer: TransferId, event: u64) -> Result<Vec<Draft>, StoreError> {
        let attempt = columns::attempt(&transfer, event);
        let mut drafts = Vec::new();
        for entry in scan(&self.db, Column::Drafts, &attempt, &attempt)? {
            let (_, id) = entry?;
            let id = fixed(&id, "a draft's id")?;
            let bytes = read(&self.db, Column::Drafts, &columns::draft(&id))?
                .ok_or_else(|| corrupt("a draft is missing"))?;
            let stored = pb::Draft::decode(bytes.as_slice()).map_err(|_| corrupt("a draft"))?;
            drafts.push(record::draft_back(stored)?);
        }
        Ok(drafts)
    }
}

fn note(overlay: &mut Overlay<'_>, lane: &[u8], sent: &SentAgain) -> Result<(), StoreError> {
    let event = columns::numbered(&sent.transfer, sent.event);
    if overlay.get(Column::Journal, &event)?.is_none() {
        return Err(StoreError(format!(
            "transfer {} has no event {} whose outcome could be sent again",
            sent.transfer, sent.event
        )));
    }
    let prefix = columns::attempt(&sent.transfer, sent.event);
    let (id, mut number, mut known) = (sent.draft.id.as_bytes(), 0_u64, false);
    overlay.with_prefix(Column::Drafts, &prefix, |_, draft| {
        number = number.saturating_add(1);
        known |= draft == id.as_slice();
        false
    })?;
    if !known {
        let key = [prefix.as_slice(), &number.to_be_bytes()].concat();
        overlay.put(Column::Drafts, key, id.to_vec());
    }
    let bytes = record::draft(&sent.draft).encode_to_vec();
    overlay.put(Column::Drafts, columns::draft(id), bytes);
    if let Some(nonce) = sent.draft.nonce {
        let next = overlay.get_u64(Column::Nonces, lane)?;
        let next = next.max(nonce.saturating_add(1));
        overlay.put_u64(Column::Nonces, lane.to_vec(), next);
    }
    Ok(())
}
