//! A registry's books: who holds which units, what was done under which reference. It checks what a registry checks.

use std::collections::{BTreeMap, BTreeSet};

use isthmus_core::id::{AccountId, Hash32, TransferId};
use isthmus_core::mandate::{HolderKey, Mandate, Wish};
use isthmus_core::operation::OperationKind;
use isthmus_core::ports::Moved;
use isthmus_core::receipt::{Lasting, Receipt, Refusal};
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::time::Timestamp;
use isthmus_prooflog::receipt::RegistryReceipt;
use serde_json::Value;

use super::blocks::{Held, Standing};
use super::entries::{Entry, digest, parsed, units_of};
use super::receipts;
use crate::names;

/// What is recorded under a reference.
#[derive(Clone, Debug)]
pub enum Record {
    /// Proposed, with those who have approved.
    Proposed {
        /// SHA-256 of its JCS.
        digest: Hash32,
        /// As it was sent.
        proposal: Value,
        /// Who said yes.
        approvals: BTreeSet<String>,
        /// Who said no; a first word counts.
        rejections: BTreeSet<String>,
    },
    /// Done for ever.
    Executed {
        /// As the relayer is told.
        receipt: Box<Receipt>,
        /// As it was signed.
        payload: Box<RegistryReceipt>,
        /// The signed receipt.
        jws: String,
    },
    /// Closed without having been done.
    Refused {
        /// Which proposal.
        digest: Hash32,
        /// Why.
        refusal: Refusal,
    },
}

/// Something that the registry did.
#[derive(Clone, Debug)]
pub struct Movement {
    /// Its reference.
    pub reference: String,
    /// What was done.
    pub kind: OperationKind,
    /// To which units.
    pub units: Vec<SerialBlock>,
    /// Who approved it; nobody approves a lock.
    pub approvals: BTreeSet<String>,
    /// Where the units went.
    pub account: Option<String>,
    /// The receipt.
    pub receipt: Receipt,
    /// What nobody ordered by a reference of the protocol.
    pub by_itself: Option<Moved>,
}

/// The books.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// By first unit; blocks do not overlap.
    pub blocks: BTreeMap<u64, Held>,
    /// By reference.
    pub records: BTreeMap<String, Record>,
    /// In order; the sequence is the place, from 1.
    pub movements: Vec<Movement>,
    /// Accounts that take nothing any more.
    pub closed: BTreeSet<AccountId>,
}

/// A no that leaves nothing behind.
pub fn no(code: &str, value: &str, lasting: Lasting) -> Refusal {
    Refusal {
        code: code.into(),
        field: String::new(),
        value: value.into(),
        message: "the simulated registry says no".into(),
        lasting,
    }
}

impl Books {
    /// Takes an entry in, as `by`. Sent again it has no further effect.
    pub fn receive(&mut self, entry: &Entry, by: &str, now: Timestamp) -> Result<(), Refusal> {
        match entry {
            Entry::Lock {
                reference,
                account,
                units,
                mandate,
            } => self.lock(reference, account, units, mandate, now),
            Entry::Propose { proposal } => self.propose(proposal),
            Entry::Approve { reference, digest } => self.approve(reference, *digest, by, now),
            Entry::Reject { reference, digest } => {
                self.reject(reference, *digest, by);
                Ok(())
            }
        }
    }

