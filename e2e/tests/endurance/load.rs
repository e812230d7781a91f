//! A devnet that is never idle: transfers out, some of them withdrawn, and burns, as fast as they are worked off.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use isthmus_core::id::{AssetClassId, Hash32, TransferId};
use isthmus_core::quantity::Quantity;
use isthmus_core::terms::OutboundTerms;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_e2e::devnet::parties::{ALPHA, BETA, WALLETS};
use isthmus_e2e::devnet::{Devnet, Options, Redemption, bulk};
use isthmus_proto::v1;
use isthmus_store::Store;

pub(crate) const TONNE_G: u64 = 1_000_000;
/// Units at hand; more than any run needs.
const BULK_T: u64 = 100_000;
/// So many transfers are kept in flight while there is load.
const IN_FLIGHT: u64 = 90;
/// Orders in one call.
const PER_CALL: u64 = 15;
/// One transfer out of so many is withdrawn.
const WITHDRAWN: u64 = 6;
/// How long anything may be asked again.
const PATIENCE: Duration = Duration::from_mins(3);
const FINAL: [&str; 3] = ["completed", "returned", "rejected"];

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Transfers out.
    pub(crate) outbound: Vec<TransferId>,
    /// Those of them that somebody wanted back.
    pub(crate) withdrawn: Vec<TransferId>,
    /// Burns.
    pub(crate) returns: Vec<TransferId>,
}

pub(crate) struct Load {
    pub(crate) devnet: Devnet,
    template: OutboundTerms,
    pub(crate) asked: Mutex<Asked>,
    /// No new work: what is under way is to end.
    pub(crate) ending: AtomicBool,
}

impl Load {
    pub(crate) async fn start() -> Self {
        let devnet = Devnet::start(Options {
            bulk_t: BULK_T,
            folder: std::env::var_os("ISTHMUS_FOLDER").map(Into::into),
            ..Options::default()
        })
        .await
        .unwrap();
        let mut route = devnet.route_document("endurance").unwrap();
        route.outstanding_cap_g = Quantity::from_tonnes(BULK_T).unwrap();
        devnet.activate_route(&route).await.unwrap();
        let wallet = devnet.parties.wallets[0].address();
        let serial = bulk::serial(0, 1);
        let template = devnet.terms(&route, ALPHA, &serial, wallet).await.unwrap();
        Self {
            devnet,
            template,
            asked: Mutex::default(),
            ending: AtomicBool::new(false),
        }
    }

