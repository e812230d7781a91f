//! Renders every (state, event) pair into `docs/state-machine.md`. A difference there is a change of the protocol.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::transfer::catalogue::{EARLY, LATE, events, situations};
use crate::transfer::{Next, State, Transfer, WaitingFor};

fn work(transfer: &Transfer) -> &'static str {
    transfer
        .pending()
        .map_or("nothing", |work| work.lane().step.as_str())
}

fn state(state: &State) -> String {
    match state {
        State::Quarantined { at, .. } => format!("quarantined at {}", at.name()),
        State::Withdrawing { void: Some(_), .. } => "withdrawing, void signed".into(),
        State::Requested
        | State::Taken { .. }
        | State::Authorised { .. }
        | State::Withdrawing { void: None, .. }
        | State::Voided { .. }
        | State::Owed { .. }
        | State::Completed { .. }
        | State::Returned { .. }
        | State::Rejected { .. } => state.name().into(),
    }
}

fn next(transfer: &Transfer) -> String {
    let name = |next| match next {
        Next::Do(work) => work.lane().to_string(),
        Next::Wait(WaitingFor::Instruction) => "wait for the instruction".into(),
        Next::Wait(WaitingFor::Redirection) => "wait for a redirection".into(),
        Next::Wait(WaitingFor::Resolution) => "wait for two people".into(),
        Next::Done => "nothing, ever".into(),
    };
    let (early, late) = (name(transfer.next(EARLY)), name(transfer.next(LATE)));
    if early == late {
        early
    } else {
        format!("{early}; once the batch nears its deadline {late}")
    }
}

fn section(text: &mut String, name: &str, transfer: &Transfer) {
    writeln!(text, "\n## {name}\n\nNext: {}.\n", next(transfer)).unwrap();
    let mut impossible: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut possible = String::new();
    for (event, data) in events(transfer) {
        match transfer.apply(&data) {
            Ok(after) => {
                let (becomes, pending) = (state(after.state()), work(&after));
                writeln!(possible, "| {event} | {becomes} | {pending} |").unwrap();
            }
            Err(illegal) => impossible.entry(illegal.reason).or_default().push(event),
        }
    }
    if !possible.is_empty() {
        writeln!(
            text,
            "| event | becomes | pending |\n|---|---|---|\n{possible}"
        )
        .unwrap();
    }
    writeln!(text, "Impossible:\n").unwrap();
    for (reason, events) in impossible {
        writeln!(text, "- {} — {reason}", events.join("; ")).unwrap();
    }
}

fn render() -> String {
    let mut text = String::from(
        "# The state machine of a transfer\n\n\
         Generated from `relayer/core/src/transfer` by its tests (`ISTHMUS_WRITE=1 cargo test -p isthmus-core table`); a difference\n\
         is a change of the protocol. For every kind of situation: what comes next, what each event makes of it, and which events are\n\
         impossible and why. An impossible event is a bug or a contradiction: nothing is written and the transfer is quarantined.\n\n\
         `state` says what is, `pending` what may be: intended, outcome unknown.\n",
    );
    for (name, transfer) in situations() {
        section(&mut text, name, &transfer);
    }
    text
}

#[test]
fn the_table_is_the_one_in_the_docs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/state-machine.md");
    let rendered = render();
    if std::env::var_os("ISTHMUS_WRITE").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed
        .lines()
        .zip(rendered.lines())
        .find(|(old, new)| old != new);
    assert!(
        committed == rendered,
        "docs/state-machine.md is not what the code does (first difference: {differs:?}). If the change of the protocol is \
         meant, run `ISTHMUS_WRITE=1 cargo test -p isthmus-core table` and commit the file"
    );
}
