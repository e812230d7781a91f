//! Waiting for a transfer, and saying everything that is known if it does not come.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use isthmus_core::id::TransferId;
use isthmus_proto::v1;

use crate::devnet::Devnet;
use crate::devnet::service::Service;

/// Enough for a transfer of ten seconds on two busy cores.
const LIMIT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(50);
/// Log lines shown of each process.
const LINES: usize = 25;

impl Devnet {
    /// A transfer with its history; `None` if the relayer does not know it.
    pub async fn transfer(
        &self,
        id: TransferId,
    ) -> anyhow::Result<Option<v1::GetTransferResponse>> {
        let request = v1::GetTransferRequest { id: id.to_string() };
        match self.control("exchange-a")?.transfers().get(request).await {
            Ok(answer) => Ok(Some(answer.into_inner())),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// Waits until a transfer is in `state`. If it ends in another one, or takes too long, the error tells its history and the
    /// last lines of everybody's log.
    pub async fn wait_for(&self, id: TransferId, state: &str) -> anyhow::Result<v1::Transfer> {
        self.wait_until(id, state, |transfer| transfer.state == state)
            .await
    }

    /// Waits until something is true of a transfer.
    pub async fn wait_until(
        &self,
        id: TransferId,
        what: &str,
        reached: impl Fn(&v1::Transfer) -> bool,
    ) -> anyhow::Result<v1::Transfer> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let found = self.transfer(id).await;
            if let Ok(Some(found)) = &found {
                let transfer = found
                    .transfer
                    .as_ref()
                    .context("an answer has its transfer")?;
                if reached(transfer) {
                    return Ok(transfer.clone());
                }
                let stuck = ["completed", "returned", "rejected", "quarantined"];
                if stuck.contains(&transfer.state.as_str()) {
                    bail!(
                        "transfer {id} is {} and never {what}\n{}",
                        transfer.state,
                        self.report(Some(found))
                    );
                }
            }
            self.services().try_for_each(Service::check)?;
            if Instant::now() > deadline {
                let problem = match &found {
                    Ok(_) => String::new(),
                    Err(error) => format!("{error:#}\n"),
                };
                let report = self.report(found.ok().flatten().as_ref());
                bail!("transfer {id} was not {what} within {LIMIT:?}\n{problem}{report}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Everything that is known: a transfer's history and the logs' last lines.
    fn report(&self, found: Option<&v1::GetTransferResponse>) -> String {
        let mut text = String::new();
        match found {
            None => text.push_str("the relayer does not know it\n"),
            Some(found) => {
                let _infallible = writeln!(text, "{:#?}", found.transfer);
                for event in &found.history {
                    let _infallible =
                        writeln!(text, "  {} {} {}", event.index, event.event, event.detail);
                }
            }
        }
        for service in self.services() {
            let (name, lines) = (service.name(), service.last_lines(LINES));
            let _infallible = writeln!(text, "--- {name}\n{lines}");
        }
        text
    }
}
