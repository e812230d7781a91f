//! A relayer that lies to attesters: it hands the true log on, holds it back, or serves another that it made up and signed with the
//! stolen key, and asks for whatever the test wants signed.

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

use crate::collusion::forged_log::ForgedLog;

/// What the lying relayer knows.
struct State {
    /// The real one, whose log is handed on.
    honest: Control,
    /// Served instead, if there is one.
    forged: Mutex<Option<ForgedLog>>,
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
            forged: Mutex::default(),
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
        hears(devnet, attester, &self.url);
    }

    /// A liar that serves this log and has taken over one attester, which must not run.
    pub(crate) async fn with_log(devnet: &Devnet, attester: &str, log: &ForgedLog) -> Self {
        let liar = Self::start(devnet).await;
        liar.serve(log);
        liar.take_over(devnet, attester);
        liar
    }

    /// From now on this is the log.
    pub(crate) fn serve(&self, log: &ForgedLog) {
        *self.state.forged.lock().unwrap() = Some(log.clone());
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

    /// Asks, and waits for the answer of the one attester that was taken over.
    pub(crate) async fn answer(&self, id: &str, work: Work) -> Answer {
        self.ask(id, work);
        self.answered(id, 1).await.remove(0)
    }

    /// Asks for what must not be signed; the code of the decline.
    pub(crate) async fn declined(&self, id: &str, work: Work) -> String {
        match self.answer(id, work).await {
            Answer::Declined(declined) => declined.items[0].code.clone(),
            answer @ (Answer::Signed(_) | Answer::Approved(_)) => panic!("{id}: {answer:?}"),
        }
    }

    /// Asks for what is true; the signature.
    pub(crate) async fn signed(&self, id: &str, work: Work) -> Vec<u8> {
        match self.answer(id, work).await {
            Answer::Signed(signed) => signed.signature.to_vec(),
            answer @ (Answer::Declined(_) | Answer::Approved(_)) => panic!("{id}: {answer:?}"),
        }
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

/// Makes an attester, which must not run, pull from the true relayer again.
pub(crate) fn give_back(devnet: &Devnet, attester: &str) {
    hears(devnet, attester, devnet.control_url());
}

fn hears(devnet: &Devnet, attester: &str, url: &str) {
    let path = devnet.party_folder(attester).join("attester.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<_> = config.lines().map(str::to_owned).collect();
    let mut urls = lines
        .iter_mut()
        .filter(|line| line.starts_with("relayer_url"));
    *urls.next().unwrap() = format!("relayer_url = \"{url}\"");
    std::fs::write(&path, lines.join("\n")).unwrap();
}

impl State {
    fn forged(&self) -> Option<ForgedLog> {
        self.forged.lock().unwrap().clone()
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
        if let Some(log) = self.0.forged() {
            return Ok(Response::new(log.checkpoint()));
        }
        let mut honest = self.0.honest.proofs();
        honest.checkpoint(request.into_inner()).await
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
        if let Some(log) = self.0.forged() {
            return Ok(Response::new(log.consistency(request.get_ref())));
        }
        let mut honest = self.0.honest.proofs();
        honest.consistency(request.into_inner()).await
    }

    async fn leaves(
        &self,
        request: Request<v1::LeavesRequest>,
    ) -> Result<Response<v1::LeavesResponse>, Status> {
        if self.0.withholds.load(Ordering::SeqCst) {
            return Err(Status::unavailable("held back"));
        }
        if let Some(log) = self.0.forged() {
            return Ok(Response::new(log.page(request.get_ref())));
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
