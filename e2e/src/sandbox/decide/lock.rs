//! Locks: a holder's units into custody, under the holder's mandate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use isthmus_core::id::{Hash32, TransferId};
use isthmus_core::jcs;
use isthmus_core::mandate::{Mandate, Wish};

use crate::sandbox::account::Account;
use crate::sandbox::change::Change;
use crate::sandbox::decide::units::{self, Place};
use crate::sandbox::decide::{Decider, Decision, reference_used};
use crate::sandbox::outcome::{Movement, Refusal, RefusalCode};
use crate::sandbox::receipt::Payload;
use crate::sandbox::registry::Entry;
use crate::sandbox::request::LockRequest;

impl Decider<'_> {
    /// What follows from a request to lock.
    pub(crate) fn lock(&self, request: &LockRequest, caller: &str) -> Decision {
        match self.registry.entry(&request.reference) {
            Some(Entry::Executed(executed))
                if executed.digest == Hash32::new(jcs::digest(request)) =>
            {
                return Decision::Recorded;
            }
            Some(Entry::Executed(_)) => {
                return Decision::Refused(reference_used(&request.reference, "another movement"));
            }
            Some(Entry::Open(_) | Entry::Lapsed { .. }) => {
                return Decision::Refused(reference_used(&request.reference, "a proposal"));
            }
            None => {}
        }
        match self.new_lock(request, caller) {
            Ok(change) => Decision::Change(Box::new(change)),
            Err(refusal) => Decision::Refused(refusal),
        }
    }

    /// That the caller may lock into the account: what lies where no route looks for it comes back only by people.
    fn own_custody(&self, request: &LockRequest, caller: &str) -> Result<(), Refusal> {
        let into = &request.custody_account;
        match self.rules.custody_of.get(caller) {
            Some(own) if !own.contains(into) => {
                let message =
                    format!("{caller} locks into its own custody accounts only: name one of them");
                let code = RefusalCode::NotAuthorised;
                Err(Refusal::new(code, "custody_account", into, message))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn new_lock(&self, request: &LockRequest, caller: &str) -> Result<Change, Refusal> {
        let transfer = read_reference(&request.reference)?;
        let account = self.open_account("account", &request.account)?;
        self.custody_account(&request.custody_account)?;
        self.own_custody(request, caller)?;
        let blocks = units::parse(&request.units)?;
        let quantity_t = units::tonnes(&blocks);
        if let Some(limit_t) = self
            .rules
            .max_lock_t
            .filter(|limit_t| quantity_t > *limit_t)
        {
            let message = format!("a lock has at most {limit_t} t here: split the transfer");
            return Err(Refusal::new(
                RefusalCode::OverLimit,
                "units",
                quantity_t,
                message,
            ));
        }
        self.lie_at(&blocks, Place::HeldBy(&request.account))?;
        check_mandate(account, transfer, &request.mandate)?;
        let receipt = self.rules.signer.sign(Payload {
            account: Some(request.account.clone()),
            at_ms: self.now,
            beneficiary: None,
            certificate: None,
            custody_account: request.custody_account.clone(),
            mandate: Some(request.mandate.clone()),
            movement: Movement::Lock,
            quantity_t,
            reason: None,
            reference: request.reference.clone(),
            registry: self.rules.registry.clone(),
            sequence: self.next_sequence(),
            units: units::merged(&blocks),
            v: 1,
        });
        let request = request.clone();
        Ok(Change::Locked { request, receipt })
    }
}

fn read_reference(reference: &str) -> Result<TransferId, Refusal> {
    reference
        .parse()
        .map_err(|error: isthmus_core::id::InvalidId| {
            Refusal::new(
                RefusalCode::Malformed,
                "reference",
                reference,
                error.to_string(),
            )
        })
}

fn check_mandate(account: &Account, transfer: TransferId, text: &str) -> Result<(), Refusal> {
    let refuse = |value: &str, message: String| {
        Refusal::new(RefusalCode::MandateInvalid, "mandate", value, message)
    };
    let Some(key) = account.holder_key else {
        let message = format!("account {} has no holder_key: register one", account.id);
        return Err(refuse(text, message));
    };
    let bytes = STANDARD.decode(text).map_err(|_| {
        refuse(
            text,
            "write the 64 bytes of the Ed25519 signature in padded base64".to_owned(),
        )
    })?;
    Mandate::from_bytes(&bytes)
        .and_then(|mandate| mandate.verify(Wish::Transfer, transfer, key.holder_key()))
        .map_err(|error| refuse(text, error.to_string()))
}
