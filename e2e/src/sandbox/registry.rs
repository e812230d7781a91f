//! The registry's durable state. It changes through [`Registry::apply`] only, live and at replay alike.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use isthmus_core::id::{AccountId, AssetClassId, Hash32};
use isthmus_core::jcs;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::time::Timestamp;
use isthmus_vcs::serial::Serial;
use isthmus_vcs::serial_error::SerialError;

use crate::sandbox::account::{Account, Kind};
use crate::sandbox::books::{Books, BooksError};
use crate::sandbox::change::Change;
use crate::sandbox::idempotency::Answers;
use crate::sandbox::outcome::{Movement, Outcome, Refusal};
use crate::sandbox::receipt::Receipt;
use crate::sandbox::request::{ProposedMovement, SentProposal};
use crate::sandbox::units::{Class, StoredBlock, UnitState};

/// Everything the registry knows.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) books: Books,
    pub(crate) answers: Answers,
    references: HashMap<String, Entry>,
    /// The movement with sequence n is at n − 1.
    movements: Vec<Receipt>,
    classes: HashMap<AssetClassId, Arc<Class>>,
}

/// What is recorded under a reference.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Open(OpenProposal),
    Executed(Executed),
    /// Closed for good; a later proposal may quote the same reference.
    Lapsed {
        digest: Hash32,
        refusal: Refusal,
        at: Timestamp,
    },
}

impl Entry {
    /// When it became what it is.
    pub(crate) fn at(&self) -> Timestamp {
        match self {
            Self::Open(open) => open.at,
            Self::Executed(executed) => executed.receipt.payload.at_ms,
            Self::Lapsed { at, .. } => *at,
        }
    }
}

/// A proposal that waits for approvals.
#[derive(Clone, Debug)]
pub(crate) struct OpenProposal {
    pub(crate) proposal: SentProposal,
    pub(crate) digest: Hash32,
    pub(crate) proposer: String,
    pub(crate) approvals: Vec<String>,
    pub(crate) rejections: Vec<String>,
    pub(crate) at: Timestamp,
}

/// A movement that happened.
#[derive(Clone, Debug)]
pub(crate) struct Executed {
    /// Digest of the request, to tell a repetition from another request.
    pub(crate) digest: Hash32,
    pub(crate) receipt: Receipt,
}

