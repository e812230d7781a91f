//! Requests about transfers that exist: withdrawing one, and handing in what a burn committed to.

use std::sync::Arc;

use isthmus_core::id::{LedgerId, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::mandate::{Mandate, Wish};
use isthmus_core::ports::AppendError;
use isthmus_core::receipt::Refusal;
use isthmus_core::terms::{Outbound, Terms};
use isthmus_core::transfer::{Event, State, Transfer, Withdrawal};

use crate::engine::admission::{Admission, RequestError, WithdrawnBy, never};
use crate::engine::ports::{AccountStatus, Registry, SurveyError};
use crate::engine::{Fatal, settle};

/// How often a request that lost a race is decided anew.
const RACES: usize = 5;

impl Admission {
    /// Undoes a transfer that is not minted yet. Asked again it answers with the transfer as it is.
    pub async fn withdraw(
        &self,
        id: TransferId,
        by: &WithdrawnBy,
    ) -> Result<Transfer, RequestError> {
        let transfer = self.transfer(id)?;
        let Terms::Outbound(outbound) = transfer.terms() else {
            let message = "a burn cannot be undone: hand its instruction in".to_owned();
            return Err(refused("not_outbound", "id", id.to_string(), message));
        };
        match by {
            WithdrawnBy::Holder(mandate) => self.is_holders_wish(id, outbound, mandate).await?,
            WithdrawnBy::Operator(name) => {
                tracing::info!(transfer.id = %id, operator = %name, "withdrawal by an operator");
            }
        }
        self.change(
            id,
            Event::WithdrawalRequested,
            |transfer| match state_below(transfer) {
                // The lock's outcome is awaited; the wish is durable.
                State::Requested if transfer.withdrawal() == Withdrawal::Wanted => Some(Ok(())),
                State::Withdrawing { .. }
                | State::Voided { .. }
                | State::Returned { .. }
                | State::Rejected { .. } => Some(Ok(())),
                State::Completed { .. } => Some(Err(never(
                    "completed",
                    "id",
                    id.to_string(),
                    "it is minted: burn the equivalents to get the originals back".into(),
                ))),
                State::Requested
                | State::Taken { .. }
                | State::Authorised { .. }
                | State::Owed { .. }
                | State::Quarantined { .. } => None,
            },
        )
        .await
    }

    /// Takes in what a burn committed to. Asked again with the same it answers with the transfer as it is.
    pub async fn instruct(
        &self,
        id: TransferId,
        instruction: Instruction,
    ) -> Result<Transfer, RequestError> {
        let transfer = self.transfer(id)?;
        let Terms::Return(back) = transfer.terms() else {
            let message = "only a return, named by its BurnId, takes an instruction".to_owned();
            return Err(refused("not_a_return", "id", id.to_string(), message));
        };
        let checked = instruction.check(back.burn.purpose, back.burn.commitment);
        checked.map_err(|error| {
            let found = instruction.commitment().to_string();
            refused(
                "instruction_mismatch",
                "instruction",
                found,
                error.to_string(),
            )
        })?;
        self.may_redeem(back, instruction.purpose())?;
        self.receives(&transfer, &instruction).await?;
        self.change(id, Event::Instructed(instruction.clone()), |transfer| {
            (transfer.instruction() == Some(&instruction)).then_some(Ok(()))
        })
        .await
    }

    /// That the account that an instruction names takes units now.
    pub(super) async fn receives(
        &self,
        transfer: &Transfer,
        instruction: &Instruction,
    ) -> Result<(), RequestError> {
        let Instruction::Release { account, .. } = instruction else {
            return Ok(());
        };
        let registry = self.registry(transfer.terms().origin())?;
        let found = registry.account(account).await.map_err(survey_error)?;
        if found.status == AccountStatus::Open {
            return Ok(());
        }
        let message = "the account is closed: the burn stays safe, ask the registry to open it, or redirect the burn";
        Err(refused(
            "account_closed",
            "instruction.account",
            account.to_string(),
            message.to_owned(),
        ))
    }

    /// Records an event, again if somebody else wrote in between. `settled` says whether there is nothing to do any more.
    pub(super) async fn change(
        &self,
        id: TransferId,
        event: Event,
        settled: impl Fn(&Transfer) -> Option<Result<(), Refusal>>,
    ) -> Result<Transfer, RequestError> {
        for _ in 0..RACES {
            let transfer = self.transfer(id)?;
            match settled(&transfer) {
                Some(Ok(())) => return Ok(transfer),
                Some(Err(refusal)) => return Err(RequestError::Refused(refusal)),
                None => {}
            }
            if let Err(illegal) = transfer.apply(&event) {
                let state = transfer.state().name().to_owned();
                return Err(refused("not_possible", "state", state, illegal.reason));
            }
            let now = self.recorder.clock().now();
            let append = settle::append(&transfer, event.clone(), now);
            match self.recorder.record(vec![append]).await?.pop() {
                Some(Ok(appended)) => return appended.transfer.ok_or(RequestError::Unknown(id)),
                Some(Err(AppendError::Conflict { .. })) | None => {}
                Some(Err(error)) => {
                    return Err(refused(
                        "not_possible",
                        "id",
                        id.to_string(),
                        error.to_string(),
                    ));
                }
            }
        }
        let message = "it changes faster than this could be recorded: ask again".to_owned();
        Err(RequestError::Unavailable(message.into()))
    }

    async fn is_holders_wish(
        &self,
        id: TransferId,
        outbound: &Outbound,
        mandate: &Mandate,
    ) -> Result<(), RequestError> {
        let registry = self.registry(&outbound.terms.origin)?;
        let account = &outbound.terms.account;
        let found = registry.account(account).await.map_err(survey_error)?;
        let key = found.holder_key.ok_or_else(|| {
            let message = "the account has no registered key: ask an operator".to_owned();
            refused("no_holder_key", "account", account.to_string(), message)
        })?;
        mandate.verify(Wish::Withdraw, id, key).map_err(|error| {
            refused(
                "mandate_invalid",
                "mandate",
                id.to_string(),
                error.to_string(),
            )
        })
    }

    fn registry(&self, id: &LedgerId) -> Result<&dyn Registry, RequestError> {
        let registry = self.registries.get(id).map(Arc::as_ref);
        registry.ok_or_else(|| {
            let message = "this registry is not configured here".to_owned();
            refused("unknown_ledger", "origin", id.to_string(), message)
        })
    }

    pub(super) fn transfer(&self, id: TransferId) -> Result<Transfer, RequestError> {
        let transfer = self.recorder.journal().transfer(id).map_err(Fatal)?;
        transfer.ok_or(RequestError::Unknown(id))
    }
}

fn state_below(transfer: &Transfer) -> &State {
    if let State::Quarantined { at, .. } = transfer.state() {
        at
    } else {
        transfer.state()
    }
}

fn survey_error(error: SurveyError) -> RequestError {
    match error {
        SurveyError::Unknown {
            field,
            value,
            message,
        } => refused("unknown_account", field, value, message),
        SurveyError::Unavailable(error) => RequestError::Unavailable(error),
    }
}

pub(super) fn refused(code: &str, field: &str, value: String, message: String) -> RequestError {
    RequestError::Refused(never(code, field, value, message))
}
