//! Deposits: a holder moves its own units into custody, as it may in the registry's own software, without a lock.

use crate::sandbox::change::Change;
use crate::sandbox::decide::Decider;
use crate::sandbox::decide::units::{self, Place};
use crate::sandbox::outcome::{Movement, Refusal};
use crate::sandbox::receipt::Payload;
use crate::sandbox::request::DepositRequest;

impl Decider<'_> {
    /// The deposit as a change.
    pub(crate) fn deposit(&self, request: &DepositRequest) -> Result<Change, Refusal> {
        self.open_account("account", &request.account)?;
        self.custody_account(&request.custody_account)?;
        let blocks = units::parse(&request.units)?;
        self.lie_at(&blocks, Place::HeldBy(&request.account))?;
        let sequence = self.next_sequence();
        let receipt = self.rules.signer.sign(Payload {
            account: Some(request.account.clone()),
            at_ms: self.now,
            beneficiary: None,
            certificate: None,
            custody_account: request.custody_account.clone(),
            mandate: None,
            movement: Movement::Deposit,
            quantity_t: units::tonnes(&blocks),
            reason: request.note.clone(),
            reference: format!("deposit:{sequence}"),
            registry: self.rules.registry.clone(),
            sequence,
            units: units::merged(&blocks),
            v: 1,
        });
        Ok(Change::Deposited {
            units: request.units.clone(),
            custody_account: request.custody_account.clone(),
            receipt,
        })
    }
}
