//! Examining a proposal at a registry, and approving it through the `Ledger` port with the attester's own credentials.

use std::collections::BTreeSet;

use isthmus_core::id::TransferId;
use isthmus_core::instruction::Instruction;
use isthmus_core::operation::Operation;
use isthmus_core::ports::{Contradiction, FindError, SendError};
use isthmus_core::receipt::Lasting;

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::examine::{ExamineError, Examiner, outcome_of};
use crate::attester::lock::LoggedLock;
use crate::attester::own::OwnRegistry;
use crate::attester::ports::Record;
use crate::attester::proposal::Allowed;
use crate::attester::readings::GateReading;
use crate::attester::relayer::{Approval, Verdict};
use crate::attester::verify_deposit::{self, LoggedDeposit, ReturnFacts};
use crate::attester::verify_pool;
use crate::attester::verify_redemption::{self, Backing, LoggedBurn, RedemptionFacts};
use crate::attester::verify_redirect::Counter;
use crate::attester::verify_unlock::{self, UnlockFacts};

/// What to approve, for which of the burner's instructions if for one, or why not.
type Approvable = Result<(Allowed, Option<Counter>), Decline>;

impl Examiner<'_> {
    pub(super) async fn approval(&self, approval: &Approval) -> Result<Verdict, ExamineError> {
        let (transfer, reference) = (approval.transfer, &approval.reference);
        let no = |decline| Ok(Verdict::declined(transfer, decline));
        let registry = match self.own.registry(&approval.ledger) {
            Ok(registry) => registry,
            Err(decline) => return no(decline),
        };
        let record = self.record(registry, reference).await?;
        match record {
            Record::Absent | Record::Refused(_) => self.memory.closed(reference)?,
            // We approved and then crashed, or our answer was lost.
            Record::Executed { .. } if self.memory.has_approved(reference)? => {
                return Ok(Verdict::Approved);
            }
            Record::Proposed { .. } | Record::Executed { .. } => {}
        }
        let approvable = if *reference == verify_unlock::reference(transfer) {
            self.unlock(transfer, registry, &record).await?
        } else if *reference == transfer.to_string() {
            self.redemption(approval, registry, &record).await?
        } else if reference.starts_with("return:") {
            self.deposit(transfer, reference, registry, &record).await?
        } else {
            let reason = format!("{reference:?} is no reference of {transfer}");
            Err(Decline::new(Ground::Malformed, reason))
        };
        let (allowed, instruction) = match approvable {
            Ok(approvable) => approvable,
            Err(decline) => {
                self.reject(registry, reference, &record, &decline).await?;
                return no(decline);
            }
        };
        // Of two instructions of one burner the later one counts, also if we are shown an older log afterwards.
        if let Some(counter) = instruction
            && let Err(decline) = self.memory.instructed(reference, counter)?
        {
            return no(decline);
        }
        // If we crash after this write, this proposal may be approved again and no other under its reference.
        if let Err(decline) = self.memory.approval(reference, allowed)? {
            return no(decline);
        }
        let operation = Operation::Approve {
            transfer,
            ledger: approval.ledger.clone(),
            reference: reference.clone(),
            digest: allowed.digest,
        };
        self.approve(registry, operation).await
    }

    async fn unlock(
        &self,
        transfer: TransferId,
        registry: &OwnRegistry,
        proposed: &Record,
    ) -> Result<Approvable, ExamineError> {
        let replica = self.log.replica();
        let read = LoggedLock::read(replica, transfer, replica.size()).and_then(|lock| {
            let gate = self.own.gate(&lock.terms.destination, lock.terms.gate)?;
            of_registry(registry, &lock.pool.origin)?;
            Ok((lock, gate))
        });
        let (lock, gate) = match read {
            Ok(read) => read,
            Err(decline) => return Ok(Err(decline)),
        };
        let outcomes = GateReading::of(gate, BTreeSet::from([transfer])).await?;
        let locked = self.record(registry, &transfer.to_string()).await?;
        Ok(outcome_of(&outcomes, transfer).and_then(|outcome| {
            verify_unlock::check(&UnlockFacts {
                lock: &lock,
                outcome,
                locked: &locked,
                receipt_key: &registry.receipt_key,
                proposed,
            })
            .map(|allowed| (allowed, None))
        }))
    }

    async fn redemption(
        &self,
        approval: &Approval,
        registry: &OwnRegistry,
        proposed: &Record,
    ) -> Result<Approvable, ExamineError> {
        let read = LoggedBurn::read(self.log.replica(), approval.transfer).and_then(|burn| {
            let gate = self.own.gate(&burn.pool.destination, burn.pool.gate)?;
            of_registry(registry, &burn.pool.origin)?;
            self.allows(&burn, &approval.instruction)?;
            Ok((self.behind(&burn)?, burn, gate))
        });
        let ((locks, deposits), logged, gate) = match read {
            Ok(read) => read,
            Err(decline) => return Ok(Err(decline)),
        };
        if let Err(decline) = self.taken(registry, &logged).await? {
            return Ok(Err(decline));
        }
        let mut burns = gate.view.burns(&BTreeSet::from([logged.number])).await?;
        let burned = burns.remove(&logged.number).transpose()?.flatten();
        let ids = locks.iter().map(LoggedLock::id);
        let outcomes = GateReading::of(gate, ids.clone().collect()).await?;
        let deposited = deposits.iter().map(|deposit| deposit.reference.clone());
        let references: Vec<String> = ids.map(|id| id.to_string()).chain(deposited).collect();
        let mut records = registry.view.records(&references).await?;
        if records.len() != references.len() {
            return Err(unanswered(registry, "records"));
        }
        let of_deposits = records.split_off(locks.len());
        let deposits: Vec<_> = deposits.into_iter().zip(of_deposits).collect();
        let serials: Vec<String> = logged.allocation.iter().map(ToString::to_string).collect();
        let stored = registry.view.blocks(&serials).await?;
        let backing: Result<Vec<Backing<'_>>, Decline> = locks
            .iter()
            .zip(&records)
            .map(|(lock, record)| {
                let outcome = outcome_of(&outcomes, lock.id())?;
                Ok(Backing {
                    lock,
                    record,
                    outcome,
                })
            })
            .collect();
        Ok(backing.and_then(|backing| {
            verify_redemption::check(&RedemptionFacts {
                logged: &logged,
                burned: burned.as_ref(),
                backing: &backing,
                deposits: &deposits,
                instruction: &approval.instruction,
                receipt_key: &registry.receipt_key,
                proposed,
                stored: &stored,
            })
            .map(|(allowed, counter)| (allowed, Some(counter)))
        }))
    }

    /// That the registry itself took away what was decided about before the burn, if anything was.
    async fn taken(
        &self,
        registry: &OwnRegistry,
        burn: &LoggedBurn,
    ) -> Result<Result<(), Decline>, ExamineError> {
        let replica = self.log.replica();
        let pool = replica.pool_book(burn.pool.id());
        let taken = match pool.zip(replica.burn(burn.id)) {
            Some((pool, story)) => verify_pool::taken(pool, story),
            None => Vec::new(),
        };
        if taken.is_empty() {
            return Ok(Ok(()));
        }
        let references: Vec<String> = taken.iter().map(|t| t.reference.clone()).collect();
        let records = registry.view.records(&references).await?;
        if records.len() != references.len() {
            return Err(unanswered(registry, "records"));
        }
        let mut each = taken.iter().zip(&records);
        Ok(each.try_for_each(|(story, record)| {
            verify_pool::was_taken(story, record, &burn.pool, &registry.receipt_key)
        }))
    }

    /// The locks, and the deposits that made the pool good, that brought the allocation into custody.
    fn behind(&self, burn: &LoggedBurn) -> Result<(Vec<LoggedLock>, Vec<LoggedDeposit>), Decline> {
        let replica = self.log.replica();
        let ids = replica.origins(&burn.allocation).ok_or_else(|| {
            let reason = format!("some units allocated to {} came by no lock", burn.id);
            Decline::new(Ground::NotLocked, reason)
        })?;
        let (deposits, locks): (Vec<_>, Vec<_>) = ids
            .into_iter()
            .partition(|id| replica.deposit(*id).is_some());
        let locks = locks
            .into_iter()
            .map(|id| LoggedLock::read(replica, id, replica.size()))
            .collect::<Result<_, _>>()?;
        let deposits = deposits
            .into_iter()
            .map(|id| LoggedDeposit::read(replica, id))
            .collect::<Result<_, _>>()?;
        Ok((locks, deposits))
    }

    /// That the burn's pool redeems for what is asked, and misses nothing that is not decided about.
    fn allows(&self, burn: &LoggedBurn, instruction: &[u8]) -> Result<(), Decline> {
        let instruction: Instruction = serde_json::from_slice(instruction)
            .map_err(|error| Decline::new(Ground::OtherInstruction, error.to_string()))?;
        let replica = self.log.replica();
        let (admins, purpose) = (&self.own.route_admins, instruction.purpose());
        verify_pool::redeems(replica.routes(), admins, &burn.pool, purpose)?;
        let pool = replica.pool_book(burn.pool.id());
        let Some((pool, story)) = pool.zip(replica.burn(burn.id)) else {
            let reason = format!("pool {} is not in the log", burn.pool.id());
            return Err(Decline::new(Ground::OtherPool, reason));
        };
        verify_pool::is_sound(pool, story, admins)
    }

    async fn deposit(
        &self,
        id: TransferId,
        reference: &str,
        registry: &OwnRegistry,
        proposed: &Record,
    ) -> Result<Approvable, ExamineError> {
        let read = LoggedDeposit::read(self.log.replica(), id).and_then(|deposit| {
            of_registry(registry, &deposit.pool.origin)?;
            let expected = verify_deposit::reference(&deposit);
            require(reference == expected, Ground::Malformed, || {
                format!("{reference:?} is not {expected:?}")
            })?;
            let paused = Ground::Policy(Lasting::Later);
            require(!self.log.replica().is_stopped(&registry.id), paused, || {
                format!("{} is paused", registry.id)
            })?;
            Ok(deposit)
        });
        let deposit = match read {
            Ok(deposit) => deposit,
            Err(decline) => return Ok(Err(decline)),
        };
        let record = self.record(registry, &deposit.reference).await?;
        let serials: Vec<String> = deposit.units.iter().map(ToString::to_string).collect();
        let stored = registry.view.blocks(&serials).await?;
        let checked = verify_deposit::check(&ReturnFacts {
            deposit: &deposit,
            record: &record,
            receipt_key: &registry.receipt_key,
            proposed,
            stored: &stored,
        });
        Ok(checked.map(|allowed| (allowed, None)))
    }

    /// Rejects what is proposed instead of the only thing that may be: whoever proposed it would hold the reference with it. Also
    /// what this attester approved, or promised to, when it was the thing: units may have been taken away since. An approval that
    /// reached the registry stays, because there a first word counts; one that did not must not keep the proposal open for ever.
    async fn reject(
        &self,
        registry: &OwnRegistry,
        reference: &str,
        record: &Record,
        decline: &Decline,
    ) -> Result<(), ExamineError> {
        match record {
            Record::Proposed { digest, .. } if decline.ground == Ground::OtherProposal => {
                Ok(registry.view.reject(reference, *digest).await?)
            }
            Record::Proposed { .. }
            | Record::Absent
            | Record::Executed { .. }
            | Record::Refused(_) => Ok(()),
        }
    }

    async fn record(
        &self,
        registry: &OwnRegistry,
        reference: &str,
    ) -> Result<Record, ExamineError> {
        let mut records = registry.view.records(&[reference.to_owned()]).await?;
        records
            .pop()
            .ok_or_else(|| unanswered(registry, "a record"))
    }

    /// Approves. Only what the registry took for certain is answered as approved; whatever else happened, the task is
    /// examined again and the approval sent again, which has no further effect (R4).
    async fn approve(
        &self,
        registry: &OwnRegistry,
        operation: Operation,
    ) -> Result<Verdict, ExamineError> {
        let transfer = operation.transfer();
        let mut drafts = Vec::new();
        for draft in registry.ledger.prepare(&[operation]).await {
            drafts.push(draft.map_err(|error| ExamineError::Undecided(error.into()))?);
        }
        let sent = registry.ledger.send(&drafts).await.pop();
        match sent.ok_or_else(|| unanswered(registry, "an approval"))? {
            Ok(()) => Ok(Verdict::Approved),
            Err(SendError::Refused(refusal)) => {
                let decline = Decline::new(Ground::ProposalRefused, refusal.to_string());
                Ok(Verdict::declined(transfer, decline))
            }
            Err(
                error @ (SendError::NotBefore(_) | SendError::Unreached(_) | SendError::Unknown(_)),
            ) => Err(ExamineError::Undecided(error.into())),
        }
    }
}

/// That the pool's units lie at the registry that the task names.
fn of_registry(registry: &OwnRegistry, origin: &isthmus_core::id::LedgerId) -> Result<(), Decline> {
    if registry.id == *origin {
        return Ok(());
    }
    let reason = format!("the units lie at {origin}, not at {}", registry.id);
    Err(Decline::new(Ground::ForeignLedger, reason))
}

/// A list answer that is shorter than the question.
fn unanswered(registry: &OwnRegistry, what: &str) -> ExamineError {
    FindError::from(Contradiction {
        ledger: registry.id.clone(),
        detail: format!("asked for {what}, got fewer answers than questions"),
    })
    .into()
}
