//! Leaves of outbound transfers: `LOCKED`, `MINTED`, `VOIDED`, `UNLOCKED`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_core::id::TransferId;
use isthmus_core::mandate::Mandate;
use isthmus_core::operation::{Operation, OperationKind, Work};
use isthmus_core::ports::{Append, BookChange, Journal};
use isthmus_core::receipt::Receipt;
use isthmus_core::serial_block;
use isthmus_core::terms::{Outbound, OutboundTerms, Terms};
use isthmus_core::transfer::{Event, Next, State, Transfer};
use isthmus_prooflog::leaf::Leaf;
use isthmus_prooflog::receipt as registry_receipt;

use super::Recovery;
use super::errors::Trouble;
use crate::engine::settle;

impl Recovery {
    /// What a leaf of an outbound transfer stands for; `None` if it is of another kind.
    pub(super) async fn outbound(&mut self, leaf: &Leaf) -> Result<Option<Append>, Trouble> {
        if let Leaf::Locked {
            transfer, terms, ..
        } = leaf
        {
            let terms: OutboundTerms = serde_json::from_value(terms.clone())
                .map_err(|error| Trouble::Unreadable(error.to_string()))?;
            if terms.id() != TransferId::new(transfer.0) {
                return Err(Trouble::Unconfirmed("its terms have another id".into()));
            }
            return self.locked(terms).await.map(Some);
        }
        if let Leaf::Minted { transfer, .. } | Leaf::Voided { transfer, .. } = leaf {
            let transfer = self.known(TransferId::new(transfer.0))?;
            return self.settled(&transfer).await.map(Some);
        }
        if let Leaf::Unlocked { transfer, .. } = leaf {
            let transfer = self.known(TransferId::new(transfer.0))?;
            let Next::Do(Work::Ledger(unlock @ Operation::Unlock { .. })) =
                transfer.next(self.clock.now())
            else {
                return Err(Trouble::Unconfirmed("it was not to be unlocked".into()));
            };
            let receipt = self.receipt(unlock).await?;
            return Ok(Some(self.fact(&transfer, Event::Unlocked(receipt))));
        }
        Ok(None)
    }

    /// Everything that one event makes durable; the leaf is the copy's.
    pub(super) fn fact(&self, transfer: &Transfer, event: Event) -> Append {
        settle::append(transfer, event, self.clock.now())
    }

    async fn locked(&self, terms: OutboundTerms) -> Result<Append, Trouble> {
        let id = terms.id();
        if let Some(transfer) = self.store.transfer(id)? {
            return self.locked_known(&transfer).await;
        }
        let (outbound, reserve) = self.agreed(terms)?;
        // The reference decides what is found; the mandate is read from what the registry answers.
        let question = lock(
            &outbound,
            Mandate::from_bytes(&[0; 64]).map_err(|error| unmandated(&error))?,
        );
        let receipt = self.receipt(question).await?;
        let mandate = self.mandate(&outbound, &receipt)?;
        let requested = Event::Requested {
            terms: Terms::Outbound(outbound),
            mandate: Some(mandate),
        };
        let opened = Transfer::open(&requested);
        let opened = opened.map_err(|illegal| Trouble::Unconfirmed(illegal.to_string()))?;
        let mut events = vec![requested];
        events.extend(self.intent(&opened));
        events.push(Event::Locked(receipt));
        Ok(Append {
            transfer: Some((id, 0)),
            events,
            book: vec![reserve],
            ..Append::default()
        })
    }

    /// The backup knew it before it was locked.
    async fn locked_known(&self, transfer: &Transfer) -> Result<Append, Trouble> {
        let (State::Requested, Next::Do(Work::Ledger(lock))) =
            (transfer.state(), transfer.next(self.clock.now()))
        else {
            return Err(Trouble::Unconfirmed("it was not to be locked".into()));
        };
        let receipt = self.receipt(lock).await?;
        let mut events: Vec<_> = self.intent(transfer).into_iter().collect();
        events.push(Event::Locked(receipt));
        Ok(Append {
            transfer: Some((transfer.id(), transfer.length())),
            events,
            ..Append::default()
        })
    }

    /// The intent that the next work begins with, unless it is pending already.
    fn intent(&self, transfer: &Transfer) -> Option<Event> {
        match transfer.next(self.clock.now()) {
            Next::Do(work) if transfer.pending().is_none() => Some(Event::Intended(work)),
            Next::Do(_) | Next::Wait(_) | Next::Done => None,
        }
    }

    fn agreed(&self, terms: OutboundTerms) -> Result<(Outbound, BookChange), Trouble> {
        let route = self.store.active_route(&terms.route)?;
        let route = route.ok_or_else(|| {
            Trouble::Unconfirmed(format!("no leaf before it has route {}", terms.route))
        })?;
        let registry = self.registry(&terms.origin)?;
        let units = terms.units.iter().map(|serial| {
            let parsed = registry.parse_serial(serial);
            parsed.map_err(|error| Trouble::Unreadable(error.to_string()))
        });
        let units = serial_block::normalise(&units.collect::<Result<Vec<_>, _>>()?)
            .map_err(|error| Trouble::Unreadable(error.to_string()))?;
        let pool = route.document.pool(terms.asset_class).id();
        let reserve = BookChange::Reserve {
            transfer: terms.id(),
            pool,
            route: terms.route.clone(),
            blocks: units.clone(),
        };
        let outbound = Outbound {
            units,
            pool,
            custody_account: route.document.custody_account,
            terms,
        };
        Ok((outbound, reserve))
    }

    /// The holder's mandate, which came with the lock and is in the registry's receipt.
    fn mandate(&self, outbound: &Outbound, receipt: &Receipt) -> Result<Mandate, Trouble> {
        let key = self.receipt_keys.get(&outbound.terms.origin);
        let key = key.ok_or_else(|| Trouble::Unconfirmed("no receipt key is configured".into()))?;
        let jws = String::from_utf8_lossy(receipt.evidence.bytes());
        let opened = registry_receipt::open(&jws, key)
            .map_err(|error| Trouble::Unconfirmed(error.to_string()))?;
        let mandate = opened.mandate.unwrap_or_default();
        let bytes = STANDARD
            .decode(mandate)
            .map_err(|error| Trouble::Unconfirmed(error.to_string()))?;
        Mandate::from_bytes(&bytes).map_err(|error| unmandated(&error))
    }

    /// Minted or voided: the gate says which.
    async fn settled(&self, transfer: &Transfer) -> Result<Append, Trouble> {
        let question = Operation::inquiry(transfer.id(), transfer.terms().destination().clone());
        let receipt = self.receipt(question).await?;
        if receipt.operation == OperationKind::Mint {
            return Ok(self.fact(transfer, Event::Given(receipt)));
        }
        let mut append = self.fact(transfer, Event::Voided(receipt));
        // The wish to withdraw is nobody's business and in no leaf.
        if let State::Taken { .. } | State::Authorised { .. } = transfer.state() {
            append.events.insert(0, Event::WithdrawalRequested);
        }
        Ok(append)
    }
}

fn lock(outbound: &Outbound, mandate: Mandate) -> Operation {
    Operation::Lock {
        transfer: outbound.terms.id(),
        ledger: outbound.terms.origin.clone(),
        account: outbound.terms.account.clone(),
        custody_account: outbound.custody_account.clone(),
        units: outbound.units.clone(),
        mandate,
    }
}

fn unmandated(error: &isthmus_core::mandate::MandateError) -> Trouble {
    Trouble::Unconfirmed(error.to_string())
}
