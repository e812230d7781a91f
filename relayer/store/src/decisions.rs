//! First decisions where two people must decide: durable, so that a restart does not take one back, and each about one
//! occasion, so that it never counts for a later one.

use isthmus_core::ports::StoreError;
use isthmus_core::time::Timestamp;
use isthmus_proto::store::v1 as pb;
use prost::Message;

use crate::columns::Column;
use crate::open::Store;
use crate::overlay::{corrupt, read};

const DECIDED: &[u8] = b"decided\0";

/// What one person decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstDecision {
    /// Who.
    pub by: String,
    /// What.
    pub what: String,
    /// About which occasion; a number of the caller's.
    pub occasion: u64,
    /// When.
    pub at: Timestamp,
}

pub(crate) fn key(subject: &str) -> Vec<u8> {
    [DECIDED, subject.as_bytes()].concat()
}

impl Store {
    /// Keeps the first decision about a subject, in place of an earlier one.
    pub fn put_decision(&self, subject: &str, decision: &FirstDecision) -> Result<(), StoreError> {
        let record = pb::Decision {
            by: decision.by.clone(),
            what: decision.what.clone(),
            occasion: decision.occasion,
            at_ms: decision.at.ms(),
        };
        let key = key(subject);
        self.change(Vec::new(), move |overlay| {
            overlay.put(Column::Routes, key, record.encode_to_vec());
            Ok(())
        })
    }

    /// The decision about a subject that waits for a second person.
    pub fn decision(&self, subject: &str) -> Result<Option<FirstDecision>, StoreError> {
        let Some(bytes) = read(&self.db, Column::Routes, &key(subject))? else {
            return Ok(None);
        };
        let record = pb::Decision::decode(bytes.as_slice()).map_err(|_| corrupt("a decision"))?;
        Ok(Some(FirstDecision {
            by: record.by,
            what: record.what,
            occasion: record.occasion,
            at: Timestamp::from_ms(record.at_ms),
        }))
    }

    /// Forgets the decision about a subject.
    pub fn drop_decision(&self, subject: &str) -> Result<(), StoreError> {
        let key = key(subject);
        self.change(Vec::new(), move |overlay| {
            overlay.delete(Column::Routes, key);
            Ok(())
        })
    }
}
