//! Reserves, movements that nobody asked for, and the books as attesters read them.

use isthmus_core::id::Address;
use isthmus_core::pool::Pool;
use isthmus_core::ports::{Cursor, Fact, FindError, Ledger, Moved, Page};
use isthmus_core::quantity::Quantity;
use isthmus_vcs::views::Record;
use serde_json::json;

use crate::parties::{Relay, block, lock, release};
use crate::world::{ADMIN, id, serial};

const START: Cursor = Cursor {
    height: 0,
    block: None,
    last_number: 0,
};

pub(crate) async fn pool(relay: &Relay) -> Pool {
    let stored = relay.ledger.blocks(&[serial(0, 0)]).await.unwrap();
    Pool {
        asset_class: stored[0].class.id(),
        custody_account: "9001".parse().unwrap(),
        destination: "eip155:31337".parse().unwrap(),
        gate: Address::new([0x33; 20]),
        origin: "vcs:sandbox".parse().unwrap(),
    }
}

#[tokio::test]
async fn reserves_are_the_locked_units_of_the_class_page_by_page() {
    let relay = Relay::start().await;
    let pool = pool(&relay).await;
    for number in 0..5 {
        relay
            .done(&lock(number, number * 10, number * 10 + 4))
            .await;
    }
    // Another class in the same custody account does not count.
    let other = "19298-935995787-935995804-VCS-VCU-1491-VER-BR-1-513-01012018-31122018-0";
    let correct = json!({"units": [other], "account": "9001", "state": "locked"});
    relay.world.ok(ADMIN, "/v1/admin/units", correct).await;
    let page = |offset| Page { offset, limit: 2 };
    let mut units = Vec::new();
    for offset in [0, 2, 4] {
        let reserves = relay.ledger.reserves(&pool, page(offset)).await.unwrap();
        assert_eq!(
            (reserves.total, reserves.as_of),
            (Quantity::from_tonnes(25).unwrap(), 6)
        );
        units.extend(reserves.units);
    }
    assert_eq!(
        units,
        (0..5)
            .map(|n| block(n * 10, n * 10 + 4))
            .collect::<Vec<_>>()
    );
    let cancel = json!({"units": [serial(0, 2)], "account": "9001", "state": "cancelled"});
    relay.world.ok(ADMIN, "/v1/admin/units", cancel).await;
    let reserves = relay.ledger.reserves(&pool, page(0)).await.unwrap();
    assert_eq!(
        reserves.total,
        Quantity::from_tonnes(22).unwrap(),
        "what the registry took away is missing"
    );
    let foreign = Pool {
        origin: "vcs:other".parse().unwrap(),
        ..pool
    };
    assert!(relay.ledger.reserves(&foreign, page(0)).await.is_err());
}

#[tokio::test]
async fn only_what_no_reference_explains_is_a_fact_and_none_is_skipped() {
    let relay = Relay::start().await;
    relay.done(&lock(1, 0, 9)).await;
    let deposit = json!({"units": [serial(20, 29)], "account": "9001", "state": "held"});
    relay.world.ok(ADMIN, "/v1/admin/units", deposit).await;
    relay.done(&lock(2, 30, 39)).await;
    let cancel = json!({"units": [serial(0, 4)], "account": "9001", "state": "cancelled"});
    relay.world.ok(ADMIN, "/v1/admin/units", cancel).await;
    let (mut cursor, mut seen, mut head) = (START, Vec::new(), 1);
    while cursor.height < head {
        let page = relay.ledger.observe(&cursor, 1).await.unwrap();
        assert_eq!(page.next.height, cursor.height + 1);
        seen.extend(page.facts.into_iter().map(|observed| observed.fact));
        (cursor, head) = (page.next, page.head);
    }
    let class = relay.ledger.blocks(&[serial(0, 9)]).await.unwrap()[0]
        .class
        .id();
    let fact = |reference: &str, from: &str, units| {
        Fact::Moved(Moved {
            reference: reference.into(),
            from: from.parse().unwrap(),
            to: None,
            note: None,
            asset_class: Some(class),
            units: vec![units],
        })
    };
    assert_eq!(
        seen,
        [
            // It lies in custody, but is not locked there.
            fact("registry:2", "1001", block(20, 29)),
            fact("registry:4", "9001", block(0, 4))
        ]
    );
    let end = relay.ledger.observe(&cursor, 100).await.unwrap();
    assert_eq!((end.facts.len(), &end.next), (0, &cursor));
    relay
        .faults(
            json!([{"operation": "movements", "fault": "stale_read", "ms": 600_000, "times": 1}]),
        )
        .await;
    let stale = relay.ledger.observe(&cursor, 100).await;
    assert!(
        matches!(stale, Err(FindError::Unavailable(_))),
        "an answer from the past is no contradiction: {stale:?}"
    );
}

#[tokio::test]
async fn attesters_read_accounts_blocks_and_records_for_themselves() {
    let relay = Relay::start().await;
    let attester = relay.attester(0).await;
    relay.done(&lock(1, 0, 9)).await;
    let draft = relay.draft(&release(7, "1002", 0, 4)).await;
    relay.send(&draft).await.unwrap();
    let holder = attester
        .account(&"1001".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let expected = ed25519_dalek::SigningKey::from_bytes(&[0x0b; 32]).verifying_key();
    assert_eq!(holder.holder_key.unwrap().0, expected.to_bytes());
    assert!(holder.open && !holder.custody);
    assert!(
        attester
            .account(&"1999".parse().unwrap())
            .await
            .unwrap()
            .is_none()
    );
    let blocks = attester.blocks(&[serial(5, 12)]).await.unwrap();
    let seen: Vec<_> = blocks
        .iter()
        .map(|b| (b.serial.as_str(), b.account.as_str(), b.locked))
        .collect();
    assert_eq!(
        seen,
        [
            (serial(0, 9).as_str(), "9001", true),
            (serial(10, 424).as_str(), "1001", false)
        ]
    );
    let records = attester
        .records(&[id(1).to_string(), id(7).to_string(), id(9).to_string()])
        .await
        .unwrap();
    assert!(
        matches!(
            &records[..],
            [
                Record::Executed { .. },
                Record::Proposed { .. },
                Record::Absent
            ]
        ),
        "{records:?}"
    );
}
