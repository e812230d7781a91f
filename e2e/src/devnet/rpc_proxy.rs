//! A JSON-RPC endpoint before a node that tells its callers what it likes: for tests of endpoints that lie, freeze or are away.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Rewrites an answer; is given the request.
type Lie = Arc<dyn Fn(&Value, &mut Value) + Send + Sync>;

/// How it behaves.
#[derive(Clone)]
enum Manner {
    Honest,
    Lying(Lie),
    /// Every request is answered with 503.
    Away,
}

struct Proxy {
    node: String,
    client: reqwest::Client,
    manner: Mutex<Manner>,
}

impl Proxy {
    fn manner(&self) -> MutexGuard<'_, Manner> {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running proxy, stopped when dropped.
pub struct RpcProxy {
    /// Where it listens.
    pub url: String,
    proxy: Arc<Proxy>,
    _server: JoinSet<std::io::Result<()>>,
}

impl std::fmt::Debug for RpcProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RpcProxy({} before {})", self.url, self.proxy.node)
    }
}

impl RpcProxy {
    /// Honest at first.
    pub async fn before(node_url: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address: SocketAddr = listener.local_addr().context("it was bound")?;
        let proxy = Arc::new(Proxy {
            node: node_url.to_owned(),
            client: reqwest::Client::new(),
            manner: Mutex::new(Manner::Honest),
        });
        let app = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&proxy));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await });
        Ok(Self {
            url: format!("http://{address}"),
            proxy,
            _server: server,
        })
    }

    /// From now on answers are what this makes of them.
    pub fn lie(&self, lie: impl Fn(&Value, &mut Value) + Send + Sync + 'static) {
        *self.proxy.manner() = Manner::Lying(Arc::new(lie));
    }

    /// Answers nobody.
    pub fn go_away(&self) {
        *self.proxy.manner() = Manner::Away;
    }

    /// Hands on what the node says.
    pub fn be_honest(&self) {
        *self.proxy.manner() = Manner::Honest;
    }
}

async fn answer(
    State(proxy): State<Arc<Proxy>>,
    Json(request): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let manner = proxy.manner().clone();
    if let Manner::Away = manner {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let sent = proxy.client.post(&proxy.node).json(&request).send().await;
    let answered = sent.map_err(|_| StatusCode::BAD_GATEWAY)?.json().await;
    let mut answer: Value = answered.map_err(|_| StatusCode::BAD_GATEWAY)?;
    if let Manner::Lying(lie) = manner {
        lie(&request, &mut answer);
    }
    Ok(Json(answer))
}
