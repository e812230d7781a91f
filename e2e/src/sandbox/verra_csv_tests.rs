//! The real export, and exports with one wrong value.

use std::io::Write as _;

use super::*;

const HEADING: &str = "Issuance Date,Sustainable Development Goals,Vintage Start,Vintage End,ID,Name,Country/Area,Project Type,Methodology,Total Vintage Quantity,Quantity Issued,Serial Number,Additional Certifications,Retirement/Cancellation Date,Retirement Beneficiary,Retirement Reason,Retirement Details";

fn read_row(row: &str) -> Result<Vec<Published>, CsvError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{HEADING}\n{row}\n").unwrap();
    read(file.path(), &"vcs:sandbox".parse().unwrap())
}

#[test]
fn the_real_export_is_read_whole() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/verra/transactions.csv"
    );
    let rows = read(Path::new(path), &"vcs:sandbox".parse().unwrap()).unwrap();
    assert_eq!(rows.len(), 200);
    assert_eq!(rows.iter().filter(|row| row.retired).count(), 100);
    let tonnes: u64 = rows
        .iter()
        .filter(|row| !row.retired)
        .map(|row| row.serial.quantity_t())
        .sum();
    assert_eq!(tonnes, 3_891_681);
    let authorised = rows.iter().find(|row| row.class.project == "4150").unwrap();
    assert_eq!(
        authorised.class.labels,
        [
            "Article 6 Authorized – Intl mitigation purposes",
            "Article 6 Authorized – NDC Use",
            "Article 6 Authorized – Other purposes",
            "CORSIA - First Phase, 2024-2026 Scope",
        ]
    );
    assert_eq!((rows[0].row, rows[0].class.country.as_str()), (2, "ET"));
}

#[test]
fn older_dates_and_repeated_labels_are_read() {
    let rows = read_row(
        "05/05/2014,,01/01/2020,31/12/2020,1340,N,E,T,M,\"1,454,054\",425,19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1,b; a ;b,,,,",
    )
    .unwrap();
    assert_eq!(rows[0].class.labels, ["a", "b"]);
    assert_eq!(rows[0].class.vintage_start, "2020-01-01");
    assert_eq!(rows[0].class.vintage_end, "2020-12-31");
}

#[test]
fn a_wrong_value_is_named_with_row_and_column() {
    let good = ["2020-01-01", "2020-12-31", "1340", "425"];
    let row = |values: &[&str; 4]| {
        let [start, end, id, quantity] = values;
        format!(
            "2026-04-03,,{start},{end},{id},N,E,T,M,\"1,454,054\",\"{quantity}\",19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1,,,,,"
        )
    };
    assert!(read_row(&row(&good)).is_ok());
    let cases = [
        (0, "2020-13-01", "Vintage Start"),
        (1, "31-12-2020", "Vintage End"),
        (2, "1341", "ID"),
        (3, "42,5x", "Quantity Issued"),
        (3, "426", "Quantity Issued"),
    ];
    for (at, value, expected) in cases {
        let mut values = good;
        values[at] = value;
        match read_row(&row(&values)) {
            Err(CsvError::Value {
                row: 2,
                column,
                value: named,
                ..
            }) => assert_eq!((column, named.as_str()), (expected, value)),
            other => panic!("{value}: {other:?}"),
        }
    }
    let columns = read_row("a,b").unwrap_err();
    assert!(matches!(columns, CsvError::Malformed { .. }), "{columns}");
}
