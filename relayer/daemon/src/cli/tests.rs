//! The command line as it is typed, against a relayer that answers over a real connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use isthmus_proto::v1::route_service_server::{RouteService, RouteServiceServer};
use isthmus_proto::v1::{
    ApproveRouteRequest, ApproveRouteResponse, GetRouteRequest, GetRouteResponse,
    ListRoutesRequest, ListRoutesResponse, ProposeRouteRequest, ProposeRouteResponse,
    Route as StoredRoute, ValidateRouteRequest, ValidateRouteResponse,
};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::*;

const SERIAL: &str = "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1";

/// What a caller said about itself.
#[derive(Clone)]
struct Caller {
    authorization: Option<String>,
    deadline: Option<String>,
}

/// Answers with one route, refuses proposals, and keeps what callers said about themselves.
#[derive(Clone, Default)]
struct Relayer {
    seen: Arc<Mutex<Vec<Caller>>>,
}

impl Relayer {
    fn note<T>(&self, request: &Request<T>) {
        let header = |name| {
            let value = request.metadata().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        self.seen.lock().unwrap().push(Caller {
            authorization: header("authorization"),
            deadline: header("grpc-timeout"),
        });
    }
}

fn route() -> StoredRoute {
    StoredRoute {
        id: "verra-evm".into(),
        version: 1,
        status: "active".into(),
        document: route::tests::DOCUMENT.into(),
        ..StoredRoute::default()
    }
}

#[tonic::async_trait]
impl RouteService for Relayer {
    async fn validate(
        &self,
        _: Request<ValidateRouteRequest>,
    ) -> Result<Response<ValidateRouteResponse>, Status> {
        let problems = vec!["route.v: \"2\" is not valid: this form is version 1".into()];
        Ok(Response::new(ValidateRouteResponse { problems }))
    }

    async fn propose(
        &self,
        _: Request<ProposeRouteRequest>,
    ) -> Result<Response<ProposeRouteResponse>, Status> {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("signature.key", "not a route admin's: ask to be one");
        details.set_error_info("ISTHMUS-0009", "isthmus.v1", HashMap::new());
        let code = Code::PermissionDenied;
        Err(Status::with_error_details(code, "refused", details))
    }

    async fn approve(
        &self,
        _: Request<ApproveRouteRequest>,
    ) -> Result<Response<ApproveRouteResponse>, Status> {
        Err(Status::unavailable("the store is busy"))
    }

    async fn get(
        &self,
        request: Request<GetRouteRequest>,
    ) -> Result<Response<GetRouteResponse>, Status> {
        self.note(&request);
        let route = Some(route());
        Ok(Response::new(GetRouteResponse { route }))
    }

    async fn list(
        &self,
        _: Request<ListRoutesRequest>,
    ) -> Result<Response<ListRoutesResponse>, Status> {
        let routes = vec![route()];
        Ok(Response::new(ListRoutesResponse { routes }))
    }
}

/// Parses and carries out a command line, as the process does.
async fn isthmus(at: SocketAddr, args: &[&str]) -> (String, Option<Failure>) {
    let url = format!("http://{at}");
    let line = ["isthmus", "--control", &url]
        .into_iter()
        .chain(args.iter().copied());
    let matches = command().try_get_matches_from(line).unwrap();
    let cli = Cli::from_arg_matches(&matches).unwrap();
    let execute = move || {
        let mut written = Vec::new();
        let failure = cli.execute(&mut written).err();
        (String::from_utf8(written).unwrap(), failure)
    };
    tokio::task::spawn_blocking(execute).await.unwrap()
}

async fn serve(relayer: Relayer, tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let server = tonic::transport::Server::builder()
        .add_service(RouteServiceServer::new(relayer))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tasks.spawn(async move { server.await.unwrap() });
    at
}

#[tokio::test]
async fn terms_are_prepared_from_the_relayers_route_under_the_callers_token() {
    let (relayer, mut tasks) = (Relayer::default(), JoinSet::new());
    let at = serve(relayer.clone(), &mut tasks).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    let args = [
        "transfer",
        "prepare",
        "--json",
        "--token-file",
        token.to_str().unwrap(),
        "--route",
        "verra-evm",
        "--account",
        "1001",
        "--recipient",
        "0x4444444444444444444444444444444444444444",
        "--unit",
        SERIAL,
        "--label",
        "CCP",
    ];
    let (text, failure) = isthmus(at, &args).await;
    assert!(failure.is_none(), "{failure:?}");
    let object: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(object["quantity_g"], "425000000");
    assert_eq!(object["terms"]["destination"], "eip155:31337");
    assert_eq!(object["terms"]["origin"], "vcs:sandbox");
    let seen = relayer.seen.lock().unwrap().clone();
    assert_eq!(
        seen[0].authorization.as_deref(),
        Some("Bearer 0123456789abcdef")
    );
    assert!(seen[0].deadline.is_some(), "every call has a deadline");
}

#[tokio::test]
async fn refusals_and_silence_have_their_sentences_and_exit_codes() {
    let mut tasks = JoinSet::new();
    let at = serve(Relayer::default(), &mut tasks).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("route.json"), route::tests::DOCUMENT).unwrap();
    std::fs::write(path("seed"), "01".repeat(32)).unwrap();
    let propose = [
        "route",
        "propose",
        &path("route.json"),
        "--key",
        &path("seed"),
    ];
    let failure = isthmus(at, &propose).await.1.unwrap();
    assert_eq!(failure.exit_code(), 4);
    assert_eq!(
        failure.to_string(),
        "signature.key: not a route admin's: ask to be one (ISTHMUS-0009)"
    );
    let approve = [
        "route",
        "approve",
        "verra-evm",
        "--version",
        "1",
        "--key",
        &path("seed"),
    ];
    let failure = isthmus(at, &approve).await.1.unwrap();
    assert_eq!(failure.exit_code(), 5);
    assert_eq!(failure.to_string(), "the store is busy: try again");
    let (text, failure) = isthmus(at, &["route", "validate", &path("route.json")]).await;
    assert_eq!(failure.unwrap().exit_code(), 1);
    assert!(text.ends_with("1 problem(s)\n"), "{text}");
    let (text, failure) = isthmus(at, &["route", "list"]).await;
    assert!(failure.is_none() && text.contains("active"), "{text}");
    tasks.shutdown().await;
    let failure = isthmus(at, &["route", "list"]).await.1.unwrap();
    assert_eq!(failure.exit_code(), 5);
}

