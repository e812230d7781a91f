//! The VCU serial: what each segment may be, and that it is written out again byte for byte.
//!
//! Grammar (`docs/protocol.md` §2), found to hold for 2 075 real serials:
//! `batch-first-last[-VCS]-VCU-verifier-registry-country-scope-project-ddmmyyyy-ddmmyyyy-flag`. With the `VCS` segment it belongs
//! to the newer era, without it to the older one; the two eras number independently, so they are two numbering spaces.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use isthmus_core::quantity::{GRAMS_PER_TONNE, Quantity};
use isthmus_core::serial_block::{NumberingSpace, SerialBlock, Series};
use time::Date;

use crate::serial_error::{Problem, Segment, SerialError};

/// Longest serial, in bytes. The longest real one has 87.
pub const MAX_LENGTH: usize = 128;

/// Which of the two independent numberings a serial belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// 12 segments, issued up to batch 8158 by APX, Markit (`MER`) and TZ1.
    Twelve,
    /// 13 segments, with `VCS`; Verra's own registry (`VER`).
    Thirteen,
}

impl Era {
    /// Name of the numbering space.
    pub fn space(self) -> &'static str {
        match self {
            Self::Twelve => "vcs/12",
            Self::Thirteen => "vcs/13",
        }
    }

    /// The programme segment, if this era writes one.
    pub fn programme(self) -> Option<&'static str> {
        match self {
            Self::Twelve => None,
            Self::Thirteen => Some("VCS"),
        }
    }
}

/// A valid VCU serial: units `first..=last` of one tonne each, and what they are. Segments whose leading zeros matter stay text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Serial {
    era: Era,
    batch: String,
    first: u64,
    last: u64,
    verifier: String,
    registry: String,
    country: String,
    scope: String,
    project: String,
    vintage_start: Date,
    vintage_end: Date,
    additional_certifications: bool,
}

impl Serial {
    /// The numbering era.
    pub fn era(&self) -> Era {
        self.era
    }

    /// Issuance batch; with the era it determines everything but the two numbers.
    pub fn batch(&self) -> &str {
        &self.batch
    }

    /// Number of the first unit, at least 1.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Number of the last unit, included.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The validation and verification body's id; leading zeros belong to it.
    pub fn verifier(&self) -> &str {
        &self.verifier
    }

    /// Code of the registry that issued: `VER`, `APX`, `MER`, `TZ1`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// ISO 3166 alpha-2 country of the project.
    pub fn country(&self) -> &str {
        &self.country
    }

    /// VCS sectoral scope.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Project number, without a prefix.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// First day of the vintage.
    pub fn vintage_start(&self) -> Date {
        self.vintage_start
    }

    /// Last day of the vintage.
    pub fn vintage_end(&self) -> Date {
        self.vintage_end
    }

    /// Whether the units were issued with additional certifications; which ones, the registry says elsewhere.
    pub fn has_additional_certifications(&self) -> bool {
        self.additional_certifications
    }

    /// Name of the numbering space: `vcs/12` or `vcs/13`.
    pub fn space(&self) -> &'static str {
        self.era.space()
    }

    /// The text before the first and after the last number.
    pub fn series(&self) -> Series {
        let programme = match self.era.programme() {
            Some(programme) => format!("-{programme}"),
            None => String::new(),
        };
        Series {
            before: format!("{}-", self.batch),
            after: format!(
                "{programme}-VCU-{}-{}-{}-{}-{}-{}-{}-{}",
                self.verifier,
                self.registry,
                self.country,
                self.scope,
                self.project,
                ddmmyyyy(self.vintage_start),
                ddmmyyyy(self.vintage_end),
                u8::from(self.additional_certifications)
            ),
        }
    }

    /// Tonnes: `last − first + 1`. The only source of a quantity (R6).
    pub fn quantity_t(&self) -> u64 {
        self.last - self.first + 1
    }

    /// The same series with other numbers.
    pub fn with_block(&self, first: u64, last: u64) -> Result<Self, SerialError> {
        check_block(first, last)?;
        Ok(Self {
            first,
            last,
            ..self.clone()
        })
    }
}

/// The serial as the registry writes it.
impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Series { before, after } = self.series();
        write!(f, "{before}{}-{}{after}", self.first, self.last)
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        if text.len() > MAX_LENGTH {
            return Err(SerialError::TooLong { length: text.len() });
        }
        if let Some((offset, character)) = text.char_indices().find(|(_, c)| !c.is_ascii()) {
            return Err(SerialError::NotAscii { offset, character });
        }
        let era = match text.split('-').count() {
            12 => Era::Twelve,
            13 => Era::Thirteen,
            found => {
                return Err(SerialError::SegmentCount {
                    found,
                    text: text.to_owned(),
                });
            }
        };
        let mut segments = Segments::new(text);
        let batch = segments.text(Segment::Batch, digits)?;
        let first = segments.number(Segment::First)?;
        let last = segments.number(Segment::Last)?;
        if let Some(programme) = era.programme() {
            segments.text(Segment::Programme, |s| {
                (s == programme).then_some(()).ok_or(Problem::NotVcs)
            })?;
        }
        segments.text(Segment::UnitType, |s| {
            (s == "VCU").then_some(()).ok_or(Problem::NotVcu)
        })?;
        let verifier = segments.text(Segment::Verifier, digits)?;
        let registry = segments.text(Segment::Registry, registry_code)?;
        let country = segments.text(Segment::Country, country_code)?;
        let scope = segments.text(Segment::Scope, digits)?;
        let project = segments.text(Segment::Project, digits)?;
        let vintage_start = segments.date(Segment::VintageStart)?;
        let vintage_end = segments.date(Segment::VintageEnd)?;
        let flag = segments.text(Segment::Flag, |s| {
            ["0", "1"]
                .contains(&s)
                .then_some(())
                .ok_or(Problem::NotAFlag)
        })?;
        check_block(first, last)?;
        if vintage_start > vintage_end {
            return Err(SerialError::VintageReversed {
                start: vintage_start,
                end: vintage_end,
            });
        }
        Ok(Self {
            era,
            batch: batch.to_owned(),
            first,
            last,
            verifier: verifier.to_owned(),
            registry: registry.to_owned(),
            country: country.to_owned(),
            scope: scope.to_owned(),
            project: project.to_owned(),
            vintage_start,
            vintage_end,
            additional_certifications: flag == "1",
        })
    }
}

