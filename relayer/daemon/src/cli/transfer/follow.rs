//! `transfer get`, `list` and `watch`.

use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use isthmus_core::id::TransferId;
use isthmus_proto::v1::{GetTransferRequest, ListTransfersRequest, Transfer, WatchTransferRequest};
use tokio_stream::StreamExt as _;

use super::view;
use crate::cli::client::{Control, required};
use crate::cli::failure::Failure;
use crate::cli::output::{Output, clean, moment};

/// The names of `docs/state-machine.md`.
const STATES: [&str; 10] = [
    "requested",
    "taken",
    "authorised",
    "withdrawing",
    "voided",
    "owed",
    "completed",
    "returned",
    "rejected",
    "quarantined",
];
/// Nothing follows these.
const ENDS: [&str; 3] = ["completed", "returned", "rejected"];
const PAGE: u32 = 500;

/// One transfer.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// TransferId, or the BurnId of a return.
    id: TransferId,
}

/// Many transfers.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those in this state.
    #[arg(long, value_parser = PossibleValuesParser::new(STATES))]
    state: Option<String>,
    /// Only those of this route.
    #[arg(long)]
    route: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// A transfer as it changes.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// TransferId, or the BurnId of a return.
    id: TransferId,
    /// Stop with success in this state; with exit code 4 if the transfer ends in another.
    #[arg(long, value_parser = PossibleValuesParser::new(STATES))]
    until: Option<String>,
    /// Stop with exit code 5 after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    timeout: u64,
}

impl Get {
    pub(super) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let request = GetTransferRequest {
            id: self.id.to_string(),
        };
        let mut transfers = control.connect().await?.transfers();
        let answer = transfers.get(request).await?.into_inner();
        let transfer = required(answer.transfer, "the transfer")?;
        view::show(&transfer, &answer.history, out)
    }
}

impl List {
    pub(super) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let mut client = control.connect().await?.transfers();
        let mut found: Vec<Transfer> = Vec::new();
        let mut page_token = String::new();
        loop {
            let missing = self.limit.saturating_sub(found.len());
            let request = ListTransfersRequest {
                state: self.state.clone().unwrap_or_default(),
                route: self.route.clone().unwrap_or_default(),
                page_size: u32::try_from(missing).unwrap_or(PAGE).clamp(1, PAGE),
                page_token,
            };
            let answer = client.list(request).await?.into_inner();
            found.extend(answer.transfers);
            page_token = answer.next_page_token;
            if page_token.is_empty() || found.len() >= self.limit {
                break;
            }
        }
        let more = !page_token.is_empty() || found.len() > self.limit;
        found.truncate(self.limit);
        view::list(&found, more, out)
    }
}

impl Watch {
    pub(super) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let follow = self.follow(control, out);
        let limit = Duration::from_secs(self.timeout);
        tokio::time::timeout(limit, follow).await.map_err(|_| {
            Failure::Unavailable(format!(
                "transfer {}: not there after --timeout {} s: watch it again",
                self.id, self.timeout
            ))
        })?
    }

    async fn follow(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let request = WatchTransferRequest {
            id: self.id.to_string(),
        };
        let mut client = control.connect().await?.transfers();
        let mut changes = client.watch(request).await?.into_inner();
        while let Some(change) = changes.next().await {
            let transfer = required(change?.transfer, "the transfer")?;
            line(&transfer, out)?;
            if let Some(end) = self.end(&transfer) {
                return end;
            }
        }
        Err(Failure::Unavailable(format!(
            "transfer {}: the relayer stopped reporting before it ended: watch it again",
            self.id
        )))
    }

    /// Whether to stop, and how.
    fn end(&self, transfer: &Transfer) -> Option<Result<(), Failure>> {
        let ended = ENDS.contains(&transfer.state.as_str());
        match &self.until {
            Some(until) if *until == transfer.state => Some(Ok(())),
            None if ended => Some(Ok(())),
            Some(until) if ended => {
                let why = transfer
                    .refusal
                    .as_ref()
                    .map(|refusal| format!(": {}", view::refusal(refusal)))
                    .unwrap_or_default();
                Some(Err(Failure::Refused(format!(
                    "transfer {} is {} and will never be {until}{why}",
                    self.id, transfer.state
                ))))
            }
            Some(_) | None => None,
        }
    }
}

/// One change, on one line.
fn line(transfer: &Transfer, out: &mut Output<'_>) -> Result<(), Failure> {
    out.show(
        || view::to_json(transfer),
        |w| {
            let mut text = format!("{}  {}", moment(transfer.updated_at_ms), transfer.state);
            let parts = [
                ("pending ", &transfer.pending),
                ("waiting for ", &transfer.waiting_for),
                ("", &transfer.finding),
                ("last attempt: ", &transfer.note),
            ];
            for (name, value) in parts {
                if !value.is_empty() {
                    text = format!("{text}, {name}{value}");
                }
            }
            writeln!(w, "{}", clean(&text))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(until: Option<&str>) -> Watch {
        Watch {
            id: TransferId::new([1; 32]),
            until: until.map(str::to_owned),
            timeout: 1,
        }
    }

    fn exit(until: Option<&str>, state: &str) -> Option<u8> {
        let transfer = Transfer {
            state: state.into(),
            ..Transfer::default()
        };
        watch(until)
            .end(&transfer)
            .map(|end| end.map_or_else(|failure| failure.exit_code(), |()| 0))
    }

    #[test]
    fn watching_stops_at_the_state_or_at_the_end() {
        for end in ENDS {
            assert_eq!(exit(None, end), Some(0));
        }
        assert_eq!(exit(Some("taken"), "taken"), Some(0));
        assert_eq!(exit(Some("taken"), "requested"), None);
        assert_eq!(exit(Some("completed"), "quarantined"), None);
        assert_eq!(exit(Some("completed"), "rejected"), Some(4));
        assert_eq!(exit(None, "owed"), None);
    }

    #[test]
    fn a_change_is_one_line() {
        let transfer = Transfer {
            state: "requested".into(),
            pending: "lock".into(),
            note: "registry unreachable".into(),
            updated_at_ms: 1_780_000_000_000,
            ..Transfer::default()
        };
        let mut written = Vec::new();
        line(&transfer, &mut Output::new(&mut written, false)).unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "2026-05-28T20:26:40Z  requested, pending lock, last attempt: registry unreachable\n"
        );
    }
}
