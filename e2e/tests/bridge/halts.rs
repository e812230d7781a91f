//! What tests of halted ledgers ask and do: see the halt, resume as two people.

use std::time::{Duration, Instant};

use isthmus_e2e::devnet::{CHAIN, Devnet};
use isthmus_proto::v1;

/// The scope of the devnet's first chain.
pub(crate) fn scope() -> String {
    format!("ledger:{CHAIN}")
}

pub(crate) async fn status(devnet: &Devnet) -> v1::StatusResponse {
    let mut operator = devnet.control("operator-1").unwrap().operator();
    let status = operator.status(v1::StatusRequest {}).await.unwrap();
    status.into_inner()
}

/// Waits until status worries about something with these words; the whole sentence.
pub(crate) async fn worry(devnet: &Devnet, words: &str) -> String {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let concerns = status(devnet).await.concerns;
        if let Some(concern) = concerns.iter().find(|concern| concern.contains(words)) {
            return concern.clone();
        }
        assert!(
            Instant::now() < deadline,
            "{words:?} is not in {concerns:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until the first chain is halted by the relayer itself; why.
pub(crate) async fn halted(devnet: &Devnet) -> String {
    let why = worry(devnet, &format!("{} is paused by isthmus: ", scope())).await;
    assert!(status(devnet).await.paused.contains(&scope()));
    why
}

/// One operator's wish to let the first chain go on.
pub(crate) async fn resume(
    devnet: &Devnet,
    operator: &str,
    accept_losses: bool,
) -> Result<Vec<String>, tonic::Status> {
    let mut operator = devnet.control(operator).unwrap().operator();
    let request = v1::ResumeRequest {
        scope: scope(),
        accept_losses,
    };
    let answer = operator.resume(request).await?;
    Ok(answer.into_inner().paused)
}

/// Two people let it go on. The first alone cannot.
pub(crate) async fn resume_as_two(
    devnet: &Devnet,
    accept_losses: bool,
) -> Result<Vec<String>, tonic::Status> {
    let first = resume(devnet, "operator-1", accept_losses)
        .await
        .unwrap_err();
    assert!(first.message().contains("a second operator"), "{first:?}");
    let again = resume(devnet, "operator-1", accept_losses).await;
    again.expect_err("one person twice is not two");
    assert!(status(devnet).await.paused.contains(&scope()));
    resume(devnet, "operator-2", accept_losses).await
}

/// Two people let it go on as soon as everything that was sent again is final.
pub(crate) async fn resume_once_mended(devnet: &Devnet) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        match resume_as_two(devnet, false).await {
            Ok(paused) => return assert_eq!(paused, Vec::<String>::new()),
            Err(refusal) => assert!(Instant::now() < deadline, "{refusal:?}"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Attesters remember by themselves what was final, and believe no relayer that it changed: whoever runs one looks, and starts
/// it anew.
pub(crate) fn restart_attesters(devnet: &Devnet) {
    for attester in &devnet.attesters {
        attester.restart().unwrap();
    }
}
