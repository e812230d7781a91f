//! `deposit`: units that came into custody without a lock, and giving them back.

use clap::Subcommand;
use isthmus_core::id::TransferId;
use isthmus_proto::v1::{Deposit as Answer, DepositsRequest, ReturnDepositRequest};
use serde_json::{Value, json};

use super::client::{Control, required};
use super::failure::Failure;
use super::output::{Column, Output, Table, clean, fields, tonnes};

/// Units that came into custody without a lock.
#[derive(Debug, Subcommand)]
pub(crate) enum Deposit {
    /// Lists deposits and what became of them.
    List,
    /// Gives a deposit back to its sender; the attesters must approve it.
    Return {
        /// The deposit.
        id: TransferId,
    },
}

impl Deposit {
    pub(crate) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let mut custody = control.connect().await?.custody();
        match self {
            Self::List => {
                let answer = custody.deposits(DepositsRequest {}).await?;
                list(&answer.into_inner().deposits, out)
            }
            Self::Return { id } => {
                let request = ReturnDepositRequest { id: id.to_string() };
                let answer = custody.return_deposit(request).await?.into_inner();
                show(&required(answer.deposit, "the deposit")?, out)
            }
        }
    }
}

fn to_json(answer: &Answer) -> Value {
    json!({
        "id": answer.id,
        "ledger": answer.ledger,
        "reference": answer.reference,
        "pool": answer.pool,
        "asset_class": answer.asset_class,
        "sender": answer.sender,
        "custody_account": answer.custody_account,
        "units": answer.units,
        "quantity_g": answer.quantity_g.to_string(),
        "note": answer.note,
        "standing": answer.standing,
        "by": answer.by,
        "at_ms": answer.at_ms,
    })
}

fn show(answer: &Answer, out: &mut Output<'_>) -> Result<(), Failure> {
    out.show(
        || to_json(answer),
        |w| {
            fields(
                w,
                &[
                    ("deposit", clean(&answer.id)),
                    ("from", clean(&answer.sender)),
                    ("quantity", tonnes(answer.quantity_g)),
                    ("standing", clean(&answer.standing)),
                ],
            )
        },
    )
}

fn list(answers: &[Answer], out: &mut Output<'_>) -> Result<(), Failure> {
    out.show(
        || Value::Array(answers.iter().map(to_json).collect()),
        |w| {
            let mut table = Table::new(&[
                Column::Left("DEPOSIT"),
                Column::Left("FROM"),
                Column::Right("QUANTITY"),
                Column::Left("STANDING"),
                Column::Left("NOTE"),
            ]);
            for answer in answers {
                table.row([
                    answer.id.clone(),
                    answer.sender.clone(),
                    tonnes(answer.quantity_g),
                    answer.standing.clone(),
                    clean(&answer.note),
                ]);
            }
            table.write(w, "no deposits")
        },
    )
}
