//! How `status` is shown.

use std::io::{self, Write};

use isthmus_proto::v1::{Fees, StatusResponse};
use serde_json::{Value, json};

use super::cost;
use super::output::{Column, Table, clean, duration, fields};

pub(crate) fn to_json(status: &StatusResponse) -> Value {
    let ledgers: Vec<Value> = status
        .ledgers
        .iter()
        .map(|l| {
            json!({ "id": l.id, "kind": l.kind, "problem": l.problem, "final_height": l.final_height,
                    "observed_height": l.observed_height, "halted": l.halted, "calls": l.calls })
        })
        .collect();
    let lanes: Vec<Value> = status
        .lanes
        .iter()
        .map(|l| json!({ "lane": l.lane, "due": l.due, "oldest_ms": l.oldest_ms, "problem": l.problem }))
        .collect();
    let attesters: Vec<Value> = status
        .attesters
        .iter()
        .map(|a| json!({ "name": a.name, "last_seen_ms": a.last_seen_ms }))
        .collect();
    let transfers: serde_json::Map<String, Value> = status
        .transfers
        .iter()
        .map(|t| (t.state.clone(), json!(t.count)))
        .collect();
    json!({
        "version": status.version,
        "uptime_ms": status.uptime_ms,
        "ledgers": ledgers,
        "transfers": transfers,
        "lanes": lanes,
        "attesters": attesters,
        "paused": status.paused,
        "log_size": status.log_size,
        "synced_writes": status.synced_writes,
        "backlog": status.backlog,
        "ended_per_minute": status.ended_per_minute,
        "eta_ms": status.eta_ms,
        "fees": status.fees.iter().map(fee_json).collect::<Vec<_>>(),
        "concerns": status.concerns,
    })
}

fn fee_json(fee: &Fees) -> Value {
    json!({ "ledger": fee.ledger, "operation": fee.operation, "transactions": fee.transactions,
            "transfers": fee.transfers, "gas": fee.gas, "wei": fee.wei })
}

pub(crate) fn write(status: &StatusResponse, out: &mut dyn Write) -> io::Result<()> {
    fields(
        out,
        &[
            ("version", status.version.clone()),
            ("up", duration(status.uptime_ms)),
            ("log size", status.log_size.to_string()),
            ("synced writes", status.synced_writes.to_string()),
            ("backlog", backlog(status)),
            ("paused", status.paused.join(", ")),
        ],
    )?;
    writeln!(out)?;
    ledgers(status).write(out, "no ledgers")?;
    writeln!(out)?;
    lanes(status).write(out, "no work")?;
    writeln!(out)?;
    transfers(status).write(out, "no transfers")?;
    writeln!(out)?;
    attesters(status).write(out, "no attester has asked for work")?;
    writeln!(out)?;
    for fee in &status.fees {
        writeln!(out, "{}", clean(&cost::fees(fee)))?;
    }
    for ledger in &status.ledgers {
        writeln!(out, "{}", clean(&cost::calls(ledger)))?;
    }
    writeln!(out)?;
    if status.concerns.is_empty() {
        return writeln!(out, "no concerns");
    }
    for concern in &status.concerns {
        writeln!(out, "concern: {}", clean(concern))?;
    }
    Ok(())
}

/// How much is left and how long it takes.
fn backlog(status: &StatusResponse) -> String {
    let (left, pace) = (status.backlog, status.ended_per_minute);
    match (left, status.eta_ms) {
        (0, _) => "none".to_owned(),
        (_, Some(ms)) => format!("{left}, {pace} a minute, done in {}", duration(ms)),
        (_, None) => format!("{left}, nothing ended in the last minute"),
    }
}

fn ledgers(status: &StatusResponse) -> Table {
    let mut table = Table::new(&[
        Column::Left("LEDGER"),
        Column::Left("KIND"),
        Column::Right("FINAL"),
        Column::Right("OBSERVED"),
        Column::Left("PROBLEM"),
    ]);
    for ledger in &status.ledgers {
        let problem = match (ledger.halted, ledger.problem.as_str()) {
            (true, "") => "halted".to_owned(),
            (true, problem) => format!("halted: {problem}"),
            (false, "") => "-".to_owned(),
            (false, problem) => problem.to_owned(),
        };
        table.row([
            ledger.id.clone(),
            ledger.kind.clone(),
            ledger.final_height.to_string(),
            ledger.observed_height.to_string(),
            problem,
        ]);
    }
    table
}

