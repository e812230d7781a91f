//! Deposits: units that somebody moved into custody without a lock. They back nothing. One that quotes an impaired pool makes
//! it good; any other goes back to its sender.

use serde::Serialize;

use crate::id::{AccountId, AssetClassId, LedgerId, PoolId, TransferId};
use crate::jcs;
use crate::operation::Operation;
use crate::quantity::Quantity;
use crate::serial_block::{self, SerialBlock};

/// What precedes the pool's id in the note of a deposit that makes it good.
const MAKE_GOOD: &str = "make-good:";

/// Units in custody that no lock explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// The registry.
    pub ledger: LedgerId,
    /// The registry's reference of it, unique for ever.
    pub reference: String,
    /// The pool of their class in this custody account.
    pub pool: PoolId,
    /// Their class.
    pub asset_class: AssetClassId,
    /// Who moved them.
    pub sender: AccountId,
    /// Where they lie.
    pub custody_account: AccountId,
    /// Which.
    pub units: Vec<SerialBlock>,
    /// What the sender wrote on it.
    pub note: Option<String>,
}

impl Deposit {
    /// SHA-256 of JCS `{"ledger","reference","v":1}` (`docs/protocol.md` §11).
    pub fn id(&self) -> TransferId {
        #[derive(Serialize)]
        struct Named<'a> {
            ledger: &'a LedgerId,
            reference: &'a str,
            v: u8,
        }
        TransferId::new(jcs::digest(&Named {
            ledger: &self.ledger,
            reference: &self.reference,
            v: 1,
        }))
    }

    /// How much it is.
    pub fn quantity(&self) -> Quantity {
        serial_block::total(&self.units)
    }

    /// The pool that its sender means to make good.
    pub fn makes_good(&self) -> Option<PoolId> {
        self.note.as_deref()?.strip_prefix(MAKE_GOOD)?.parse().ok()
    }

    /// What gives it back.
    pub fn give_back(&self) -> Operation {
        Operation::ReturnDeposit {
            deposit: self.id(),
            ledger: self.ledger.clone(),
            deposited: self.reference.clone(),
            account: self.sender.clone(),
            custody_account: self.custody_account.clone(),
            units: self.units.clone(),
        }
    }
}

/// The note of a deposit that is to make a pool good.
pub fn make_good_note(pool: PoolId) -> String {
    format!("{MAKE_GOOD}{pool}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    fn deposit(note: Option<&str>) -> Deposit {
        Deposit {
            ledger: sample::registry(),
            reference: "deposit:17".into(),
            pool: sample::pool().id(),
            asset_class: sample::class().id(),
            sender: "1001".parse().unwrap(),
            custody_account: sample::custody(),
            units: vec![sample::block(1, 3)],
            note: note.map(str::to_owned),
        }
    }

    #[test]
    fn only_a_note_with_a_pools_id_makes_good() {
        let pool = sample::pool().id();
        assert_eq!(
            deposit(Some(&make_good_note(pool))).makes_good(),
            Some(pool)
        );
        for other in [None, Some(""), Some("make-good:"), Some("make-good:0x12")] {
            assert_eq!(deposit(other).makes_good(), None);
        }
        assert_eq!(deposit(Some(&pool.to_string())).makes_good(), None);
    }

    #[test]
    fn it_goes_back_to_its_sender_under_a_reference_of_its_own() {
        let deposit = deposit(None);
        let Operation::ReturnDeposit { account, units, .. } = deposit.give_back() else {
            panic!("it is given back");
        };
        assert_eq!(
            (account, units),
            (deposit.sender.clone(), deposit.units.clone())
        );
        assert_eq!(deposit.give_back().reference(), "return:deposit:17");
        let other = Deposit {
            reference: "deposit:18".into(),
            ..deposit.clone()
        };
        assert_ne!(other.id(), deposit.id());
    }
}
