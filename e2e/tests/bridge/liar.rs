//! A relayer that lies to attesters: it hands the true log on, or holds it back, and asks for whatever the test wants signed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use isthmus_e2e::devnet::Devnet;
use isthmus_e2e::devnet::control::Control;
use isthmus_proto::v1::answer_request::Answer;
use isthmus_proto::v1::attester_service_server::{AttesterService, AttesterServiceServer};
use isthmus_proto::v1::proof_service_server::{ProofService, ProofServiceServer};
use isthmus_proto::v1::task::Work;
use isthmus_proto::v1::{self};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// What the lying relayer knows.
struct State {
    /// The real one, whose log is handed on.
    honest: Control,
    tasks: Mutex<Vec<v1::Task>>,
    /// By task and token.
    answers: Mutex<BTreeMap<(String, String), Answer>>,
    withholds: AtomicBool,
}

#[derive(Clone)]
struct Service(Arc<State>);

/// A running liar, stopped when dropped.
pub(crate) struct Liar {
    state: Arc<State>,
    url: String,
    _server: JoinSet<Result<(), tonic::transport::Error>>,
}

impl Liar {
    pub(crate) async fn start(devnet: &Devnet) -> Self {
        let state = Arc::new(State {
            honest: devnet.control("auditor").unwrap(),
            tasks: Mutex::default(),
            answers: Mutex::default(),
            withholds: AtomicBool::new(false),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let service = Service(Arc::clone(&state));
        let server = tonic::transport::Server::builder()
            .add_service(AttesterServiceServer::new(service.clone()))
            .add_service(ProofServiceServer::new(service));
        let mut running = JoinSet::new();
        running.spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Self {
            state,
            url: format!("http://{address}"),
            _server: running,
        }
    }

    /// Makes an attester, which must not run, pull from here.
    pub(crate) fn take_over(&self, devnet: &Devnet, attester: &str) {
        let path = devnet.party_folder(attester).join("attester.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        let changed = config.replace(devnet.control_url(), &self.url);
        assert_ne!(config, changed);
        std::fs::write(&path, changed).unwrap();
    }

    /// Whether leaves are held back.
    pub(crate) fn withhold(&self, withholds: bool) {
        self.state.withholds.store(withholds, Ordering::SeqCst);
    }

    pub(crate) fn ask(&self, id: &str, work: Work) {
        let task = v1::Task {
            id: id.to_owned(),
            work: Some(work),
        };
        self.state.tasks.lock().unwrap().push(task);
    }

    /// What attesters have answered to a task so far.
    pub(crate) fn answers(&self, id: &str) -> Vec<Answer> {
        let answers = self.state.answers.lock().unwrap();
        let own = answers.iter().filter(|((task, _), _)| task == id);
        own.map(|(_, answer)| answer.clone()).collect()
    }

    /// Waits until so many attesters have answered.
    pub(crate) async fn answered(&self, id: &str, attesters: usize) -> Vec<Answer> {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let answers = self.answers(id);
            if answers.len() >= attesters {
                return answers;
            }
            assert!(Instant::now() < deadline, "{id}: {answers:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn token<T>(request: &Request<T>) -> String {
    let token = request.metadata().get("authorization").unwrap();
    token.to_str().unwrap().to_owned()
}

#[tonic::async_trait]
impl AttesterService for Service {
    async fn pull(
        &self,
        request: Request<v1::PullRequest>,
    ) -> Result<Response<v1::PullResponse>, Status> {
        let token = token(&request);
        // Attesters ask again at once.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answers = self.0.answers.lock().unwrap();
        let own = answers.keys().filter(|(_, by)| *by == token);
        let answered: BTreeSet<_> = own.map(|(task, _)| task.clone()).collect();
        let tasks = self.0.tasks.lock().unwrap();
        let open = tasks.iter().filter(|task| !answered.contains(&task.id));
        let tasks = open.cloned().collect();
        Ok(Response::new(v1::PullResponse { tasks }))
    }

    async fn answer(
        &self,
        request: Request<v1::AnswerRequest>,
    ) -> Result<Response<v1::AnswerResponse>, Status> {
        let by = token(&request);
        let v1::AnswerRequest { task, answer } = request.into_inner();
        let mut answers = self.0.answers.lock().unwrap();
        answers.insert((task, by), answer.unwrap());
        Ok(Response::new(v1::AnswerResponse {}))
    }
}

#[tonic::async_trait]
impl ProofService for Service {
    async fn bundle(
        &self,
        _: Request<v1::BundleRequest>,
    ) -> Result<Response<v1::BundleResponse>, Status> {
        Err(Status::unimplemented("no attester asks"))
    }

    async fn checkpoint(
        &self,
        request: Request<v1::CheckpointRequest>,
    ) -> Result<Response<v1::CheckpointResponse>, Status> {
        self.0
            .honest
            .proofs()
            .checkpoint(request.into_inner())
            .await
    }

    async fn inclusion(
        &self,
        request: Request<v1::InclusionRequest>,
    ) -> Result<Response<v1::InclusionResponse>, Status> {
        self.0.honest.proofs().inclusion(request.into_inner()).await
    }

    async fn consistency(
        &self,
        request: Request<v1::ConsistencyRequest>,
    ) -> Result<Response<v1::ConsistencyResponse>, Status> {
        self.0
            .honest
            .proofs()
            .consistency(request.into_inner())
            .await
    }

    async fn leaves(
        &self,
        request: Request<v1::LeavesRequest>,
    ) -> Result<Response<v1::LeavesResponse>, Status> {
        if self.0.withholds.load(Ordering::SeqCst) {
            return Err(Status::unavailable("held back"));
        }
        self.0.honest.proofs().leaves(request.into_inner()).await
    }

    async fn reserves(
        &self,
        _: Request<v1::ReservesRequest>,
    ) -> Result<Response<v1::ReservesResponse>, Status> {
        Err(Status::unimplemented("no attester asks"))
    }
}