fn lanes(status: &StatusResponse) -> Table {
    let mut table = Table::new(&[
        Column::Left("LANE"),
        Column::Right("DUE"),
        Column::Right("OLDEST"),
        Column::Left("PROBLEM"),
    ]);
    for lane in &status.lanes {
        let oldest = match lane.due {
            0 => "-".to_owned(),
            _ => duration(lane.oldest_ms),
        };
        let problem = match lane.problem.as_str() {
            "" => "-".to_owned(),
            problem => problem.to_owned(),
        };
        table.row([lane.lane.clone(), lane.due.to_string(), oldest, problem]);
    }
    table
}

fn transfers(status: &StatusResponse) -> Table {
    let mut table = Table::new(&[Column::Left("STATE"), Column::Right("TRANSFERS")]);
    for count in &status.transfers {
        table.row([count.state.clone(), count.count.to_string()]);
    }
    table
}

fn attesters(status: &StatusResponse) -> Table {
    let mut table = Table::new(&[Column::Left("ATTESTER"), Column::Left("LAST SEEN")]);
    for attester in &status.attesters {
        let seen = match attester.last_seen_ms {
            0 => "never".to_owned(),
            ms => format!("{} ago", duration(ms)),
        };
        table.row([attester.name.clone(), seen]);
    }
    table
}

#[cfg(test)]
mod tests {
    use isthmus_proto::v1::{AttesterStatus, LaneStatus, LedgerStatus, StateCount};

    use super::*;

    fn status() -> StatusResponse {
        StatusResponse {
            version: "0.1.0".into(),
            uptime_ms: 61_000,
            ledgers: vec![LedgerStatus {
                id: "eip155:31337".into(),
                kind: "evm".into(),
                problem: "no answer".into(),
                final_height: 7,
                observed_height: 6,
                halted: true,
                calls: 3_400,
            }],
            transfers: vec![StateCount {
                state: "completed".into(),
                count: 12,
            }],
            lanes: vec![LaneStatus {
                lane: "eip155:31337/mint".into(),
                due: 2,
                oldest_ms: 5_000,
                problem: String::new(),
            }],
            attesters: vec![AttesterStatus {
                name: "attester-1".into(),
                last_seen_ms: 0,
            }],
            paused: vec!["all".into()],
            log_size: 30,
            synced_writes: 9,
            concerns: vec!["attester-1 was never seen".into()],
            backlog: 2_700,
            ended_per_minute: 1_800,
            eta_ms: Some(90_000),
            fees: vec![Fees {
                ledger: "eip155:31337".into(),
                operation: "mint".into(),
                transactions: 71,
                transfers: 4_512,
                gas: 234_624_000,
                wei: "12345678901234567".into(),
            }],
        }
    }

    #[test]
    fn people_see_what_is_stuck() {
        let mut written = Vec::new();
        write(&status(), &mut written).unwrap();
        let expected = "\
version        0.1.0
up             1 min 1 s
log size       30
synced writes  9
backlog        2700, 1800 a minute, done in 1 min 30 s
paused         all

LEDGER        KIND  FINAL  OBSERVED  PROBLEM
eip155:31337  evm       7         6  halted: no answer

LANE               DUE  OLDEST  PROBLEM
eip155:31337/mint    2     5 s  -

STATE      TRANSFERS
completed         12

ATTESTER    LAST SEEN
attester-1  never

fees on eip155:31337: 0.012345678 ETH for 4 512 mints in 71 transactions, 52 000 gas each
calls to eip155:31337: 3 400 since the start

concern: attester-1 was never seen
";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn programs_get_every_field() {
        let object = to_json(&status());
        assert_eq!(object["transfers"]["completed"], 12);
        assert_eq!(object["ledgers"][0]["halted"], true);
        assert_eq!(object["lanes"][0]["due"], 2);
        assert_eq!(object["fees"][0]["wei"], "12345678901234567");
        assert_eq!(object["ledgers"][0]["calls"], 3_400);
        assert_eq!(object["concerns"][0], "attester-1 was never seen");
    }
}
