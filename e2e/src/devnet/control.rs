//! The relayer's API as one identity sees it. The connection is made when it is needed, so it survives a restarted relayer.

use isthmus_proto::v1::custody_service_client::CustodyServiceClient;
use isthmus_proto::v1::operator_service_client::OperatorServiceClient;
use isthmus_proto::v1::proof_service_client::ProofServiceClient;
use isthmus_proto::v1::route_service_client::RouteServiceClient;
use isthmus_proto::v1::transfer_service_client::TransferServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Adds the identity's token to every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(
        &mut self,
        mut request: tonic::Request<()>,
    ) -> Result<tonic::Request<()>, tonic::Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer")
    }
}

/// A connection that carries a token.
pub type Authenticated = InterceptedService<Channel, Bearer>;

/// Largest message taken, for proof bundles.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// Clients of every service.
#[derive(Clone, Debug)]
pub struct Control {
    connection: Authenticated,
}

impl Control {
    pub(super) fn new(url: &str, token: &str) -> anyhow::Result<Self> {
        let channel = Endpoint::from_shared(url.to_owned())?.connect_lazy();
        let bearer = Bearer(format!("Bearer {token}").parse()?);
        Ok(Self {
            connection: InterceptedService::new(channel, bearer),
        })
    }

    /// Transfers.
    pub fn transfers(&self) -> TransferServiceClient<Authenticated> {
        TransferServiceClient::new(self.connection.clone())
    }

    /// Routes.
    pub fn routes(&self) -> RouteServiceClient<Authenticated> {
        RouteServiceClient::new(self.connection.clone())
    }

    /// Proofs.
    pub fn proofs(&self) -> ProofServiceClient<Authenticated> {
        ProofServiceClient::new(self.connection.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// What the registry took away, and what nobody asked for.
    pub fn custody(&self) -> CustodyServiceClient<Authenticated> {
        CustodyServiceClient::new(self.connection.clone())
    }

    /// Operating.
    pub fn operator(&self) -> OperatorServiceClient<Authenticated> {
        OperatorServiceClient::new(self.connection.clone())
    }
}

/// Whether the API there says that it serves.
pub(super) async fn serves(url: &str) -> bool {
    let Ok(endpoint) = Endpoint::from_shared(url.to_owned()) else {
        return false;
    };
    let mut client = HealthClient::new(endpoint.connect_lazy());
    let request = HealthCheckRequest {
        service: String::new(),
    };
    let answer = client.check(request).await;
    answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
}
