//! The real server on a free port over a real store, and clients with tokens.

mod attesters;
mod auth;
mod costs;
mod known;
mod operator;
mod pro_rata;
mod proofs;
mod routes;
mod transfers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use ed25519_dalek::SigningKey;
use isthmus_core::id::{Hash32, LedgerId};
use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::pool::Pool;
use isthmus_core::ports::{
    Attempt, Authority, Blocks, Costs, Cursor, Custody, Draft, Finality, FindError, Found, Journal,
    Ledger, LedgerKind, LedgerProfile, Observations, Page, PrepareError, Reserves, SendError,
    Taking,
};
use isthmus_core::quantity::Quantity;
use isthmus_core::testing::sample;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::operator_service_client::OperatorServiceClient;
use isthmus_proto::v1::proof_service_client::ProofServiceClient;
use isthmus_proto::v1::route_service_client::RouteServiceClient;
use isthmus_proto::v1::transfer_service_client::TransferServiceClient;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt;

use crate::config::{Identity, Role, RouteAdmin};
use crate::control::{Access, LedgerHandle, ServeError, Services, serve};
use crate::engine::Recorder;
use crate::engine::admission::Admission;
use crate::engine::board::Board;
use crate::engine::classes::Classes;
use crate::engine::pause::Pauses;
use crate::engine::watch::LedgerWatch;
use crate::error_code::ErrorCode;
use crate::proof::testing::{ADMINS, World};

/// Callers and what they may do.
const CALLERS: [(&str, &[Role]); 7] = [
    ("exchange-a", &[Role::Exchange]),
    ("exchange-b", &[Role::Exchange]),
    ("operator-1", &[Role::Operator]),
    ("operator-2", &[Role::Operator]),
    ("guardian", &[Role::Guardian]),
    ("auditor", &[Role::Auditor]),
    ("attester-1", &[Role::Attester]),
];

/// A running server.
pub(super) struct Server {
    pub(super) world: World,
    pub(super) recorder: Recorder,
    pub(super) board: Arc<Board>,
    pub(super) watches: Vec<Arc<LedgerWatch>>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinSet<Result<(), ServeError>>,
}

/// Puts a token on every call.
#[derive(Clone)]
pub(super) struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", token.clone());
        }
        Ok(request)
    }
}

pub(super) type Client = InterceptedService<Channel, Bearer>;

fn token(name: &str) -> String {
    format!("token-of-{name}-0123456789")
}

impl Server {
    pub(super) async fn start(world: World) -> Self {
        let store = Arc::clone(&world.store);
        let clock: Arc<dyn Clock> = Arc::<crate::proof::testing::Hands>::clone(&world.clock);
        let journal: Arc<dyn Journal> = Arc::<isthmus_store::Store>::clone(&store);
        let recorder = Recorder::new(journal, Arc::clone(&clock));
        let pauses = Arc::new(Pauses::new(Arc::clone(&store), Arc::clone(&clock)));
        let board = Arc::new(Board::new(Arc::clone(&clock)));
        let classes = Arc::new(Classes::new(BTreeMap::new()));
        let admission = Admission::new(
            recorder.clone(),
            Arc::clone(&store),
            Arc::clone(&pauses),
            BTreeMap::new(),
            Arc::clone(&classes),
        );
        let ledgers = vec![
            handle(sample::registry(), LedgerKind::Registry),
            handle(sample::chain(), LedgerKind::Chain),
        ];
        let watches = ledgers.iter().map(|l| Arc::clone(&l.status)).collect();
        let services = Services {
            store,
            recorder: recorder.clone(),
            admission: Arc::new(admission),
            board: Arc::clone(&board),
            pauses,
            checkpoints: Arc::clone(&world.checkpoints),
            access: Arc::new(Access::new(identities(), admins())),
            reloader: None,
            pace: Arc::default(),
            ledgers,
            gates: BTreeMap::new(),
            classes,
            started: clock.now(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let mut running = JoinSet::new();
        running.spawn(serve(listener, services, async move {
            let _dropped = stopped.await;
        }));
        Self {
            world,
            recorder,
            board,
            watches,
            address,
            stop,
            running,
        }
    }

    /// Tells the server to end and waits until it has.
    pub(super) async fn end(mut self) -> Result<(), ServeError> {
        let _gone = self.stop.send(());
        self.running.join_next().await.unwrap().unwrap()
    }

    pub(super) fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address))
            .unwrap()
            .connect_lazy()
    }

    /// A client whose calls carry this caller's token.
    pub(super) fn caller(&self, name: &str) -> Client {
        self.bearer(Some(&format!("Bearer {}", token(name))))
    }

    /// A client with any header, or none.
    pub(super) fn bearer(&self, header: Option<&str>) -> Client {
        let header = header.map(|header| header.parse().unwrap());
        InterceptedService::new(self.channel(), Bearer(header))
    }

    pub(super) fn transfers(&self, name: &str) -> TransferServiceClient<Client> {
        TransferServiceClient::new(self.caller(name))
    }

    pub(super) fn routes(&self, name: &str) -> RouteServiceClient<Client> {
        RouteServiceClient::new(self.caller(name))
    }

    /// A route as everybody may read it.
    pub(super) async fn route(&self, id: &str) -> Result<pb::Route, Status> {
        let request = pb::GetRouteRequest { id: id.to_owned() };
        let answer = self.routes("auditor").get(request).await?;
        Ok(answer.into_inner().route.unwrap())
    }

    pub(super) fn proofs(&self, name: &str) -> ProofServiceClient<Client> {
        ProofServiceClient::new(self.caller(name))
    }

    pub(super) fn operator(&self, name: &str) -> OperatorServiceClient<Client> {
        OperatorServiceClient::new(self.caller(name))
    }
}

