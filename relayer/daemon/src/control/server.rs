//! The gRPC server: six services behind authentication, health and reflection for everybody.

use std::future::Future;
use std::time::Duration;

use isthmus_proto::v1::attester_service_server::AttesterServiceServer;
use isthmus_proto::v1::custody_service_server::CustodyServiceServer;
use isthmus_proto::v1::operator_service_server::OperatorServiceServer;
use isthmus_proto::v1::proof_service_server::ProofServiceServer;
use isthmus_proto::v1::route_service_server::RouteServiceServer;
use isthmus_proto::v1::transfer_service_server::TransferServiceServer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::{Router, TcpIncoming};

use crate::control::Services;
use crate::control::attesters::Attesters;
use crate::control::auth::Authenticator;
use crate::control::custody::CustodyDesk;
use crate::control::operator::Operators;
use crate::control::proofs::Proofs;
use crate::control::routes::Routes;
use crate::control::shared::Shared;
use crate::control::transfers::Transfers;

/// Largest request and largest ordinary answer.
const MESSAGE: usize = 4 * 1024 * 1024;
/// Largest answer of the proof service: a whole bundle.
const PROOF: usize = isthmus_prooflog::bundle::MAX_BUNDLE;
/// Longest call but for streams; a pull waits up to half of it.
const CALL: Duration = Duration::from_mins(1);
/// Most calls at a time on one connection.
const CALLS: usize = 256;
/// How long open calls may take to end when the server is told to.
const GRACE: Duration = Duration::from_secs(5);

/// Why the server ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The connection layer failed.
    #[error("the control server failed")]
    Transport(#[source] tonic::transport::Error),
    /// The descriptors for reflection cannot be read: a bug of the build.
    #[error("the API's descriptors cannot be read")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// Serves the API until `shutdown`. When the journal fails, what only reads is still answered.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let (close, closing) = watch::channel(false);
    let mut stop = closing.clone();
    let router = router(services, closing).await?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = router.serve_with_incoming_shutdown(incoming, async move {
        // An error means that this function is gone, which is the same.
        let _gone = stop.wait_for(|stop| *stop).await;
    });
    tokio::pin!(server, shutdown);
    tokio::select! {
        result = &mut server => return result.map_err(ServeError::Transport),
        () = &mut shutdown => {}
    }
    close.send_replace(true);
    // Streams and pulls let go by themselves; whoever does not is cut off.
    match tokio::time::timeout(GRACE, &mut server).await {
        Ok(result) => result.map_err(ServeError::Transport),
        Err(_) => Ok(()),
    }
}

async fn router(services: Services, closing: watch::Receiver<bool>) -> Result<Router, ServeError> {
    let authenticator = Authenticator::new(&services.access);
    let shared = Shared::new(services, closing);
    let transfers = TransferServiceServer::new(Transfers::new(&shared))
        .max_decoding_message_size(MESSAGE)
        .max_encoding_message_size(MESSAGE);
    let routes = RouteServiceServer::new(Routes::new(&shared))
        .max_decoding_message_size(MESSAGE)
        .max_encoding_message_size(MESSAGE);
    let proofs = ProofServiceServer::new(Proofs::new(&shared))
        .max_decoding_message_size(MESSAGE)
        .max_encoding_message_size(PROOF + MESSAGE);
    let operator = OperatorServiceServer::new(Operators::new(&shared))
        .max_decoding_message_size(MESSAGE)
        .max_encoding_message_size(MESSAGE);
    let attesters = AttesterServiceServer::new(Attesters::new(&shared))
        .max_decoding_message_size(MESSAGE)
        .max_encoding_message_size(MESSAGE);
    let custody = CustodyServiceServer::new(CustodyDesk::new(&shared))
        .max_decoding_message_size(MESSAGE)
        .max_encoding_message_size(MESSAGE);
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_serving::<TransferServiceServer<Transfers>>()
        .await;
    health.set_serving::<RouteServiceServer<Routes>>().await;
    health.set_serving::<ProofServiceServer<Proofs>>().await;
    health
        .set_serving::<OperatorServiceServer<Operators>>()
        .await;
    health
        .set_serving::<AttesterServiceServer<Attesters>>()
        .await;
    health
        .set_serving::<CustodyServiceServer<CustodyDesk>>()
        .await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(isthmus_proto::DESCRIPTORS)
        .build_v1()
        .map_err(ServeError::Reflection)?;
    Ok(Server::builder()
        .timeout(CALL)
        .concurrency_limit_per_connection(CALLS)
        .add_service(health_service)
        .add_service(reflection)
        .add_service(InterceptedService::new(transfers, authenticator.clone()))
        .add_service(InterceptedService::new(routes, authenticator.clone()))
        .add_service(InterceptedService::new(proofs, authenticator.clone()))
        .add_service(InterceptedService::new(operator, authenticator.clone()))
        .add_service(InterceptedService::new(custody, authenticator.clone()))
        .add_service(InterceptedService::new(attesters, authenticator)))
}
