//! The sandbox as a whole: opened from a folder, served on a socket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use isthmus_core::time::{Clock, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{RwLock, mpsc, oneshot};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::sandbox::config::{Config, ConfigError};
use crate::sandbox::decide::Rules;
use crate::sandbox::http::{self, App, HangUp};
use crate::sandbox::receipt::ReceiptSigner;
use crate::sandbox::replay::{self, ReplayError};
use crate::sandbox::stats::Stats;
use crate::sandbox::writer::{Writer, WriterError};

/// Commands that may wait for the writer; more callers wait for a place.
const QUEUE: usize = 256;

/// A registry, open and not yet served.
#[derive(Debug)]
pub struct Sandbox {
    app: Arc<App>,
    failed: oneshot::Receiver<WriterError>,
}

/// Why a sandbox cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its data.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// No thread for the writer.
    #[error("the writer's thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// Why serving ended. It never ends otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The writer.
    #[error("the writer stopped; start again to see what is on disk")]
    Writer(#[source] WriterError),
    /// The writer ended without a reason: it panicked.
    #[error("the writer is gone")]
    WriterGone,
}

/// The system's time.
#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the sandbox's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let ms = since.map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        Timestamp::from_ms(ms.unwrap_or(0))
    }
}

impl Sandbox {
    /// Opens the registry in the configured folder, as it was when it last answered.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        Self::open_at(config, Arc::new(SystemClock))
    }

    /// Like [`Sandbox::open`], with a clock of the caller's.
    pub fn open_at(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        config.check()?;
        let rules = Arc::new(Rules {
            signer: ReceiptSigner::new(&config.receipt_seed, &config.registry),
            registry: config.registry.clone(),
            approvals_required: config.approvals_required,
            approvers: config.approvers().map(str::to_owned).collect(),
            custody_of: config.custody_of(),
            max_lock_t: config.max_lock_t,
        });
        let (registry, file) = replay::open(config, &rules, clock.now())?;
        let registry = Arc::new(RwLock::new(registry));
        let stats = Arc::new(Stats::default());
        let writer = Writer {
            registry: Arc::clone(&registry),
            rules: Arc::clone(&rules),
            file,
            clock: Arc::clone(&clock),
            stats: Arc::clone(&stats),
            idempotency_ttl_ms: config.idempotency_ttl_ms,
        };
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (failing, failed) = oneshot::channel();
        let run = move || {
            if let Err(error) = writer.run(queue) {
                drop(failing.send(error));
            }
        };
        let thread = std::thread::Builder::new().name("sandbox-writer".into());
        thread.spawn(run).map_err(OpenError::Thread)?;
        let app = Arc::new(App::new(config, rules, registry, jobs, stats, clock));
        Ok(Self { app, failed })
    }

    /// Serves until the writer fails or the future is dropped.
    pub async fn serve(self, listener: TcpListener) -> Result<(), ServeError> {
        let router = http::router(self.app);
        let mut connections = JoinSet::new();
        let mut failed = self.failed;
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(connection(stream, router.clone()))),
                    // Out of descriptors, or the caller is gone already: the others are served on.
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                failure = &mut failed => {
                    return Err(failure.map_or(ServeError::WriterGone, ServeError::Writer));
                }
            }
        }
    }
}

/// A fault that hangs up: the connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("hung up on demand")]
struct HungUp;

async fn connection(stream: TcpStream, router: axum::Router) {
    // Small answers must not wait for the caller's next packet; without the option they are only slower.
    drop(stream.set_nodelay(true));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let answered: Result<Response, Infallible> =
                router.oneshot(request.map(Body::new)).await;
            match answered {
                Ok(response) if response.extensions().get::<HangUp>().is_some() => Err(HungUp),
                Ok(response) => Ok(response),
                Err(never) => match never {},
            }
        }
    });
    let http = hyper::server::conn::http1::Builder::new();
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended");
    }
}
