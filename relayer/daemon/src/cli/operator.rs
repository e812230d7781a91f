//! `status`, `pause`, `resume` and `quarantine`: operating a relayer.

use std::io::{self, Write};

use clap::{Subcommand, ValueEnum};
use isthmus_proto::v1::{
    ListQuarantineRequest, PauseRequest, QuarantinedTransfer, ResolveQuarantineRequest,
    ResumeRequest, StatusRequest,
};
use serde_json::{Value, json};

use super::client::Control;
use super::failure::Failure;
use super::output::{Column, Output, Table, clean, fields, moment, tonnes};
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
    accept_losses: bool,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let request = ResumeRequest {
        scope: scope.to_owned(),
        accept_losses,
    };
    let mut operator = control.connect().await?.operator();
    let answer = operator.resume(request).await?.into_inner();
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
    let object = |t: &QuarantinedTransfer| {
        json!({ "id": t.id, "at": t.at, "code": t.code, "detail": t.detail, "first_decision": t.first_decision,
                "quarantined_at_ms": t.quarantined_at_ms, "transfer_kind": t.kind, "route": t.route,
                "quantity_g": t.quantity_g, "evidence": t.evidence, "decided": t.decided })
    };
    out.show(
        || Value::Array(transfers.iter().map(object).collect()),
        |w| {
            if transfers.is_empty() {
                return writeln!(w, "nothing is quarantined");
            }
            for (place, transfer) in transfers.iter().enumerate() {
                if place > 0 {
                    writeln!(w)?;
                }
                quarantined(transfer, w)?;
            }
            Ok(())
        },
    )
}

fn quarantined(transfer: &QuarantinedTransfer, w: &mut dyn Write) -> io::Result<()> {
    let waiting = match transfer.first_decision.as_str() {
        "" => "two operators must decide the same".to_owned(),
        first => format!("{first}; a second operator must decide the same"),
    };
    fields(
        w,
        &[
            ("transfer", transfer.id.clone()),
            ("kind", transfer.kind.clone()),
            ("route", transfer.route.clone()),
            ("quantity", tonnes(transfer.quantity_g)),
            ("at", transfer.at.clone()),
            ("since", moment(transfer.quarantined_at_ms)),
            ("finding", format!("{}: {}", transfer.code, transfer.detail)),
        ],
    )?;
    for evidence in &transfer.evidence {
        writeln!(w, "evidence  {}", clean(evidence))?;
    }
    for decided in &transfer.decided {
        writeln!(w, "decided   {}", clean(decided))?;
    }
    writeln!(w, "waits     {}", clean(&waiting))
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
            first_decision: "resume by operator-1".into(),
            quarantined_at_ms: 1_780_000_000_123,
            kind: "outbound".into(),
            route: "verra-evm".into(),
            quantity_g: 5_000_000,
            evidence: vec!["lock #7: vcs-receipt sha256 0x01".into()],
            decided: vec!["resume by a and b".into()],
        };
        let expected = "\
transfer  0xab
kind      outbound
route     verra-evm
quantity  5 t
at        taken
since     2026-05-28T20:26:40.123Z
finding   ISTHMUS-0001: block 7 changed
evidence  lock #7: vcs-receipt sha256 0x01
decided   resume by a and b
waits     resume by operator-1; a second operator must decide the same
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
