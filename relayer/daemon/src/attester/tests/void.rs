//! Voids.

use isthmus_core::id::Address;

use super::world;
use crate::attester::decline::Ground;
use crate::attester::lock::LoggedLock;
use crate::attester::ports::Outcome;
use crate::attester::verify_void::{Void, check};

#[test]
fn a_void_is_for_the_gate_of_the_terms_and_has_no_outcome_before() {
    let terms = world::terms(1, 100);
    let replica = world::replay(&[
        world::route_leaf(&world::route(), &world::admins()),
        world::locked(&terms),
    ]);
    let lock = LoggedLock::read(&replica, terms.id(), 2).unwrap();
    let void = Void {
        ledger: world::CHAIN.parse().unwrap(),
        gate: world::GATE,
        transfer: terms.id(),
        epoch: 1,
    };
    check(&void, &lock, Outcome::None).expect("nothing is wrong");
    let elsewhere = Void {
        gate: Address::new([1; 20]),
        ..void.clone()
    };
    let other_chain = Void {
        ledger: "eip155:1".parse().unwrap(),
        ..void.clone()
    };
    let cases = [
        (&elsewhere, Outcome::None, Ground::NotTheTerms),
        (&other_chain, Outcome::None, Ground::NotTheTerms),
        (&void, Outcome::Minted, Ground::Minted),
        (&void, Outcome::Voided, Ground::Voided),
    ];
    for (void, outcome, ground) in cases {
        assert_eq!(check(void, &lock, outcome).unwrap_err().ground, ground);
    }
}