    fn lock(
        &mut self,
        reference: &str,
        account: &AccountId,
        units: &[String],
        mandate: &Mandate,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let never = |code| no(code, reference, Lasting::Never);
        if let Some(Record::Executed { payload, .. }) = self.records.get(reference) {
            let same = payload.movement == "lock" && payload.units == units;
            return if same {
                Ok(())
            } else {
                Err(never("reference_used"))
            };
        }
        let blocks = parsed(units).ok_or_else(|| never("malformed_serial"))?;
        let id: TransferId = reference.parse().map_err(|_| never("malformed"))?;
        let holder = account.as_str().parse::<u64>().unwrap_or(0);
        let key = names::holder_key(holder.saturating_sub(1000));
        let key = HolderKey(key.verifying_key().to_bytes());
        mandate
            .verify(Wish::Transfer, id, key)
            .map_err(|_| never("mandate_invalid"))?;
        let free = |block: &SerialBlock| {
            let theirs = self
                .sharing(block)
                .all(|(_, held)| held.account == *account);
            theirs && self.lies(block, Standing::Free)
        };
        if !blocks.iter().all(free) {
            return Err(never("not_held"));
        }
        let receipt = self.receipt(reference, "lock", units, Some(account.as_str()), now);
        let receipt = RegistryReceipt {
            mandate: Some(base64(mandate.as_bytes())),
            ..receipt
        };
        self.put(
            &blocks,
            &names::custody(),
            Standing::Locked,
            Some(reference),
        );
        self.execute(OperationKind::Lock, &blocks, receipt, BTreeSet::new());
        Ok(())
    }

    fn propose(&mut self, proposal: &Value) -> Result<(), Refusal> {
        let text = |field: &str| proposal[field].as_str().unwrap_or_default();
        let reference = text("reference");
        let later = |code| no(code, reference, Lasting::Later);
        match self.records.get(reference) {
            Some(Record::Executed { .. }) => return Ok(()),
            Some(Record::Proposed { digest: open, .. }) => {
                return if *open == digest(proposal) {
                    Ok(())
                } else {
                    Err(later("reference_used"))
                };
            }
            Some(Record::Refused { .. }) | None => {}
        }
        let (_, blocks) = units_of(proposal).ok_or_else(|| later("malformed_serial"))?;
        self.movable(&blocks, text("to_account"), reference)?;
        let record = Record::Proposed {
            digest: digest(proposal),
            proposal: proposal.clone(),
            approvals: BTreeSet::new(),
            rejections: BTreeSet::new(),
        };
        self.records.insert(reference.to_owned(), record);
        Ok(())
    }

    fn movable(&self, blocks: &[SerialBlock], to: &str, reference: &str) -> Result<(), Refusal> {
        let locked = |block: &SerialBlock| self.lies(block, Standing::Locked);
        if !blocks.iter().all(locked) {
            return Err(no("not_in_custody", reference, Lasting::Later));
        }
        if self.closed.iter().any(|account| account.as_str() == to) {
            return Err(no("account_closed", reference, Lasting::Never));
        }
        Ok(())
    }

    fn approve(
        &mut self,
        reference: &str,
        quoted: Hash32,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(Record::Proposed {
            digest,
            proposal,
            approvals,
            rejections,
        }) = self.records.get_mut(reference)
        else {
            return match self.records.get(reference) {
                Some(Record::Executed { .. }) => Ok(()),
                _ => Err(no("absent", reference, Lasting::Later)),
            };
        };
        if *digest != quoted || by == RELAYER {
            return Err(no("digest_mismatch", reference, Lasting::Never));
        }
        if rejections.contains(by) {
            return Err(no("rejected", reference, Lasting::Never));
        }
        approvals.insert(by.to_owned());
        if approvals.len() < names::QUORUM {
            return Ok(());
        }
        let (proposal, approvals) = (proposal.clone(), approvals.clone());
        self.carry_out(reference, &proposal, approvals, now);
        Ok(())
    }

    /// Closed once it cannot be approved by enough any more.
    fn reject(&mut self, reference: &str, quoted: Hash32, by: &str) {
        let Some(Record::Proposed {
            digest,
            approvals,
            rejections,
            ..
        }) = self.records.get_mut(reference)
        else {
            return;
        };
        if *digest != quoted || approvals.contains(by) || by == RELAYER {
            return;
        }
        rejections.insert(by.to_owned());
        let closed = rejections.len() + names::QUORUM > usize::from(names::ATTESTERS);
        if closed {
            let (digest, refusal) = (*digest, no("rejected", reference, Lasting::Later));
            let record = Record::Refused { digest, refusal };
            self.records.insert(reference.to_owned(), record);
        }
    }

