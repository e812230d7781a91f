//! Idempotency keys: the same key with the same body gives the first answer again, until it expires.
//!
//! Bounded by bytes, the oldest is forgotten first. That is safe, because references are unique for ever: without its key a
//! repeated request only gets a newer answer about the same movement.

use std::collections::{HashMap, VecDeque};

use isthmus_core::id::Hash32;
use isthmus_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Most bytes of remembered answers.
const MAX_BYTES: usize = 64 << 20;

/// Whose key it is and what it was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Name of the API key; keys of different callers do not meet.
    pub(crate) principal: String,
    pub(crate) key: String,
    /// SHA-256 of path and body.
    pub(crate) digest: Hash32,
}

/// The first answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) principal: String,
    pub(crate) key: String,
    pub(crate) digest: Hash32,
    pub(crate) body: String,
    pub(crate) expires: Timestamp,
}

/// What is remembered, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    by_key: HashMap<(String, String), Remembered>,
    order: VecDeque<(String, String)>,
    bytes: usize,
}

/// What a claim meets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recall {
    /// Nothing: carry the request out.
    New,
    /// The first answer.
    Same(String),
    /// The key was used for something else.
    Different,
}

impl Answers {
    pub(crate) fn recall(&self, claim: &Claim, now: Timestamp) -> Recall {
        let id = (claim.principal.clone(), claim.key.clone());
        match self.by_key.get(&id).filter(|known| known.expires > now) {
            None => Recall::New,
            Some(known) if known.digest == claim.digest => Recall::Same(known.body.clone()),
            Some(_) => Recall::Different,
        }
    }

    pub(crate) fn remember(&mut self, answer: Remembered, now: Timestamp) {
        let id = (answer.principal.clone(), answer.key.clone());
        self.forget(&id);
        self.bytes = self.bytes.saturating_add(answer.body.len());
        self.order.push_back(id.clone());
        self.by_key.insert(id, answer);
        while let Some(oldest) = self.order.front() {
            let stale = self
                .by_key
                .get(oldest)
                .is_none_or(|known| known.expires <= now);
            if self.bytes <= MAX_BYTES && !stale {
                break;
            }
            if let Some(forgotten) = self
                .order
                .pop_front()
                .and_then(|id| self.by_key.remove(&id))
            {
                self.bytes = self.bytes.saturating_sub(forgotten.body.len());
            }
        }
    }

    /// A key that is used again after it expired takes its new place in the order.
    fn forget(&mut self, id: &(String, String)) {
        if let Some(known) = self.by_key.remove(id) {
            self.bytes = self.bytes.saturating_sub(known.body.len());
            self.order.retain(|other| other != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(key: usize, digest: u8) -> Claim {
        Claim {
            principal: "relayer".into(),
            key: key.to_string(),
            digest: Hash32::new([digest; 32]),
        }
    }

    fn answer(key: usize, body: String) -> Remembered {
        Remembered {
            principal: "relayer".into(),
            key: key.to_string(),
            digest: Hash32::new([1; 32]),
            body,
            expires: Timestamp::from_ms(100),
        }
    }

    #[test]
    fn a_key_gives_its_first_answer_until_it_expires_and_to_nobody_else() {
        let mut answers = Answers::default();
        let now = Timestamp::from_ms(1);
        answers.remember(answer(1, "first".into()), now);
        assert_eq!(
            answers.recall(&claim(1, 1), now),
            Recall::Same("first".into())
        );
        assert_eq!(answers.recall(&claim(1, 2), now), Recall::Different);
        assert_eq!(
            answers.recall(&claim(1, 1), Timestamp::from_ms(100)),
            Recall::New
        );
        let other = Claim {
            principal: "approver".into(),
            ..claim(1, 1)
        };
        assert_eq!(answers.recall(&other, now), Recall::New);
    }

    #[test]
    fn memory_is_bounded() {
        let mut answers = Answers::default();
        let now = Timestamp::from_ms(1);
        for key in 0..20 {
            answers.remember(answer(key, "x".repeat(MAX_BYTES / 10)), now);
        }
        assert!(answers.bytes <= MAX_BYTES && answers.order.len() <= 10);
        assert_eq!(answers.recall(&claim(0, 1), now), Recall::New);
        assert!(matches!(
            answers.recall(&claim(19, 1), now),
            Recall::Same(_)
        ));
    }
}
