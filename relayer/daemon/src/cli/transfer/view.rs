//! How transfers are shown.

use isthmus_proto::v1::{Refusal, Transfer, TransferEvent};
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::output::{Column, Output, Table, clean, fields, moment, tonnes};

/// One transfer; with its history if there is one.
pub(super) fn show(
    transfer: &Transfer,
    history: &[TransferEvent],
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    out.show(
        || {
            let mut object = to_json(transfer);
            if let (Some(map), false) = (object.as_object_mut(), history.is_empty()) {
                map.insert("history".into(), history.iter().map(event_json).collect());
            }
            object
        },
        |w| {
            fields(w, &rows(transfer))?;
            if history.is_empty() {
                return Ok(());
            }
            writeln!(w)?;
            let mut table = Table::new(&[
                Column::Right("#"),
                Column::Left("AT"),
                Column::Left("EVENT"),
                Column::Left("DETAIL"),
            ]);
            for event in history {
                table.row([
                    event.index.to_string(),
                    moment(event.at_ms),
                    event.event.clone(),
                    event.detail.clone(),
                ]);
            }
            table.write(w, "")
        },
    )
}

fn rows(transfer: &Transfer) -> Vec<(&'static str, String)> {
    let number = match transfer.burn_number {
        0 => String::new(),
        number => number.to_string(),
    };
    let refused = transfer.refusal.as_ref().map(refusal).unwrap_or_default();
    vec![
        ("transfer", transfer.id.clone()),
        ("kind", transfer.kind.clone()),
        ("state", transfer.state.clone()),
        ("pending", transfer.pending.clone()),
        ("waiting for", transfer.waiting_for.clone()),
        ("not before", moment(transfer.not_before_ms)),
        ("quantity", tonnes(transfer.quantity_g)),
        ("route", transfer.route.clone()),
        ("origin", transfer.origin.clone()),
        ("destination", transfer.destination.clone()),
        ("account", transfer.account.clone()),
        ("holder", transfer.holder.clone()),
        ("burn number", number),
        ("asset class", transfer.asset_class.clone()),
        ("pool", transfer.pool.clone()),
        ("units", transfer.units.join(", ")),
        ("certificate", transfer.certificate.clone()),
        ("refusal", refused),
        ("finding", transfer.finding.clone()),
        ("last attempt", transfer.note.clone()),
        ("created", moment(transfer.created_at_ms)),
        ("updated", moment(transfer.updated_at_ms)),
    ]
}

/// A refusal as a sentence with field, value and code.
pub(super) fn refusal(refusal: &Refusal) -> String {
    let mut text = String::new();
    if !refusal.field.is_empty() {
        text = format!("{} {:?}: ", refusal.field, refusal.value);
    }
    text.push_str(&refusal.message);
    if refusal.later {
        text.push_str("; the same may pass later");
    }
    clean(&format!("{text} ({})", refusal.code))
}

/// Quantities are decimal strings, as everywhere in our JSON (`docs/protocol.md` §1).
pub(super) fn to_json(transfer: &Transfer) -> Value {
    let refusal = transfer.refusal.as_ref().map(|r| {
        json!({ "code": r.code, "field": r.field, "value": r.value, "message": r.message, "later": r.later })
    });
    json!({
        "id": transfer.id,
        "kind": transfer.kind,
        "state": transfer.state,
        "pending": transfer.pending,
        "waiting_for": transfer.waiting_for,
        "not_before_ms": transfer.not_before_ms,
        "route": transfer.route,
        "origin": transfer.origin,
        "destination": transfer.destination,
        "account": transfer.account,
        "holder": transfer.holder,
        "asset_class": transfer.asset_class,
        "pool": transfer.pool,
        "quantity_g": transfer.quantity_g.to_string(),
        "units": transfer.units,
        "certificate": transfer.certificate,
        "refusal": refusal,
        "finding": transfer.finding,
        "note": transfer.note,
        "burn_number": transfer.burn_number,
        "created_at_ms": transfer.created_at_ms,
        "updated_at_ms": transfer.updated_at_ms,
    })
}

fn event_json(event: &TransferEvent) -> Value {
    json!({ "index": event.index, "at_ms": event.at_ms, "event": event.event, "detail": event.detail })
}

/// Many transfers, one a row.
pub(super) fn list(
    transfers: &[Transfer],
    more: bool,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    out.show(
        || Value::Array(transfers.iter().map(to_json).collect()),
        |w| {
            let mut table = Table::new(&[
                Column::Left("TRANSFER"),
                Column::Left("KIND"),
                Column::Left("STATE"),
                Column::Left("PENDING"),
                Column::Right("QUANTITY"),
                Column::Left("ROUTE"),
                Column::Left("UPDATED"),
            ]);
            for t in transfers {
                table.row([
                    t.id.clone(),
                    t.kind.clone(),
                    t.state.clone(),
                    t.pending.clone(),
                    tonnes(t.quantity_g),
                    t.route.clone(),
                    moment(t.updated_at_ms),
                ]);
            }
            table.write(w, "no transfers")?;
            if more {
                writeln!(w, "there are more: raise --limit")?;
            }
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer() -> Transfer {
        Transfer {
            id: "0xab".into(),
            kind: "outbound".into(),
            state: "rejected".into(),
            quantity_g: 1_500_000,
            route: "verra-evm".into(),
            units: vec!["a".into(), "b".into()],
            refusal: Some(Refusal {
                code: "not_owner".into(),
                field: "units[0]".into(),
                value: "a".into(),
                message: "account 1001 does not hold it: name its holder".into(),
                later: false,
            }),
            created_at_ms: 1_780_000_000_000,
            updated_at_ms: 1_780_000_001_000,
            ..Transfer::default()
        }
    }

    fn event() -> TransferEvent {
        TransferEvent {
            index: 0,
            at_ms: 1_780_000_000_000,
            event: "Admitted".into(),
            detail: "order 1".into(),
        }
    }

    #[test]
    fn a_transfer_is_shown_with_its_history() {
        let mut written = Vec::new();
        show(
            &transfer(),
            &[event()],
            &mut Output::new(&mut written, false),
        )
        .unwrap();
        let expected = "\
transfer  0xab
kind      outbound
state     rejected
quantity  1.5 t
route     verra-evm
units     a, b
refusal   units[0] \"a\": account 1001 does not hold it: name its holder (not_owner)
created   2026-05-28T20:26:40Z
updated   2026-05-28T20:26:41Z

#  AT                    EVENT     DETAIL
0  2026-05-28T20:26:40Z  Admitted  order 1
";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn programs_get_grams_as_strings() {
        let mut written = Vec::new();
        show(
            &transfer(),
            &[event()],
            &mut Output::new(&mut written, true),
        )
        .unwrap();
        let object: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(object["quantity_g"], "1500000");
        assert_eq!(object["refusal"]["code"], "not_owner");
        assert_eq!(object["history"][0]["event"], "Admitted");
    }

    #[test]
    fn transfers_are_listed_as_a_table() {
        let mut written = Vec::new();
        list(&[transfer()], true, &mut Output::new(&mut written, false)).unwrap();
        let expected = "\
TRANSFER  KIND      STATE     PENDING  QUANTITY  ROUTE      UPDATED
0xab      outbound  rejected              1.5 t  verra-evm  2026-05-28T20:26:41Z
there are more: raise --limit
";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}
