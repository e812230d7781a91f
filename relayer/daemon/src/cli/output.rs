//! Where commands write: a table or sentences for people, one JSON document for programs.

use std::io::{self, Write};

use isthmus_core::quantity::Quantity;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::failure::Failure;

/// The chosen form and where it goes.
pub(crate) struct Output<'a> {
    writer: &'a mut dyn Write,
    json: bool,
}

impl<'a> Output<'a> {
    pub(crate) fn new(writer: &'a mut dyn Write, json: bool) -> Self {
        Self { writer, json }
    }

    /// Whether programs read it.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The writer, for commands that stream.
    pub(crate) fn writer(&mut self) -> &mut dyn Write {
        self.writer
    }

    /// Writes one of the two forms.
    pub(crate) fn show(
        &mut self,
        json: impl FnOnce() -> Value,
        human: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if self.json {
            writeln!(self.writer, "{}", json())?;
        } else {
            human(self.writer)?;
        }
        Ok(self.writer.flush()?)
    }
}

/// A column of a table.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    /// Text.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Left(title) | Self::Right(title) => title,
        }
    }
}

/// Rows under column titles, as wide as needed.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; one cell per column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows
            .push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// Writes it, or `empty` if there are no rows.
    pub(crate) fn write(&self, out: &mut dyn Write, empty: &str) -> io::Result<()> {
        if self.rows.is_empty() {
            return writeln!(out, "{empty}");
        }
        let titles: Vec<String> = self.columns.iter().map(|c| c.title().to_owned()).collect();
        let lines = || std::iter::once(&titles).chain(&self.rows);
        let width = |i: usize| {
            lines()
                .filter_map(|row| row.get(i))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        for row in lines() {
            let cells = row.iter().zip(&self.columns).zip(&widths);
            let line: Vec<String> = cells
                .map(|((cell, column), &width)| match column {
                    Column::Left(_) => format!("{cell:<width$}"),
                    Column::Right(_) => format!("{cell:>width$}"),
                })
                .collect();
            writeln!(out, "{}", line.join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// `name  value` lines, aligned; empty values are left out.
pub(crate) fn fields(out: &mut dyn Write, fields: &[(&str, String)]) -> io::Result<()> {
    let shown = || fields.iter().filter(|(_, value)| !value.is_empty());
    let width = shown().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in shown() {
        writeln!(out, "{name:<width$}  {}", clean(value))?;
    }
    Ok(())
}

/// Without control characters: what a registry or relayer wrote must not steer a terminal.
pub(crate) fn clean(text: &str) -> String {
    let replace = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(replace).collect()
}

/// Grams for people: `425 t`.
pub(crate) fn tonnes(grams: u64) -> String {
    Quantity::from_grams(grams).map_or_else(|_| format!("{grams} g"), |q| q.to_string())
}

/// Milliseconds since the Unix epoch for people, in UTC; empty for 0.
pub(crate) fn moment(ms: u64) -> String {
    if ms == 0 {
        return String::new();
    }
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{ms} ms"))
}

/// A duration for people: the two largest units.
pub(crate) fn duration(ms: u64) -> String {
    let s = ms / 1000;
    match (s / 86_400, s / 3600 % 24, s / 60 % 60, s % 60) {
        (0, 0, 0, 0) => format!("{ms} ms"),
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, min, s) => format!("{min} min {s} s"),
        (0, h, min, _) => format!("{h} h {min} min"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_carry_no_escapes() {
        let mut table = Table::new(&[
            Column::Left("ID"),
            Column::Right("QUANTITY"),
            Column::Left("NOTE"),
        ]);
        table.row(["a".into(), "1 t".into(), "red\x1b[31m".into()]);
        table.row(["bcd".into(), "123456789 t".into(), String::new()]);
        let mut out = Vec::new();
        table.write(&mut out, "none").unwrap();
        let expected = "\
ID      QUANTITY  NOTE
a            1 t  red\u{fffd}[31m
bcd  123456789 t
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        Table::new(&[Column::Left("ID")])
            .write(&mut out, "no transfers")
            .unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "no transfers\n");
    }

    #[test]
    fn fields_align_and_leave_out_what_is_empty() {
        let mut out = Vec::new();
        let rows = [
            ("id", "0x1".to_owned()),
            ("refusal", String::new()),
            ("state", "taken".to_owned()),
        ];
        fields(&mut out, &rows).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "id     0x1\nstate  taken\n"
        );
    }

    #[test]
    fn values_are_written_for_people() {
        assert_eq!(tonnes(425_000_000), "425 t");
        assert_eq!(tonnes(u64::MAX), "18446744073709551615 g");
        assert_eq!(moment(1_780_000_000_123), "2026-05-28T20:26:40.123Z");
        assert_eq!(moment(0), "");
        let shown = [999, 59_000, 3_599_000, 86_399_000, 90_000_000].map(duration);
        assert_eq!(
            shown,
            ["999 ms", "59 s", "59 min 59 s", "23 h 59 min", "1 d 1 h"]
        );
    }
}