    fn carry_out(
        &mut self,
        reference: &str,
        proposal: &Value,
        approvals: BTreeSet<String>,
        now: Timestamp,
    ) {
        let text = |field: &str| proposal[field].as_str().unwrap_or_default();
        let Some((serials, blocks)) = units_of(proposal) else {
            return;
        };
        let to = proposal["to_account"].as_str();
        if let Err(refusal) = self.movable(&blocks, to.unwrap_or_default(), reference) {
            let digest = digest(proposal);
            let record = Record::Refused { digest, refusal };
            self.records.insert(reference.to_owned(), record);
            return;
        }
        let movement = text("movement").to_owned();
        let mut receipt = self.receipt(reference, &movement, &serials, to, now);
        let kind = match movement.as_str() {
            "unlock" => OperationKind::Unlock,
            "release" => OperationKind::Release,
            _ => {
                receipt.certificate = Some(format!("RC-{:06}", receipt.sequence));
                receipt.beneficiary = Some(text("beneficiary").to_owned());
                receipt.reason = Some(text("reason").to_owned());
                OperationKind::Retire
            }
        };
        match to.and_then(|to| to.parse().ok()) {
            Some(to) => self.put(&blocks, &to, Standing::Free, None),
            None => self.put(&blocks, &names::custody(), Standing::Retired, None),
        }
        self.execute(kind, &blocks, receipt, approvals);
    }

    fn receipt(
        &self,
        reference: &str,
        movement: &str,
        units: &[String],
        account: Option<&str>,
        now: Timestamp,
    ) -> RegistryReceipt {
        let blocks = parsed(units).unwrap_or_default();
        RegistryReceipt {
            account: account.map(ToOwned::to_owned),
            at_ms: now.ms(),
            beneficiary: None,
            certificate: None,
            custody_account: names::custody().to_string(),
            mandate: None,
            movement: movement.to_owned(),
            quantity_t: blocks.iter().map(SerialBlock::quantity_t).sum(),
            reason: None,
            reference: reference.to_owned(),
            registry: names::registry().to_string(),
            sequence: u64::try_from(self.movements.len()).unwrap() + 1,
            units: units.to_vec(),
            v: 1,
        }
    }

    fn execute(
        &mut self,
        kind: OperationKind,
        units: &[SerialBlock],
        payload: RegistryReceipt,
        approvals: BTreeSet<String>,
    ) {
        let jws = receipts::signed(&payload);
        let receipt = receipts::received(kind, units, &payload, &jws);
        let reference = payload.reference.clone();
        self.movements.push(Movement {
            reference: reference.clone(),
            kind,
            units: units.to_vec(),
            approvals,
            account: payload.account.clone(),
            receipt: receipt.clone(),
            by_itself: None,
        });
        let record = Record::Executed {
            receipt: Box::new(receipt),
            payload: Box::new(payload),
            jws,
        };
        self.records.insert(reference, record);
    }

    /// Units move by nobody's order: out of custody and out of use, or into custody.
    pub fn moves_by_itself(&mut self, moved: Moved, now: Timestamp) {
        let serials: Vec<_> = moved.units.iter().map(ToString::to_string).collect();
        let (movement, kind, standing) = match moved.to {
            Some(_) => ("deposit", OperationKind::Lock, Standing::Locked),
            None => ("cancel", OperationKind::Retire, Standing::Retired),
        };
        let from = Some(moved.from.as_str());
        let payload = RegistryReceipt {
            reason: moved.note.clone(),
            ..self.receipt(&moved.reference, movement, &serials, from, now)
        };
        let reference = moved.reference.clone();
        self.put(&moved.units, &names::custody(), standing, Some(&reference));
        self.execute(kind, &moved.units, payload, BTreeSet::new());
        if let Some(movement) = self.movements.last_mut() {
            movement.by_itself = Some(moved);
        }
    }
}

/// The relayer's credential.
pub const RELAYER: &str = "relayer";

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
