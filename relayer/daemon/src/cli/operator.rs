//! `status`, `pause`, `resume` and `quarantine`: operating a relayer.

use clap::{Subcommand, ValueEnum};
use isthmus_proto::v1::{
    ListQuarantineRequest, PauseRequest, QuarantinedTransfer, ResolveQuarantineRequest,
    ResumeRequest, StatusRequest,
};
use serde_json::{Value, json};

use super::client::Control;
use super::failure::Failure;
use super::output::{Column, Output, Table};
use super::status;

/// Transfers that need a person.
#[derive(Debug, Subcommand)]
pub(crate) enum Quarantine {
    /// Lists them, with what was found.
    List,
    /// Decides about one. Two different operators must decide the same.
    Resolve {
        /// The transfer.
        id: String,
        /// What to do with it.
        #[arg(long)]
        resolution: Resolution,
    },
}

/// What two people can decide.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Resolution {
    /// The finding is explained: go on, asking the ledgers first.
    Resume,
    /// Undo it: void, then unlock.
    Withdraw,
}

/// Shows whether the relayer works, how far behind it is and what is stuck.
pub(crate) async fn show_status(control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
    let mut operator = control.connect().await?.operator();
    let answer = operator.status(StatusRequest {}).await?.into_inner();
    out.show(|| status::to_json(&answer), |w| status::write(&answer, w))
}

/// Stops new work.
pub(crate) async fn pause(
    control: &Control,
    scope: &str,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let scope = scope.to_owned();
    let mut operator = control.connect().await?.operator();
    let answer = operator.pause(PauseRequest { scope }).await?.into_inner();
    paused(&answer.paused, out)
}

/// Lets new work in again.
pub(crate) async fn resume(
    control: &Control,
    scope: &str,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let scope = scope.to_owned();
    let mut operator = control.connect().await?.operator();
    let answer = operator.resume(ResumeRequest { scope }).await?.into_inner();
    paused(&answer.paused, out)
}

fn paused(scopes: &[String], out: &mut Output<'_>) -> Result<(), Failure> {
    out.show(
        || json!({ "paused": scopes }),
        |w| {
            let mut table = Table::new(&[Column::Left("PAUSED")]);
            for scope in scopes {
                table.row([scope.clone()]);
            }
            table.write(w, "nothing is paused")
        },
    )
}

impl Quarantine {
    pub(crate) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let mut operator = control.connect().await?.operator();
        match self {
            Self::List => {
                let answer = operator
                    .list_quarantine(ListQuarantineRequest {})
                    .await?
                    .into_inner();
                list(&answer.transfers, out)
            }
            Self::Resolve { id, resolution } => {
                let resolution = match resolution {
                    Resolution::Resume => "resume",
                    Resolution::Withdraw => "withdraw",
                };
                let request = ResolveQuarantineRequest {
                    id: id.clone(),
                    resolution: resolution.to_owned(),
                };
                let answer = operator.resolve_quarantine(request).await?.into_inner();
                resolved(id, resolution, answer.carried_out, out)
            }
        }
    }
}

fn resolved(
    id: &str,
    resolution: &str,
    carried_out: bool,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    out.show(
        || json!({ "id": id, "resolution": resolution, "carried_out": carried_out }),
        |w| {
            if carried_out {
                writeln!(w, "{id}: {resolution} carried out")
            } else {
                writeln!(
                    w,
                    "{id}: {resolution} noted; a second operator must decide the same"
                )
            }
        },
    )
}

fn list(transfers: &[QuarantinedTransfer], out: &mut Output<'_>) -> Result<(), Failure> {
    let object = |t: &QuarantinedTransfer| json!({ "id": t.id, "at": t.at, "code": t.code, "detail": t.detail, "first_decision": t.first_decision });
    out.show(
        || Value::Array(transfers.iter().map(object).collect()),
        |w| {
            let mut table = Table::new(&[
                Column::Left("TRANSFER"),
                Column::Left("AT"),
                Column::Left("CODE"),
                Column::Left("FIRST DECISION"),
                Column::Left("DETAIL"),
            ]);
            for t in transfers {
                table.row([
                    t.id.clone(),
                    t.at.clone(),
                    t.code.clone(),
                    t.first_decision.clone(),
                    t.detail.clone(),
                ]);
            }
            table.write(w, "nothing is quarantined")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn human(render: impl FnOnce(&mut Output<'_>) -> Result<(), Failure>) -> String {
        let mut written = Vec::new();
        render(&mut Output::new(&mut written, false)).unwrap();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn a_first_decision_is_not_shown_as_carried_out() {
        let first = human(|out| resolved("0xab", "resume", false, out));
        assert_eq!(
            first,
            "0xab: resume noted; a second operator must decide the same\n"
        );
        let second = human(|out| resolved("0xab", "resume", true, out));
        assert_eq!(second, "0xab: resume carried out\n");
    }

    #[test]
    fn what_is_stuck_is_listed() {
        let stuck = QuarantinedTransfer {
            id: "0xab".into(),
            at: "taken".into(),
            code: "ISTHMUS-0001".into(),
            detail: "block 7 changed".into(),
            first_decision: String::new(),
        };
        let expected = "\
TRANSFER  AT     CODE          FIRST DECISION  DETAIL
0xab      taken  ISTHMUS-0001                  block 7 changed
";
        assert_eq!(human(|out| list(&[stuck], out)), expected);
        assert_eq!(human(|out| list(&[], out)), "nothing is quarantined\n");
        assert_eq!(human(|out| paused(&[], out)), "nothing is paused\n");
        assert_eq!(
            human(|out| paused(&["route:verra-evm".into()], out)),
            "PAUSED\nroute:verra-evm\n"
        );
    }
}
