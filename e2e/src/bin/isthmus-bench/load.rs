//! A devnet under load: orders of one tonne each, signed beforehand, submitted in lists, and what became of them.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{Address, Hash32};
use isthmus_core::quantity::Quantity;
use isthmus_core::route::RouteDocument;
use isthmus_core::terms::{OutboundKind, OutboundTerms};
use isthmus_e2e::devnet::{Devnet, Options, bulk, order};
use isthmus_proto::v1;

/// Units that account 1001 holds at the start.
const BULK_T: u64 = 1_000_000;
/// Orders in one call.
const PER_CALL: usize = 500;
/// Calls at a time.
const CALLS: usize = 4;
/// Most transfers in one page of a list.
const PAGE: u32 = 500;
/// Between two looks at what has ended.
const POLL: Duration = Duration::from_millis(500);

/// A devnet with an open route and units for many transfers.
pub(crate) struct Load {
    pub(crate) devnet: Devnet,
    pub(crate) route: RouteDocument,
    pub(crate) class: AssetClass,
    next_unit: u64,
}

/// When a transfer last changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) updated_ms: u64,
}

impl Load {
    /// Starts every process and activates the route.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let devnet = Devnet::start(Options {
            bulk_t: BULK_T,
            quiet: true,
            ..Options::default()
        })
        .await?;
        Self::with_route(devnet).await
    }

    /// Registry and chain only: neither relayer nor attesters run, and there is no route.
    pub(crate) async fn idle() -> anyhow::Result<Self> {
        let devnet = Devnet::prepare(Options {
            bulk_t: BULK_T,
            quiet: true,
            ..Options::default()
        })
        .await?;
        let route = devnet.route_document("bench")?;
        let class = class(&devnet).await?;
        Ok(Self {
            devnet,
            route,
            class,
            next_unit: 0,
        })
    }

    async fn with_route(devnet: Devnet) -> anyhow::Result<Self> {
        let mut route = devnet.route_document("bench")?;
        route.outstanding_cap_g = Quantity::from_tonnes(BULK_T)?;
        devnet.activate_route(&route).await?;
        let class = class(&devnet).await?;
        Ok(Self {
            devnet,
            route,
            class,
            next_unit: 0,
        })
    }

    /// Signed orders of one tonne each, every one to a recipient that never held anything.
    pub(crate) fn orders(&mut self, count: u64) -> anyhow::Result<Vec<v1::Order>> {
        let recipient = || Address::new(rand::random());
        self.orders_to(count, recipient)
    }

    /// Signed orders of one tonne each.
    pub(crate) fn orders_to(
        &mut self,
        count: u64,
        recipient: impl Fn() -> Address,
    ) -> anyhow::Result<Vec<v1::Order>> {
        let key = &self.devnet.parties.holder("1001")?.key;
        let mut orders = Vec::new();
        for _ in 0..count {
            ensure!(self.next_unit < BULK_T, "all units of the bench are used");
            let terms = OutboundTerms {
                account: "1001".parse()?,
                asset_class: self.class.id(),
                destination: self.route.destination.clone(),
                gate: self.route.gate,
                kind: OutboundKind::Outbound,
                nonce: Hash32::new(rand::random()),
                origin: self.route.origin.clone(),
                quantity_g: Quantity::from_tonnes(1)?,
                recipient: recipient(),
                route: self.route.id.clone(),
                units: vec![bulk::serial(self.next_unit, 1)],
                v: 1,
            };
            self.next_unit += 1;
            orders.push(order(&terms, key, &terms.id().to_string()));
        }
        Ok(orders)
    }

    /// Submits orders that must all be admitted, in lists, several calls at a time.
    pub(crate) async fn submit(&self, orders: Vec<v1::Order>) -> anyhow::Result<Vec<String>> {
        let client = self.devnet.control("exchange-a")?.transfers();
        let calls: Vec<_> = orders.chunks(PER_CALL).map(<[_]>::to_vec).collect();
        let answers: Vec<Vec<String>> = stream::iter(calls)
            .map(|orders| {
                let mut client = client.clone().max_decoding_message_size(16 << 20);
                async move {
                    let request = v1::SubmitRequest { orders };
                    admitted(client.submit(request).await?.into_inner())
                }
            })
            .buffered(CALLS)
            .try_collect()
            .await?;
        Ok(answers.concat())
    }

    /// How many transfers are in a state.
    pub(crate) async fn count(&self, state: &str) -> anyhow::Result<u64> {
        let status = self.status().await?;
        let found = status.transfers.iter().find(|count| count.state == state);
        Ok(found.map_or(0, |count| count.count))
    }

    pub(crate) async fn status(&self) -> anyhow::Result<v1::StatusResponse> {
        let mut client = self.devnet.control("operator-1")?.operator();
        Ok(client.status(v1::StatusRequest {}).await?.into_inner())
    }

    /// Waits until so many transfers are completed.
    pub(crate) async fn completed(&self, count: u64, within: Duration) -> anyhow::Result<()> {
        let deadline = std::time::Instant::now() + within;
        loop {
            let done = self.count("completed").await?;
            if done >= count {
                return Ok(());
            }
            for service in self.devnet.services() {
                service.check()?;
            }
            if std::time::Instant::now() > deadline {
                for service in self.devnet.services() {
                    tracing::error!(name = service.name(), log = %service.last_lines(5));
                }
                let status = self.status().await?;
                bail!("{done} of {count} transfers completed within {within:?}: {status:#?}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The newest `count` transfers, newest first.
    pub(crate) async fn newest(&self, count: usize) -> anyhow::Result<Vec<v1::Transfer>> {
        let mut client = self.devnet.control("exchange-a")?.transfers();
        client = client.max_decoding_message_size(64 << 20);
        let mut found = Vec::new();
        let mut page_token = String::new();
        while found.len() < count {
            let request = v1::ListTransfersRequest {
                page_size: PAGE,
                page_token: page_token.clone(),
                ..v1::ListTransfersRequest::default()
            };
            let page = client.list(request).await?.into_inner();
            found.extend(page.transfers);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        found.truncate(count);
        Ok(found)
    }

    /// When the newest `count` transfers were ended.
    pub(crate) async fn spans(&self, count: u64) -> anyhow::Result<Vec<Span>> {
        let transfers = self.newest(usize::try_from(count)?).await?;
        let span = |transfer: &v1::Transfer| Span {
            updated_ms: transfer.updated_at_ms,
        };
        Ok(transfers.iter().map(span).collect())
    }
}

async fn class(devnet: &Devnet) -> anyhow::Result<AssetClass> {
    let stored = devnet.registry.blocks(&bulk::serial(0, 1)).await?;
    let first = stored.into_iter().next();
    Ok(first.context("no units to move")?.class)
}

fn admitted(answer: v1::SubmitResponse) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::with_capacity(answer.results.len());
    for result in answer.results {
        match result.outcome {
            Some(v1::submit_result::Outcome::Transfer(transfer)) => ids.push(transfer.id),
            Some(v1::submit_result::Outcome::Refusal(refusal)) => bail!("refused: {refusal:?}"),
            None => bail!("an order got no answer"),
        }
    }
    Ok(ids)
}
