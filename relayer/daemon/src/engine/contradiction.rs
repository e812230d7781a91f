//! A ledger that contradicts what is final: its pools halt, the evidence is durable and in the log, and two people decide. All
//! other ledgers go on.

use isthmus_core::id::TransferId;
use isthmus_core::ports::{Contradiction, StoreError};

use crate::engine::leaves;
use crate::engine::pause::{Pauses, Scope};

/// What begins the reason of a pause that the relayer made itself.
const SELF: &str = "isthmus";
/// Longest reason, in characters: a leaf stays below 16 KiB.
const MOST_TEXT: usize = 2000;

/// What stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Everything at the ledger; the transfer is looked at again.
    Ledger,
    /// This transfer only: people let its ledger go on, and it still cannot be.
    Transfer,
}

impl Pauses {
    /// Halts the ledger, with what it said as the reason. If we crash before this is durable, the next look finds the same.
    pub fn halt(&self, contradiction: &Contradiction) -> Result<(), StoreError> {
        let scope = Scope::Ledger(contradiction.ledger.clone());
        if self.is_paused(&scope)? {
            return Ok(());
        }
        tracing::error!(%scope, %contradiction, "halted");
        self.pause(&scope, &reason(&contradiction.to_string()))
    }

    /// Halts the ledger for what it says about one transfer; when people have let it go on since, only the transfer stops.
    pub fn halt_for(
        &self,
        transfer: TransferId,
        contradiction: &Contradiction,
    ) -> Result<Stop, StoreError> {
        let scope = Scope::Ledger(contradiction.ledger.clone());
        if self.noted(transfer) && !self.is_paused(&scope)? {
            return Ok(Stop::Transfer);
        }
        // What a ledger says about a whole call it says of each transfer in it: one is noted, the others have nothing to do with it.
        if !self.is_halted_by(&scope, contradiction)? {
            self.note(transfer);
        }
        self.halt(contradiction)?;
        Ok(Stop::Ledger)
    }

    fn is_halted_by(
        &self,
        scope: &Scope,
        contradiction: &Contradiction,
    ) -> Result<bool, StoreError> {
        let halt = (scope.to_string(), reason(&contradiction.to_string()));
        Ok(self.store().pause_reasons()?.contains(&halt))
    }

    /// Gives the pause of a ledger another reason: what was found when people looked.
    pub fn found(&self, scope: &Scope, findings: &str) -> Result<(), StoreError> {
        let (scope, by) = (scope.to_string(), reason(findings));
        let leaf = leaves::paused(scope.clone(), by.clone(), self.now());
        self.store().set_paused(&scope, Some(by), vec![leaf])
    }
}

fn reason(text: &str) -> String {
    let text: String = text.chars().take(MOST_TEXT).collect();
    format!("{SELF}: {text}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isthmus_core::testing::sample;
    use isthmus_core::time::{Clock, Timestamp};
    use isthmus_store::Store;

    use super::*;

    #[derive(Debug)]
    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_s(1_780_000_000)
        }
    }

    fn contradiction(detail: &str) -> Contradiction {
        Contradiction {
            ledger: "eip155:1".parse().unwrap(),
            detail: detail.into(),
        }
    }

    #[test]
    fn a_contradiction_halts_its_ledger_durably_and_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(Noon);
        let store = Store::open(folder.path(), "test", Arc::clone(&clock)).unwrap();
        let store = Arc::new(store);
        let pauses = Pauses::new(Arc::clone(&store), clock);
        let outbound = sample::outbound(1, &[sample::block(1, 10)]);
        let id = outbound.terms.id();
        let long = "x".repeat(100_000);
        assert_eq!(
            pauses.halt_for(id, &contradiction(&long)).unwrap(),
            Stop::Ledger
        );
        assert_eq!(
            pauses.halt_for(id, &contradiction("again")).unwrap(),
            Stop::Ledger
        );
        assert_eq!(pauses.list().unwrap(), ["ledger:eip155:1"]);
        assert_eq!(store.log().size().unwrap(), 1, "one leaf");
        let reasons = store.pause_reasons().unwrap();
        assert!(
            reasons[0]
                .1
                .starts_with("isthmus: eip155:1 contradicts what is final: xxx")
        );
        assert!(reasons[0].1.len() < 2100);
        let scope = Scope::Ledger("eip155:1".parse().unwrap());
        pauses.resume(&scope, "two people").unwrap();
        assert_eq!(
            pauses.halt_for(id, &contradiction("still")).unwrap(),
            Stop::Transfer
        );
        assert_eq!(pauses.list().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_said_about_a_whole_call_does_not_stop_each_of_its_transfers() {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(Noon);
        let store = Store::open(folder.path(), "test", Arc::clone(&clock)).unwrap();
        let pauses = Pauses::new(Arc::new(store), clock);
        let scope = Scope::Ledger("eip155:1".parse().unwrap());
        let id = |number| {
            sample::outbound(number, &[sample::block(number, number)])
                .terms
                .id()
        };
        let said = |number, detail| pauses.halt_for(id(number), &contradiction(detail)).unwrap();
        for number in 1..=3 {
            assert_eq!(said(number, "two nodes disagree"), Stop::Ledger);
        }
        assert_eq!(said(4, "another item than was signed"), Stop::Ledger);
        pauses.resume(&scope, "two people").unwrap();
        assert_eq!(
            said(2, "two nodes disagree"),
            Stop::Ledger,
            "it is not its fault"
        );
        pauses.resume(&scope, "two people").unwrap();
        assert_eq!(said(4, "another item than was signed"), Stop::Transfer);
    }
}
