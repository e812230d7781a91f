//! Burns that lost units, and burns that were written off in part before their pool was made good.

use alloy::primitives::B256;
use ed25519_dalek::{Signer as _, SigningKey};
use isthmus_prooflog::book::{BurnEnd, Totals};
use isthmus_prooflog::leaf::{AdminSignature, Grams, Leaf};
use isthmus_prooflog::pro_rata::Decision;
use isthmus_prooflog::serial::normalise;

use super::*;

const T: u64 = 1_000_000;

fn admins() -> [SigningKey; 2] {
    [1, 2].map(|byte| SigningKey::from_bytes(&[byte; 32]))
}

fn trusted() -> [Hash32; 2] {
    admins().map(|key| Hash32::new(key.verifying_key().to_bytes()))
}

fn burn() -> BurnStory {
    BurnStory {
        index: 0,
        pool: B256::ZERO,
        leaf: Leaf::Resumed {
            at_ms: 1,
            v: 1,
            scope: "all".into(),
            by: "operator-1".into(),
        },
        allocation: Vec::new(),
        lost: Vec::new(),
        routes: isthmus_prooflog::book::ByRoute::default(),
        quantity_g: 5 * T,
        given_g: 5 * T,
        decided: None,
        redirected: None,
        end: BurnEnd::Open,
    }
}

/// Ninety tonnes are left for a hundred, signed by so many of the admins.
fn decided(signers: usize) -> DecidedStory {
    let decision = Decision {
        backing_g: Grams(90 * T),
        impaired: B256::ZERO,
        pool: B256::ZERO,
        supply_g: Grams(100 * T),
        v: 1,
    };
    let document = decision.document();
    let sign = |key: &SigningKey| AdminSignature {
        key: B256::from(key.verifying_key().to_bytes()),
        signature: hex::encode(key.sign(pro_rata::message(&document).as_bytes()).to_bytes()),
    };
    DecidedStory {
        signatures: admins().iter().take(signers).map(sign).collect(),
        decision,
        document,
        totals: Totals {
            locked_g: 90 * T,
            circulating_g: 100 * T,
            shortfall_g: 10 * T,
            ..Totals::default()
        },
        impaired: Vec::new(),
    }
}

fn ground(answer: Result<(), Decline>) -> Ground {
    answer.unwrap_err().ground
}

/// The pool is whole by now and says nothing of the decision any more: the burn still got less by it.
#[test]
fn what_was_written_off_is_checked_also_when_nothing_is_missing_any_more() {
    let sound = PoolBook::default();
    let given = |signers| {
        let decided = Some(Box::new(decided(signers)));
        is_sound(&sound, &BurnStory { decided, ..burn() }, &trusted())
    };
    assert_eq!(is_sound(&sound, &burn(), &trusted()), Ok(()));
    assert_eq!(given(2), Ok(()));
    assert_eq!(ground(given(1)), Ground::Impaired);
    assert_eq!(ground(given(0)), Ground::Impaired);
}

/// Whatever is proposed names units that are gone, also when others made the pool good.
#[test]
fn a_burn_that_lost_units_waits_for_others() {
    let lost = "19385-941467007-941467011-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1";
    let lost = normalise(&[lost.to_owned()]).unwrap();
    let answer = is_sound(
        &PoolBook::default(),
        &BurnStory { lost, ..burn() },
        &trusted(),
    );
    assert_eq!(ground(answer), Ground::OtherProposal);
}
