//! Outbound transfers as an exchange makes them: terms from a serial, the holder's mandate, submission, withdrawal.

use anyhow::{Context as _, bail};
use isthmus_core::id::{Address, Hash32, TransferId};
use isthmus_core::mandate::Wish;
use isthmus_core::terms::{OutboundKind, OutboundTerms};
use isthmus_core::{quantity::Quantity, route::RouteDocument};
use isthmus_proto::v1;
use isthmus_vcs::serial::Serial;

use crate::devnet::Devnet;
use crate::devnet::keys::EdKey;

impl Devnet {
    /// Terms for one serial block, with its class as the registry says it.
    pub async fn terms(
        &self,
        route: &RouteDocument,
        account: &str,
        serial: &str,
        recipient: Address,
    ) -> anyhow::Result<OutboundTerms> {
        let parsed: Serial = serial.parse()?;
        let stored = self.registry.blocks(serial).await?;
        let stored = stored.first();
        let class = &stored
            .with_context(|| format!("the registry does not know {serial}"))?
            .class;
        Ok(OutboundTerms {
            account: account.parse()?,
            asset_class: class.id(),
            destination: route.destination.clone(),
            gate: route.gate,
            kind: OutboundKind::Outbound,
            nonce: Hash32::new(rand::random()),
            origin: route.origin.clone(),
            quantity_g: Quantity::from_tonnes(parsed.quantity_t())?,
            recipient,
            route: route.id.clone(),
            units: vec![serial.to_owned()],
            v: 1,
        })
    }

    /// The order for some terms under the mandate of the account's holder, with the TransferId as its idempotency key.
    pub fn order(&self, terms: &OutboundTerms) -> anyhow::Result<v1::Order> {
        let holder = self.parties.holder(terms.account.as_str())?;
        Ok(order(terms, &holder.key, &terms.id().to_string()))
    }

    /// Submits one order as `exchange-a`.
    pub async fn submit(
        &self,
        order: v1::Order,
    ) -> anyhow::Result<Result<v1::Transfer, v1::Refusal>> {
        let request = v1::SubmitRequest {
            orders: vec![order],
        };
        let mut client = self.control("exchange-a")?.transfers();
        let answer = client.submit(request).await?.into_inner();
        let result = answer.results.into_iter().next();
        match result.and_then(|result| result.outcome) {
            Some(v1::submit_result::Outcome::Transfer(transfer)) => Ok(Ok(transfer)),
            Some(v1::submit_result::Outcome::Refusal(refusal)) => Ok(Err(refusal)),
            None => bail!("one order got no answer"),
        }
    }

    /// Submits terms that must be admitted; the TransferId.
    pub async fn admit(&self, terms: &OutboundTerms) -> anyhow::Result<TransferId> {
        match self.submit(self.order(terms)?).await? {
            Ok(transfer) => Ok(transfer.id.parse()?),
            Err(refusal) => bail!("refused: {refusal:?}"),
        }
    }

    /// Withdraws a transfer by its holder's signature.
    pub async fn withdraw(&self, id: TransferId, account: &str) -> anyhow::Result<v1::Transfer> {
        let key = &self.parties.holder(account)?.key;
        let request = v1::WithdrawRequest {
            id: id.to_string(),
            mandate: key.sign(&Wish::Withdraw.message(id)).to_vec().into(),
        };
        let answer = self
            .control("exchange-a")?
            .transfers()
            .withdraw(request)
            .await?;
        answer
            .into_inner()
            .transfer
            .context("a withdrawal answers with the transfer")
    }
}

/// An order for some terms, signed with any key, right or wrong.
pub fn order(terms: &OutboundTerms, key: &EdKey, idempotency_key: &str) -> v1::Order {
    v1::Order {
        idempotency_key: idempotency_key.to_owned(),
        terms: Some(v1::OutboundTerms {
            account: terms.account.to_string(),
            asset_class: terms.asset_class.to_string(),
            destination: terms.destination.to_string(),
            gate: terms.gate.to_string(),
            nonce: terms.nonce.to_string(),
            origin: terms.origin.to_string(),
            quantity_g: terms.quantity_g.grams(),
            recipient: terms.recipient.to_string(),
            route: terms.route.to_string(),
            units: terms.units.clone(),
        }),
        mandate: key
            .sign(&Wish::Transfer.message(terms.id()))
            .to_vec()
            .into(),
    }
}
