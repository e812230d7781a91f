//! Who may call what.

use isthmus_proto::v1 as pb;
use isthmus_proto::v1::operator_service_client::OperatorServiceClient;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::control::tests::{Server, reason, token};
use crate::error_code::ErrorCode;
use crate::proof::testing::World;

#[tokio::test]
async fn without_a_known_token_nothing_is_answered() {
    let server = Server::start(World::new()).await;
    let known = token("auditor");
    let wrong = [
        None,
        Some("Bearer nobody".to_owned()),
        Some(known.clone()),
        Some(format!("Basic {known}")),
        Some(format!("Bearer {known}x")),
        Some(format!("Bearer {}", &known[..known.len() - 1])),
        Some("Bearer ".to_owned()),
    ];
    for header in wrong {
        let mut client = OperatorServiceClient::new(server.bearer(header.as_deref()));
        let refused = client.status(pb::StatusRequest {}).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{header:?}");
        assert_eq!(reason(&refused), ErrorCode::NotAuthenticated);
    }
    let mut client = server.operator("auditor");
    assert!(client.status(pb::StatusRequest {}).await.is_ok());
}

#[tokio::test]
async fn a_role_opens_what_it_is_for_and_nothing_else() {
    let server = Server::start(World::new()).await;
    let scope = || pb::PauseRequest {
        scope: "all".into(),
    };
    for name in ["auditor", "exchange-a", "attester-1"] {
        let refused = server.operator(name).pause(scope()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{name}");
        assert_eq!(reason(&refused), ErrorCode::NotPermitted);
        assert!(refused.message().contains("operator or guardian"));
    }
    assert!(server.operator("guardian").pause(scope()).await.is_ok());
    let resume = pb::ResumeRequest {
        scope: "all".into(),
        accept_losses: false,
    };
    let refused = server
        .operator("guardian")
        .resume(resume)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let submit = pb::SubmitRequest { orders: vec![] };
    let refused = server.transfers("attester-1").submit(submit).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn health_and_reflection_are_open() {
    let server = Server::start(World::new()).await;
    let mut health = HealthClient::new(server.channel());
    let mut reflection = ServerReflectionClient::new(server.channel());
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection
        .server_reflection_info(tokio_stream::once(list))
        .await
        .unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(listed)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let listed: Vec<_> = listed.service.into_iter().map(|s| s.name).collect();
    for service in ["Transfer", "Route", "Proof", "Operator", "Attester"] {
        let name = format!("isthmus.v1.{service}Service");
        assert!(listed.contains(&name), "{name} is not in {listed:?}");
        let checked = health
            .check(HealthCheckRequest {
                service: name.clone(),
            })
            .await;
        assert_eq!(checked.unwrap().into_inner().status, 1, "{name}");
    }
}