/// A change that contradicts what is stored: the log is damaged, or a rule was not checked.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The books do not allow it.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// A serial that cannot be read.
    #[error(transparent)]
    Serial(#[from] SerialError),
    /// An account that does not exist.
    #[error("account {0} does not exist")]
    NoAccount(AccountId),
    /// A reference without an open proposal.
    #[error("no proposal is open under {0}")]
    NotOpen(String),
    /// A proposal that cannot be read.
    #[error("a stored proposal cannot be read")]
    Proposal(#[source] serde_json::Error),
    /// A receipt out of order.
    #[error("receipt {found} follows receipt {last}")]
    Sequence {
        /// Last sequence.
        last: u64,
        /// The next receipt's.
        found: u64,
    },
}

impl Registry {
    /// Number of the last movement.
    pub(crate) fn sequence(&self) -> u64 {
        u64::try_from(self.movements.len()).expect("a list is not longer than 64 bits can count")
    }

    pub(crate) fn entry(&self, reference: &str) -> Option<&Entry> {
        self.references.get(reference)
    }

    /// Movements after `sequence`, in order.
    pub(crate) fn movements_after(&self, sequence: u64) -> &[Receipt] {
        let skip = usize::try_from(sequence).unwrap_or(usize::MAX);
        self.movements.get(skip..).unwrap_or_default()
    }

    /// What callers are told about a reference.
    pub(crate) fn outcome(&self, reference: &str) -> Outcome {
        match self.references.get(reference) {
            None => Outcome::Absent,
            Some(Entry::Open(open)) => Outcome::Proposed {
                digest: open.digest,
                proposer: open.proposer.clone(),
                approvals: open.approvals.clone(),
                rejections: open.rejections.clone(),
                proposal: open.proposal.sent.clone(),
            },
            Some(Entry::Executed(executed)) => Outcome::Executed {
                movement: executed.receipt.payload.movement,
                receipt: executed.receipt.jws.clone(),
                mandate: executed.receipt.payload.mandate.clone(),
            },
            Some(Entry::Lapsed {
                refusal, digest, ..
            }) => Outcome::Refused {
                refusal: refusal.clone(),
                digest: Some(*digest),
            },
        }
    }

    /// Carries a change out. `now` only ages idempotency keys.
    #[allow(clippy::too_many_lines, reason = "a list")]
    pub(crate) fn apply(&mut self, change: &Change, now: Timestamp) -> Result<(), ApplyError> {
        match change {
            Change::Founded { .. } => {}
            Change::AccountOpened { account } => {
                self.accounts.insert(account.id.clone(), account.clone());
            }
            Change::AccountStatus { account, status } => {
                let known = self.accounts.get_mut(account);
                known
                    .ok_or_else(|| ApplyError::NoAccount(account.clone()))?
                    .status = *status;
            }
            Change::Issued {
                serial,
                account,
                state,
                class,
            } => {
                let issued = StoredBlock {
                    block: parse(serial)?,
                    account: account.clone(),
                    state: *state,
                    class: self.class(Class::new(class.clone())),
                    reference: None,
                };
                self.books.insert(issued)?;
            }
            Change::Locked { request, receipt } => {
                let digest = Hash32::new(jcs::digest(request));
                let custody = &request.custody_account;
                self.moved(&request.units, custody, UnitState::Locked, receipt)?;
                self.executed(&request.reference, digest, receipt);
            }
            Change::Proposed {
                proposal,
                proposer,
                at,
            } => self.proposed(proposal, proposer, *at)?,
            Change::Approved {
                reference,
                approver,
            } => self.open(reference)?.approvals.push(approver.clone()),
            Change::Rejected {
                reference,
                approver,
            } => self.open(reference)?.rejections.push(approver.clone()),
            Change::Executed { reference, receipt } => self.carry_out(reference, receipt)?,
            Change::Lapsed {
                reference,
                refusal,
                at,
            } => self.lapsed(reference, refusal, *at)?,
            Change::Corrected {
                units,
                account,
                state,
                receipt,
            } => {
                self.moved(units, account, *state, receipt)?;
                self.by_itself(receipt);
            }
            Change::Deposited {
                units,
                custody_account,
                receipt,
            } => {
                self.moved(units, custody_account, UnitState::Locked, receipt)?;
                self.by_itself(receipt);
            }
            Change::Answered { answer } => self.answers.remember(answer.clone(), now),
        }
        Ok(())
    }

    fn lapsed(
        &mut self,
        reference: &str,
        refusal: &Refusal,
        at: Timestamp,
    ) -> Result<(), ApplyError> {
        let lapsed = Entry::Lapsed {
            digest: self.open(reference)?.digest,
            refusal: refusal.clone(),
            at,
        };
        self.references.insert(reference.to_owned(), lapsed);
        Ok(())
    }

    /// One copy of each class for all its blocks.
    fn class(&mut self, class: Arc<Class>) -> Arc<Class> {
        Arc::clone(self.classes.entry(class.id).or_insert(class))
    }

    fn open(&mut self, reference: &str) -> Result<&mut OpenProposal, ApplyError> {
        match self.references.get_mut(reference) {
            Some(Entry::Open(open)) => Ok(open),
            Some(Entry::Executed(_) | Entry::Lapsed { .. }) | None => {
                Err(ApplyError::NotOpen(reference.to_owned()))
            }
        }
    }

    fn proposed(
        &mut self,
        sent: &serde_json::Value,
        proposer: &str,
        at: Timestamp,
    ) -> Result<(), ApplyError> {
        let proposal = SentProposal::read(sent.clone()).map_err(ApplyError::Proposal)?;
        let reference = proposal.request.reference.clone();
        let open = OpenProposal {
            digest: proposal.digest(),
            proposal,
            proposer: proposer.to_owned(),
            approvals: Vec::new(),
            rejections: Vec::new(),
            at,
        };
        self.references.insert(reference, Entry::Open(open));
        Ok(())
    }

    fn carry_out(&mut self, reference: &str, receipt: &Receipt) -> Result<(), ApplyError> {
        let open = self.open(reference)?.clone();
        let request = open.proposal.request;
        let (account, state) = match (request.movement, request.to_account) {
            (
                ProposedMovement::Release | ProposedMovement::Unlock | ProposedMovement::Return,
                Some(to),
            ) => (to, UnitState::Held),
            (ProposedMovement::Retire, _) => (request.custody_account, UnitState::Retired),
            (
                ProposedMovement::Release | ProposedMovement::Unlock | ProposedMovement::Return,
                None,
            ) => {
                return Err(ApplyError::NotOpen(reference.to_owned()));
            }
        };
        self.moved(&request.units, &account, state, receipt)?;
        self.executed(reference, open.digest, receipt);
        Ok(())
    }

    fn moved(
        &mut self,
        units: &[String],
        account: &AccountId,
        state: UnitState,
        receipt: &Receipt,
    ) -> Result<(), ApplyError> {
        let (last, found) = (self.sequence(), receipt.payload.sequence);
        if found != last.saturating_add(1) {
            return Err(ApplyError::Sequence { last, found });
        }
        let reference: Arc<str> = receipt.payload.reference.as_str().into();
        for serial in units {
            let block = parse(serial)?;
            self.books.recast(&block, account, state, &reference)?;
        }
        self.movements.push(receipt.clone());
        Ok(())
    }

    /// What nobody asked for through the API is recorded under the registry's own reference.
    fn by_itself(&mut self, receipt: &Receipt) {
        let digest = Hash32::new(jcs::digest(&receipt.payload));
        self.executed(&receipt.payload.reference, digest, receipt);
    }

    fn executed(&mut self, reference: &str, digest: Hash32, receipt: &Receipt) {
        let executed = Executed {
            digest,
            receipt: receipt.clone(),
        };
        self.references
            .insert(reference.to_owned(), Entry::Executed(executed));
    }

    /// Whether the account exists and is of kind custody.
    pub(crate) fn is_custody(&self, account: &AccountId) -> bool {
        let known = self.accounts.get(account);
        known.is_some_and(|account| account.kind == Kind::Custody)
    }
}

fn parse(serial: &str) -> Result<SerialBlock, SerialError> {
    Ok(SerialBlock::from(&serial.parse::<Serial>()?))
}

impl From<ProposedMovement> for Movement {
    fn from(movement: ProposedMovement) -> Self {
        match movement {
            ProposedMovement::Release => Self::Release,
            ProposedMovement::Retire => Self::Retire,
            ProposedMovement::Unlock => Self::Unlock,
            ProposedMovement::Return => Self::Return,
        }
    }
}
