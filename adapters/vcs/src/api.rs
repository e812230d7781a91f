//! One HTTP call, and what may be concluded when it fails.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use isthmus_core::ports::BoxError;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bodies::Rejection;
use crate::config::{ApiKey, VcsConfig};
use crate::connect::ConnectError;

/// Largest answer; 500 receipts of 500 serials each stay below it.
const MAX_ANSWER: usize = 64 << 20;

/// The registry's API under one credential.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    base: Url,
    key: ApiKey,
    calls: AtomicU64,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// It never arrived.
    #[error("no connection to the registry")]
    Unreached(#[source] BoxError),
    /// It may have been carried out.
    #[error("the registry's answer is missing or unreadable")]
    Unknown(#[source] BoxError),
    /// The registry turned the call as a whole down; nothing was carried out.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl Api {
    pub(crate) fn new(config: &VcsConfig, key: ApiKey) -> Result<Self, ConnectError> {
        let base = base_url(config)?;
        let timeout = Duration::from_millis(config.request_timeout_ms);
        // A redirect or a proxy would carry the API key to somebody else.
        let client = Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| ConnectError::Client(error.into()))?;
        Ok(Self {
            client,
            base,
            key,
            calls: AtomicU64::new(0),
        })
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.call(self.client.get(self.url(path)?)).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        self.call(self.client.post(self.url(path)?).json(body))
            .await
    }

    fn url(&self, path: &str) -> Result<Url, CallError> {
        self.base
            .join(path)
            .map_err(|error| CallError::Unreached(error.into()))
    }

    /// HTTP calls made so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CallError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let request = request.header("x-api-key", self.key.0.expose_secret());
        let response = request.send().await.map_err(|error| {
            // Until the connection stood, nothing was sent.
            let never_arrived = error.is_connect() || error.is_builder();
            let error = error.without_url();
            if never_arrived {
                CallError::Unreached(error.into())
            } else {
                CallError::Unknown(error.into())
            }
        })?;
        let status = response.status();
        let bytes = read(response).await.map_err(CallError::Unknown)?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&bytes)
                .map_err(|error| CallError::Unknown(error.into()));
        }
        if status.is_client_error() {
            return Err(Rejection::read(status.as_u16(), &bytes).into());
        }
        let shown: String = String::from_utf8_lossy(&bytes).chars().take(200).collect();
        Err(CallError::Unknown(
            format!("the registry answered {status}: {shown}").into(),
        ))
    }
}

/// A base URL that an API key may be sent to: plaintext reaches this machine only.
fn base_url(config: &VcsConfig) -> Result<Url, ConnectError> {
    let (ledger, url) = (config.ledger.clone(), config.url.clone());
    let parsed = Url::parse(&url)
        .ok()
        .filter(|url| url.has_host() && url.path() == "/");
    let Some(base) = parsed.filter(|url| ["http", "https"].contains(&url.scheme())) else {
        return Err(ConnectError::BadUrl { ledger, url });
    };
    let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if base.scheme() == "https" || loopback {
        Ok(base)
    } else {
        Err(ConnectError::Plaintext { ledger, url })
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, BoxError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(format!("the answer is longer than {MAX_ANSWER} bytes").into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
