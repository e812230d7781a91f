//! `inspect`: both eras, every kind of malformed serial, streaming.

use serde_json::{Value, json};

use super::*;

const NEW: &str = "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1";
const OLD: &str = "2416-103983414-103984413-VCU-024-MER-IN-1-0457-01012010-31122010-0";

fn inspect(args: &[&str], stdin: &[u8], json: bool) -> (String, Option<Failure>) {
    let command = Inspect {
        serials: args.iter().map(|&s| s.to_owned()).collect(),
    };
    let mut written = Vec::new();
    let result = command.run(&mut &stdin[..], &mut Output::new(&mut written, json));
    (String::from_utf8(written).unwrap(), result.err())
}

fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn both_eras_are_read_in_full() {
    let (text, failure) = inspect(&[NEW, OLD], b"", true);
    assert!(failure.is_none(), "{failure:?}");
    let expected = json!({
        "input": NEW, "serial": NEW, "space": "vcs/13", "era": 13, "batch": "19385", "first": 941_467_007,
        "last": 941_467_431, "quantity_t": 425, "registry": "VER", "verifier": "1507", "country": "ET", "scope": "14",
        "project": "1340", "vintage_start": "2020-01-01", "vintage_end": "2020-12-31", "additional_certifications": true
    });
    let read = objects(&text);
    assert_eq!(read[0], expected);
    assert_eq!(read[1]["space"], "vcs/12");
    assert_eq!(read[1]["era"], 12);
    assert_eq!(read[1]["verifier"], "024", "leading zeros belong to it");
    assert_eq!(read[1]["project"], "0457");
    assert_eq!(read[1]["quantity_t"], 1000);
    assert_eq!(read[1]["serial"], OLD);
}

#[test]
fn people_get_two_lines_each_and_a_sum() {
    let (text, failure) = inspect(&[], format!("{NEW}\r\n{OLD}").as_bytes(), false);
    assert!(failure.is_none(), "{failure:?}");
    let expected = format!(
        "\
valid      {NEW}
           425 t, units 941467007..=941467431 of vcs/13, batch 19385, project 1340 in ET (scope 14), verifier 1507, registry VER, vintage 2020-01-01 to 2020-12-31, additional certifications
valid      {OLD}
           1000 t, units 103983414..=103984413 of vcs/12, batch 2416, project 0457 in IN (scope 1), verifier 024, registry MER, vintage 2010-01-01 to 2010-12-31
2 valid, 1425 t; 0 malformed
"
    );
    assert_eq!(text, expected);
}

#[test]
fn every_kind_of_malformed_serial_names_its_segment() {
    let parts: Vec<&str> = NEW.split('-').collect();
    let with = |position: usize, value: &str| {
        let mut parts = parts.clone();
        parts[position - 1] = value;
        parts.join("-")
    };
    let cases = [
        (with(1, "19a85"), "segment 1 (batch) is \"19a85\""),
        (with(2, "0941467007"), "segment 2 (first) is \"0941467007\""),
        (with(2, "0"), "segment 2 (first) is \"0\""),
        (with(3, "99999999999999999999"), "segment 3 (last)"),
        (with(3, "941467006"), "segments 2 and 3 (first, last)"),
        (with(4, "GS"), "segment 4 (programme) is \"GS\""),
        (with(5, "VER"), "segment 5 (unit type) is \"VER\""),
        (with(6, ""), "segment 6 (verifier) is \"\""),
        (with(7, "Ver"), "segment 7 (registry) is \"Ver\""),
        (with(8, "et"), "segment 8 (country) is \"et\""),
        (with(9, "x"), "segment 9 (scope) is \"x\""),
        (with(10, "VCS1340"), "segment 10 (project) is \"VCS1340\""),
        (
            with(11, "30022020"),
            "segment 11 (vintage start) is \"30022020\"",
        ),
        (
            with(12, "3112202"),
            "segment 12 (vintage end) is \"3112202\"",
        ),
        (with(12, "31122019"), "segments for the vintage"),
        (
            with(13, "O"),
            "segment 13 (additional certifications) is \"O\"",
        ),
        (
            format!("{NEW} "),
            "segment 13 (additional certifications) is \"1 \"",
        ),
        (parts[..11].join("-"), "has 11 segments: expected 13"),
        (String::new(), "has 1 segments: expected 13"),
        (NEW.replace('-', "\u{2013}"), "character '–' at byte 5"),
        ("1".repeat(200), "serial has 200 bytes"),
    ];
    for (serial, names) in cases {
        let (text, failure) = inspect(&[&serial], b"", true);
        assert_eq!(failure.unwrap().exit_code(), 1, "{serial}");
        let read = objects(&text);
        assert_eq!(read[0]["input"], serial.as_str());
        let error = read[0]["error"].as_str().unwrap();
        assert!(error.contains(names), "{serial}: {error}");
        assert_eq!(read[0].as_object().unwrap().len(), 2);
    }
}

#[test]
fn one_malformed_line_fails_the_whole_but_every_line_is_answered() {
    let mut lines = Vec::new();
    lines.extend_from_slice(format!("{NEW}\n\n").as_bytes());
    lines.extend_from_slice(b"\xff\xfe\n");
    lines.extend_from_slice(&vec![b'7'; 100_000]);
    lines.extend_from_slice(format!("\n{OLD}\n").as_bytes());
    let (text, failure) = inspect(&[], &lines, true);
    let read = objects(&text);
    assert_eq!(read.len(), 5, "{text}");
    assert_eq!(read[0]["quantity_t"], 425);
    assert!(read[1..4].iter().all(|object| object["error"].is_string()));
    assert_eq!(read[4]["quantity_t"], 1000);
    let failure = failure.unwrap();
    assert_eq!(failure.exit_code(), 1);
    assert!(failure.to_string().starts_with("3 of 5"), "{failure}");
    let (text, _) = inspect(&[], &lines, false);
    assert!(text.ends_with("2 valid, 1425 t; 3 malformed\n"), "{text}");
}
