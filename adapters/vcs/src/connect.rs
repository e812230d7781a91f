//! Connecting: nothing is asked of a registry before it has said that it is the right one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_core::id::LedgerId;
use isthmus_core::ports::BoxError;

use crate::api::{Api, CallError};
use crate::bodies::{Info, Movements, Rejection};
use crate::config::VcsConfig;

/// Why a registry is not used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not a base URL.
    #[error(
        "url of ledger {ledger}: {url:?} is not a base URL: write it like http://127.0.0.1:8080, without a path"
    )]
    BadUrl {
        /// Which ledger.
        ledger: LedgerId,
        /// The text.
        url: String,
    },
    /// An API key would cross a network in the clear.
    #[error(
        "url of ledger {ledger}: {url:?} is not encrypted: use https, plain http is for this machine's loopback only"
    )]
    Plaintext {
        /// Which ledger.
        ledger: LedgerId,
        /// The text.
        url: String,
    },
    /// The configured key is no key.
    #[error(
        "receipt_key of ledger {ledger} is not an Ed25519 public key: copy it from the registry's operator"
    )]
    NoKey {
        /// Which ledger.
        ledger: LedgerId,
    },
    /// No HTTP client could be made.
    #[error("the HTTP client could not be made")]
    Client(#[source] BoxError),
    /// It cannot be asked now.
    #[error("registry {ledger} at {url} did not answer")]
    Unreached {
        /// Which ledger.
        ledger: LedgerId,
        /// Where.
        url: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// Another registry answers there.
    #[error(
        "at {url} answers registry {found:?}, configured is {ledger}: correct the url or the ledger's id"
    )]
    WrongRegistry {
        /// What is configured.
        ledger: LedgerId,
        /// Where.
        url: String,
        /// What it calls itself.
        found: String,
    },
    /// It signs with another key.
    #[error(
        "registry {ledger} says that it signs receipts with {found}, configured is {configured}: ask its operator, and trust a new key only from them"
    )]
    WrongReceiptKey {
        /// Which ledger.
        ledger: LedgerId,
        /// The configured key, base64.
        configured: String,
        /// What it says, base64.
        found: String,
    },
    /// It does not know our API key.
    #[error("registry {ledger} does not accept the API key: {message}")]
    Credential {
        /// Which ledger.
        ledger: LedgerId,
        /// What it says.
        message: String,
    },
}

/// The longest list that the registry takes, once it has proved to be the configured one as far as it can.
pub(crate) async fn check(api: &Api, config: &VcsConfig) -> Result<usize, ConnectError> {
    let unreached = |error: CallError| ConnectError::Unreached {
        ledger: config.ledger.clone(),
        url: config.url.clone(),
        source: error.into(),
    };
    let info: Info = api.get("/v1/info").await.map_err(unreached)?;
    if info.registry != config.ledger.as_str() {
        return Err(ConnectError::WrongRegistry {
            ledger: config.ledger.clone(),
            url: config.url.clone(),
            found: info.registry,
        });
    }
    let configured = STANDARD.encode(config.receipt_key);
    if info.receipt_key != configured {
        return Err(ConnectError::WrongReceiptKey {
            ledger: config.ledger.clone(),
            configured,
            found: info.receipt_key,
        });
    }
    let probe: Result<Movements, CallError> = api.get("/v1/movements?after=0&limit=1").await;
    match probe {
        Ok(_) => Ok(info.max_list.clamp(1, crate::ledger::MAX_LIST)),
        Err(CallError::Rejected(Rejection {
            status: 401 | 403,
            message,
            ..
        })) => {
            let ledger = config.ledger.clone();
            Err(ConnectError::Credential { ledger, message })
        }
        Err(error) => Err(unreached(error)),
    }
}
