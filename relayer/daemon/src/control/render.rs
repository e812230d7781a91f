//! From the core's types to protobuf.

use isthmus_core::instruction::Instruction;
use isthmus_core::operation::{Authorisation, MintItem};
use isthmus_core::ports::{Recorded, StoreError};
use isthmus_core::receipt::{Lasting, Position, Receipt, Refusal};
use isthmus_core::terms::Terms;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, Next, Resolution, State, Transfer, WaitingFor};
use isthmus_proto::v1 as pb;

use crate::control::shared::Shared;
use crate::engine::board::{Task, TaskWork};
use crate::engine::delay::mint_not_before;

/// A transfer as it is, with its times and the last report about it.
pub(crate) fn transfer(shared: &Shared, transfer: &Transfer) -> Result<pb::Transfer, StoreError> {
    let id = transfer.id();
    let never = (Timestamp::from_ms(0), Timestamp::from_ms(0));
    let (created, updated) = shared.parts.store.times(id)?.unwrap_or(never);
    let mut rendered = terms(transfer);
    rendered.id = id.to_string();
    rendered.state = transfer.state().name().into();
    rendered.pending = transfer
        .pending()
        .map_or_else(String::new, |work| work.lane().step.as_str().into());
    rendered.waiting_for = waiting_for(transfer, shared.now()).into();
    let delayed = mint_not_before(&shared.parts.store, transfer)?;
    if let Some(until) = delayed.filter(|until| *until > shared.now()) {
        rendered.waiting_for = "delay".into();
        rendered.not_before_ms = until.ms();
    }
    outcome(transfer.state(), &mut rendered);
    rendered.created_at_ms = created.ms();
    rendered.updated_at_ms = updated.ms();
    rendered.note = shared.parts.recorder.notes().last(id).unwrap_or_default();
    Ok(rendered)
}

fn terms(transfer: &Transfer) -> pb::Transfer {
    let terms = transfer.terms();
    let common = pb::Transfer {
        origin: terms.origin().to_string(),
        destination: terms.destination().to_string(),
        asset_class: terms.asset_class().to_string(),
        pool: terms.pool().to_string(),
        quantity_g: terms.quantity().grams(),
        ..pb::Transfer::default()
    };
    match terms {
        Terms::Outbound(outbound) => pb::Transfer {
            kind: "outbound".into(),
            route: outbound.terms.route.to_string(),
            account: outbound.terms.account.to_string(),
            holder: outbound.terms.recipient.to_string(),
            units: outbound.terms.units.clone(),
            ..common
        },
        Terms::Return(back) => pb::Transfer {
            kind: "return".into(),
            account: match transfer.instruction() {
                Some(Instruction::Release { account, .. }) => account.to_string(),
                Some(Instruction::Retire { .. }) | None => String::new(),
            },
            holder: back.burn.holder.to_string(),
            units: back.allocation.iter().map(ToString::to_string).collect(),
            burn_number: back.burn.number,
            redirections: transfer.redirections(),
            ..common
        },
    }
}

fn waiting_for(transfer: &Transfer, now: Timestamp) -> &'static str {
    match transfer.next(now) {
        Next::Do(_) | Next::Done => "",
        Next::Wait(WaitingFor::Instruction) => "instruction",
        Next::Wait(WaitingFor::Redirection) => "redirection",
        Next::Wait(WaitingFor::Resolution) => "resolution",
    }
}

/// What a state says besides its name. Quarantine shows what is true below it, too.
fn outcome(state: &State, rendered: &mut pb::Transfer) {
    match state {
        State::Completed { give, .. } => {
            rendered.certificate = give.certificate.clone().unwrap_or_default();
        }
        State::Owed {
            refusal: reason, ..
        }
        | State::Rejected { reason } => rendered.refusal = Some(refusal(reason)),
        State::Quarantined { at, finding } => {
            outcome(at, rendered);
            rendered.finding = format!("{}: {}", finding.code, finding.detail);
        }
        State::Requested
        | State::Taken { .. }
        | State::Authorised { .. }
        | State::Withdrawing { .. }
        | State::Voided { .. }
        | State::Returned { .. } => {}
    }
}

