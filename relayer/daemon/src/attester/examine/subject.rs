//! What the log alone says about an approval that is asked for, before any ledger is asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use isthmus_core::id::{LedgerId, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::receipt::Lasting;
use isthmus_prooflog::book::ImpairedStory;
use isthmus_prooflog::serial::Block;

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::examine::Examiner;
use crate::attester::lock::LoggedLock;
use crate::attester::own::{OwnGate, OwnRegistry};
use crate::attester::relayer::Approval;
use crate::attester::verify_deposit::{self, LoggedDeposit};
use crate::attester::verify_pool;
use crate::attester::verify_redemption::LoggedBurn;
use crate::attester::verify_unlock;

/// An approval that is asked for, with what the log says about it.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) asked: &'a Approval,
    pub(super) logged: Result<Logged<'a>, Decline>,
    /// Whether its reference can be one of its transfer; the registry is not asked about others.
    is_reference: bool,
}

/// What is to be done by the log.
#[derive(Debug)]
pub(super) enum Logged<'a> {
    Unlock(Box<Unlock<'a>>),
    Redemption(Box<Redemption<'a>>),
    Deposit(Box<LoggedDeposit>),
}

/// A lock that is to be undone.
#[derive(Debug)]
pub(super) struct Unlock<'a> {
    pub(super) lock: LoggedLock,
    pub(super) gate: &'a OwnGate,
}

/// A burn that is to be given for, with what brought its units into custody.
#[derive(Debug)]
pub(super) struct Redemption<'a> {
    pub(super) burn: LoggedBurn,
    pub(super) gate: &'a OwnGate,
    pub(super) locks: Vec<LoggedLock>,
    /// They made the pool good.
    pub(super) deposits: Vec<LoggedDeposit>,
    /// What the registry took away and people decided about before the burn.
    pub(super) taken: Vec<Arc<ImpairedStory>>,
}

impl Subject<'_> {
    /// What the registry is asked about: the proposal, and what the log says lies behind it.
    pub(super) fn references(&self) -> Vec<String> {
        if !self.is_reference {
            return Vec::new();
        }
        let mut references = vec![self.asked.reference.clone()];
        match &self.logged {
            Ok(Logged::Unlock(unlock)) => references.push(unlock.lock.id().to_string()),
            Ok(Logged::Redemption(redemption)) => {
                references.extend(redemption.locks.iter().map(|lock| lock.id().to_string()));
                references.extend(redemption.deposits.iter().map(|d| d.reference.clone()));
                references.extend(redemption.taken.iter().map(|t| t.reference.clone()));
            }
            Ok(Logged::Deposit(deposit)) => references.push(deposit.reference.clone()),
            Err(_) => {}
        }
        references
    }

    /// The units that must still lie in custody.
    pub(super) fn units(&self) -> &[Block] {
        match &self.logged {
            Ok(Logged::Redemption(redemption)) => &redemption.burn.allocation,
            Ok(Logged::Deposit(deposit)) => &deposit.units,
            Ok(Logged::Unlock(_)) | Err(_) => &[],
        }
    }

    /// The gate that decides, the transfers whose outcomes it is asked for, and the burn.
    pub(super) fn at_gate(&self) -> Option<(&OwnGate, Vec<TransferId>, Option<u64>)> {
        match &self.logged {
            Ok(Logged::Unlock(unlock)) => Some((unlock.gate, vec![unlock.lock.id()], None)),
            Ok(Logged::Redemption(redemption)) => {
                let locks = redemption.locks.iter().map(LoggedLock::id).collect();
                Some((redemption.gate, locks, Some(redemption.burn.number)))
            }
            Ok(Logged::Deposit(_)) | Err(_) => None,
        }
    }
}

impl Examiner<'_> {
    pub(super) fn subject<'s>(
        &'s self,
        registry: &OwnRegistry,
        asked: &'s Approval,
    ) -> Subject<'s> {
        let (transfer, reference) = (asked.transfer, asked.reference.as_str());
        if reference == verify_unlock::reference(transfer) {
            let unlock = self.unlock(transfer, registry);
            return subject(asked, true, unlock.map(Box::new).map(Logged::Unlock));
        }
        if reference == transfer.to_string() {
            let redemption = self.redemption(asked, registry);
            return subject(
                asked,
                true,
                redemption.map(Box::new).map(Logged::Redemption),
            );
        }
        match LoggedDeposit::read(self.log.replica(), transfer) {
            Ok(deposit) if reference == verify_deposit::reference(&deposit) => {
                let may = self.may_return(&deposit, registry);
                subject(
                    asked,
                    true,
                    may.map(|()| Logged::Deposit(Box::new(deposit))),
                )
            }
            Err(decline) if reference.starts_with("return:") => subject(asked, false, Err(decline)),
            Ok(_) | Err(_) => {
                let reason = format!("{reference:?} is no reference of {transfer}");
                subject(asked, false, Err(Decline::new(Ground::Malformed, reason)))
            }
        }
    }

    fn unlock(&self, transfer: TransferId, registry: &OwnRegistry) -> Result<Unlock<'_>, Decline> {
        let replica = self.log.replica();
        let lock = LoggedLock::read(replica, transfer, replica.size())?;
        let gate = self.own.gate(&lock.terms.destination, lock.terms.gate)?;
        of_registry(registry, &lock.pool.origin)?;
        Ok(Unlock { lock, gate })
    }

    fn redemption(
        &self,
        asked: &Approval,
        registry: &OwnRegistry,
    ) -> Result<Redemption<'_>, Decline> {
        let replica = self.log.replica();
        let burn = LoggedBurn::read(replica, asked.transfer)?;
        let gate = self.own.gate(&burn.pool.destination, burn.pool.gate)?;
        of_registry(registry, &burn.pool.origin)?;
        self.allows(&burn, &asked.instruction)?;
        let (locks, deposits) = self.behind(&burn)?;
        let pool = replica.pool_book(burn.pool.id());
        let taken = match pool.zip(replica.burn(burn.id)) {
            Some((pool, story)) => verify_pool::taken(pool, story),
            None => Vec::new(),
        };
        Ok(Redemption {
            burn,
            gate,
            locks,
            deposits,
            taken,
        })
    }

    /// The locks, and the deposits that made the pool good, that brought the allocation into custody.
    fn behind(&self, burn: &LoggedBurn) -> Result<(Vec<LoggedLock>, Vec<LoggedDeposit>), Decline> {
        let replica = self.log.replica();
        let ids: BTreeSet<TransferId> = replica.origins(&burn.allocation).ok_or_else(|| {
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

    fn may_return(&self, deposit: &LoggedDeposit, registry: &OwnRegistry) -> Result<(), Decline> {
        of_registry(registry, &deposit.pool.origin)?;
        let stopped = self.log.replica().is_stopped(&registry.id);
        require(!stopped, Ground::Policy(Lasting::Later), || {
            format!("{} is paused", registry.id)
        })
    }
}

fn subject<'a>(
    asked: &'a Approval,
    is_reference: bool,
    logged: Result<Logged<'a>, Decline>,
) -> Subject<'a> {
    Subject {
        asked,
        logged,
        is_reference,
    }
}

/// That the pool's units lie at the registry that the task names.
fn of_registry(registry: &OwnRegistry, origin: &LedgerId) -> Result<(), Decline> {
    if registry.id == *origin {
        return Ok(());
    }
    let reason = format!("the units lie at {origin}, not at {}", registry.id);
    Err(Decline::new(Ground::ForeignLedger, reason))
}
