//! Verra's public export: 17 columns, thousands commas, ISO dates or dd/mm/yyyy.

use std::path::{Path, PathBuf};

use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::LedgerId;
use isthmus_vcs::serial::Serial;
use serde::Deserialize;
use time::{Date, Month};

/// A row as published. The other columns are not used.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "Vintage Start")]
    vintage_start: String,
    #[serde(rename = "Vintage End")]
    vintage_end: String,
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Quantity Issued")]
    quantity_issued: String,
    #[serde(rename = "Serial Number")]
    serial_number: String,
    #[serde(rename = "Additional Certifications")]
    additional_certifications: String,
    #[serde(rename = "Retirement/Cancellation Date")]
    retirement_date: String,
}

/// A block of units as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// Line of the file, the heading is line 1.
    pub(crate) row: usize,
    pub(crate) serial: Serial,
    pub(crate) class: AssetClass,
    pub(crate) retired: bool,
}

/// An export that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// Not a CSV of these columns.
    #[error("{path} is not an export with Verra's 17 columns")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: csv::Error,
    },
    /// A value that cannot be.
    #[error("{path} row {row}, column {column:?} is {value:?}: {problem}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Row, the heading is row 1.
        row: usize,
        /// The column's heading.
        column: &'static str,
        /// What it holds.
        value: String,
        /// What is wrong and what to write.
        problem: String,
    },
}

/// Reads every row.
pub(crate) fn read(path: &Path, registry: &LedgerId) -> Result<Vec<Published>, CsvError> {
    let malformed = |source| CsvError::Malformed {
        path: path.to_owned(),
        source,
    };
    let mut reader = csv::Reader::from_path(path).map_err(malformed)?;
    let mut published = Vec::new();
    for (index, row) in reader.deserialize().enumerate() {
        let row_number = index.saturating_add(2);
        let row: Row = row.map_err(malformed)?;
        let read = interpret(&row, row_number, registry);
        published.push(read.map_err(|problem| CsvError::Value {
            path: path.to_owned(),
            row: row_number,
            column: problem.column,
            value: problem.value.to_owned(),
            problem: problem.message,
        })?);
    }
    Ok(published)
}

struct Problem<'a> {
    column: &'static str,
    value: &'a str,
    message: String,
}

fn interpret<'a>(
    row: &'a Row,
    number: usize,
    registry: &LedgerId,
) -> Result<Published, Problem<'a>> {
    let problem = |column, value: &'a str| {
        move |message: String| Problem {
            column,
            value,
            message,
        }
    };
    let serial: Serial = row
        .serial_number
        .parse()
        .map_err(|error: isthmus_vcs::serial_error::SerialError| error.to_string())
        .map_err(problem("Serial Number", &row.serial_number))?;
    let quantity = row.quantity_issued.replace(',', "");
    if quantity.parse() != Ok(serial.quantity_t()) {
        let found = format!(
            "the serial's block has {} t: the quantity must be the block's",
            serial.quantity_t()
        );
        return Err(problem("Quantity Issued", &row.quantity_issued)(found));
    }
    if row.id != serial.project() {
        let found = format!(
            "the serial's project is {}: both must be the same",
            serial.project()
        );
        return Err(problem("ID", &row.id)(found));
    }
    let start = date(&row.vintage_start).map_err(problem("Vintage Start", &row.vintage_start))?;
    let end = date(&row.vintage_end).map_err(problem("Vintage End", &row.vintage_end))?;
    let class = AssetClass {
        country: serial.country().to_owned(),
        labels: labels(&row.additional_certifications),
        programme: "VCS".to_owned(),
        project: row.id.clone(),
        registry: registry.clone(),
        unit_type: "VCU".to_owned(),
        v: 1,
        vintage_end: end.to_string(),
        vintage_start: start.to_string(),
    };
    Ok(Published {
        row: number,
        serial,
        class,
        retired: !row.retirement_date.trim().is_empty(),
    })
}

/// Labels are separated by semicolons; they contain commas themselves (`CORSIA - First Phase, 2024-2026 Scope`).
fn labels(text: &str) -> Vec<String> {
    let labels = text
        .split([';', '|'])
        .map(str::trim)
        .filter(|label| !label.is_empty());
    let sorted: std::collections::BTreeSet<&str> = labels.collect();
    sorted.into_iter().map(str::to_owned).collect()
}

/// `YYYY-MM-DD`, or `dd/mm/yyyy` as in older exports.
fn date(text: &str) -> Result<Date, String> {
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    let (year, month, day) = match (parts.as_slice(), text.contains('/')) {
        ([year, month, day], false) | ([day, month, year], true) => (*year, *month, *day),
        _ => return Err("write YYYY-MM-DD or dd/mm/yyyy".to_owned()),
    };
    let valid = || {
        let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
        Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
    };
    valid()
        .filter(|_| year.len() == 4)
        .ok_or_else(|| "write a real day as YYYY-MM-DD or dd/mm/yyyy".to_owned())
}

#[cfg(test)]
#[path = "verra_csv_tests.rs"]
mod tests;
