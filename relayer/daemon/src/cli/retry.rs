//! `retry`: what was put off is tried now.

use clap::Args;
use isthmus_proto::v1::{RetryRequest, RetryResponse};
use serde_json::json;

use super::client::Control;
use super::failure::Failure;
use super::output::Output;

/// Which work. Without any of these: everything that was put off.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// In this state.
    #[arg(long)]
    state: Option<String>,
    /// Through this route.
    #[arg(long)]
    route: Option<String>,
    /// With work at this ledger.
    #[arg(long)]
    ledger: Option<String>,
    /// In this lane, as `isthmus status` lists them.
    #[arg(long)]
    lane: Option<String>,
    /// Unchanged for at least so many seconds.
    #[arg(long, value_name = "S", default_value_t = 0)]
    older_than_s: u64,
    /// These transfers; may be repeated.
    #[arg(long = "id", value_name = "TRANSFER")]
    ids: Vec<String>,
    /// Only say how many there are.
    #[arg(long)]
    dry_run: bool,
}

impl Retry {
    pub(crate) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let given = |text: &Option<String>| text.clone().unwrap_or_default();
        let request = RetryRequest {
            state: given(&self.state),
            route: given(&self.route),
            ledger: given(&self.ledger),
            lane: given(&self.lane),
            older_than_ms: self.older_than_s.saturating_mul(1000),
            ids: self.ids.clone(),
            dry_run: self.dry_run,
        };
        let mut operator = control.connect().await?.operator();
        let answer = operator.retry(request).await?.into_inner();
        show(&answer, self.dry_run, out)
    }
}

fn show(answer: &RetryResponse, dry_run: bool, out: &mut Output<'_>) -> Result<(), Failure> {
    let (matched, moved, due) = (answer.matched, answer.moved, answer.due_already);
    out.show(
        || json!({ "matched": matched, "moved": moved, "due_already": due, "dry_run": dry_run }),
        |w| {
            if dry_run {
                writeln!(
                    w,
                    "{matched} put off would be tried now; {due} more are due already"
                )
            } else {
                writeln!(
                    w,
                    "{moved} put off are tried now; {due} more were due already"
                )
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_many_it_moved() {
        let answer = RetryResponse {
            matched: 7,
            moved: 7,
            due_already: 2,
        };
        let shown = |dry_run| {
            let mut written = Vec::new();
            show(&answer, dry_run, &mut Output::new(&mut written, false)).unwrap();
            String::from_utf8(written).unwrap()
        };
        assert_eq!(
            shown(false),
            "7 put off are tried now; 2 more were due already\n"
        );
        assert_eq!(
            shown(true),
            "7 put off would be tried now; 2 more are due already\n"
        );
    }
}