    pub(crate) fn class(&self) -> AssetClassId {
        self.template.asset_class
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// One tonne to one of the wallets.
    fn terms(&self, number: u64) -> OutboundTerms {
        let wallet = usize::try_from(number).unwrap() % WALLETS;
        OutboundTerms {
            nonce: Hash32::new(rand::random()),
            recipient: self.devnet.parties.wallets[wallet].address(),
            units: vec![bulk::serial(number, 1)],
            ..self.template.clone()
        }
    }

    /// Keeps transfers in flight until there shall be no more; afterwards waits until all have ended.
    pub(crate) async fn feed(&self) {
        let mut submitted = 0;
        loop {
            if self.is_ending() {
                return;
            }
            let ended = self.counts().await.map_or(u64::MAX, |counts| {
                FINAL.iter().filter_map(|state| counts.get(*state)).sum()
            });
            let returns = u64::try_from(self.asked.lock().unwrap().returns.len()).unwrap();
            let in_flight = (submitted + returns).saturating_sub(ended);
            if ended == u64::MAX || in_flight >= IN_FLIGHT {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            let terms: Vec<_> = (submitted..submitted + PER_CALL)
                .map(|n| self.terms(n))
                .collect();
            submitted += PER_CALL;
            let orders: Vec<_> = terms
                .iter()
                .map(|t| self.devnet.order(t).unwrap())
                .collect();
            insist("submit", || self.submit(orders.clone())).await;
            self.asked
                .lock()
                .unwrap()
                .outbound
                .extend(terms.iter().map(OutboundTerms::id));
        }
    }

    async fn submit(&self, orders: Vec<v1::Order>) -> anyhow::Result<()> {
        let request = v1::SubmitRequest { orders };
        let mut client = self.devnet.control("exchange-a")?.transfers();
        let answer = client.submit(request).await?.into_inner();
        for result in answer.results {
            match result.outcome {
                Some(v1::submit_result::Outcome::Transfer(_)) => {}
                other => anyhow::bail!("not admitted: {other:?}"),
            }
        }
        Ok(())
    }

    /// Withdraws some of the newest transfers, at whatever state they are.
    pub(crate) async fn regret(&self) {
        let mut next = 0;
        while !self.is_ending() {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let candidate = self.asked.lock().unwrap().outbound.get(next).copied();
            let Some(id) = candidate else { continue };
            next += usize::try_from(WITHDRAWN).unwrap();
            // Too late is an answer, no answer is none.
            let asked = || async {
                match self.devnet.withdraw(id, ALPHA).await {
                    Err(error) if is_answer(&error) => Ok(false),
                    other => other.map(|_| true),
                }
            };
            if insist("withdraw", asked).await {
                self.asked.lock().unwrap().withdrawn.push(id);
            }
        }
    }

    /// Burns what has arrived, one tonne after another.
    pub(crate) async fn redeem(&self) {
        let mut number = 0;
        while !self.is_ending() {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let wallet = &self.devnet.parties.wallets[number % WALLETS];
            let balance = self
                .devnet
                .chain
                .balance_g(wallet.address(), self.class())
                .await;
            if balance.unwrap() < TONNE_G {
                number += 1;
                continue;
            }
            let instruction = if number % 2 == 0 {
                Redemption::release_to(BETA).unwrap()
            } else {
                Redemption::retire_for("Acme Ltd", "2025 emissions")
            };
            number += 1;
            let burned = self
                .devnet
                .burn(wallet, self.class(), TONNE_G, instruction)
                .await;
            let burned = burned.unwrap();
            self.asked.lock().unwrap().returns.push(burned.id);
            let instruct = || self.devnet.instruct(burned.id, &burned.instruction);
            insist("instruct", instruct).await;
        }
    }

    async fn counts(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let mut client = self.devnet.control("operator-1")?.operator();
        let status = client.status(v1::StatusRequest {}).await?.into_inner();
        let counts = status.transfers.into_iter();
        Ok(counts.map(|count| (count.state, count.count)).collect())
    }

    /// Transfers by state as the disk of the dead relayer has them.
    pub(crate) fn counts_on_disk(&self) -> BTreeMap<String, u64> {
        let store = Store::open(&self.devnet.relayer_data(), "devnet", Arc::new(Now)).unwrap();
        store.counts().unwrap().into_iter().collect()
    }

    pub(crate) async fn state(&self, id: TransferId) -> String {
        let found = self.devnet.transfer(id).await.unwrap().unwrap();
        found.transfer.unwrap().state
    }

    /// Waits until everything asked for has ended.
    pub(crate) async fn ended(&self) {
        let (outbound, returns) = {
            let asked = self.asked.lock().unwrap();
            (asked.outbound.clone(), asked.returns.clone())
        };
        for id in outbound.iter().chain(&returns) {
            let reached = |transfer: &v1::Transfer| FINAL.contains(&transfer.state.as_str());
            let waited = self.devnet.wait_until(*id, "an end", reached).await;
            waited.unwrap();
        }
    }
}

/// In flight: neither completed nor returned nor rejected.
pub(crate) fn in_flight(counts: &BTreeMap<String, u64>) -> u64 {
    let unfinished = counts
        .iter()
        .filter(|(state, _)| !FINAL.contains(&state.as_str()));
    unfinished.map(|(_, count)| count).sum()
}

#[derive(Debug)]
struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(0)
    }
}

/// Whether the relayer answered, though not as hoped.
fn is_answer(error: &anyhow::Error) -> bool {
    let status = error.downcast_ref::<tonic::Status>();
    status.is_some_and(|status| status.code() == tonic::Code::FailedPrecondition)
}

/// Asks again until it succeeds: a dead relayer does not answer, and one that has not seen a burn yet does not know it.
async fn insist<T, F: Future<Output = anyhow::Result<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "{what}: {error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
