//! The connection to a relayer's control plane.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use isthmus_proto::v1::custody_service_client::CustodyServiceClient;
use isthmus_proto::v1::operator_service_client::OperatorServiceClient;
use isthmus_proto::v1::proof_service_client::ProofServiceClient;
use isthmus_proto::v1::route_service_client::RouteServiceClient;
use isthmus_proto::v1::transfer_service_client::TransferServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::failure::Failure;

/// No call waits longer for its answer.
const DEADLINE: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A proof bundle has at most 64 MiB.
const MAX_ANSWER: usize = 80 * 1024 * 1024;

/// Which relayer, and as whom.
#[derive(Debug, Args)]
pub(crate) struct Control {
    /// URL of the relayer's control plane.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "ISTHMUS_CONTROL",
        default_value = "http://127.0.0.1:7400"
    )]
    control: String,
    /// File with the bearer token of the caller's identity.
    #[arg(long, global = true, value_name = "FILE", env = "ISTHMUS_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

impl Control {
    /// Connects. The token travels in plain text, so only to this host.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let url = &self.control;
        let usage = |problem: &str| Failure::Usage(format!("--control {url:?}: {problem}"));
        let endpoint = Endpoint::from_shared(url.clone())
            .map_err(|_| usage("write a URL such as http://127.0.0.1:7400"))?
            .connect_timeout(CONNECT_TIMEOUT);
        let loopback = endpoint.uri().host().is_some_and(is_loopback);
        if endpoint.uri().scheme_str() != Some("http") || !loopback {
            return Err(usage(
                "the relayer speaks plain http on loopback only; reach another host through a tunnel",
            ));
        }
        let bearer = Bearer {
            value: self.token()?,
        };
        let channel = endpoint.connect().await.map_err(|error| {
            Failure::Unavailable(format!(
                "the relayer at {url} does not answer ({}): start it, or name another one with --control",
                root_cause(&error)
            ))
        })?;
        Ok(Client { channel, bearer })
    }

    fn token(&self) -> Result<Option<MetadataValue<Ascii>>, Failure> {
        let Some(path) = &self.token_file else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        // Never repeats the text: it is a secret.
        let malformed = || {
            Failure::Usage(format!(
                "--token-file {}: it holds no token: write one line of visible ASCII characters",
                path.display()
            ))
        };
        let token = text.trim();
        if token.is_empty() {
            return Err(malformed());
        }
        let mut value: MetadataValue<Ascii> =
            format!("Bearer {token}").parse().map_err(|_| malformed())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Says who calls, and until when the answer matters.
#[derive(Clone)]
pub(crate) struct Bearer {
    value: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.value {
            request
                .metadata_mut()
                .insert("authorization", value.clone());
        }
        request.set_timeout(DEADLINE);
        Ok(request)
    }
}

/// A channel that says who calls.
pub(crate) type Api = InterceptedService<Channel, Bearer>;

/// The services of one relayer.
#[derive(Clone)]
pub(crate) struct Client {
    channel: Channel,
    bearer: Bearer,
}

impl Client {
    fn api(&self) -> Api {
        InterceptedService::new(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn transfers(&self) -> TransferServiceClient<Api> {
        TransferServiceClient::new(self.api())
    }

    pub(crate) fn routes(&self) -> RouteServiceClient<Api> {
        RouteServiceClient::new(self.api())
    }

    pub(crate) fn proofs(&self) -> ProofServiceClient<Api> {
        ProofServiceClient::new(self.api()).max_decoding_message_size(MAX_ANSWER)
    }

    pub(crate) fn custody(&self) -> CustodyServiceClient<Api> {
        CustodyServiceClient::new(self.api())
    }

    pub(crate) fn operator(&self) -> OperatorServiceClient<Api> {
        OperatorServiceClient::new(self.api())
    }
}

/// A field that a sound relayer always fills.
pub(crate) fn required<T>(field: Option<T>, name: &str) -> Result<T, Failure> {
    field.ok_or_else(|| Failure::Bug(format!("the relayer's answer lacks {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_trusted_with_a_token_in_plain_text() {
        for host in ["localhost", "127.0.0.1", "127.0.0.2", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "relayer.example", "[::]", "127.0.0.1.example"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[tokio::test]
    async fn bad_urls_and_silent_relayers_are_named() {
        let connect = async |url: &str| {
            let control = Control {
                control: url.into(),
                token_file: None,
            };
            match control.connect().await {
                Ok(_) => String::new(),
                Err(failure) => format!("{} {failure}", failure.exit_code()),
            }
        };
        assert!(
            connect("http://10.0.0.1:1")
                .await
                .starts_with("2 --control")
        );
        assert!(
            connect("https://127.0.0.1:1")
                .await
                .starts_with("2 --control")
        );
        assert!(connect("127.0.0.1").await.starts_with("2 --control"));
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", closed.local_addr().unwrap());
        drop(closed);
        let silent = connect(&url).await;
        assert!(silent.starts_with("5 the relayer at"), "{silent}");
        assert!(silent.contains("refused"), "{silent}");
    }

    #[test]
    fn a_token_that_cannot_be_sent_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let control = Control {
            control: String::new(),
            token_file: Some(path.clone()),
        };
        assert_eq!(control.token().unwrap_err().exit_code(), 2);
        std::fs::write(&path, "geheim\u{1}\n").unwrap();
        let failure = control.token().unwrap_err().to_string();
        assert!(!failure.contains("geheim"), "{failure}");
        std::fs::write(&path, "0123456789abcdef\n").unwrap();
        let value = control.token().unwrap().unwrap();
        assert_eq!(value.to_str().unwrap(), "Bearer 0123456789abcdef");
        assert!(value.is_sensitive());
    }
}
