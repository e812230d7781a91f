//! Deposits behind an allocation: only one that its sender meant for this very pool, and that made it good, may be given away.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use isthmus_core::testing::sample;
use isthmus_prooflog::receipt::RegistryReceipt;
use isthmus_prooflog::serial::normalise;

use super::*;

const SERIAL: &str = "19385-941467007-941467011-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn deposit(end: DepositEnd) -> LoggedDeposit {
    let units = normalise(&[SERIAL.to_owned()]).unwrap();
    LoggedDeposit {
        id: TransferId::new([8; 32]),
        reference: "deposit:8".into(),
        sender: sample::account(),
        brought: units.clone(),
        units,
        pool: sample::pool(),
        end,
    }
}

fn burn(pool: Pool) -> LoggedBurn {
    LoggedBurn {
        id: TransferId::new([9; 32]),
        number: 1,
        holder: Address::new([1; 20]),
        purpose: Purpose::Release,
        commitment: Hash32::new([2; 32]),
        quantity_g: 5_000_000,
        asset_class: B256::ZERO,
        redirected: None,
        pool,
        allocation: Vec::new(),
    }
}

fn noted(note: Option<String>) -> Record {
    let pool = sample::pool();
    let receipt = RegistryReceipt {
        account: Some(sample::account().to_string()),
        at_ms: 1,
        beneficiary: None,
        certificate: None,
        custody_account: pool.custody_account.to_string(),
        mandate: None,
        movement: "deposit".into(),
        quantity_t: 5,
        reason: note,
        reference: "deposit:8".into(),
        registry: pool.origin.to_string(),
        sequence: 8,
        units: vec![SERIAL.into()],
        v: 1,
    };
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"vcs:sandbox"}"#);
    let payload = URL_SAFE_NO_PAD.encode(serde_json_canonicalizer::to_vec(&receipt).unwrap());
    let message = format!("{header}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(key().sign(message.as_bytes()).to_bytes());
    Record::Executed {
        receipt: format!("{message}.{signature}"),
    }
}

#[test]
fn only_what_its_sender_meant_for_the_pool_is_given_away() {
    let own = key().verifying_key().to_bytes();
    let good = |deposit: LoggedDeposit, note: Option<String>, pool: Pool| {
        let answer = makes_good(&deposit, &noted(note), &burn(pool), &own);
        answer.map_err(|decline| decline.ground)
    };
    let (pool, cured) = (sample::pool(), || deposit(DepositEnd::Cured));
    let note = || Some(make_good_note(sample::pool().id()));
    assert_eq!(good(cured(), note(), pool.clone()), Ok(()));
    let refused = Err(Ground::OtherPool);
    assert_eq!(good(cured(), None, pool.clone()), refused, "no note");
    let other = Some(make_good_note(PoolId::new([3; 32])));
    assert_eq!(good(cured(), other, pool.clone()), refused, "another pool");
    for end in [DepositEnd::Open, DepositEnd::Returned] {
        let answer = good(deposit(end), note(), pool.clone());
        assert_eq!(answer, refused, "{end:?}: it made nothing good");
    }
    let elsewhere = Pool {
        custody_account: "9002".parse().unwrap(),
        ..pool
    };
    assert_eq!(good(cured(), note(), elsewhere), refused, "not its pool");
}
