//! Corrections: what a registry does to units by its own right. They exist so that tests can take locked units away, leave a
//! deposit without a reference in custody, and so on.

use crate::sandbox::change::Change;
use crate::sandbox::decide::Decider;
use crate::sandbox::decide::units;
use crate::sandbox::outcome::{Movement, Refusal, RefusalCode};
use crate::sandbox::receipt::Payload;
use crate::sandbox::request::Correction;
use crate::sandbox::units::UnitState;

impl Decider<'_> {
    /// The correction as a change. Retired and cancelled units stay what they are.
    pub(crate) fn correction(&self, request: &Correction) -> Result<Change, Refusal> {
        if !self.registry.accounts.contains_key(&request.account) {
            let message = "name an account that exists";
            return Err(Refusal::new(
                RefusalCode::UnknownAccount,
                "account",
                &request.account,
                message,
            ));
        }
        let blocks = units::parse(&request.units)?;
        let mut from = None;
        for block in &blocks {
            for stored in self.stored(block)? {
                if matches!(stored.state, UnitState::Retired | UnitState::Cancelled) {
                    let message = format!("units of {block} are {} for ever", stored.state);
                    return Err(Refusal::new(
                        RefusalCode::NotHeld,
                        "units",
                        stored.state,
                        message,
                    ));
                }
                from.get_or_insert(&stored.account);
            }
        }
        let sequence = self.next_sequence();
        let movement = match request.state {
            UnitState::Cancelled => Movement::Cancel,
            UnitState::Held
            | UnitState::Pending
            | UnitState::Locked
            | UnitState::Retired
            | UnitState::Buffer => Movement::Correction,
        };
        let receipt = self.rules.signer.sign(Payload {
            account: Some(request.account.clone()),
            at_ms: self.now,
            beneficiary: None,
            certificate: None,
            custody_account: from.unwrap_or(&request.account).clone(),
            mandate: None,
            movement,
            quantity_t: units::tonnes(&blocks),
            reason: request.reason.clone(),
            reference: format!("registry:{sequence}"),
            registry: self.rules.registry.clone(),
            sequence,
            units: units::merged(&blocks),
            v: 1,
        });
        Ok(Change::Corrected {
            units: request.units.clone(),
            account: request.account.clone(),
            state: request.state,
            receipt,
        })
    }
}