/// For the core, which knows nothing of the segments.
impl From<&Serial> for SerialBlock {
    fn from(serial: &Serial) -> Self {
        let space = NumberingSpace(serial.space().to_owned());
        Self::new(space, serial.first, serial.last, serial.series())
            .expect("a serial's numbers were checked by `check_block`")
    }
}

impl TryFrom<&SerialBlock> for Serial {
    type Error = SerialError;

    fn try_from(block: &SerialBlock) -> Result<Self, SerialError> {
        let serial: Self = block.to_string().parse()?;
        // The text alone could be cut differently, so that another block would hide behind the same serial.
        if SerialBlock::from(&serial) == *block {
            Ok(serial)
        } else {
            Err(SerialError::OtherBlock {
                text: block.to_string(),
                space: block.space().0.clone(),
            })
        }
    }
}

/// The segments of one serial, taken from left to right; errors know the position.
struct Segments<'a> {
    rest: std::str::Split<'a, char>,
    position: usize,
}

impl<'a> Segments<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.split('-'),
            position: 0,
        }
    }

    fn parse<T>(
        &mut self,
        segment: Segment,
        parse: impl FnOnce(&'a str) -> Result<T, Problem>,
    ) -> Result<T, SerialError> {
        self.position = self.position.saturating_add(1);
        let value = self.rest.next().unwrap_or_default();
        parse(value).map_err(|problem| SerialError::Segment {
            position: self.position,
            segment,
            value: value.to_owned(),
            problem,
        })
    }

    fn text(
        &mut self,
        segment: Segment,
        check: impl FnOnce(&str) -> Result<(), Problem>,
    ) -> Result<&'a str, SerialError> {
        self.parse(segment, |text| check(text).map(|()| text))
    }

    fn number(&mut self, segment: Segment) -> Result<u64, SerialError> {
        self.parse(segment, unit_number)
    }

    fn date(&mut self, segment: Segment) -> Result<Date, SerialError> {
        self.parse(segment, parse_date)
    }
}

fn digits(text: &str) -> Result<(), Problem> {
    let valid = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    valid.then_some(()).ok_or(Problem::NotDigits)
}

/// A number that is written exactly as we would write it.
fn unit_number(text: &str) -> Result<u64, Problem> {
    digits(text)?;
    if text.starts_with('0') {
        return Err(if text.len() == 1 {
            Problem::Zero
        } else {
            Problem::LeadingZero
        });
    }
    text.parse().map_err(|_| Problem::Overflow)
}

fn registry_code(text: &str) -> Result<(), Problem> {
    let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let valid = text.len() == 3 && text.bytes().all(allowed);
    valid.then_some(()).ok_or(Problem::NotARegistry)
}

fn country_code(text: &str) -> Result<(), Problem> {
    let valid = text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    valid.then_some(()).ok_or(Problem::NotACountry)
}

fn parse_date(text: &str) -> Result<Date, Problem> {
    let shaped = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    let part = |range: Range<usize>| text.get(range).filter(|_| shaped);
    let number = |range: Range<usize>| part(range).and_then(|digits| digits.parse::<u8>().ok());
    let year = part(4..8).and_then(|digits| digits.parse::<i32>().ok());
    let (Some(day), Some(month), Some(year)) = (number(0..2), number(2..4), year) else {
        return Err(Problem::NotADate);
    };
    time::Month::try_from(month)
        .and_then(|month| Date::from_calendar_date(year, month, day))
        .map_err(|_| Problem::NotADate)
}

fn ddmmyyyy(date: Date) -> String {
    format!(
        "{:02}{:02}{:04}",
        date.day(),
        u8::from(date.month()),
        date.year()
    )
}

/// The numbers of a block that can be counted in grams.
fn check_block(first: u64, last: u64) -> Result<(), SerialError> {
    if first == 0 || first > last {
        return Err(SerialError::Reversed { first, last });
    }
    if last - first >= Quantity::MAX.grams() / GRAMS_PER_TONNE {
        return Err(SerialError::TooLarge { first, last });
    }
    Ok(())
}

#[cfg(test)]
#[path = "serial_tests.rs"]
mod tests;
