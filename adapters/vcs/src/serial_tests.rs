//! The grammar against real serials, wild typos and generated ones.

use proptest::prelude::*;

use super::*;

/// Examples of `docs/protocol.md` and of Verra's public export, of both eras, and Toucan's and Moss's batches.
const REAL: [&str; 8] = [
    "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
    "19298-935996922-935996925-VCS-VCU-1491-VER-BR-1-513-01012018-31122018-0",
    "12593-420065254-420075794-VCS-VCU-337-VER-IN-1-309-01012008-31122008-0",
    "11260-305308247-305341580-VCS-VCU-261-VER-BR-14-875-04052012-31122012-1",
    "13861-531686655-531686655-VCS-VCU-263-VER-AU-7-2348-01012021-30112021-1",
    "7331-385170050-385170149-VCU-013-MER-CN-14-1718-01012016-31122016-0",
    "793-36072330-36074252-VCU-001-TZ1-CN-11-439-18072008-19042009-0",
    "240-7863589-7889021-VCU-003-APX-IN-1-101-01042006-18032007-0",
];

fn parse(text: &str) -> Result<Serial, SerialError> {
    text.parse()
}

fn segment_error(text: &str) -> (usize, Segment, String, Problem) {
    match parse(text) {
        Err(SerialError::Segment {
            position,
            segment,
            value,
            problem,
        }) => (position, segment, value, problem),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn real_serials_are_read_and_written_alike() {
    for text in REAL {
        let serial = parse(text).unwrap();
        assert_eq!(serial.to_string(), text);
        let block = SerialBlock::from(&serial);
        assert_eq!(block.to_string(), text);
        assert_eq!(Serial::try_from(&block).unwrap(), serial);
    }
    let legacy = parse(REAL[6]).unwrap();
    assert_eq!(
        (legacy.space(), legacy.verifier(), legacy.registry()),
        ("vcs/12", "001", "TZ1")
    );
    let single = parse(REAL[4]).unwrap();
    assert_eq!((single.space(), single.quantity_t()), ("vcs/13", 1));
    assert!(single.has_additional_certifications());
}

#[test]
fn every_row_of_the_registry_export_is_read_and_its_quantity_is_the_blocks() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/verra-serials.csv");
    let mut rows = 0;
    for row in csv::Reader::from_path(path).unwrap().records() {
        let row = row.unwrap();
        let serial = parse(&row[0]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(serial.to_string(), row[0]);
        assert_eq!(serial.quantity_t().to_string(), row[1].replace(',', ""));
        assert_eq!(serial.project(), &row[2]);
        assert_eq!(serial.vintage_start().to_string(), row[3]);
        assert_eq!(serial.vintage_end().to_string(), row[4]);
        assert_eq!(serial.has_additional_certifications(), !row[5].is_empty());
        rows += 1;
    }
    assert_eq!(rows, 200, "the whole file was read");
}

#[test]
fn eras_overlap_in_numbers_but_not_in_space() {
    let old: Serial =
        parse("1104-48565711-48569710-VCU-010-APX-CN-1-476-01012009-31122009-0").unwrap();
    let new: Serial =
        parse("8842-48565492-48567831-VCS-VCU-279-VER-TR-1-535-01012014-31122014-0").unwrap();
    assert!(!SerialBlock::from(&old).intersects(&SerialBlock::from(&new)));
}

#[test]
fn a_wrong_segment_is_named_with_its_value_and_the_fix() {
    let good = "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1";
    let cases = [
        (1, "", Segment::Batch, Problem::NotDigits),
        (1, "1938a", Segment::Batch, Problem::NotDigits),
        (2, "0941467007", Segment::First, Problem::LeadingZero),
        (2, "+941467007", Segment::First, Problem::NotDigits),
        (2, "0", Segment::First, Problem::Zero),
        (3, "18446744073709551616", Segment::Last, Problem::Overflow),
        (3, " 941467431", Segment::Last, Problem::NotDigits),
        (4, "vcs", Segment::Programme, Problem::NotVcs),
        (5, "VCS", Segment::UnitType, Problem::NotVcu),
        (6, "", Segment::Verifier, Problem::NotDigits),
        (7, "VERA", Segment::Registry, Problem::NotARegistry),
        (7, "ver", Segment::Registry, Problem::NotARegistry),
        (8, "E1", Segment::Country, Problem::NotACountry),
        (9, "XIV", Segment::Scope, Problem::NotDigits),
        (10, "VCS1340", Segment::Project, Problem::NotDigits),
        (11, "29022021", Segment::VintageStart, Problem::NotADate),
        (11, "+1012020", Segment::VintageStart, Problem::NotADate),
        (12, "2020123", Segment::VintageEnd, Problem::NotADate),
        (12, "20201231", Segment::VintageEnd, Problem::NotADate),
        // Seen in the wild: the letter O.
        (13, "O", Segment::Flag, Problem::NotAFlag),
        (13, "2", Segment::Flag, Problem::NotAFlag),
    ];
    for (position, value, segment, problem) in cases {
        let mut segments: Vec<&str> = good.split('-').collect();
        segments[position - 1] = value;
        assert_eq!(
            segment_error(&segments.join("-")),
            (position, segment, value.to_owned(), problem)
        );
    }
    let message = parse("19298-1-2-VCS-VCU-1491-VER-BR-1-513-01012018-31122018-O")
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        r#"serial segment 13 (additional certifications) is "O": write the digit 0 or 1, not a letter"#
    );
}

#[test]
fn wrong_wholes_are_refused() {
    let with = |first: &str, last: &str| {
        format!("1-{first}-{last}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1")
    };
    assert!(matches!(
        parse(&with("9", "8")),
        Err(SerialError::Reversed { first: 9, last: 8 })
    ));
    let most = "9223372036854";
    assert_eq!(
        parse(&with("1", most)).unwrap().quantity_t().to_string(),
        most
    );
    assert!(matches!(
        parse(&with("1", "9223372036855")),
        Err(SerialError::TooLarge { .. })
    ));
    assert!(parse(&with("18446744073709551615", "18446744073709551615")).is_ok());
    assert!(matches!(
        parse("1-1-2-VCS-VCU-1507-VER-ET-14-1340-01012021-31122020-1"),
        Err(SerialError::VintageReversed { .. })
    ));
    assert!(matches!(
        parse("1-1-2-VCU-1507-VER-ET-14-1340-01012020-31122020"),
        Err(SerialError::SegmentCount { found: 11, .. })
    ));
    assert!(matches!(
        parse("1\u{2013}1-2-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1"),
        Err(SerialError::NotAscii { offset: 1, .. })
    ));
    let long = with("1", "2").replace("1340", &"1".repeat(100));
    assert!(matches!(parse(&long), Err(SerialError::TooLong { .. })));
    assert!(parse("").is_err());
    let padded = format!("{}\n", with("1", "2"));
    assert_eq!(segment_error(&padded).1, Segment::Flag);
}

#[test]
fn a_block_of_another_space_is_not_taken_for_the_serial() {
    let serial = parse(REAL[0]).unwrap();
    let elsewhere = SerialBlock::new(
        NumberingSpace("vcs/12".into()),
        serial.first(),
        serial.last(),
        serial.series(),
    )
    .unwrap();
    assert!(matches!(
        Serial::try_from(&elsewhere),
        Err(SerialError::OtherBlock { .. })
    ));
}

fn any_serial() -> impl Strategy<Value = String> {
    let numbers = (1u64..u64::MAX / 2, 0u64..1_000_000);
    let dates = (1u16..366, 0u16..700, 1990i32..2040);
    let head = ("[0-9]{1,5}", numbers, any::<bool>());
    let what = (
        "[0-9]{3,4}",
        "[A-Z0-9]{3}",
        "[A-Z]{2}",
        "[0-9]{1,2}",
        "[0-9]{1,4}",
    );
    (head, what, dates, any::<bool>()).prop_map(|((batch, (first, more), newer), what, dates, flag)| {
        let start = Date::from_ordinal_date(dates.2, dates.0.min(365)).unwrap();
        let end = start + time::Duration::days(dates.1.into());
        let (verifier, registry, country, scope, project) = what;
        format!(
            "{batch}-{first}-{}{}-VCU-{verifier}-{registry}-{country}-{scope}-{project}-{}-{}-{}",
            first + more,
            if newer { "-VCS" } else { "" },
            ddmmyyyy(start),
            ddmmyyyy(end),
            u8::from(flag)
        )
    })
}

proptest! {
    #[test]
    fn valid_serials_round_trip(text in any_serial()) {
        let serial = parse(&text).unwrap();
        prop_assert_eq!(serial.to_string(), text);
        prop_assert_eq!(Serial::try_from(&SerialBlock::from(&serial)).unwrap(), serial);
    }

    /// Whatever is accepted is written out byte for byte, also after one character of a valid serial was changed.
    #[test]
    fn whatever_is_accepted_round_trips(text in any_serial(), at in 0usize..90, with in "[ -~]") {
        let mut changed = text.clone();
        let at = at % changed.len();
        changed.replace_range(at..=at, &with);
        if let Ok(serial) = parse(&changed) {
            prop_assert_eq!(serial.to_string(), changed);
        }
    }

    #[test]
    fn other_numbers_keep_the_series(text in any_serial(), first in 1u64..1_000_000, more in 0u64..1_000) {
        let serial = parse(&text).unwrap();
        let part = serial.with_block(first, first + more).unwrap();
        prop_assert_eq!(part.series(), serial.series());
        prop_assert_eq!(parse(&part.to_string()).unwrap(), part);
    }
}