/// A definite no.
pub(crate) fn refusal(refusal: &Refusal) -> pb::Refusal {
    pb::Refusal {
        code: refusal.code.clone(),
        field: refusal.field.clone(),
        value: refusal.value.clone(),
        message: refusal.message.clone(),
        later: refusal.lasting == Lasting::Later,
    }
}

/// One line of a history.
pub(crate) fn event(recorded: &Recorded) -> pb::TransferEvent {
    pb::TransferEvent {
        index: recorded.index,
        at_ms: recorded.at.ms(),
        event: recorded.event.name().into(),
        detail: detail(&recorded.event),
    }
}

fn detail(event: &Event) -> String {
    match event {
        Event::Requested { .. } | Event::WithdrawalRequested => String::new(),
        Event::Burned { receipt, .. }
        | Event::Locked(receipt)
        | Event::Given(receipt)
        | Event::Voided(receipt)
        | Event::Unlocked(receipt) => event_place(receipt),
        Event::Intended(work) => work.lane().to_string(),
        Event::Authorised(Authorisation::Mint(batch)) => format!(
            "mint: {} signatures, epoch {}, log size {}, deadline {} s",
            batch.signatures.len(),
            batch.epoch,
            batch.log.size,
            batch.deadline.s()
        ),
        Event::Authorised(Authorisation::Void(void)) => {
            format!(
                "void: {} signatures, epoch {}",
                void.signatures.len(),
                void.epoch
            )
        }
        Event::Lapsed(refusal) | Event::Refused(refusal) => refusal.to_string(),
        // What the instruction says is the burner's business.
        Event::Instructed(instruction) => format!("commitment {}", instruction.commitment()),
        Event::Redirected(redirection) => format!(
            "counter {}, commitment {}",
            redirection.counter,
            redirection.instruction.commitment()
        ),
        Event::Reallocated(allocation) => {
            let serials: Vec<_> = allocation.iter().map(ToString::to_string).collect();
            serials.join(" ")
        }
        Event::Quarantined(finding) => format!("{}: {}", finding.code, finding.detail),
        Event::Resolved { resolution, by } => {
            format!(
                "{} by {} and {}",
                resolution_name(*resolution),
                by[0],
                by[1]
            )
        }
    }
}

/// What was done and where a ledger has it.
pub(crate) fn event_place(receipt: &Receipt) -> String {
    match &receipt.position {
        Position::Registry { sequence } => format!("{} #{sequence}", receipt.operation),
        Position::Chain {
            height,
            transaction,
            ..
        } => format!(
            "{} in block {height}, transaction {transaction}",
            receipt.operation
        ),
    }
}

/// A resolution's name.
pub(crate) fn resolution_name(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Resume => "resume",
        Resolution::Withdraw => "withdraw",
    }
}

/// A task of an attester.
pub(crate) fn task(task: Task) -> pb::Task {
    use pb::task::Work;
    let work = match task.work {
        TaskWork::Mint {
            ledger,
            gate,
            items,
            log,
            epoch,
            deadline,
        } => Work::MintBatch(pb::MintBatchTask {
            ledger: ledger.to_string(),
            gate: gate.to_string(),
            items: items.iter().map(mint_item).collect(),
            log_size: log.size,
            log_root: log.root.as_bytes().to_vec().into(),
            epoch,
            deadline_s: deadline.s(),
        }),
        TaskWork::Void {
            ledger,
            gate,
            transfer,
            epoch,
        } => Work::Void(pb::VoidTask {
            ledger: ledger.to_string(),
            gate: gate.to_string(),
            transfer: transfer.to_string(),
            epoch,
        }),
        TaskWork::Approval {
            ledger,
            transfer,
            reference,
            instruction,
        } => Work::Approval(pb::ApprovalTask {
            ledger: ledger.to_string(),
            transfer: transfer.to_string(),
            reference,
            instruction: instruction.into(),
        }),
    };
    pb::Task {
        id: task.id,
        work: Some(work),
    }
}

fn mint_item(item: &MintItem) -> pb::MintItem {
    pb::MintItem {
        transfer: item.transfer.to_string(),
        asset_class: item.asset_class.to_string(),
        recipient: item.recipient.to_string(),
        quantity_g: item.quantity.grams(),
    }
}
