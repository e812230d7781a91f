//! What the attester has promised, durable before a signature or approval leaves (R5, R10): one mint item per transfer, at
//! most one proposal per reference at a time, and no mint after a void.

use std::sync::{Arc, Mutex, PoisonError};

use isthmus_core::id::{Hash32, TransferId};
use isthmus_core::jcs;
use isthmus_core::operation::MintItem;
use isthmus_core::ports::StoreError;
use isthmus_store::{AttesterStore, Promises, Remembered};

use crate::attester::decline::{Decline, Ground};
use crate::attester::proposal::Allowed;
use crate::attester::verify_redirect::Counter;
use crate::crash_point::{self, Moment};

/// A proposal that is to be approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The registry's reference.
    pub reference: String,
    /// What is approved.
    pub allowed: Allowed,
    /// Which of the burner's instructions it is for, if for one.
    pub instruction: Option<Counter>,
}

/// The promises of one attester.
#[derive(Debug)]
pub struct Memory {
    store: Arc<AttesterStore>,
    /// Held from looking to writing: tasks are verified side by side, and the store compares and writes in two steps.
    deciding: Mutex<()>,
}

impl Memory {
    /// Over a store.
    pub fn new(store: Arc<AttesterStore>) -> Self {
        Self {
            store,
            deciding: Mutex::new(()),
        }
    }

    /// Promises to sign these mint items and no others for their transfers, in one synced write; one answer per item. If we
    /// crash after the write, exactly these items may be signed again.
    pub fn mints(&self, items: &[MintItem]) -> Result<Vec<Result<(), Decline>>, StoreError> {
        let _deciding = self.deciding();
        let mut answers = Vec::with_capacity(items.len());
        let mut promises = Vec::with_capacity(items.len());
        for item in items {
            let voiding = self.store.promised(&void_subject(item.transfer))?.is_some();
            answers.push(if voiding {
                let reason = format!("this attester has signed the void of {}", item.transfer);
                Err(Decline::new(Ground::PromisedVoid, reason))
            } else {
                promises.push((mint_subject(item.transfer), Hash32::new(jcs::digest(item))));
                Ok(())
            });
        }
        let mut remembered = self.remember(&promises)?.into_iter();
        for answer in answers.iter_mut().filter(|answer| answer.is_ok()) {
            if let Some(Remembered::Otherwise(known)) = remembered.next() {
                let reason = format!("this attester has promised item {known}");
                *answer = Err(Decline::new(Ground::PromisedOtherwise, reason));
            }
        }
        Ok(answers)
    }

    /// Promises never to sign a mint of this transfer again. An earlier promise to mint does not stand in the way: a void
    /// only ever prevents, and the gate decides which of the two came first.
    pub fn void(&self, transfer: TransferId) -> Result<(), StoreError> {
        let _deciding = self.deciding();
        let digest = Hash32::new(jcs::digest(&transfer));
        self.remember(&[(void_subject(transfer), digest)]).map(drop)
    }

    /// Promises to approve these proposals and no others under their references until the registry is seen to have closed them, all
    /// in one synced write; one answer per proposal. If we crash after the write, exactly these may be approved again.
    pub fn approvals(&self, promises: &[Promise]) -> Result<Vec<Result<(), Decline>>, StoreError> {
        let _deciding = self.deciding();
        let mut book = self.store.promises()?;
        let mut answers = Vec::with_capacity(promises.len());
        for promise in promises {
            answers.push(approval(&mut book, promise)?);
        }
        crash_point::reach("attester", "remember", Moment::Before);
        book.write()?;
        crash_point::reach("attester", "remember", Moment::After);
        Ok(answers)
    }

    /// The registry says that nothing is open or done under these references: what was promised for them is closed for good.
    pub fn closed(&self, references: &[&str]) -> Result<(), StoreError> {
        let _deciding = self.deciding();
        let mut book = self.store.promises()?;
        for reference in references {
            let subject = approval_subject(reference);
            if book.promised(&subject)?.is_some() {
                book.forget(&subject);
            }
        }
        book.write()
    }

    /// Whether an approval under the reference has been promised.
    pub fn has_approved(&self, reference: &str) -> Result<bool, StoreError> {
        Ok(self.store.promised(&approval_subject(reference))?.is_some())
    }

    fn remember(&self, promises: &[(String, Hash32)]) -> Result<Vec<Remembered>, StoreError> {
        crash_point::reach("attester", "remember", Moment::Before);
        let remembered = self.store.remember(promises);
        crash_point::reach("attester", "remember", Moment::After);
        remembered
    }

    fn deciding(&self) -> std::sync::MutexGuard<'_, ()> {
        // It guards no data: a panic of another holder leaves nothing half done that the store does not show.
        self.deciding.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Promises to approve one proposal, unless something stands in the way.
///
/// A later instruction of the burner closes what was promised for an earlier one, and a proposal of another effect what was promised
/// before: the registry has one proposal open under a reference, and that is not the earlier one any more. An old answer of the
/// registry cannot feign this, because what is asked about here is what the log makes rightful now: other units after some were
/// taken away, another account after the burner redirected.
fn approval(book: &mut Promises<'_>, promise: &Promise) -> Result<Result<(), Decline>, StoreError> {
    let (reference, allowed) = (promise.reference.as_str(), promise.allowed);
    let (subject, effect) = (approval_subject(reference), effect_subject(reference));
    if let Some(counter) = promise.instruction {
        let instructed = instructed_subject(reference);
        let highest = book.counter(&instructed)?;
        if counter < highest {
            let reason = format!(
                "this attester has seen instruction {highest} of the burner, this is {counter}"
            );
            return Ok(Err(Decline::new(Ground::OldInstruction, reason)));
        }
        if counter > highest {
            book.raise(&instructed, counter);
            book.forget(&subject);
        }
    }
    let promised_effect = book.promised(&effect)?;
    if promised_effect.is_some_and(|known| known != allowed.effect) {
        book.forget(&subject);
    }
    match book.promised(&subject)? {
        Some(known) if known != allowed.digest => {
            let reason = format!("this attester has approved proposal {known}");
            return Ok(Err(Decline::new(Ground::OtherApproved, reason)));
        }
        Some(_) => {}
        None => book.promise(&subject, allowed.digest),
    }
    if promised_effect != Some(allowed.effect) {
        book.promise(&effect, allowed.effect);
    }
    Ok(Ok(()))
}

fn mint_subject(transfer: TransferId) -> String {
    format!("mint:{transfer}")
}

fn void_subject(transfer: TransferId) -> String {
    format!("void:{transfer}")
}

fn instructed_subject(reference: &str) -> String {
    format!("instructed:{reference}")
}

fn approval_subject(reference: &str) -> String {
    format!("approve:{reference}")
}

fn effect_subject(reference: &str) -> String {
    format!("effect:{reference}")
}
