//! What an operator does and sees: status, metrics, a stop and a start, a key that is in nobody's log.

use std::time::Duration;

use isthmus_e2e::devnet::Devnet;
use isthmus_proto::v1;

use crate::world::World;

async fn scrape(devnet: &Devnet, path: &str) -> String {
    let url = format!("{}{path}", devnet.metrics_url());
    let answer = reqwest::get(url).await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.text().await.unwrap()
}

#[tokio::test]
async fn an_operator_sees_what_happens_and_stops_and_starts_the_relayer() {
    let world = World::start().await;
    let (id, _) = world.minted(0, 9).await;
    let mut operator = world.devnet.control("operator-1").unwrap().operator();
    let status = operator
        .status(v1::StatusRequest {})
        .await
        .unwrap()
        .into_inner();
    let completed = v1::StateCount {
        state: "completed".to_owned(),
        count: 1,
    };
    assert!(status.transfers.contains(&completed), "{status:?}");
    assert_eq!(status.log_size, 3, "ROUTE, LOCKED, MINTED");
    assert_eq!(status.concerns, Vec::<String>::new());
    assert_eq!(status.attesters.len(), 3, "{status:?}");
    assert!(
        status.attesters.iter().all(|a| a.last_seen_ms < 60_000),
        "{status:?}"
    );
    assert!(
        status
            .ledgers
            .iter()
            .all(|l| l.problem.is_empty() && !l.halted),
        "{status:?}"
    );

    let metrics = scrape(&world.devnet, "/metrics").await;
    for expected in [
        "isthmus_transfers{state=\"completed\"} 1",
        "isthmus_log_size 3",
        "isthmus_ledger_final_height{ledger=\"eip155:31337\"}",
    ] {
        assert!(metrics.contains(expected), "{expected}\n{metrics}");
    }
    scrape(&world.devnet, "/healthz").await;
    fees_are_what_the_chain_took(&world.devnet, 1).await;

    // Asked to stop, with attesters waiting for work, it ends soon and well.
    world.devnet.relayer.terminate().unwrap();
    let code = world
        .devnet
        .relayer
        .ended(Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(code, Some(0), "{}", world.devnet.relayer.last_lines(20));
    world.devnet.attesters[2].terminate().unwrap();
    let code = world.devnet.attesters[2]
        .ended(Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(
        code,
        Some(0),
        "{}",
        world.devnet.attesters[2].last_lines(20)
    );
    world.devnet.start_relayer().await.unwrap();
    world.devnet.wait_for(id, "completed").await.unwrap();
    fees_are_what_the_chain_took(&world.devnet, 1).await;
    world.minted(10, 19).await;
    fees_are_what_the_chain_took(&world.devnet, 2).await;

    secrets_are_in_no_log(&world.devnet);
}

/// In `status` and in the metrics, before and after a restart.
async fn fees_are_what_the_chain_took(devnet: &Devnet, mints: u64) {
    let mut operator = devnet.control("operator-1").unwrap().operator();
    let status = operator.status(v1::StatusRequest {}).await.unwrap();
    let status = status.into_inner();
    let (transactions, gas, wei) = devnet.chain.paid_for_mints().await.unwrap();
    let expected = v1::Fees {
        ledger: "eip155:31337".to_owned(),
        operation: "mint".to_owned(),
        transactions,
        transfers: mints,
        gas,
        wei: wei.to_string(),
    };
    assert!(wei > 0 && transactions == mints, "{expected:?}");
    assert_eq!(status.fees, [expected]);
    assert!(status.ledgers.iter().all(|l| l.calls > 0), "{status:?}");
    let metrics = scrape(devnet, "/metrics").await;
    let line = format!("isthmus_fee_gas_total{{ledger=\"eip155:31337\",operation=\"mint\"}} {gas}");
    assert!(
        metrics.lines().any(|found| found == line),
        "{line}\n{metrics}"
    );
}

/// Everything that the processes printed, at level info.
fn secrets_are_in_no_log(devnet: &Devnet) {
    let parties = &devnet.parties;
    let mut secrets = parties.attester_secrets();
    secrets.extend(parties.identities.iter().map(|i| i.token.clone()));
    secrets.extend([
        parties.registry.relayer.clone(),
        parties.log.seed_hex(),
        parties.mint.hex(),
        parties.void.hex(),
    ]);
    for service in std::iter::once(&devnet.relayer).chain(&devnet.attesters) {
        let printed = service.output();
        assert!(!printed.is_empty(), "{} printed nothing", service.name());
        for secret in &secrets {
            assert!(
                !printed.contains(secret),
                "{} printed a secret",
                service.name()
            );
        }
    }
}