#[test]
fn the_command_line_is_sound_and_every_help_has_the_exit_codes() {
    fn check(command: &mut clap::Command) {
        let help = command.render_help().to_string();
        assert!(help.contains("70  a bug"), "{help}");
        let subcommands = command.get_subcommands_mut();
        // clap's own.
        subcommands
            .filter(|command| command.get_name() != "help")
            .for_each(check);
    }
    let mut command = command();
    command.clone().debug_assert();
    check(&mut command);
}

#[test]
fn every_documented_command_parses() {
    let id = format!("0x{}", "ab".repeat(32));
    let lines = [
        "run --config r.toml".to_owned(),
        "attester --config a.toml".to_owned(),
        "config check a.toml b.toml".to_owned(),
        format!("inspect {SERIAL} x"),
        "inspect --json".to_owned(),
        "keys generate --kind ed25519 --out k --log isthmus.devnet/log".to_owned(),
        "keys show --kind secp256k1 k".to_owned(),
        "route validate r.json".to_owned(),
        "route propose r.json --key k".to_owned(),
        "route approve r --version 1 --key k --digest 0x00".to_owned(),
        "route get r".to_owned(),
        "route list".to_owned(),
        format!(
            "transfer prepare --route r --account 1 --recipient 0x1 --unit {SERIAL} --unit {SERIAL} --label L --out t"
        ),
        "transfer submit t.json --key k --idempotency-key i".to_owned(),
        "transfer submit t.json --mandate AA==".to_owned(),
        format!("transfer get {id}"),
        "transfer list --state taken --route r --limit 5".to_owned(),
        format!("transfer watch {id} --until completed"),
        format!("transfer withdraw {id} --key k"),
        "transfer instruction release --account 1002 --out i".to_owned(),
        "transfer instruction retire --beneficiary b --reason r --out i".to_owned(),
        format!("transfer instruct {id} --instruction i"),
        format!("proof bundle {id} --out d"),
        "proof checkpoint".to_owned(),
        "proof inclusion 3".to_owned(),
        "proof reserves".to_owned(),
        "proof leaves --out l".to_owned(),
        "audit verify b --policy p --previous c".to_owned(),
        "audit reserves --leaves l --checkpoint c --policy p".to_owned(),
        "status --json".to_owned(),
        "pause route:r".to_owned(),
        "resume all".to_owned(),
        "quarantine list".to_owned(),
        format!("quarantine resolve {id} --resolution withdraw"),
    ];
    for line in lines {
        let args = std::iter::once("isthmus").chain(line.split(' '));
        let parsed = command().try_get_matches_from(args);
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
    for wrong in [
        "",
        "transfer submit t.json",
        "transfer get 0xab",
        "transfer list --state done",
    ] {
        let args = std::iter::once("isthmus").chain(wrong.split_whitespace());
        let error = command().try_get_matches_from(args).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{wrong}");
    }
}