fn identities() -> Vec<Identity> {
    CALLERS
        .iter()
        .map(|(name, roles)| Identity {
            name: (*name).to_owned(),
            roles: roles.to_vec(),
            token: SecretString::from(token(name)),
            signers: Vec::new(),
        })
        .collect()
}

fn admins() -> Vec<RouteAdmin> {
    let admin = |seed: &[u8; 32]| RouteAdmin {
        name: format!("admin-{}", seed[0]),
        key: Hash32::new(SigningKey::from_bytes(seed).verifying_key().to_bytes()),
    };
    ADMINS.iter().map(admin).collect()
}

fn handle(id: LedgerId, kind: LedgerKind) -> LedgerHandle {
    let (operations, authority) = match kind {
        LedgerKind::Registry => (vec![OperationKind::Lock], Authority::Approvals),
        LedgerKind::Chain => (vec![OperationKind::Mint], Authority::Signatures),
    };
    let profile = LedgerProfile {
        id,
        kind,
        operations,
        taking: Taking::Submitted,
        authority,
        custody: Custody::Omnibus,
        finality: Finality::Immediate,
        granularity: Quantity::from_tonnes(1).unwrap(),
        max_batch: 100,
    };
    LedgerHandle {
        ledger: Arc::new(Counter(profile)),
        status: Arc::new(LedgerWatch::default()),
    }
}

/// A ledger that only counts: a registry has 12 t, a chain does not answer.
#[derive(Debug)]
struct Counter(LedgerProfile);

impl Blocks for Counter {}

impl Costs for Counter {}

#[async_trait]
impl Ledger for Counter {
    fn profile(&self) -> &LedgerProfile {
        &self.0
    }

    async fn prepare(&self, _: &[Operation]) -> Vec<Result<Draft, PrepareError>> {
        Vec::new()
    }

    async fn send(&self, _: &[Draft]) -> Vec<Result<(), SendError>> {
        Vec::new()
    }

    async fn find(&self, _: &[Attempt]) -> Vec<Result<Found, FindError>> {
        Vec::new()
    }

    async fn observe(&self, _: &Cursor, _: usize) -> Result<Observations, FindError> {
        Err(FindError::Unavailable("it only counts".into()))
    }

    async fn reserves(&self, _: &Pool, _: Page) -> Result<Reserves, FindError> {
        match self.0.kind {
            LedgerKind::Registry => Ok(Reserves {
                total: Quantity::from_tonnes(12).unwrap(),
                units: Vec::new(),
                as_of: 1,
            }),
            LedgerKind::Chain => Err(FindError::Unavailable("it does not answer".into())),
        }
    }
}

/// The code of `docs/errors.md` in an error's details.
pub(super) fn reason(status: &Status) -> ErrorCode {
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    ErrorCode::parse(&info.reason).unwrap()
}

/// Moves the clock.
pub(super) fn pass(server: &Server, ms: u64) -> Timestamp {
    let clock = &server.world.clock.0;
    clock.fetch_add(ms, std::sync::atomic::Ordering::Relaxed);
    server.world.clock.now()
}
